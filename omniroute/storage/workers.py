"""The lease that each process on a database has: while it is renewed, its open requests are believed to be under way.

Always true: the row of an open request names its worker, and says that it is lost when that worker left, or was not
heard of for ``LEASE`` seconds. A worker that was given up too early, because its machine slept, loses nothing: its next
renewal makes it live again, and a row that it ends is final.
"""

import sqlite3

from omniroute.storage.db import transaction

LEASE = 10.0
"""Seconds for which a worker is believed to live after each renewal."""

RENEWAL = 2.5
"""Seconds between renewals."""

_RENEW = """
    INSERT INTO workers (worker, started, alive_until) VALUES (:worker, :now, :until)
    ON CONFLICT (worker) DO UPDATE SET alive_until = excluded.alive_until
"""
_ANY_DEAD = """
    WITH living AS (SELECT worker FROM workers WHERE alive_until > :now)
    SELECT EXISTS (SELECT 1 FROM workers WHERE alive_until <= :now)
        OR EXISTS (SELECT 1 FROM usage WHERE outcome = 'admitted' AND worker NOT IN living)
"""
_BURY = (
    "DELETE FROM workers WHERE alive_until <= :now",
    "UPDATE usage SET outcome = 'lost' WHERE outcome = 'admitted' AND worker NOT IN (SELECT worker FROM workers)",
)


def renew(connection: sqlite3.Connection, worker: str, now: int) -> None:
    """Say that a worker lives; ``now`` is in Unix microseconds, as everywhere here."""
    connection.execute(_RENEW, {"worker": worker, "now": now, "until": now + round(LEASE * 1e6)})


def bury(connection: sqlite3.Connection, now: int) -> None:
    """Give up the dead: their open requests are lost."""
    # Looked for first without the lock to write, which there is hardly ever a reason to take.
    if connection.execute(_ANY_DEAD, {"now": now}).fetchone() == (1,):
        with transaction(connection):
            for statement in _BURY:
                connection.execute(statement, {"now": now})


def leave(connection: sqlite3.Connection, worker: str, now: int) -> None:
    """End a worker's lease, and give up the requests that it still had open."""
    with transaction(connection):
        connection.execute("DELETE FROM workers WHERE worker = ?", (worker,))
        for statement in _BURY:
            connection.execute(statement, {"now": now})
