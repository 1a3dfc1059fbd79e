"""What the workers of one machine share, in their SQLite file: rates, seats and money behind ``limits.port``.

Invariants:

1. Each operation is one transaction that takes the lock to write at its beginning, so it happens at once or not at all,
   whichever process asks.
2. The event loop never waits for another's lock: SQLite is told to refuse at once, and what was refused is tried again
   a millisecond later, one operation after the other in the order of asking. It never checkpoints either: the ledger
   does, in its thread.
3. An operation whose caller is cancelled while it waits was never done.
4. What a worker holds, and where its people sit, counts for as long as that worker lives. A worker never doubts that
   it lives itself, however late its heartbeat.
5. What is left and given back is written with the next operation, and within ``PERIOD`` seconds without one.
6. Holds are ended and costs are counted by the ledger, with the usage row. Because that comes a moment later, a hold
   without room lets this worker's ledger catch up, and asks again.

``buckets.full_at`` are nanoseconds since 1970, as in ``limits.gcra``; ``workers.alive_until`` microseconds.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import TypeVar

from omniroute.limits import gcra
from omniroute.limits.port import Bucket, Held, Purse, Seat, Standing, Taken
from omniroute.storage.db import BUSY_SECONDS, explained, transaction
from omniroute.storage.migrations import open_database

PERIOD = 0.2
"""Seconds that what need not be known at once waits for an operation that it can be written with."""

PAUSE = 0.001
"""Seconds between two attempts while somebody else writes, who is hardly ever busy for longer."""

_LIVE = "(worker = :me OR worker IN (SELECT worker FROM workers WHERE alive_until > :now))"
_FULL_AT = "SELECT full_at FROM buckets WHERE name = ?"
_FILL = "INSERT INTO buckets (name, full_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET full_at = excluded.full_at"
_GIVE = """
    INSERT INTO buckets (name, full_at) VALUES (:name, :now + :worth)
    ON CONFLICT (name) DO UPDATE SET full_at = max(full_at, :now) + :worth
"""
_SEATED = f"SELECT ifnull(sum(taken), 0) FROM seats WHERE name = :name AND {_LIVE}"  # noqa: S608 - a constant
_SEAT = """
    INSERT INTO seats (name, worker, taken) VALUES (:name, :me, max(0, :change))
    ON CONFLICT (name, worker) DO UPDATE SET taken = max(0, taken + :change)
"""
_STANDING = f"""
    SELECT ifnull((SELECT spent_nano FROM spent WHERE budget = :budget AND since = :since), 0),
        (SELECT ifnull(sum(amount_nano), 0) FROM holds
            WHERE budget = :budget AND since = :since AND request_id <> :request AND {_LIVE})
"""  # noqa: S608 - a constant
_HOLD = "INSERT INTO holds (budget, since, request_id, amount_nano, worker) VALUES (?, ?, ?, ?, ?)"
_LET_GO = "DELETE FROM holds WHERE request_id = ?"

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


def spent(path: str) -> dict[tuple[str, int], int]:
    """Read what was spent until now: nano-dollars by budget and beginning of its period, the oldest first; blocks.

    Raises:
        StorageError: the database cannot be used.
    """
    with closing(open_database(path)) as connection, explained(path):
        rows = connection.execute("SELECT budget, since, spent_nano FROM spent ORDER BY since")
        return {(budget, since): nano for budget, since, nano in rows}


class _Owed:
    """What is yet to be written: by how much seats change, and units that are given back."""

    __slots__ = ("seats", "units")

    def __init__(self) -> None:
        self.seats: Counter[str] = Counter()
        self.units: list[dict[str, str | int]] = []

    def __bool__(self) -> bool:
        return bool(self.seats or self.units)

    def pay(self, connection: sqlite3.Connection, me: str) -> None:
        """Write it, inside a transaction."""
        for name, change in self.seats.items():
            connection.execute(_SEAT, {"name": name, "me": me, "change": change})
        connection.executemany(_GIVE, self.units)


class SharedInSqlite:
    """All that is shared, in a file. It is made, used and closed in one thread, that of an event loop."""

    def __init__(
        self,
        path: str,
        worker: str,
        *,
        flush: Callable[[], object],
        connect: Callable[[str], sqlite3.Connection] = open_database,
        patience: float = BUSY_SECONDS,
    ) -> None:
        """Open the database; blocks.

        Args:
            path: the database.
            worker: this worker's name, which no other had before.
            flush: lets the ledger write all that it was told until now; blocks, and is called in a thread.
            connect: opens the database with its schema.
            patience: seconds after which an operation gives up while others write.

        Raises:
            StorageError: it cannot be opened.
        """
        self._path = path
        self._me = worker
        self._flush = flush
        self._patience = patience
        self._flushing = asyncio.Lock()
        self._unflushed = False
        self._turn = asyncio.Lock()
        self._owed = _Owed()
        self._timer: asyncio.TimerHandle | None = None
        self._connection = connect(path)
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")

    def close(self) -> None:
        """Write what is owed, and let go of the database; may block a little."""
        if self._timer is not None:
            self._timer.cancel()
        self._connection.execute("PRAGMA busy_timeout = 1000")
        with suppress(sqlite3.Error):  # what a worker has counts no more once it is gone
            self._at_once(_nothing)
        self._connection.close()

    async def take(self, asked: Sequence[tuple[Bucket, int]], now: float) -> tuple[Taken, ...]:
        """Take units of each bucket, or of none.

        Raises:
            StorageError: the database cannot be used.
        """
        return await self._do(partial(_take, asked, gcra.nanos(now)))

    def give(self, bucket: Bucket, units: int, now: float) -> None:
        """Give units back; fewer than zero charges."""
        worth = gcra.worth(bucket, -units)
        self._owed.units.append({"name": bucket.name, "now": gcra.nanos(now), "worth": worth})
        self._pay_later()

    async def enter(self, seats: Sequence[Seat], now: float) -> Seat | None:
        """Sit down in each, or in none.

        Raises:
            StorageError: the database cannot be used.
        """
        return await self._do(partial(_enter, seats, self._who(now)))

    def leave(self, seats: Sequence[Seat]) -> None:
        """Stand up."""
        for seat in seats:
            self._owed.seats[seat.name] -= 1
        self._pay_later()

    async def hold(self, request_id: str, purses: Sequence[Purse], amount: int, now: float) -> Held:
        """Set an amount aside in each purse, or in none.

        Raises:
            StorageError: the database cannot be used.
        """
        work = partial(_hold, {**self._who(now), "request": request_id}, purses, amount)
        held = await self._do(work)
        if held.short and await self._caught_up():
            held = await self._do(work)
        return held

    def settle(self, request_id: str, purses: Sequence[Purse], cost: int) -> None:
        """Note that the ledger has something to count: it ends the hold, and adds the cost."""
        self._unflushed = True

    async def standing(self, purse: Purse, now: float) -> Standing:
        """Say how a purse stands.

        Raises:
            StorageError: the database cannot be used.
        """
        with explained(self._path):
            return _standing(self._connection, {**self._who(now), "request": ""}, purse)

    def _who(self, now: float) -> dict[str, str | int]:
        """Say who asks, and when, in the words of the statements."""
        return {"me": self._me, "now": int(now * 1e6)}

    async def _caught_up(self) -> bool:
        """Let the ledger count what ended here; False where there was nothing."""
        if not self._unflushed and not self._flushing.locked():
            return False
        async with self._flushing:
            if self._unflushed:
                self._unflushed = False
                await asyncio.to_thread(self._flush)
        return True

    async def _do(self, work: Work[Result]) -> Result:
        """Carry out an operation as soon as nobody else writes."""
        with explained(self._path):
            if not self._turn.locked():
                try:
                    return self._at_once(work)
                except sqlite3.Error as error:
                    if not _is_busy(error):
                        raise
            give_up = time.monotonic() + self._patience
            async with self._turn:
                while True:
                    try:
                        return self._at_once(work)
                    except sqlite3.Error as error:
                        if not _is_busy(error) or time.monotonic() > give_up:
                            raise
                    await asyncio.sleep(PAUSE)

    def _at_once(self, work: Work[Result]) -> Result:
        """Carry out an operation now, and what is owed with it.

        Raises:
            sqlite3.Error: neither was done.
        """
        owed = self._owed
        with transaction(self._connection):
            if owed:
                owed.pay(self._connection, self._me)
            result = work(self._connection)
        if owed:
            self._owed = _Owed()
        return result

    def _pay_later(self) -> None:
        """See to it that what is owed is written even if nothing else is."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._pay)

    def _pay(self) -> None:
        """Write what is owed; it is tried again where that fails."""
        self._timer = None
        if self._owed:
            try:
                self._at_once(_nothing)
            except sqlite3.Error:
                self._pay_later()


def _is_busy(error: sqlite3.Error) -> bool:
    """Say whether somebody else writes; an error of the driver itself has no code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _nothing(_: sqlite3.Connection) -> None:
    """Do nothing beside what is owed."""


def _take(asked: Sequence[tuple[Bucket, int]], now: int, connection: sqlite3.Connection) -> tuple[Taken, ...]:
    known = [(connection.execute(_FULL_AT, (bucket.name,)).fetchone() or (0,))[0] for bucket, _ in asked]
    waits = [gcra.wait(bucket, full_at, units, now) for (bucket, units), full_at in zip(asked, known, strict=True)]
    if not any(waits):
        known = [gcra.after(bucket, full_at, units, now) for (bucket, units), full_at in zip(asked, known, strict=True)]
        rows = [(bucket.name, full_at) for (bucket, _), full_at in zip(asked, known, strict=True)]
        connection.executemany(_FILL, rows)
    return tuple(
        gcra.stands(bucket, full_at, now, wait) for (bucket, _), full_at, wait in zip(asked, known, waits, strict=True)
    )


def _enter(seats: Sequence[Seat], who: dict[str, str | int], connection: sqlite3.Connection) -> Seat | None:
    for seat in seats:
        (seated,) = connection.execute(_SEATED, {**who, "name": seat.name}).fetchone()
        if seated >= seat.limit:
            return seat
    connection.executemany(_SEAT, [{"name": seat.name, "me": who["me"], "change": 1} for seat in seats])
    return None


def _standing(connection: sqlite3.Connection, who: dict[str, str | int], purse: Purse) -> Standing:
    where = {**who, "budget": purse.budget, "since": purse.since}
    return Standing(*connection.execute(_STANDING, where).fetchone())


def _hold(who: dict[str, str | int], purses: Sequence[Purse], amount: int, connection: sqlite3.Connection) -> Held:
    standings = tuple(_standing(connection, who, purse) for purse in purses)
    short = tuple(
        purse
        for purse, stands in zip(purses, standings, strict=True)
        if purse.limit is not None and stands.spent + stands.held + amount > purse.limit
    )
    if not short:
        connection.execute(_LET_GO, (who["request"],))
        rows = [(purse.budget, purse.since, who["request"], amount, who["me"]) for purse in purses]
        connection.executemany(_HOLD, rows)
    return Held(standings, short)
