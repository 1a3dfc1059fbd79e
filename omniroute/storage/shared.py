"""What the workers of one machine share: rates, seats and money behind ``limits.port``, on their board.

Invariants:

1. Each operation has the board's lock from its beginning to its end, so it happens at once or not at all, whichever
   process asks. Only what ends something, ``leave`` and ``settle``, does without, in this worker's own cells.
2. The event loop never waits for the lock: where another has it, the operation is tried again a moment later, one after
   the other in the order of asking.
3. An operation whose caller is cancelled while it waits was never done.
4. A worker's seats and holds count until it lets go of them, or dies; the kernel knows at once (``board``).
5. What others need not know at once is done before this worker's next operation, and within about ``PERIOD`` seconds
   without one.
6. What a purse has spent and what is held of it are together never less than what was spent according to the database,
   and never more than that, the holds, and the costs on their way to the ledger: a cost stays in the cell of its worker
   from ``settle`` until that worker heard that its row is on the disk, and moves over then. It is let go of where the
   database cannot hold the row, as that is what the next process will know; and stays where the row was lost otherwise.
7. SQLite is read once for each purse that is new to the board, or of which a worker died, and never else.

A request that held nothing and has a cost finds its purses like an operation: what is zero may have been dropped.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from omniroute.errors import StorageError
from omniroute.limits import gcra
from omniroute.limits.port import Bucket, Held, Purse, Seat, Standing, Taken
from omniroute.storage.board import BASE, FULL_AT, SPENT, UNREAD, Board, locked
from omniroute.storage.db import BUSY_SECONDS, closing_on_error, explained
from omniroute.storage.migrations import open_database
from omniroute.storage.rows import Counted

PERIOD = 0.05
"""Seconds after which what is owed is done, or tried again, where nothing else is done before."""

PAUSE = 0.0005
"""Seconds between two attempts while another has the lock, who may have been suspended by the system."""

LAST = 2**63 - 1
"""The latest time that the board can hold."""

MOST = 10**15
"""Nano-dollars (a million dollars) that a cost counts as at most on its way to the ledger: a cell holds thousands."""

_SPENT = "SELECT spent_nano FROM spent WHERE budget = ? AND since = ?"


def spent(path: str) -> dict[tuple[str, int], int]:
    """Read what was spent until now: nano-dollars by budget and beginning of its period, the oldest first; blocks.

    Raises:
        StorageError: the database cannot be used.
    """
    with closing(open_database(path)) as connection, explained(path):
        rows = connection.execute("SELECT budget, since, spent_nano FROM spent ORDER BY since")
        return {(budget, since): nano for budget, since, nano in rows}


def board_of(path: str) -> str:
    """Give the folder of the board that belongs to a database, whichever link leads to that."""
    return f"{os.path.realpath(path)}-workers"


class SharedByWorkers:
    """All that is shared, on a board. It is made, used and closed in one thread, that of an event loop."""

    def __init__(self, path: str, *, patience: float = BUSY_SECONDS) -> None:
        """Open the board of a database; blocks.

        Args:
            path: the database.
            patience: seconds after which an operation gives up while another process has the lock.

        Raises:
            StorageError: it, or the database, cannot be opened.
        """
        self._path = path
        self._patience = patience
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._owed: deque[Callable[[], None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._holds: dict[str, tuple[int, list[int]]] = {}
        self._uncounted: dict[tuple[str, int], int] = {}
        self._connection = open_database(path)
        with closing_on_error(self._connection):
            self._board = Board(board_of(path))

    def close(self) -> None:
        """Leave the board, after the ledger has written its last row, of which ``count`` was told."""
        if self._timer is not None:
            self._timer.cancel()
        self._pay_up()
        self._board.close()
        self._connection.close()

    async def take(self, asked: Sequence[tuple[Bucket, int]], now: float) -> tuple[Taken, ...]:
        """Take units of each bucket, or of none.

        Raises:
            StorageError: the board cannot be used.
        """
        at = gcra.nanos(now)
        if self._waiting or not self._at_once():
            await self._its_turn()
        board = self._board
        try:
            places = board.places([bucket.name for bucket, _ in asked])
            words = board.words
            filled: list[int] = []
            for number, (bucket, units) in enumerate(asked):
                full_at = gcra.after(bucket, words[places[number] + FULL_AT], units, at)
                if units > 0 and full_at - at > bucket.period:
                    return gcra.refused(asked, [words[each + FULL_AT] for each in places], at)
                filled.append(full_at)
            for number, full_at in enumerate(filled):
                words[places[number] + FULL_AT] = full_at
        finally:
            board.unlock()
        return tuple([gcra.stands(bucket, filled[number], at) for number, (bucket, _) in enumerate(asked)])

    def give(self, bucket: Bucket, units: int, now: float) -> None:
        """Give units back; fewer than zero charges."""
        self._owe(partial(self._fill, bucket, units, gcra.nanos(now)))

    async def enter(self, seats: Sequence[Seat], now: float) -> Seat | None:
        """Sit down in each, or in none.

        Raises:
            StorageError: the board cannot be used.
        """
        if self._waiting or not self._at_once():
            await self._its_turn()
        board = self._board
        try:
            places = board.places([seat.name for seat in seats])
            full = self._full(seats, places)
            if full is not None and board.bury(places):
                full = self._full(seats, places)
            if full is None:
                self._change(places, 1)
            return full
        finally:
            board.unlock()

    def leave(self, seats: Sequence[Seat]) -> None:
        """Stand up."""
        known = self._board.known
        for seat in seats:
            # Without the lock: who sits has a cell that is not zero, and so a record that stays where it is.
            place = known.get(seat.name)
            if place is None:
                self._owe(partial(self._stand_up, seat.name))
            else:
                self._change((place,), -1)

    async def hold(self, request_id: str, purses: Sequence[Purse], amount: int, now: float) -> Held:
        """Set an amount aside in each purse, or in none.

        Raises:
            StorageError: the board cannot be used, or the database.
        """
        if self._waiting or not self._at_once():
            await self._its_turn()
        board = self._board
        try:
            places = self._purses(purses)
            held = self._asked(request_id, purses, places, amount)
            if held.short and board.bury(places):
                places = self._purses(purses)
                held = self._asked(request_id, purses, places, amount)
            if not held.short:
                before = self._holds.get(request_id)
                if before is not None:
                    self._change(before[1], -before[0])
                self._change(places, amount)
                self._holds[request_id] = amount, places
            return held
        finally:
            board.unlock()

    def settle(self, request_id: str, purses: Sequence[Purse], cost: int) -> None:
        """Let go of a hold, and keep its cost until the ledger has counted it."""
        held = self._holds.pop(request_id, None)
        if held is None:
            return
        amount, places = held
        cost = min(cost, MOST)
        if amount:  # without the lock: the record of what is held stays where it is
            self._change(places, cost - amount)
            self._note_cost(purses, cost)
        elif cost:
            self._owe(partial(self._spend, purses, cost))
            self._pay_up()

    def count(self, counted: Sequence[Counted]) -> None:
        """Hear of costs that the ledger has brought to the disk."""
        for each in counted:
            self._owe(partial(self._count, each))

    async def standing(self, purse: Purse, now: float) -> Standing:
        """Say how a purse stands.

        Raises:
            StorageError: the board cannot be used, or the database.
        """
        if self._waiting or not self._at_once():
            await self._its_turn()
        try:
            (place,) = places = self._purses((purse,))
            if self._board.bury(places):
                self._purses((purse,))
            return Standing(self._board.words[place + SPENT], self._board.total(place))
        finally:
            self._board.unlock()

    # The lock.

    def _at_once(self) -> bool:
        """Take the lock, and do what is owed; False where another has it."""
        if not self._board.lock():
            return False
        if self._owed:
            self._pay()
        return True

    async def _its_turn(self) -> None:
        """Take the lock after all who have asked before."""
        give_up = time.monotonic() + self._patience
        self._waiting += 1
        try:
            async with self._turn:
                while not self._at_once():
                    if time.monotonic() > give_up:
                        raise StorageError(locked(board_of(self._path)))
                    await asyncio.sleep(PAUSE)
        finally:
            self._waiting -= 1

    def _owe(self, work: Callable[[], None]) -> None:
        """Have something done under the lock, before anything else."""
        self._owed.append(work)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._late)

    def _late(self) -> None:
        """Do what is still owed, or try again later."""
        self._timer = None
        if self._owed and not self._pay_up():
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self._late)

    def _pay_up(self) -> bool:
        """Do what is owed, if that can be done now."""
        try:
            if self._waiting or not self._at_once():
                return False
        except StorageError:
            return False
        self._board.unlock()
        return True

    def _pay(self) -> None:
        """Do what is owed; the lock is given back where that fails."""
        try:
            while self._owed:
                self._owed[0]()
                self._owed.popleft()
        except BaseException:
            self._board.unlock()
            raise

    # What is done under the lock.

    def _full(self, seats: Sequence[Seat], places: Sequence[int]) -> Seat | None:
        """Give the first that is full."""
        for number, seat in enumerate(seats):
            if self._board.total(places[number]) >= seat.limit:
                return seat
        return None

    def _purses(self, purses: Sequence[Purse]) -> list[int]:
        """Find purses of which the board knows what was spent, or learns it now."""
        places = self._board.places([(purse.budget, purse.since) for purse in purses])
        words = self._board.words
        for number, place in enumerate(places):
            if words[place + BASE] == UNREAD:
                self._read(purses[number], place)
        return places

    def _read(self, purse: Purse, place: int) -> None:
        """Read what was spent from a purse from the database."""
        with explained(self._path):
            rows = self._connection.execute(_SPENT, (purse.budget, purse.since)).fetchall()
        words = self._board.words
        words[place + SPENT] = rows[0][0] if rows else 0
        words[place + BASE] = words[place + SPENT]

    def _asked(self, request_id: str, purses: Sequence[Purse], places: list[int], amount: int) -> Held:
        """Say how purses stand without what the request holds already, and which of them are short."""
        words, before = self._board.words, self._holds.get(request_id)
        standings: list[Standing] = []
        short: list[Purse] = []
        for number, purse in enumerate(purses):
            place = places[number]
            spent_, held = words[place + SPENT], self._board.total(place)
            if before is not None and place in before[1]:
                held -= before[0]
            standings.append(Standing(spent_, held))
            if purse.limit is not None and spent_ + held + amount > purse.limit:
                short.append(purse)
        return Held(tuple(standings), tuple(short))

    def _change(self, places: Sequence[int], change: int) -> None:
        """Change this worker's cells."""
        words, own = self._board.words, self._board.own
        for place in places:
            words[place + own] += change

    def _fill(self, bucket: Bucket, units: int, at: int) -> None:
        (place,) = self._board.places([bucket.name])
        words = self._board.words
        full_at = gcra.after(bucket, words[place + FULL_AT], -units, at)
        words[place + FULL_AT] = min(max(full_at, 0), LAST)

    def _stand_up(self, name: str) -> None:
        self._change(self._board.places([name]), -1)

    def _spend(self, purses: Sequence[Purse], cost: int) -> None:
        self._change(self._purses(purses), cost)
        self._note_cost(purses, cost)

    def _note_cost(self, purses: Sequence[Purse], cost: int) -> None:
        """Note what is in this worker's cells until the ledger has counted it."""
        uncounted = self._uncounted
        for purse in purses:
            key = (purse.budget, purse.since)
            uncounted[key] = uncounted.get(key, 0) + cost

    def _count(self, counted: Counted) -> None:
        """Move a cost from this worker's cell to what was spent."""
        key = (counted.budget, counted.since)
        (place,) = self._board.places([key])
        words = self._board.words
        # What was spent when it was read may contain this already: sums on the disk only grow.
        if words[place + BASE] != UNREAD and counted.total > words[place + BASE]:
            words[place + SPENT] += counted.cost
        waits = self._uncounted.pop(key, 0)
        if waits > counted.cost:
            self._uncounted[key] = waits - counted.cost
        self._change((place,), -min(waits, counted.cost))
