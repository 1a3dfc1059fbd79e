"""Everything the gateway may report: a closed list of frozen events.

Always true: no event holds the value of a secret or the content of a request or an answer. Log, metrics and
ledger are readers of these same events, so they cannot tell different stories. Times are integer microseconds,
instants Unix microseconds (UTC), money integer nano-dollars.
"""

import msgspec

from omniroute.names import FailureKind, Format, Outcome, ReloadResult, Trigger


class Attempted(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one target; ``failure`` is absent for the one that answered."""

    target: str
    credential: str
    micros: int
    failure: FailureKind | None = None
    status: int | None = None
    detail: str = ""


class Exchanged(msgspec.Struct, frozen=True):
    """One request, from its first byte to its last, however it ended.

    ``at`` is when it began. ``status`` is what the client was sent (499 where it left before an answer).
    ``target``, ``provider``, ``model`` and ``credential`` are those of the attempt that answered, empty where
    none did. Tokens are None where the provider reported none: unknown is not zero, and so is ``cost_nano``.
    ``upstream_format`` is what was spoken there, and ``losses`` what could not be said in it (``ir.loss.summary``).
    ``code`` is our error code where it did not end well. ``generation`` and ``config`` name the configuration.
    ``tags`` are the client's own words for what the request belongs to. ``budgets`` are what it is paid from, each with
    the beginning of its period in Unix seconds. ``cache`` is "" where an upstream was asked, else which cache answered.
    ``estimated`` says that tokens and cost are an estimate of ours, because the provider never told.
    """

    request_id: str
    at: int
    format: Format
    asked: str
    key: str
    stream: bool
    status: int
    outcome: Outcome
    generation: int
    config: str
    micros: int
    first_token_micros: int | None = None
    provider: str = ""
    model: str = ""
    target: str = ""
    credential: str = ""
    upstream_format: Format | None = None
    losses: str = ""
    code: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nano: int | None = None
    cache_write_1h_tokens: int | None = None
    audio_in_tokens: int | None = None
    audio_out_tokens: int | None = None
    estimated: bool = False
    cache: str = ""
    session: str = ""
    tags: tuple[str, ...] = ()
    budgets: tuple[tuple[str, int], ...] = ()
    attempts: tuple[Attempted, ...] = ()


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A request that may now cost something; an ``Exchanged`` of the same id follows, unless the process dies.

    ``reserved`` is the worst case that was set aside in nano-dollars.
    """

    request_id: str
    at: int
    format: Format
    asked: str
    key: str
    stream: bool
    generation: int
    config: str
    reserved: int = 0
    budgets: tuple[tuple[str, int], ...] = ()


class Audited(msgspec.Struct, frozen=True):
    """Something that whoever answers for the gateway may want to prove later: a key refused, an operation done.

    ``actor`` is the name of a key, or an address, or "" where it is the gateway itself; ``action`` is a stable word.
    """

    at: int
    actor: str
    action: str
    target: str = ""
    detail: str = ""


class Reloaded(msgspec.Struct, frozen=True):
    """One look at the configuration files.

    ``config`` is the id of what is active afterwards, and ``generation`` its number; ``refused`` the id of what
    was not taken, where it got as far as having one. ``faults`` are concise renderings, one line each.
    """

    at: int
    trigger: Trigger
    result: ReloadResult
    generation: int
    config: str
    micros: int
    refused: str = ""
    errors: int = 0
    warnings: int = 0
    faults: tuple[str, ...] = ()


class WatcherMoved(msgspec.Struct, frozen=True):
    """The file watcher went up or down."""

    at: int
    up: bool
    reason: str


class Serving(msgspec.Struct, frozen=True):
    """The gateway began to listen, or stopped (``up`` false)."""

    at: int
    up: bool
    address: str
    generation: int
    config: str


class Faulted(msgspec.Struct, frozen=True):
    """A bug was caught at the edge; ``where`` is file and line, ``what`` the exception's type."""

    at: int
    request_id: str
    what: str
    where: str


class Troubled(msgspec.Struct, frozen=True):
    """Something outside any request needs a person, or no longer does; ``what`` says what is wrong and what to do."""

    at: int
    what: str


Told = Exchanged | Audited | Reloaded | WatcherMoved | Serving | Faulted | Troubled
"""What people may be told; of a request that was admitted, its end will tell."""

Event = Told | Admitted
