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
   has a row of its own, with its instant appended to the id. What is spent is counted with the row (``rows``).
7. What a client wrote is shortened and stripped of secrets before it reaches the disk.
8. A request that is still under way ``SHOWN_AFTER`` after its admission, or a little later, has a row that says so,
   with what was set aside for it. Its final row takes that row's place. Where none comes, because it was lost or its
   process died, the row says that as soon as it is known, which after a death is when its lease is over (``workers``).

A crash of this process loses at most the last second of rows: they wait ``PERIOD`` seconds, and are then written
at once. See ``db`` for what a power failure may take. While the database is locked or the disk is full, a
crash loses what has been pending since.
"""

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from math import inf
from queue import Empty, SimpleQueue
from typing import NamedTuple

from omniroute.errors import StorageError
from omniroute.storage.db import remedy
from omniroute.storage.migrations import open_database
from omniroute.storage.rows import UNSTORABLE, Admission, Counted, Entry, Exchange, Rows, uncounted, write
from omniroute.storage.upkeep import SHOWN_AFTER, Upkeep

PERIOD = 0.2
"""Seconds that the first row of a batch waits for others."""

BATCH_ROWS = 500
MAX_PENDING = 100_000

RETRY_FIRST = 0.2
RETRY_MOST = 5.0
"""Seconds between attempts to write, doubled each time."""


class Counts(NamedTuple):
    """Rows since the start: on disk, waiting, and gone."""

    written: int
    pending: int
    lost: int


class Ledger:
    """Writes usage rows from a thread of its own.

    ``record`` may be called before ``start``: the rows wait. ``start``, ``flush`` and ``close`` block, so on an event
    loop they belong into a worker thread. ``worker`` is the name under which this process has things in the database.
    """

    def __init__(
        self,
        path: str,
        *,
        trouble: Callable[[str], None],
        redact: Callable[[str], str],
        connect: Callable[[str], sqlite3.Connection] = open_database,
        worker: str | None = None,
    ) -> None:
        """Hold what is needed; nothing is opened before ``start``.

        Args:
            path: the database.
            trouble: told when rows cannot be written or are lost, and when that is over; mostly in the writer's thread.
                It must neither wait nor raise.
            redact: masks what looks like a secret.
            connect: opens the database with its schema; called in the writer's thread.
            worker: this process's name, which no other process may have; made up where none is given.
        """
        self.worker = worker or secrets.token_hex(8)
        self._path = path
        self._trouble = trouble
        self._rows = Rows(self.worker, redact)
        self._upkeep = Upkeep(self.worker, self._rows)
        self._open = self._upkeep.open
        self._connect = connect
        self._counted: Callable[[Sequence[Counted]], object] | None = None
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

    def admit(self, event: Admission) -> None:
        """Take note of a request that may now cost something; ``record`` must follow."""
        self._open[event.request_id, event.at] = event

    def keep(self, retention: float | None) -> None:
        """Keep usage rows for so many seconds from now on; None keeps them for ever."""
        self._upkeep.retention = retention

    def tell(self, counted: Callable[[Sequence[Counted]], object]) -> None:
        """Tell what became of rows that cost something, in the writer's thread; to be called before ``start``.

        Args:
            counted: must neither wait nor raise.
        """
        self._counted = counted

    def record(self, event: Exchange) -> None:
        """Take one row, to be written within a second."""
        if self._closed or self._queue.qsize() + self._in_hand >= MAX_PENDING:
            self._refused += 1
            self._open.pop((event.request_id, event.at), None)
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
        with closing(connection):
            try:
                self._upkeep.tend(connection)  # before anything is held in this worker's name
            finally:
                opened.set_result(None)
            while not (self._closed and self._queue.empty()):
                self._round(connection)
                self._upkeep.tend(connection)
            self._upkeep.leave(connection)

    def _round(self, connection: sqlite3.Connection) -> None:
        """Sleep until something is recorded, let more come, and write it all; give up where nothing comes."""
        try:
            first = self._queue.get(timeout=SHOWN_AFTER)
        except Empty:
            return
        if not isinstance(first, threading.Event):
            self._wake.wait(PERIOD)
        self._wake.clear()
        items = [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]
        self._in_hand = sum(not isinstance(item, threading.Event) for item in items)
        for batch, mark in _batches(items):
            self._write(connection, self._entries(batch))
            self._in_hand -= len(batch)
            if mark is not None and not self._abandoned:
                mark.set()

    def _entries(self, events: Sequence[Exchange]) -> list[Entry]:
        entries: list[Entry] = []
        for event in events:
            admission = self._open.pop((event.request_id, event.at), None)
            try:
                entries.append(self._rows.final(event, admission))
            except UNSTORABLE:
                self._tell_counted(uncounted(event))
                self._spoil(1)
        return entries

    def _write(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        """Bring rows to the disk, however long it takes; nothing more is tried once patience is lost."""
        delay = RETRY_FIRST
        while entries and not self._abandoned:
            try:
                written, spoilt, counted = write(connection, entries)
            except sqlite3.Error as error:
                self._tell_failure(error)
                left = self._give_up_at - time.monotonic()
                if left <= 0:
                    break
                self._wake.wait(min(delay, left))
                self._wake.clear()
                delay = min(delay * 2, RETRY_MOST)
            else:
                self._tell_counted(counted)
                self._written += written
                self._spoil(spoilt)
                self._tell_success()
                return
        self._abandoned += len(entries)

    def _tell_counted(self, counted: Sequence[Counted]) -> None:
        """Tell what rows have cost, if that is anybody's concern."""
        if counted and self._counted is not None:
            self._counted(counted)

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
