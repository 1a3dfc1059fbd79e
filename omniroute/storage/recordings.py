"""Answers on disk: those of the exact cache, and claims of idempotency keys that several workers share.

Invariants:

1. One thread has the connection, and does everything in the order in which it was asked. What only writes never
   waits and never raises; what asks is awaited.
2. ``index`` knows every answer of the cache that is on disk, so that what is not there costs no statement. Only the
   thread changes it (``storage.index``).
3. A claim is one row and one statement: of several workers that claim a key at once, one gets it. It lapses with its
   time, or with its worker, which lives for as long as its row in ``workers`` says.
4. When the cache is emptied, the instant is written down, and each process hears of it within a second: no answer that
   was complete by then is read or written any more, and ``forget`` is told, so that none is given from memory.
5. The disk is a help, and nothing depends on it: where it fails, the cache misses and a claim is granted, and
   ``trouble`` is told once for as long as that lasts.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.db import remedy, transaction
from omniroute.storage.index import Index, micros
from omniroute.storage.migrations import open_database

PERIOD = 0.1
"""Seconds that the first write of a batch waits for others."""
SWEEP = 30.0
"""Seconds between looks for what is out of date or too much."""
LOOK = 0.5
"""Seconds between looks for what other workers wrote, and whether one has emptied the cache."""
MAX_PENDING = 1_000
"""Answers that wait to be written; those beyond are not kept on disk."""
MAX_BATCH = 200
"""Writes in one transaction."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A whole answer, ready to be sent again.

    ``whole`` says that it was sent at once, ``at`` is when it was complete (Unix seconds), ``outcome`` and ``code`` are
    what the row of its request says.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    whole: bool
    body: bytes
    at: float
    outcome: str
    code: str = ""

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return len(self.body) + 1024


class Entry(msgspec.Struct, frozen=True):
    """An answer of the cache to be written; ``until`` is in Unix seconds, ``scope`` says whose it is."""

    key: bytes
    scope: str
    model: str
    until: float
    kept: Kept


class Bid(msgspec.Struct, frozen=True):
    """A wish to answer under an idempotency key; times are Unix seconds. ``until`` is when it lapses by itself."""

    key: bytes
    fingerprint: bytes
    scope: str
    model: str
    now: float
    until: float


class Held(msgspec.Struct, frozen=True):
    """What became of a bid. ``mine``: it was granted; else somebody has the key, ``kept`` once that is answered."""

    mine: bool
    fingerprint: bytes = b""
    kept: Kept | None = None


class _Ended(msgspec.Struct, frozen=True):
    """A claim that is over; without an answer it is given up."""

    bid: Bid
    kept: Kept | None
    until: float


_Write = Entry | _Ended
_Work = Callable[[sqlite3.Connection], None]

Result = TypeVar("Result")

_DECODER = msgspec.msgpack.Decoder(Kept)
_PUT = """
    INSERT INTO recordings (key, kind, fingerprint, scope, model, at, expires, state, worker, answer, size)
    VALUES (?, 'exact', '', ?, ?, ?, ?, 'done', ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET at = excluded.at, expires = excluded.expires, answer = excluded.answer,
        size = excluded.size, worker = excluded.worker
"""
_CLAIM = """
    INSERT INTO recordings (key, kind, fingerprint, scope, model, at, expires, state, worker, answer, size)
    VALUES (:key, 'claim', :fingerprint, :scope, :model, :now, :until, 'open', :worker, NULL, 0)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at, expires = excluded.expires,
        state = 'open', worker = excluded.worker, answer = NULL, size = 0
    WHERE recordings.expires <= :now OR (recordings.state = 'open' AND (recordings.worker = :worker OR NOT EXISTS (
        SELECT 1 FROM workers WHERE workers.worker = recordings.worker AND workers.alive_until > :now)))
    RETURNING 1
"""
_HELD = "SELECT fingerprint, state, answer FROM recordings WHERE key = ?"
_ANSWER = (
    "UPDATE recordings SET state = 'done', answer = ?, size = ?, expires = ? WHERE key = ? AND worker = ? AND at = ?"
)
_GIVE_UP = "DELETE FROM recordings WHERE key = ? AND worker = ? AND at = ? AND state = 'open'"
_READ = "SELECT answer FROM recordings WHERE key = ? AND kind = 'exact' AND expires > ?"


class Recordings:
    """The disk's side of the caches.

    ``start`` and ``close`` block, so on an event loop they belong into a worker thread. ``forget`` is told there when
    another process has emptied the cache: of all answers that were complete by that instant, in Unix seconds.
    """

    def __init__(
        self,
        path: str,
        *,
        trouble: Callable[[str], None],
        now: Callable[[], int],
        worker: str = "",
        connect: Callable[[str], sqlite3.Connection] = open_database,
    ) -> None:
        """Hold what is needed; nothing is opened before ``start``.

        Args:
            path: the database.
            trouble: told when it cannot be used, and when that is over, in the thread; it must neither wait nor raise.
            now: gives Unix microseconds.
            worker: the name of this process among those that share the database; "" where it is alone.
            connect: opens the database with its schema; called in the thread.
        """
        self._path = path
        self._trouble = trouble
        self._now = now
        self._worker = worker
        self._connect = connect
        self._queue: SimpleQueue[_Write | _Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._troubled = False
        self._swept_at = self._looked_at = -inf
        self._index = Index()
        self.forget: Callable[[float], object] = _nobody
        self.lost = 0

    @property
    def index(self) -> Mapping[bytes, tuple[int, int]]:
        """Give the cache's answers on disk by their keys: the size of each, and until when it is good."""
        return self._index.known

    @property
    def shared(self) -> bool:
        """Whether other processes have the same database."""
        return bool(self._worker)

    def start(self) -> None:
        """Open the database, and learn what is in it.

        Raises:
            StorageError: it cannot be opened.
        """
        opened: Future[None] = Future()
        # A daemon, so that an interpreter that ends without `close` does end.
        self._thread = threading.Thread(target=self._run, args=(opened,), name="omniroute-recordings", daemon=True)
        self._thread.start()
        opened.result()

    def close(self) -> None:
        """Write what is waiting, and end."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def bound(self, most: int, most_bytes: int) -> None:
        """Keep no more answers of the cache than this; until it is called, all are kept."""
        self._index.bounds = (most, most_bytes)

    def put(self, entry: Entry) -> None:
        """Keep an answer of the cache; soon, or not at all where too many wait."""
        if self._queue.qsize() < MAX_PENDING:
            self._queue.put(entry)
        else:
            self.lost += 1

    def end(self, bid: Bid, kept: Kept | None, until: float) -> None:
        """End a claim that was granted: with an answer to be given until then, or given up."""
        self._queue.put(_Ended(bid, kept, until))

    async def read(self, key: bytes) -> Kept | None:
        """Find an answer of the cache that the index knows."""

        def work(connection: sqlite3.Connection) -> Kept | None:
            found = connection.execute(_READ, (key.hex(), self._now())).fetchone()
            return _DECODER.decode(found[0]) if found else None

        return await self._asked(work, None)

    async def claim(self, bid: Bid) -> Held:
        """Bid for a key."""
        return await self._asked(lambda connection: self._claim(connection, bid), Held(mine=True))

    async def clear(self, until: float) -> int:
        """Delete the cache's answers that were complete by ``until`` (Unix seconds), for all processes; claims stay.

        Returns:
            How many there were.
        """
        return await self._asked(lambda connection: self._index.clear(connection, micros(until)), 0)

    async def _asked(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """Have the thread do something; what cannot be done gives ``otherwise``."""
        done: Future[Result] = Future()

        def job(connection: sqlite3.Connection) -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                result = work(connection)
            except (sqlite3.Error, msgspec.MsgspecError) as error:
                self._tell(error)
                result = otherwise
            done.set_result(result)

        if self._thread is None:
            return otherwise
        self._queue.put(job)
        return await asyncio.wrap_future(done)

    def _claim(self, connection: sqlite3.Connection, bid: Bid) -> Held:
        row = {
            "key": bid.key.hex(),
            "fingerprint": bid.fingerprint.hex(),
            "scope": bid.scope,
            "model": bid.model,
            "now": micros(bid.now),
            "until": micros(bid.until),
            "worker": self._worker,
        }
        if connection.execute(_CLAIM, row).fetchall():
            return Held(mine=True)
        found = connection.execute(_HELD, (row["key"],)).fetchone()
        if found is None:  # given up between the two statements: the next bid will get it
            return Held(mine=False, fingerprint=bid.fingerprint)
        fingerprint, state, answer = found
        return Held(False, bytes.fromhex(fingerprint), _DECODER.decode(answer) if state == "done" else None)

    def _run(self, opened: "Future[None]") -> None:
        try:
            connection = self._connect(self._path)
        except StorageError as error:
            opened.set_exception(error)
            return
        with closing(connection):
            self._tidy(connection)
            opened.set_result(None)
            self._work(connection)

    def _work(self, connection: sqlite3.Connection) -> None:
        """Do what is asked, gathering what is only to be written, until told to end."""
        writes: list[_Write] = []
        write_at = inf
        while True:
            tidy_at = self._looked_at + (LOOK if self.shared else SWEEP)
            try:
                item = self._queue.get(timeout=max(0.0, min(write_at, tidy_at) - monotonic()))
            except Empty:
                item = self._tidy if monotonic() >= tidy_at else _nothing
            if isinstance(item, Entry | _Ended):
                writes.append(item)
                write_at = min(write_at, monotonic() + PERIOD)
                if len(writes) < MAX_BATCH:
                    continue
            self._write(connection, writes)
            writes, write_at = [], inf
            if item is None:
                return
            if not isinstance(item, Entry | _Ended):
                item(connection)

    def _write(self, connection: sqlite3.Connection, writes: Sequence[_Write]) -> None:
        """Bring writes to the disk, in one transaction; what cannot be written is lost, and asked again."""
        if not writes:
            return
        entries = [each for each in writes if isinstance(each, Entry)]
        try:
            with transaction(connection):
                self._heed(connection)
                entries = [each for each in entries if micros(each.kept.at) > self._index.cleared]
                connection.executemany(_PUT, [self._row(each) for each in entries])
                for each in writes:
                    if isinstance(each, _Ended):
                        connection.execute(*self._ending(each))
        except sqlite3.Error as error:
            self.lost += len(entries)
            self._tell(error)
            return
        self._index.add({each.key: (each.kept.size, micros(each.until)) for each in entries})
        self._tell(None)
        if self._index.too_much:
            self._tidy(connection)

    def _row(self, entry: Entry) -> tuple[object, ...]:
        kept, at, until = entry.kept, micros(entry.kept.at), micros(entry.until)
        answer = msgspec.msgpack.encode(kept)
        return (entry.key.hex(), entry.scope, entry.model, at, until, self._worker, answer, kept.size)

    def _ending(self, ended: _Ended) -> tuple[str, tuple[object, ...]]:
        """Give the statement that ends a claim; one that has lapsed is another's by now, and left alone."""
        whose = (ended.bid.key.hex(), self._worker, micros(ended.bid.now))
        if ended.kept is None:
            return _GIVE_UP, whose
        return _ANSWER, (msgspec.msgpack.encode(ended.kept), ended.kept.size, micros(ended.until), *whose)

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Delete what is out of date or too much, and learn what is there."""
        self._looked_at = monotonic()
        try:
            self._heed(connection)
            if self._looked_at >= self._swept_at + SWEEP or self._index.too_much:
                self._swept_at = self._looked_at
                connection.execute("DELETE FROM recordings WHERE expires <= ?", (self._now(),))
                self._index.learn(connection, afresh=True)
                self._index.trim(connection)
            elif self.shared:
                self._index.learn(connection, afresh=False)
        except sqlite3.Error as error:
            self._tell(error)

    def _heed(self, connection: sqlite3.Connection) -> None:
        """See whether another process has emptied the cache."""
        if self.shared and self._index.emptied(connection):
            self.forget(self._index.cleared / 1e6)

    def _tell(self, error: Exception | None) -> None:
        """Say that the database cannot be used, and when it can be again; once each."""
        if (error is not None) is self._troubled:
            return
        self._troubled = error is not None
        if isinstance(error, sqlite3.Error):
            self._trouble(
                f"answers cannot be kept in '{self._path}': {error}; {remedy(error)}; "
                "until it works again each process remembers for itself"
            )
        elif error is not None:
            self._trouble(f"an answer that was kept in '{self._path}' cannot be read, and is not used: {error}")
        else:
            self._trouble(f"answers are kept in '{self._path}' again")


def _nothing(connection: sqlite3.Connection) -> None:
    """Do nothing: it was time to write."""
    del connection


def _nobody(until: float) -> None:
    """Tell nobody."""
    del until
