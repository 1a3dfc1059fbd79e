"""What every table of the configuration language is made of: its base, its types, its marks.

Always true: tables are closed and frozen and convert nothing in silence (``strict``), so that a value means the same
to the schema, to an editor and to the gateway. Every pattern is anchored at both ends and means the same to Python,
Rust and ECMAScript. Rules that a JSON Schema cannot say are in ``config/checks``, and none are here.

Marks are keys of the generated schema: ``x-omniroute-status`` for what a later version will act on,
``x-omniroute-reload`` for keys that need a restart, ``x-omniroute-secret`` for references to secrets.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from omniroute.config import units

STATUS = "x-omniroute-status"
RELOAD = "x-omniroute-reload"
SECRET = "x-omniroute-secret"  # noqa: S105 - the name of a mark, not a secret

PLANNED: dict[str, Any] = {STATUS: "planned"}
RESTART: dict[str, Any] = {RELOAD: "restart"}


class Table(BaseModel):
    """A table with a fixed set of keys."""

    # Validators are built once, with the first document, rather than for each table when it is imported.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


NAME = r"^[a-z0-9][a-z0-9._-]*$"
WORD = r"^[!-~]+$"
ALIAS = r"^([!-)+-~]+\*?[!-)+-~]*|\*[!-)+-~]*)$"
REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:[!-~]([ -~]*[!-~])?|keyring:[!-.0-~]+/[!-~]+)$"
HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?"
PROXY = rf"^(https?|socks5h?)://{HOST}$"
NETWORK = r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"
HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$"

Name = Annotated[str, Field(pattern=NAME)]
Word = Annotated[str, Field(pattern=WORD)]
"""Printable ASCII without a space: the name of a model or a target."""
AliasName = Annotated[str, Field(pattern=ALIAS)]
"""A word with one star at most."""
Count = Annotated[int, Field(ge=1, le=10**9)]
"""More than nothing, and within the integers of every program that may read it."""
Duration = Annotated[str, Field(pattern=units.DURATION, examples=["30s", "1h30m"])]
Size = Annotated[str, Field(pattern=units.SIZE, examples=["10MiB"])]
Money = Annotated[str, Field(pattern=units.MONEY, examples=["200.00 USD"])]
PricePerMillion = Annotated[str, Field(pattern=units.PRICE, examples=["0.10"])]
PriceEach = Annotated[str, Field(pattern=units.PRICE, examples=["0.005"])]
Proxy = Annotated[str, Field(pattern=PROXY, examples=["socks5://127.0.0.1:1080"])]
Network = Annotated[str, Field(pattern=NETWORK, examples=["10.0.0.0/8"])]
HeaderName = Annotated[str, Field(pattern=HEADER_NAME, examples=["x-api-key"])]
HeaderValue = Annotated[str, Field(pattern=HEADER_VALUE)]
Secret = Annotated[
    str,
    Field(
        pattern=REFERENCE,
        examples=["env:EXAMPLE_API_KEY", "file:/run/secrets/example", "keyring:omniroute/example"],
        json_schema_extra={SECRET: True},
    ),
]
"""Where a secret is found; the secret itself never stands in a configuration."""


class Rate(Table):
    """How much may be asked for."""

    requests_per_minute: Count | None = Field(None, description="Requests that may begin in a minute.")
    tokens_per_minute: Count | None = Field(None, description="Tokens, input and output, in a minute.")
    concurrent: Count | None = Field(None, description="Requests that may be under way at once.")
