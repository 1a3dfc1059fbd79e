"""Who may ask, for what and for how much: ``[keys]``, ``[policies]``, ``[budgets]``, ``[ip_filter]``."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from omniroute.config.document.base import PLANNED, Count, Duration, Money, Name, Network, Proxy, Rate, Table, Word
from omniroute.names import Scope

_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
SHA256 = "^[0-9a-f]{64}$"
DAYS = f"^{_DAY}(-{_DAY})?$"
HOURS = f"^{_TIME}-{_TIME}$"


class Key(Table):
    """A client key. `omniroute key new NAME` makes one, prints it once, and prints these lines."""

    sha256: str = Field(
        pattern=SHA256, description="The SHA-256 of the key, in hex, as `omniroute key new NAME` prints it."
    )
    expires: date | AwareDatetime | None = Field(
        None,
        description="From when on the key is refused: a date (the beginning of that day, UTC), or a time with offset.",
    )
    scopes: tuple[Annotated[Scope, Field(strict=False)], ...] = Field(
        (Scope.INFERENCE,),
        strict=False,
        min_length=1,
        description=(
            "What the key may be used for: `inference` asks models, `status` reads `/api/*`, `operate` may act on "
            "runtime data."
        ),
        examples=[["inference", "status"]],
    )
    policy: Name | None = Field(
        None,
        description="The policy that holds for this key. Default: that of `[defaults]`.",
        examples=["engineers"],
    )
    proxy: Proxy | None = Field(
        None, description="The proxy by which this key's requests reach providers.", json_schema_extra=PLANNED
    )


class PolicyCache(Table):
    """Which of the caches in `[cache]` may answer."""

    exact: bool = Field(True, description="Whether the same request may be answered from the cache.")
    semantic: bool = Field(False, description="Whether a similar request may be answered from the cache.")
    ttl: Duration | None = Field(
        None, description="How old such an answer may be. Default: as old as the cache keeps them."
    )


class Schedule(Table):
    """When a caller may ask."""

    days: tuple[Annotated[str, Field(pattern=DAYS)], ...] = Field(
        strict=False, min_length=1, description="Days of the week, or ranges of them.", examples=[["mon-fri"]]
    )
    hours: str = Field(
        pattern=HOURS,
        description=(
            "From when to when, in `timezone`, the end excluded. Where the end is not after the beginning, it is that "
            "of the next day: `22:00-06:00` is a night, `00:00-00:00` a whole day."
        ),
        examples=["08:00-20:00"],
    )
    timezone: Word = Field("UTC", description="An IANA time zone.", examples=["Europe/Berlin"])


class ThinkingBudget(Table):
    """What becomes of the thinking settings of requests."""

    mode: Literal["passthrough", "auto", "custom", "adaptive"] = Field(
        "passthrough",
        description=(
            "`passthrough` leaves them alone, `auto` takes them away, so that the provider decides, `custom` sets "
            "`budget`, and `adaptive` sets that of `effort`, more of it for a long conversation or many tools."
        ),
    )
    budget: int = Field(
        10_240, ge=0, le=131_072, description="The tokens that `custom` allows; 0 is no thinking.", examples=[8192]
    )
    effort: Literal["none", "low", "medium", "high"] = Field(
        "medium", description="The effort that `adaptive` begins with."
    )


class SystemPrompt(Table):
    """What is put into the system prompt of requests."""

    mode: Literal["prepend", "append", "replace"] = Field(
        "prepend", description="Where the text goes: before the system prompt, behind it, or into its place."
    )
    text: str = Field(min_length=1, description="The text.", examples=["Answer in English."])


class Policy(Table):
    """What a caller may do, and what is done to its requests."""

    allow_models: tuple[Word, ...] | None = Field(
        None,
        strict=False,
        description=(
            "The models that may be asked for, by any name on the way from what was asked to the model: that name, an "
            "alias, a combo, or `provider/model`; a star stands for anything. Default: every model."
        ),
        examples=[["coding", "example/*"]],
    )
    deny_models: tuple[Word, ...] = Field(
        (),
        strict=False,
        description="The models that may not, by any such name; this wins over `allow_models`.",
        examples=[["example/largest"]],
    )
    rate: Rate = Field(
        default_factory=Rate,
        description="How much each key that names this policy may ask for.",
        examples=[{"requests_per_minute": 120, "tokens_per_minute": 400_000, "concurrent": 20}],
    )
    max_sessions: Count | None = Field(None, description="The conversations that such a key may have at once.")
    budgets: tuple[Name, ...] = Field(
        (),
        strict=False,
        description="The budgets that requests are paid from: each of them, by all keys together.",
        examples=[["team-a"]],
    )
    on_loss: Literal["allow", "refuse"] = Field(
        "allow", description="Whether a translation may drop settings that the provider does not know."
    )
    cache: PolicyCache = Field(default_factory=PolicyCache, description="Which caches may answer.")
    log_content: bool = Field(
        False, description="Whether logs may hold what was asked and answered.", json_schema_extra=PLANNED
    )
    schedule: Schedule | None = Field(
        None,
        description="When requests are allowed. Default: always.",
        examples=[{"days": ["mon-fri"], "hours": "08:00-20:00", "timezone": "Europe/Berlin"}],
    )
    allow_ips: tuple[Network, ...] = Field(
        (),
        strict=False,
        description="From where requests are allowed. Default: from anywhere that `[ip_filter]` allows.",
        examples=[["10.0.0.0/8"]],
    )
    thinking_budget: ThinkingBudget = Field(
        default_factory=ThinkingBudget,
        description="What becomes of the thinking settings of requests.",
        examples=[{"mode": "custom", "budget": 8192}],
    )
    system_prompt: SystemPrompt | None = Field(
        None,
        description="What is put into the system prompt.",
        examples=[{"mode": "append", "text": "Answer in English."}],
    )


class Downgrade(Table):
    """Another model takes over."""

    downgrade: Word = Field(
        description="The model, alias or combo that is asked instead. What it costs is counted, and not held back.",
        examples=["fast"],
    )


class Budget(Table):
    """How much may be spent in a time."""

    limit: Money = Field(description="The amount. A change of it keeps what was spent.")
    period: Literal["daily", "weekly", "monthly", "total"] = Field(
        "monthly", description="The time it is for; a week begins on Monday, and `total` never ends."
    )
    timezone: Word = Field(
        "UTC", description="The IANA time zone in which days, weeks and months begin.", examples=["Europe/Berlin"]
    )
    warn_at: float = Field(0.8, ge=0, le=1, description="The share of the limit from which on a warning is given.")
    on_exceed: Literal["block", "warn"] | Downgrade = Field(
        "block",
        description=(
            "What happens when it is spent: `block` refuses requests, `warn` lets them through, and another model may "
            "take over."
        ),
        examples=["block", {"downgrade": "fast"}],
    )


class IpFilter(Table):
    """Who may connect at all, by address."""

    mode: Literal["off", "allowlist", "blocklist"] = Field(
        "off", description="Whether requests are let in only from `networks` (`allowlist`), or only from elsewhere."
    )
    networks: tuple[Network, ...] = Field(
        (), strict=False, description="Addresses and networks.", examples=[["10.0.0.0/8", "::1"]]
    )
