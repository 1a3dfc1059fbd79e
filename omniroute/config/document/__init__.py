"""The configuration document: pydantic models of the whole language, and the source of its JSON Schema.

Always true: the schema is generated from these models and nothing else (``config/schema.py``), every key has a
description, and defaults are written here and nowhere else. Keys that this version does not act on are marked
``PLANNED`` and are refused when they are written.
"""

from pydantic import Field

from omniroute.config.document.access import Budget, IpFilter, Key, Policy
from omniroute.config.document.base import AliasName, Name, Table, Word
from omniroute.config.document.behaviour import Cache, ConfigTest, Idempotency, Resilience
from omniroute.config.document.names import Combo
from omniroute.config.document.process import Defaults, Reload, Runtime, Server
from omniroute.config.document.providers import CatalogueProvider, Provider


class Document(Table):
    """The configuration of an OmniRoute gateway. Any table may stand in any of its files."""

    version: int = Field(1, ge=1, le=1, description="The version of the configuration language.")
    server: Server = Field(
        default_factory=Server,
        description="The listening side. Changes take effect when the gateway is restarted.",
        examples=[{"host": "127.0.0.1", "port": 20128}],
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="What holds wherever nothing nearer says otherwise."
    )
    providers: dict[Name, Provider] = Field(
        default_factory=dict,
        description="The upstreams, each under its name. One that the catalogue knows needs only its credential.",
        examples=[{"example": {"api_key": "env:EXAMPLE_API_KEY"}}],
    )
    aliases: dict[AliasName, Word] = Field(
        default_factory=dict,
        description=(
            "Other names for a model or a combo. A name may hold one `*`, which stands for anything, also in its "
            "target; the most specific pattern wins, and an exact name beats every pattern."
        ),
        examples=[{"fast": "example/small", "large-*": "example/large-*"}],
    )
    combos: dict[Name, Combo] = Field(
        default_factory=dict,
        description="Named choices of targets: when one fails, the next is tried.",
        examples=[{"coding": {"targets": ["example/large", "house/qwen3-32b"]}}],
    )
    keys: dict[Name, Key] = Field(
        default_factory=dict,
        description="The keys of the gateway's own clients, by their SHA-256. `omniroute key new NAME` makes one.",
    )
    policies: dict[Name, Policy] = Field(
        default_factory=dict,
        description="What callers may do, and what is done to their requests.",
        examples=[{"engineers": {"allow_models": ["coding", "example/*"], "budgets": ["team-a"]}}],
    )
    budgets: dict[Name, Budget] = Field(
        default_factory=dict,
        description="How much may be spent in a time.",
        examples=[{"team-a": {"limit": "200.00 USD", "period": "monthly"}}],
    )
    ip_filter: IpFilter = Field(default_factory=IpFilter, description="Who may connect at all, by address.")
    cache: Cache = Field(default_factory=Cache, description="Answers that need not be asked for twice.")
    idempotency: Idempotency = Field(
        default_factory=Idempotency,
        description="Requests that are sent again, under the same `Idempotency-Key`.",
    )
    resilience: Resilience = Field(
        default_factory=Resilience,
        description="What is left alone for a while after failures.",
    )
    runtime: Runtime = Field(default_factory=Runtime, description="Where runtime data lives.")
    reload: Reload = Field(
        default_factory=Reload, description="How the gateway follows changes of its configuration files."
    )
    tests: tuple[ConfigTest, ...] = Field(
        (),
        strict=False,
        description=(
            "Tests of the configuration: `omniroute test` runs them. Also in `*.test.toml` files, which `serve` never "
            "loads."
        ),
    )


class Catalogue(Table):
    """A file of the catalogue that comes with the gateway."""

    providers: dict[Name, CatalogueProvider] = Field(description="The provider that the file is named after.")
