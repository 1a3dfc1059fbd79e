"""What a caller may do and what is done to its requests, compiled: policies, budgets, addresses, caches.

Always true: as in ``config.snapshot``: frozen, money in integer nano-dollars, durations in seconds, names that exist.
"""

from typing import Literal

import msgspec

Period = Literal["daily", "weekly", "monthly", "total"]
OnExceed = Literal["block", "warn", "downgrade"]


class Network(msgspec.Struct, frozen=True):
    """A range of addresses of one IP version, both ends included, as numbers."""

    version: int
    first: int
    last: int


class Rate(msgspec.Struct, frozen=True):
    """How much may be asked for: requests and tokens a minute, and requests at once; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    concurrent: int | None = None


class Schedule(msgspec.Struct, frozen=True):
    """When a caller may ask: days (0 is Monday) and minutes of the day, the end excluded, in an IANA time zone.

    Where ``until`` is not after ``since``, the hours go past midnight, and belong to the day on which they began; where
    they are the same, they are a whole day.
    """

    days: frozenset[int]
    since: int
    until: int
    timezone: str = "UTC"


class Thinking(msgspec.Struct, frozen=True):
    """What becomes of the thinking settings of requests.

    ``tokens`` is the budget of ``custom``, where 0 is none; ``effort`` is where ``adaptive`` begins.
    """

    mode: Literal["passthrough", "auto", "custom", "adaptive"] = "passthrough"
    tokens: int = 10_240
    effort: str = "medium"


class Prompt(msgspec.Struct, frozen=True):
    """What is put into the system prompt of requests."""

    mode: Literal["prepend", "append", "replace"]
    text: str


class CacheUse(msgspec.Struct, frozen=True):
    """Which caches may answer, and how old such an answer may be in seconds; None is as old as the cache keeps."""

    exact: bool = True
    semantic: bool = False
    ttl: float | None = None


class Budget(msgspec.Struct, frozen=True):
    """How much may be spent in a period, which begins in ``timezone``; ``downgrade`` is the name that takes over."""

    name: str
    limit: int
    period: Period = "monthly"
    timezone: str = "UTC"
    warn_at: float = 0.8
    on_exceed: OnExceed = "block"
    downgrade: str | None = None


class Policy(msgspec.Struct, frozen=True):
    """What holds for the keys that name it.

    ``allow`` and ``deny`` are names of models in which a star stands for anything; ``allow`` None allows all.
    ``networks`` are where its requests may come from, from anywhere where there are none. ``sessions`` is how many
    conversations a key may have at once.
    """

    name: str
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    rate: Rate = Rate()
    budgets: tuple[Budget, ...] = ()
    on_loss: Literal["allow", "refuse"] = "allow"
    cache: CacheUse = CacheUse()
    schedule: Schedule | None = None
    networks: tuple[Network, ...] = ()
    thinking: Thinking = Thinking()
    system_prompt: Prompt | None = None
    sessions: int | None = None


class IpFilter(msgspec.Struct, frozen=True):
    """Who may connect at all."""

    mode: Literal["off", "allowlist", "blocklist"] = "off"
    networks: tuple[Network, ...] = ()


class ExactCache(msgspec.Struct, frozen=True):
    """Answers to requests that are the same: how many, how many bytes of them, and for how many seconds."""

    max_entries: int = 10_000
    max_bytes: int = 256 * 1024 * 1024
    ttl: float = 1_800.0


class SemanticCache(msgspec.Struct, frozen=True):
    """Answers to requests that are similar: the model that makes texts comparable, and how similar is enough."""

    embedder: str
    threshold: float = 0.95
    max_entries: int = 10_000
    ttl: float = 1_800.0


class Caches(msgspec.Struct, frozen=True):
    """The caches that are on; ``window`` is for how many seconds an idempotency key is remembered."""

    exact: ExactCache | None = None
    semantic: SemanticCache | None = None
    window: float = 5.0
