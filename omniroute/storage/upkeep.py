"""What the ledger's thread does between batches: it shows what is under way, renews the lease, sweeps.

Always true: ``open`` is filled on the event loop and emptied by the ledger's thread, one entry at a time. All else
belongs to that thread. Where the database refuses, nothing is lost: it is tried again at the next ``tend``, and the
rows that cannot be written either are what is told.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf

from omniroute.storage.retention import sweep
from omniroute.storage.rows import UNSTORABLE, Admission, Key, Rows, Values, lose, show_open
from omniroute.storage.workers import RENEWAL, bury, leave, renew

SHOWN_AFTER = 0.5
"""Seconds between two looks at the requests under way: one that both find gets a row."""

BURIAL = 10.0
"""Seconds between two looks for dead workers."""

SWEEP = 300.0
"""Seconds between two sweeps; a sweep takes a step at each look."""


def unix_micros() -> int:
    """Tell the time: Unix microseconds."""
    return time.time_ns() // 1000


class _Every:
    """Something to be done every so many seconds, and at once the first time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = -inf

    def due(self, now: float) -> bool:
        """Say whether it is time; if so, the next time is counted from now."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class Upkeep:
    """The chores of one worker; ``retention`` is for how many seconds usage rows are kept, None for ever."""

    def __init__(self, worker: str, rows: Rows) -> None:
        """Hold the worker's name, and what makes rows."""
        self.open: dict[Key, Admission] = {}
        self.retention: float | None = None
        self._worker = worker
        self._rows = rows
        self._seen: dict[Key, Admission] = {}
        self._shown: set[Key] = set()
        self._sweeping: Iterator[int] = iter(())
        self._look, self._renewal = _Every(SHOWN_AFTER), _Every(RENEWAL)
        self._burial, self._sweep = _Every(BURIAL), _Every(SWEEP)

    def tend(self, connection: sqlite3.Connection) -> None:
        """Do what is due; never raises for what the database refuses."""
        now = time.monotonic()
        if not self._look.due(now):
            return
        _try(lambda: self._show(connection))
        if self._renewal.due(now):
            _try(lambda: renew(connection, self._worker, unix_micros()))
        if self._burial.due(now):
            _try(lambda: bury(connection, unix_micros()))
        if self._sweep.due(now):
            self._sweeping = sweep(connection, unix_micros(), self.retention)
        _try(lambda: next(self._sweeping, None))

    def leave(self, connection: sqlite3.Connection) -> None:
        """End the lease; what has no final row by now will never have one."""
        _try(lambda: leave(connection, self._worker, unix_micros()))

    def _show(self, connection: sqlite3.Connection) -> None:
        """Give a row to each request that was under way before, and end the rows of those that will not end."""
        now_open = self.open.copy()
        # Of those whose final row was written this changes nothing.
        gone = [key for key in self._shown if key not in now_open]
        if gone:
            lose(connection, gone)
            self._shown.difference_update(gone)
        late = [key for key in now_open if key in self._seen and key not in self._shown]
        if late:
            show_open(connection, self._made([now_open[key] for key in late]))
            self._shown.update(late)
        self._seen = now_open

    def _made(self, events: list[Admission]) -> Iterator[Values]:
        for event in events:
            with suppress(*UNSTORABLE):
                yield self._rows.open(event)


def _try(chore: Callable[[], object]) -> None:
    with suppress(sqlite3.Error):
        chore()
