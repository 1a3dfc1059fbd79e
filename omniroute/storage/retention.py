"""Forgetting: rows that are older than they are to be kept, and what only they were for.

Always true: no transaction touches more than a batch of rows, so that neither this process's writer nor another's waits
long. What a deleted row had cost moves into ``spent.swept_nano`` in the same transaction: what a budget has spent stays
the sum of the rows that are there and of those that were, and can be proved. Sums of periods are kept for
``SUMS_KEPT``, or until the last of their rows is gone, or, for a period without a beginning, for ever.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator

import msgspec

from omniroute.storage.db import transaction

BATCH = 500
"""Rows of a transaction."""

ANSWERS = 50
"""Kept answers of a transaction: each may be megabytes."""

SUMS_KEPT = 400 * 86_400
"""Seconds; longer than any period but the one that never ends."""

_OLD = "SELECT rowid, at, budgets, cost_nano FROM usage WHERE at < ? AND outcome <> 'admitted' ORDER BY at LIMIT ?"
_SWEPT = """
    INSERT INTO spent (budget, since, spent_nano, swept_nano, swept_until) VALUES (?, ?, 0, ?, ?)
    ON CONFLICT (budget, since) DO UPDATE SET
        swept_nano = swept_nano + excluded.swept_nano, swept_until = max(swept_until, excluded.swept_until)
"""
_OLD_SUMS = "DELETE FROM spent WHERE since > 0 AND since < ? AND spent_nano = swept_nano"
_ANSWERS = "DELETE FROM recordings WHERE key IN (SELECT key FROM recordings WHERE expires < ? LIMIT ?)"
# Numbers grow with time; a few rows that began together may still be of the one before.
_UNUSED = """
    DELETE FROM configurations WHERE first_seen < ? AND config NOT IN (
        SELECT config FROM generations WHERE generation >= (
            SELECT min(
                (SELECT coalesce(max(generation), 0) FROM generations),
                (SELECT coalesce(min(generation), 9223372036854775807)
                 FROM (SELECT generation FROM usage ORDER BY at LIMIT ?))
            )
        )
    )
"""

_BUDGETS = msgspec.json.Decoder(tuple[tuple[str, int], ...])


def sweep(connection: sqlite3.Connection, now: int, retention: float | None) -> Iterator[int]:
    """Delete what is old, step by step: each step is one short transaction, and gives how many rows it deleted.

    Args:
        connection: to be used by nobody else while a step runs.
        now: Unix microseconds.
        retention: for how many seconds usage rows are kept; None for ever.
    """
    while deleted := _delete(connection, _ANSWERS, now, ANSWERS):
        yield deleted
    if retention is None:
        return
    horizon = now - round(retention * 1e6)
    while deleted := _forget(connection, horizon):
        yield deleted
    yield _delete(connection, _OLD_SUMS, now // 1_000_000 - SUMS_KEPT)
    yield _delete(connection, _UNUSED, horizon, BATCH)


def _delete(connection: sqlite3.Connection, statement: str, *bounds: int) -> int:
    with transaction(connection):
        return connection.execute(statement, bounds).rowcount


def _forget(connection: sqlite3.Connection, horizon: int) -> int:
    """Delete the oldest rows, and keep what they cost."""
    with transaction(connection):
        old: list[tuple[int, int, str, int | None]] = connection.execute(_OLD, (horizon, BATCH)).fetchall()
        swept: Counter[tuple[str, int]] = Counter()
        for _, _, budgets, cost in old:
            for purse in _BUDGETS.decode(budgets) if cost else ():
                swept[purse] += cost or 0
        until = old[-1][1] if old else 0
        connection.executemany(_SWEPT, [(*purse, cost, until) for purse, cost in swept.items()])
        connection.executemany("DELETE FROM usage WHERE rowid = ?", [(row[0],) for row in old])
    return len(old)
