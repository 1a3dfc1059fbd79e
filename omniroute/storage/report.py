"""What the ledger says, for ``omniroute usage``.

Always true: the database is opened for reading only. An unknown cost is never summed as zero in silence: a request
that was answered without its cost being known is counted as unpriced, and where nothing else is known the sum is
None, as are sums of tokens. A request that no upstream answered costs nothing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import msgspec

from omniroute.storage.db import connect_reading, explained
from omniroute.storage.migrations import require_current


class By(StrEnum):
    """What requests can be grouped by; a day is one of UTC."""

    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"
    TARGET = "target"
    DAY = "day"
    OUTCOME = "outcome"
    CONFIG = "config"


class Summary(msgspec.Struct, frozen=True):
    """The requests of one group.

    ``group`` is empty where there was nothing to group by: a caller without a key, a request that was not answered.
    ``failed`` counts those that were refused, failed or cut; a client that left is no failure. ``reasoning_tokens``
    are a part of ``output_tokens``. ``unpriced`` counts the answers whose cost is unknown, and ``cost_nano`` is
    without them.
    """

    group: str
    requests: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    reasoning_tokens: int | None
    cost_nano: int | None
    unpriced: int


class PastAttempt(msgspec.Struct, frozen=True):
    """One attempt of a request; ``failure`` is None for the one that answered."""

    target: str
    credential: str
    micros: int
    failure: str | None = None
    status: int | None = None
    detail: str = ""


class PastRequest(msgspec.Struct, frozen=True):
    """One row of the ledger; the fields are those of the event that it was made from."""

    request_id: str
    at: int
    format: str
    asked: str
    key: str
    stream: bool
    status: int
    outcome: str
    code: str
    provider: str
    model: str
    target: str
    credential: str
    upstream_format: str | None
    losses: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_nano: int | None
    micros: int
    first_token_micros: int | None
    attempts: tuple[PastAttempt, ...]
    generation: int
    config: str


class PastConfiguration(msgspec.Struct, frozen=True):
    """A configuration that was in force since ``at``; its files as they were when it was so for the first time.

    ``files`` are names and texts, None where a text was not kept; none at all where nothing was.
    """

    config: str
    at: int
    first_seen: int | None
    files: tuple[tuple[str, str | None], ...]


_SUMMARY = """
    SELECT
        CASE :by
            WHEN 'key' THEN key
            WHEN 'model' THEN model
            WHEN 'provider' THEN provider
            WHEN 'target' THEN target
            WHEN 'day' THEN date(at / 1000000, 'unixepoch')
            WHEN 'outcome' THEN outcome
            WHEN 'config' THEN config
        END AS "group",
        count(*) AS requests,
        count(*) FILTER (WHERE outcome NOT IN ('ok', 'cancelled')) AS failed,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum(cache_read_tokens) AS cache_read_tokens,
        sum(reasoning_tokens) AS reasoning_tokens,
        CASE WHEN count(cost_nano) > 0 OR max(target <> '') = 0 THEN coalesce(sum(cost_nano), 0) END AS cost_nano,
        count(*) FILTER (WHERE cost_nano IS NULL AND target <> '') AS unpriced
    FROM usage
    WHERE at >= :since AND at < :until
    GROUP BY 1
    ORDER BY 1
"""

_REQUESTS = """
    SELECT
        request_id, at, format, asked, key, stream, status, outcome, code, provider, model, target, credential,
        upstream_format, losses,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
        micros, first_token_micros, attempts, generation, config
    FROM usage
"""
_RECENT = f"{_REQUESTS} ORDER BY at DESC, request_id DESC LIMIT ?"
_ONE = f"{_REQUESTS} WHERE request_id = ?"

_IN_FORCE = """
    SELECT config, generations.at, first_seen, files
    FROM generations LEFT JOIN configurations USING (config)
    WHERE generation = ?
"""


def summary(path: str, since_us: int, until_us: int, by: By) -> tuple[Summary, ...]:
    """Sum up the requests that began in a stretch of time.

    Args:
        path: the database.
        since_us: the first instant, in Unix microseconds.
        until_us: the first instant after it.
        by: what to group by; the groups come in the order of their names.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with _reading(path) as connection:
        rows = connection.execute(_SUMMARY, {"by": by.value, "since": since_us, "until": until_us})
        return tuple(msgspec.convert(dict(row), Summary) for row in rows)


def recent(path: str, limit: int) -> tuple[PastRequest, ...]:
    """Give the requests that began last, the newest first, ``limit`` of them at most.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with _reading(path) as connection:
        return tuple(_past(row) for row in connection.execute(_RECENT, (limit,)))


def past(path: str, request_id: str) -> tuple[PastRequest, PastConfiguration | None] | None:
    """Give one request, and the configuration that it was answered by; None where there is no such request.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with _reading(path) as connection:
        row = connection.execute(_ONE, (request_id,)).fetchone()
        if row is None:
            return None
        found = _past(row)
        kept = connection.execute(_IN_FORCE, (found.generation,)).fetchone()
    # Where a database was begun anew while the gateway ran, numbers mean others: the name must be the same.
    if kept is None or not kept["config"].startswith(found.config):
        return found, None
    return found, PastConfiguration(
        config=kept["config"],
        at=kept["at"],
        first_seen=kept["first_seen"],
        files=msgspec.json.decode(kept["files"] or "[]", type=tuple[tuple[str, str | None], ...]),
    )


def _past(row: sqlite3.Row) -> PastRequest:
    fields = {**row, "attempts": msgspec.json.decode(row["attempts"])}
    # Not strict: SQLite has no type for yes and no.
    return msgspec.convert(fields, PastRequest, strict=False)


@contextmanager
def _reading(path: str) -> Iterator[sqlite3.Connection]:
    connection = connect_reading(path)
    connection.row_factory = sqlite3.Row
    try:
        with explained(path):
            require_current(connection, path)
            yield connection
    finally:
        connection.close()
