"""The process, not the world: what overrides the configuration on this machine.

Always true: these are read once, from ``OMNIROUTE_*`` variables and flags (flags win), and say nothing that belongs
into the TOML: what people review in git is there. A variable that is set and empty is as good as not set.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Process settings; each is a flag of ``omniroute serve`` as well."""

    model_config = SettingsConfigDict(env_prefix="OMNIROUTE_", env_ignore_empty=True, extra="forbid", frozen=True)

    host: str | None = Field(None, description="Address to listen on, in place of server.host.")
    port: int | None = Field(None, ge=0, le=65535, description="Port, in place of server.port; 0 takes a free one.")
    database: str | None = Field(None, description="SQLite file for runtime data, in place of runtime.database.")
    workers: int = Field(1, ge=1, le=64, description="How many processes serve together, at one address.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much the log says; debug has a line a request."
    )
    log_format: Literal["text", "json"] | None = Field(
        None, description="Form of the log; text on a terminal, else json."
    )
