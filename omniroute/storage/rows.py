"""Usage rows: how they are made, and how they and what they cost reach the database together.

Always true: a row is final, or it stands for a request that is still under way (``OPEN``), or for one of which nobody
will ever tell how it ended (``LOST``). A final row takes the place of the other two, and nothing takes its place. In
the transaction that writes it, and only there, its cost is added to what its budgets have spent. So what was spent is
the sum of the rows, whatever dies when.

What a client wrote is shortened and stripped of secrets before it becomes a value.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import NamedTuple, Protocol

import msgspec

from omniroute.names import Format, Outcome
from omniroute.storage.db import transaction

OPEN = "admitted"
LOST = "lost"
"""What stands in the column ``outcome`` where no ``names.Outcome`` is known."""

MAX_ASKED = 256
"""Characters kept of the model's name as the client wrote it, which could be as long as a body."""

MAX_KNOWN = 256
"""Of how many models' names, the last that were asked for, it is remembered how they are written down."""

MAX_WORD = 128
MAX_TAGS = 32
"""Characters kept of a session's name and of a tag, and how many tags of a request."""

UNSTORABLE = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
)
"""What a row's own values can provoke: too large a number, a text that is not Unicode. Other trouble may pass."""

TOGETHER = 25
"""Rows of one statement, where there are as many.

Around each statement the driver lets go of the interpreter and waits to have it back, while the event loop wants it as
well. The values of so many rows are fewer than the 999 that an SQLite before 3.32 takes.
"""

# The driver asks what is not exactly a text or a number how to convert it, None too. Where no answer is registered, it
# looks for one in the value itself, which takes longer than all the rest that it does with the value.
sqlite3.register_adapter(NoneType, lambda nothing: nothing)
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(Format, str.__str__)
sqlite3.register_adapter(Outcome, str.__str__)

_INTO = """
    INSERT INTO usage (
        request_id, at, format, key, stream, status, outcome, code, provider, model, target, credential,
        upstream_format, losses,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
        micros, first_token_micros, generation, config,
        cache_write_1h_tokens, audio_in_tokens, audio_out_tokens, estimated, cache,
        asked, session, tags, budgets, attempts, reserved_nano, worker
    ) VALUES
"""
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TAKING_THE_PLACE = """
    ON CONFLICT (request_id) DO UPDATE SET
        status = excluded.status, outcome = excluded.outcome, code = excluded.code,
        provider = excluded.provider, model = excluded.model, target = excluded.target,
        credential = excluded.credential, upstream_format = excluded.upstream_format, losses = excluded.losses,
        input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
        cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens,
        reasoning_tokens = excluded.reasoning_tokens, cost_nano = excluded.cost_nano,
        micros = excluded.micros, first_token_micros = excluded.first_token_micros,
        cache_write_1h_tokens = excluded.cache_write_1h_tokens, audio_in_tokens = excluded.audio_in_tokens,
        audio_out_tokens = excluded.audio_out_tokens, estimated = excluded.estimated, cache = excluded.cache,
        session = excluded.session, tags = excluded.tags, budgets = excluded.budgets, attempts = excluded.attempts
    WHERE at = excluded.at AND outcome IN ('admitted', 'lost')
"""
_INSERT = _INTO + _ROW + _TAKING_THE_PLACE
_INSERT_TOGETHER = _INTO + ", ".join([_ROW] * TOGETHER) + _TAKING_THE_PLACE
_AT = "SELECT at FROM usage WHERE request_id = ?"
_SPEND = """
    INSERT INTO spent (budget, since, spent_nano) VALUES (?, ?, ?)
    ON CONFLICT (budget, since) DO UPDATE SET spent_nano = spent_nano + excluded.spent_nano
"""
_TOTAL = "SELECT spent_nano FROM spent WHERE budget = ? AND since = ?"
_LOSE = """
    UPDATE usage SET outcome = 'lost' WHERE outcome = 'admitted' AND at = :at AND request_id IN (:id, :id || '~' || :at)
"""

_as_they_are = attrgetter(
    "request_id", "at", "format", "key", "stream", "status", "outcome", "code", "provider", "model", "target",
    "credential", "upstream_format", "losses",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nano",
    "micros", "first_token_micros", "generation", "config",
    "cache_write_1h_tokens", "audio_in_tokens", "audio_out_tokens", "estimated", "cache",
)  # fmt: skip

Value = str | int | None
Budgets = Sequence[tuple[str, int]]
Key = tuple[str, int]
"""A request: its id, which a client may have chosen, and the microsecond in which it began."""


class Attempt(Protocol):
    """One attempt, as ``observe.events.Attempted`` has it."""

    @property
    def detail(self) -> str:
        """Say in our words why it failed; empty where it did not."""
        ...


class Request(Protocol):
    """What every event of a request has."""

    @property
    def request_id(self) -> str:
        """Name the request."""
        ...

    @property
    def at(self) -> int:
        """Say when it began, in Unix microseconds."""
        ...

    @property
    def asked(self) -> str:
        """Give the model's name as the client wrote it."""
        ...

    @property
    def budgets(self) -> Budgets:
        """List what it is paid from, each with the beginning of its period."""
        ...


class Admission(Request, Protocol):
    """A request that may now cost something, as ``observe.events.Admitted`` has it.

    Rooms on one floor do not know each other, so events are known here by their shape.
    """

    @property
    def reserved(self) -> int:
        """Give its worst case in nano-dollars."""
        ...

    @property
    def format(self) -> str:
        """Name the wire format."""
        ...

    @property
    def key(self) -> str:
        """Name the caller."""
        ...

    @property
    def stream(self) -> bool:
        """Say whether a stream was asked for."""
        ...

    @property
    def generation(self) -> int:
        """Give the number of the configuration."""
        ...

    @property
    def config(self) -> str:
        """Name the configuration."""
        ...


class Exchange(Request, Protocol):
    """A request that ended, as ``observe.events.Exchanged`` has it: nearly every column of ``usage`` is a field."""

    @property
    def cost_nano(self) -> int | None:
        """Give what it cost in nano-dollars; None where that is unknown."""
        ...

    @property
    def session(self) -> str:
        """Name the conversation."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """List the client's own words for what it belongs to."""
        ...

    @property
    def attempts(self) -> Sequence[Attempt]:
        """List what was tried."""
        ...


Values = tuple[Value, ...]
Entry = tuple[Values, Exchange]
"""A row to be written, and the event that says what it settles."""


class Counted(NamedTuple):
    """What rows that are on the disk have cost in a budget's period, and what was spent in it altogether by then.

    ``total`` is 0 where it is said of a row that will never be there: its cost counts nowhere.
    """

    budget: str
    since: int
    cost: int
    total: int


class Rows:
    """Makes rows of events."""

    def __init__(self, worker: str, redact: Callable[[str], str]) -> None:
        """Hold the name of this worker, and what masks secrets."""
        self._worker = worker
        self._redact = redact
        self._asked = lru_cache(MAX_KNOWN)(redact)

    def final(self, event: Exchange, admission: Admission | None) -> Entry:
        """Make the row of a request that ended.

        Raises:
            UNSTORABLE: its values are none that a database could hold.
        """
        attempts: Sequence[object] = event.attempts
        if any(attempt.detail for attempt in event.attempts):
            attempts = [self._attempt(attempt) for attempt in event.attempts]
        values = (
            *_as_they_are(event),
            self._asked(event.asked[:MAX_ASKED]),
            self._word(event.session),
            _json([self._word(tag) for tag in event.tags[:MAX_TAGS]]) if event.tags else "[]",
            _json(event.budgets) if event.budgets else "[]",
            _json(attempts),
            admission.reserved if admission is not None else None,
            self._worker,
        )
        return values, event

    def open(self, event: Admission) -> Values:
        """Make the row of a request that is under way; what is not known yet is unknown, or empty."""
        asked = self._asked(event.asked[:MAX_ASKED])
        return (
            *(event.request_id, event.at, event.format, event.key, event.stream, 0, OPEN, "", "", "", "", "", None, ""),
            *(None, None, None, None, None, None, 0, None, event.generation, event.config),
            *(None, None, None, False, "", asked, "", "[]", _json(event.budgets), "[]"),
            *(event.reserved, self._worker),
        )

    def _word(self, text: str) -> str:
        return self._redact(text[:MAX_WORD]) if text else ""

    def _attempt(self, attempt: Attempt) -> dict[str, object]:
        # Before it is JSON: there a line end is a letter, behind which nothing looks like a secret's beginning.
        return {**msgspec.to_builtins(attempt), "detail": self._redact(attempt.detail)}


def write(connection: sqlite3.Connection, entries: Sequence[Entry]) -> tuple[int, int, Sequence[Counted]]:
    """Write final rows and settle them, in one transaction.

    Returns:
        How many were new, how many cannot be held, and what each had cost.

    Raises:
        sqlite3.Error: nothing was written, for a reason that is not the rows' own.
    """
    try:
        with transaction(connection):
            counted = _write_new(connection, entries)
    except (*UNSTORABLE, _SeenBeforeError):
        return _write_each(connection, entries)
    return len(entries), 0, counted


def uncounted(event: Exchange) -> list[Counted]:
    """Say that the row of an event will never be there."""
    return [Counted(*purse, event.cost_nano or 0, 0) for purse in event.budgets]


def show_open(connection: sqlite3.Connection, rows: Iterable[Values]) -> None:
    """Write the rows of requests that are under way; those that cannot be held are left out.

    Raises:
        sqlite3.Error: nothing was written.
    """
    with transaction(connection):
        for values in rows:
            try:
                _put(connection, values)
            except UNSTORABLE:
                continue


def lose(connection: sqlite3.Connection, keys: Iterable[Key]) -> None:
    """Note that nobody will tell how these requests ended, where nobody told."""
    with transaction(connection):
        connection.executemany(_LOSE, [{"id": request_id, "at": at} for request_id, at in keys])


class _SeenBeforeError(Exception):
    """Some of the rows are there already, or share an id: which, must be asked row by row."""


def _write_new(connection: sqlite3.Connection, entries: Sequence[Entry]) -> Sequence[Counted]:
    rows = [values for values, _ in entries]
    single = len(rows) % TOGETHER
    written = connection.executemany(_INSERT, rows[:single]).rowcount if single else 0
    for first in range(single, len(rows), TOGETHER):
        values = tuple(chain.from_iterable(rows[first : first + TOGETHER]))
        written += connection.execute(_INSERT_TOGETHER, values).rowcount
    if written < len(rows):
        raise _SeenBeforeError
    return _settle(connection, entries)


def _write_each(connection: sqlite3.Connection, entries: Sequence[Entry]) -> tuple[int, int, Sequence[Counted]]:
    counted: list[Counted] = []
    written = 0
    spoilt = 0
    with transaction(connection):
        for entry in entries:
            connection.execute("SAVEPOINT entry")
            try:
                if _put(connection, entry[0]):
                    counted += _settle(connection, (entry,))
                    written += 1
            except UNSTORABLE:
                connection.execute("ROLLBACK TO entry")
                counted += uncounted(entry[1])
                spoilt += 1
            connection.execute("RELEASE entry")
    return written, spoilt, counted


def _put(connection: sqlite3.Connection, values: Values) -> bool:
    """Write a row, under an id of its own where another request has that id; False where it is there already."""
    if connection.execute(_INSERT, values).rowcount:
        return True
    if connection.execute(_AT, values[:1]).fetchone() == (values[1],):
        return False
    return bool(connection.execute(_INSERT, (f"{values[0]}~{values[1]}", *values[1:])).rowcount)


def _settle(connection: sqlite3.Connection, entries: Sequence[Entry]) -> list[Counted]:
    """Count what new rows cost in their budgets; an unknown cost adds nothing."""
    spent: dict[tuple[str, int], int] = {}
    for _, event in entries:
        for purse in event.budgets:
            spent[purse] = spent.get(purse, 0) + (event.cost_nano or 0)
    counted: list[Counted] = []
    for purse, cost in spent.items():
        connection.execute(_SPEND, (*purse, cost))
        (total,) = connection.execute(_TOTAL, purse).fetchone()
        counted.append(Counted(*purse, cost, total))
    return counted


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
