"""The ledger: what was used, by whom, at what price; one row a request.

Invariants:

1. ``record`` never waits and never raises: it is called on the event loop, once a request.
2. One thread writes, and only that thread touches its connection.
3. Rows are written in the order in which they were recorded, a transaction for at most ``BATCH_ROWS`` of them; a
   transaction is on disk as a whole, or not at all and tried again as a whole.
4. A recorded row is written, or pending, or counted as lost. Nothing is dropped in silence.
5. Rows are lost in four cases only: more than ``MAX_PENDING`` are waiting, and then it is the newest that are lost,
   so that the ledger has one gap at a known place; SQLite cannot hold a row at all, which takes no other row with
   it; the database could still not be written when ``close`` lost patience; the process or the machine died.
6. A request is billed once. The same event recorded twice is one row; another request that bears a known request id
   has a row of its own, with its instant appended to the id.
7. What a client wrote is shortened and stripped of secrets before it reaches the disk.

A crash of this process loses at most the last second of rows: they wait ``PERIOD`` seconds, and are then written
at once. See ``db`` for what a power failure may take. While the database is locked or the disk is full, a
crash loses what has been pending since.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from math import inf
from operator import attrgetter
from queue import SimpleQueue
from typing import NamedTuple, Protocol

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.db import remedy, transaction
from omniroute.storage.migrations import open_database

PERIOD = 0.2
"""Seconds that the first row of a batch waits for others."""

BATCH_ROWS = 500
MAX_PENDING = 100_000

MAX_ASKED = 256
"""Characters kept of the model's name as the client wrote it, which could be as long as a body."""

RETRY_FIRST = 0.2
RETRY_MOST = 5.0
"""Seconds between attempts to write, doubled each time."""

UNSTORABLE = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
)
"""What a row's own values can provoke: too large a number, a text that is not Unicode. Other trouble may pass."""

_INSERT = """
    INSERT INTO usage (
        request_id, at, format, key, stream, status, outcome, code, provider, model, target, credential,
        upstream_format, losses,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
        micros, first_token_micros, generation, config, asked, attempts
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (request_id) DO NOTHING
"""

_as_they_are = attrgetter(
    "request_id", "at", "format", "key", "stream", "status", "outcome", "code", "provider", "model", "target",
    "credential", "upstream_format", "losses",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nano",
    "micros", "first_token_micros", "generation", "config",
)  # fmt: skip

Row = tuple[str | int | None, ...]


class Attempt(Protocol):
    """One attempt, as ``observe.events.Attempted`` has it."""

    @property
    def detail(self) -> str:
        """Say in our words why it failed; empty where it did not."""
        ...


class Exchange(Protocol):
    """A request that ended, as ``observe.events.Exchanged`` has it: every column of ``usage`` is a field of it.

    Rooms on one floor do not know each other, so the event is known here by its shape.
    """

    @property
    def request_id(self) -> str:
        """Name the request."""
        ...

    @property
    def asked(self) -> str:
        """Give the model's name as the client wrote it."""
        ...

    @property
    def attempts(self) -> Sequence[Attempt]:
        """List what was tried."""
        ...


class Counts(NamedTuple):
    """Rows since the start: on disk, waiting, and gone."""

    written: int
    pending: int
    lost: int


class Ledger:
    """Writes usage rows from a thread of its own.

    ``record`` may be called before ``start``: the rows wait. ``start``, ``flush`` and ``close`` block, so on an event
    loop they belong into a worker thread.
    """

    def __init__(
        self,
        path: str,
        *,
        trouble: Callable[[str], None],
        redact: Callable[[str], str],
        connect: Callable[[str], sqlite3.Connection] = open_database,
    ) -> None:
        """Hold what is needed; nothing is opened before ``start``.

        Args:
            path: the database.
            trouble: told when rows cannot be written or are lost, and when that is over; mostly in the writer's thread.
                It must neither wait nor raise.
            redact: masks what looks like a secret.
            connect: opens the database with its schema; called in the writer's thread.
        """
        self._path = path
        self._trouble = trouble
        self._redact = redact
        self._connect = connect
        self._queue: SimpleQueue[Exchange | threading.Event] = SimpleQueue()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._give_up_at = inf
        self._told = ""
        self._told_refused = 0
        # Each count has one writer: the first is the recorder's, the others are the thread's.
        self._refused = 0
        self._in_hand = 0
        self._written = 0
        self._spoilt = 0
        self._abandoned = 0

    def record(self, event: Exchange) -> None:
        """Take one row, to be written within a second."""
        if self._closed or self._queue.qsize() + self._in_hand >= MAX_PENDING:
            self._refused += 1
        else:
            self._queue.put(event)

    def counts(self) -> Counts:
        """Count the rows."""
        lost = self._refused + self._spoilt + self._abandoned
        return Counts(self._written, self._queue.qsize() + self._in_hand, lost)

    def start(self) -> None:
        """Open the database and begin to write.

        Raises:
            StorageError: it cannot be opened.
        """
        opened: Future[None] = Future()
        # A daemon, so that an interpreter that ends without `close` does end.
        self._thread = threading.Thread(target=self._run, args=(opened,), name="omniroute-ledger", daemon=True)
        self._thread.start()
        opened.result()

    def flush(self, patience: float = 10.0) -> bool:
        """Wait until everything recorded so far is on disk; False if it was not after ``patience`` seconds."""
        mark = threading.Event()
        self._queue.put(mark)
        self._wake.set()
        return mark.wait(patience)

    def close(self, patience: float = 10.0) -> None:
        """Write everything and end; what cannot be written within ``patience`` seconds is counted as lost.

        It may take ``db.BUSY_SECONDS`` longer where another process holds the database.
        """
        if self._closed:
            return
        self._give_up_at = time.monotonic() + patience
        self._closed = True
        self._queue.put(threading.Event())
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        # What a thread held that never started, or died of a bug, is as lost as what it could not write.
        left = (self._queue.get_nowait() for _ in range(self._queue.qsize()))
        self._abandoned += self._in_hand + sum(not isinstance(item, threading.Event) for item in left)
        self._in_hand = 0
        if self._abandoned:
            self._trouble(f"{self._abandoned} usage rows are lost: the gateway stopped before they could be written")

    def _run(self, opened: "Future[None]") -> None:
        try:
            connection = self._connect(self._path)
        except StorageError as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        with closing(connection):
            while not (self._closed and self._queue.empty()):
                self._round(connection)

    def _round(self, connection: sqlite3.Connection) -> None:
        """Sleep until something is recorded, let more come, and write it all."""
        first = self._queue.get()
        if not isinstance(first, threading.Event):
            self._wake.wait(PERIOD)
        self._wake.clear()
        items = [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]
        self._in_hand = sum(not isinstance(item, threading.Event) for item in items)
        for batch, mark in _batches(items):
            self._write(connection, self._rows(batch))
            self._in_hand -= len(batch)
            if mark is not None and not self._abandoned:
                mark.set()

    def _rows(self, events: Sequence[Exchange]) -> list[Row]:
        rows: list[Row] = []
        for event in events:
            try:
                rows.append(self._row(event))
            except UNSTORABLE:
                self._spoil(1)
        return rows

    def _row(self, event: Exchange) -> Row:
        attempts: Sequence[object] = event.attempts
        if any(attempt.detail for attempt in event.attempts):
            attempts = [self._attempt(attempt) for attempt in event.attempts]
        asked = self._redact(event.asked[:MAX_ASKED])
        return (*_as_they_are(event), asked, msgspec.json.encode(attempts).decode())

    def _attempt(self, attempt: Attempt) -> dict[str, object]:
        # Before it is JSON: there a line end is a letter, behind which nothing looks like a secret's beginning.
        return {**msgspec.to_builtins(attempt), "detail": self._redact(attempt.detail)}

    def _write(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Bring rows to the disk, however long it takes; nothing more is tried once patience is lost."""
        delay = RETRY_FIRST
        while rows and not self._abandoned:
            try:
                written, spoilt = _insert(connection, rows)
            except sqlite3.Error as error:
                self._tell_failure(error)
                left = self._give_up_at - time.monotonic()
                if left <= 0:
                    break
                self._wake.wait(min(delay, left))
                self._wake.clear()
                delay = min(delay * 2, RETRY_MOST)
            else:
                self._written += written
                self._spoil(spoilt)
                self._tell_success()
                return
        self._abandoned += len(rows)

    def _tell_failure(self, error: sqlite3.Error) -> None:
        """Say what is wrong, once for as long as it lasts."""
        text = (
            f"usage rows cannot be written to '{self._path}': {error}; {remedy(error)}; until it works again "
            f"{MAX_PENDING:,} rows are kept in memory, and what comes after them is lost"
        )
        if text != self._told:
            self._told = text
            self._trouble(text)

    def _spoil(self, spoilt: int) -> None:
        """Count rows as lost that SQLite cannot hold."""
        if spoilt:
            self._spoilt += spoilt
            self._trouble(f"{spoilt} usage rows are lost: the database cannot hold their values")

    def _tell_success(self) -> None:
        """Say what was lost, and that rows are written again where they were not."""
        refused = self._refused - self._told_refused
        if refused:
            self._told_refused += refused
            self._trouble(f"{refused} usage rows are lost: {MAX_PENDING:,} were waiting already")
        if self._told:
            self._told = ""
            self._trouble(f"usage rows are written to '{self._path}' again")


def _batches(
    items: Sequence[Exchange | threading.Event],
) -> Iterator[tuple[list[Exchange], threading.Event | None]]:
    """Cut what was queued into transactions; a mark ends one, and goes with it."""
    batch: list[Exchange] = []
    for item in items:
        mark = item if isinstance(item, threading.Event) else None
        if not isinstance(item, threading.Event):
            batch.append(item)
        if mark is not None or len(batch) == BATCH_ROWS:
            yield batch, mark
            batch = []
    if batch:
        yield batch, None


def _insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> tuple[int, int]:
    """Write rows in one transaction; give how many are new, and how many SQLite cannot hold.

    Raises:
        sqlite3.Error: nothing was written, for a reason that is not the rows' own.
    """
    try:
        with transaction(connection):
            return _insert_all(connection, rows), 0
    except UNSTORABLE:
        return _insert_each(connection, rows)


def _insert_all(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    written = connection.executemany(_INSERT, rows).rowcount
    if written < len(rows):
        reused = [(f"{row[0]}~{row[1]}", *row[1:]) for row in rows if not _is_there(connection, row)]
        written += connection.executemany(_INSERT, reused).rowcount if reused else 0
    return written


def _insert_each(connection: sqlite3.Connection, rows: Sequence[Row]) -> tuple[int, int]:
    written = 0
    spoilt = 0
    with transaction(connection):
        for row in rows:
            try:
                written += _insert_all(connection, (row,))
            except UNSTORABLE:
                spoilt += 1
    return written, spoilt


def _is_there(connection: sqlite3.Connection, row: Row) -> bool:
    """Say whether the row that has this request id is this request's: if so, it began at the same microsecond."""
    found: tuple[int] | None = connection.execute("SELECT at FROM usage WHERE request_id = ?", row[:1]).fetchone()
    return found == (row[1],)
