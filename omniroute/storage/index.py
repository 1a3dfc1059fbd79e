"""Which answers of the exact cache are on disk, so that what is not there costs no statement.

Always true: one thread, that of ``recordings``, changes it; whoever looks a key up in ``known`` is right, or was a
moment ago. When the cache is emptied, the instant is written down in the same transaction, for good: a process that
comes to write after it what was answered before it knows not to.
"""

import sqlite3
from collections.abc import Mapping
from math import inf

from omniroute.storage.db import transaction

SPARE = 0.9
"""What is left of the bounds when they were passed, so that not every write passes them again."""

_CLEAR = "DELETE FROM recordings WHERE kind = 'exact' AND at <= ?"
_CLEARED = "SELECT at FROM recordings WHERE key = 'cleared'"
_NOTE = """
    INSERT INTO recordings (key, kind, fingerprint, scope, model, at, expires, state, worker, answer, size)
    VALUES ('cleared', 'cleared', '', '', '', ?, 9223372036854775807, 'done', '', NULL, 0)
    ON CONFLICT (key) DO UPDATE SET at = max(at, excluded.at)
"""
_ROWS = "SELECT key, size, expires, rowid FROM recordings WHERE kind = 'exact' AND rowid > ?"


class Index:
    """The answers by their keys: the size of each in bytes, and until when it is good in Unix microseconds.

    ``bounds`` are how many may be there, and how many bytes they may be together. What was complete by ``cleared``, in
    Unix microseconds, was deleted.
    """

    def __init__(self) -> None:
        """Know of none, and allow any number."""
        self.known: dict[bytes, tuple[int, int]] = {}
        self.bounds: tuple[float, float] = (inf, inf)
        self.cleared = 0
        self._last_row = 0

    @property
    def too_much(self) -> bool:
        """Whether more is there than may be."""
        most, most_bytes = self.bounds
        return len(self.known) > most or sum(size for size, _ in self.known.values()) > most_bytes

    def add(self, answers: Mapping[bytes, tuple[int, int]]) -> None:
        """Note what was written."""
        self.known.update(answers)

    def learn(self, connection: sqlite3.Connection, *, afresh: bool) -> None:
        """Read what there is: all rows, or those that are new.

        Raises:
            sqlite3.Error: they cannot be read.
        """
        rows = connection.execute(_ROWS, (0 if afresh else self._last_row,)).fetchall()
        found = {bytes.fromhex(key): (size, expires) for key, size, expires, _ in rows}
        self.known = found if afresh else self.known | found
        self._last_row = max((row for *_, row in rows), default=0 if afresh else self._last_row)

    def clear(self, connection: sqlite3.Connection, until: int) -> int:
        """Delete what was complete by an instant, for all processes; gives how many there were.

        Raises:
            sqlite3.Error: nothing was deleted.
        """
        with transaction(connection):
            connection.execute(_NOTE, (until,))
            deleted = connection.execute(_CLEAR, (until,)).rowcount
        self.cleared = max(self.cleared, until)
        self.learn(connection, afresh=True)
        return deleted

    def emptied(self, connection: sqlite3.Connection) -> bool:
        """See whether another process has deleted answers since this one looked.

        Raises:
            sqlite3.Error: that cannot be read.
        """
        found = connection.execute(_CLEARED).fetchone()
        if found is None or found[0] <= self.cleared:
            return False
        self.learn(connection, afresh=True)
        self.cleared = found[0]
        return True

    def trim(self, connection: sqlite3.Connection) -> None:
        """Delete answers, those first that would be out of date first, until there is some room.

        Raises:
            sqlite3.Error: they cannot be deleted.
        """
        if not self.too_much:
            return
        most, most_bytes = (bound * SPARE for bound in self.bounds)
        oldest_first = sorted(self.known.items(), key=lambda each: each[1][1])
        left, size = len(oldest_first), sum(each[1][0] for each in oldest_first)
        gone: list[bytes] = []
        for key, (each, _) in oldest_first:
            if left <= most and size <= most_bytes:
                break
            gone.append(key)
            left, size = left - 1, size - each
        with transaction(connection):
            connection.executemany("DELETE FROM recordings WHERE key = ?", [(key.hex(),) for key in gone])
        for key in gone:
            del self.known[key]


def micros(seconds: float) -> int:
    """Give Unix microseconds, as they are written down."""
    return round(seconds * 1e6)
