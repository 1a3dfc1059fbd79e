"""Whether the sums of the ledger hold: proved from the rows themselves, for ``omniroute usage verify``.

Always true: the database is opened for reading only, and everything is seen as it was at one moment, so that a gateway
may go on writing. What a budget has spent must be the sum of its rows, and of those deleted for their age, of which
only the sum is left (``retention``): that part is believed, and reported as such.
"""

import sqlite3
from collections.abc import Iterator

import msgspec

from omniroute.storage.report import reading
from omniroute.storage.upkeep import BURIAL

SHOWN = 20
"""Findings of one kind that are told; the rest is counted."""


class Finding(msgspec.Struct, frozen=True):
    """Something that does not hold: what kind of thing, where, and what is there instead."""

    rule: str
    where: str
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """What was looked at, and what does not hold.

    ``purses`` counts budgets, each in each of its periods. ``swept_nano`` is the part of what they spent whose rows are
    gone; ``lost`` counts requests whose process died, which may have cost something that nobody knows.
    """

    requests: int
    purses: int
    swept_nano: int
    lost: int
    findings: tuple[Finding, ...]


_SPENT = """
    WITH paid AS (
        SELECT
            json_extract(each.value, '$[0]') AS budget,
            json_extract(each.value, '$[1]') AS since,
            sum(ifnull(cost_nano, 0)) AS nano
        FROM usage, json_each(usage.budgets) AS each
        WHERE usage.budgets <> '[]' AND outcome <> 'admitted'
        GROUP BY 1, 2
    ), purse AS (
        SELECT budget, since FROM spent UNION SELECT budget, since FROM paid
    )
    SELECT
        purse.budget || ', period from ' || datetime(purse.since, 'unixepoch') AS "where",
        'spent ' || ifnull(spent_nano, 0) || ', but its rows cost ' || ifnull(nano, 0) || ' and deleted ones '
            || ifnull(swept_nano, 0) || ' nano-dollars' AS what
    FROM purse
        LEFT JOIN spent ON spent.budget = purse.budget AND spent.since = purse.since
        LEFT JOIN paid ON paid.budget = purse.budget AND paid.since = purse.since
    WHERE ifnull(spent_nano, 0) <> ifnull(nano, 0) + ifnull(swept_nano, 0)
    ORDER BY 1
"""

# literal table: what must hold, and the query that finds where it does not
RULES = {
    "what budgets spent is the sum of their rows": _SPENT,
    "no sum is negative": """
        SELECT budget || ', period from ' || datetime(since, 'unixepoch') AS "where",
            'spent ' || spent_nano || ' nano-dollars, ' || swept_nano || ' of them by deleted rows' AS what
        FROM spent WHERE spent_nano < 0 OR swept_nano < 0
    """,
    "no cost, no count of tokens and no duration is negative": """
        SELECT request_id AS "where", 'cost ' || ifnull(cost_nano, '?') || ', took ' || micros AS what
        FROM usage
        WHERE min(
            ifnull(cost_nano, 0), ifnull(reserved_nano, 0), micros, ifnull(first_token_micros, 0),
            ifnull(input_tokens, 0), ifnull(output_tokens, 0), ifnull(reasoning_tokens, 0),
            ifnull(cache_read_tokens, 0), ifnull(cache_write_tokens, 0), ifnull(cache_write_1h_tokens, 0),
            ifnull(audio_in_tokens, 0), ifnull(audio_out_tokens, 0)
        ) < 0
        ORDER BY at
    """,
    "no request is billed twice": """
        SELECT again.request_id AS "where", 'is the request ' || usage.request_id AS what
        FROM usage JOIN usage AS again ON again.request_id = usage.request_id || '~' || usage.at
        WHERE again.at = usage.at
        ORDER BY usage.at
    """,
    "a request under way belongs to a worker that lives": """
        SELECT request_id AS "where", 'its worker ' || worker || ' is gone; a gateway that runs will note it' AS what
        FROM usage
        WHERE outcome = 'admitted' AND worker NOT IN (SELECT worker FROM workers WHERE alive_until > :dead)
        ORDER BY at
    """,
    "the file is whole": """
        SELECT 'the database' AS "where", quick_check AS what FROM pragma_quick_check WHERE quick_check <> 'ok'
    """,
}

_COUNTS = """
    SELECT
        (SELECT count(*) FROM usage) AS requests,
        (SELECT count(*) FROM spent) AS purses,
        (SELECT ifnull(sum(swept_nano), 0) FROM spent) AS swept_nano,
        (SELECT count(*) FROM usage WHERE outcome = 'lost') AS lost
"""


def verify(path: str, now: int) -> Verdict:
    """Look at everything; ``now`` is in Unix microseconds.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with reading(path) as connection:
        connection.execute("BEGIN")
        counts = dict(connection.execute(_COUNTS).fetchone())
        # A dead worker is noticed by others at their next look.
        dead = now - round(BURIAL * 1e6)
        findings = tuple(each for rule in RULES for each in _broken(connection, rule, dead))
        return Verdict(**counts, findings=findings)


def _broken(connection: sqlite3.Connection, rule: str, dead: int) -> Iterator[Finding]:
    """Find where a rule does not hold."""
    found = connection.execute(RULES[rule], {"dead": dead}).fetchall()
    for row in found[:SHOWN]:
        yield Finding(rule, row["where"], row["what"])
    if len(found) > SHOWN:
        yield Finding(rule, "elsewhere", f"{len(found) - SHOWN:,} more of these")
