"""What the ledger says, for ``omniroute usage`` and ``omniroute prices``.

Always true: the database is opened for reading only. An unknown cost is never summed as zero in silence: a request
that was answered without its cost being known is counted as unpriced, and where nothing else is known the sum is
None, as are sums of tokens. A request that no upstream answered costs nothing; what one costs that is still under way,
or whose process died, is unknown.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import cache

import msgspec

from omniroute.ir.usage import Usage
from omniroute.storage.db import connect_reading, explained
from omniroute.storage.migrations import require_current


class By(StrEnum):
    """What requests can be grouped by; one with several tags belongs to the group of each."""

    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"
    TARGET = "target"
    DAY = "day"
    HOUR = "hour"
    TAG = "tag"
    SESSION = "session"
    OUTCOME = "outcome"
    CONFIG = "config"


class Filter(msgspec.Struct, frozen=True):
    """Which requests are meant: those that began from ``since`` until before ``until``, in Unix microseconds.

    Of the rest, each is the value that a request must have, and None is any.
    """

    since: int = 0
    until: int = 2**62
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    outcome: str | None = None
    tag: str | None = None


ALL = Filter()


class Summary(msgspec.Struct, frozen=True):
    """The requests of one group.

    ``group`` is empty where there was nothing to group by: a caller without a key, a request that was not answered.
    ``failed`` counts those that were refused, failed, cut or lost; a client that left is no failure.
    ``cache_write_tokens`` are those of every lifetime. ``reasoning_tokens``
    are a part of ``output_tokens``. ``unpriced`` counts the answers whose cost is unknown, and ``cost_nano`` is
    without them.
    """

    group: str
    requests: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_nano: int | None
    unpriced: int


class Consumed(msgspec.Struct, frozen=True):
    """What so many ``requests`` to one model had in common: the tokens that each of them used."""

    provider: str
    model: str
    requests: int
    usage: Usage


class PastAttempt(msgspec.Struct, frozen=True):
    """One attempt of a request; ``failure`` is None for the one that answered."""

    target: str
    credential: str
    micros: int
    failure: str | None = None
    status: int | None = None
    detail: str = ""


class PastRequest(msgspec.Struct, frozen=True):
    """One row of the ledger; the fields are those of the event that it was made from, but for the last two.

    ``outcome`` is ``admitted`` while the request is under way, and ``lost`` where its process died; both have status 0.
    ``reserved_nano`` is what was set aside for it, where that is known.
    """

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
    cache_write_1h_tokens: int | None
    audio_in_tokens: int | None
    audio_out_tokens: int | None
    estimated: bool
    cache: str
    session: str
    tags: tuple[str, ...]
    budgets: tuple[tuple[str, int], ...]
    reserved_nano: int | None
    worker: str


class PastConfiguration(msgspec.Struct, frozen=True):
    """A configuration that was in force since ``at``; its files as they were when it was so for the first time.

    ``files`` are names and texts, None where a text was not kept; none at all where nothing was.
    """

    config: str
    at: int
    first_seen: int | None
    files: tuple[tuple[str, str | None], ...]


_MEANT = """
    WHERE at >= :since AND at < :until
        AND (:key IS NULL OR usage.key = :key)
        AND (:model IS NULL OR model = :model)
        AND (:provider IS NULL OR provider = :provider)
        AND (:outcome IS NULL OR outcome = :outcome)
        AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) AS each WHERE each.value = :tag))
"""
_GROUPED = """
    SELECT
        CASE :by
            WHEN 'key' THEN usage.key
            WHEN 'model' THEN model
            WHEN 'provider' THEN provider
            WHEN 'target' THEN target
            WHEN 'day' THEN substr(moment(at), 1, 10)
            WHEN 'hour' THEN moment(at)
            WHEN 'tag' THEN coalesce(tag.value, '')
            WHEN 'session' THEN session
            WHEN 'outcome' THEN outcome
            WHEN 'config' THEN config
        END AS "group",
        count(*) AS requests,
        count(*) FILTER (WHERE outcome NOT IN ('ok', 'cancelled', 'admitted')) AS failed,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum(cache_read_tokens) AS cache_read_tokens,
        sum(cache_write_tokens + ifnull(cache_write_1h_tokens, 0)) AS cache_write_tokens,
        sum(reasoning_tokens) AS reasoning_tokens,
        CASE
            WHEN count(cost_nano) > 0 OR max(target <> '' OR outcome IN ('admitted', 'lost')) = 0
            THEN coalesce(sum(cost_nano), 0)
        END AS cost_nano,
        count(*) FILTER (
            WHERE cost_nano IS NULL AND (target <> '' OR outcome IN ('admitted', 'lost'))
        ) AS unpriced
    FROM usage LEFT JOIN json_each(CASE WHEN :by = 'tag' THEN tags ELSE '[]' END) AS tag
"""
_SUMMARY = _GROUPED + _MEANT + "GROUP BY 1 ORDER BY 1"

_REQUESTS = """
    SELECT
        request_id, at, format, asked, key, stream, status, outcome, code, provider, model, target, credential,
        upstream_format, losses,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano,
        micros, first_token_micros, attempts, generation, config,
        cache_write_1h_tokens, audio_in_tokens, audio_out_tokens, estimated, cache, session, tags, budgets,
        reserved_nano, worker
    FROM usage
"""
_RECENT = _REQUESTS + _MEANT + "ORDER BY at DESC, request_id DESC LIMIT :limit"
_ONE = f"{_REQUESTS} WHERE request_id = ?"


_QUARTER = 900_000_000
"""Microseconds of a quarter of an hour, of which every zone's distance from UTC is a multiple nowadays."""

_CONSUMED = """
    SELECT
        provider, model, count(*),
        input_tokens, coalesce(output_tokens, 0), coalesce(cache_read_tokens, 0), coalesce(cache_write_tokens, 0),
        coalesce(reasoning_tokens, 0), coalesce(cache_write_1h_tokens, 0), coalesce(audio_in_tokens, 0),
        coalesce(audio_out_tokens, 0)
    FROM usage
    WHERE at >= ? AND at < ? AND input_tokens IS NOT NULL
    GROUP BY 1, 2, 4, 5, 6, 7, 8, 9, 10, 11
    ORDER BY 1, 2
"""

_IN_FORCE = """
    SELECT config, generations.at, first_seen, files
    FROM generations LEFT JOIN configurations USING (config)
    WHERE generation = ?
"""


def summary(path: str, meant: Filter, by: By, zone: tzinfo) -> tuple[Summary, ...]:
    """Sum up requests.

    Args:
        path: the database.
        meant: which requests.
        by: what to group by; the groups come in the order of their names.
        zone: the time zone of days and hours.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with reading(path) as connection:
        connection.create_function("moment", 1, _moments(zone), deterministic=True)
        rows = connection.execute(_SUMMARY, {"by": by.value, **msgspec.structs.asdict(meant)})
        return tuple(msgspec.convert(dict(row), Summary) for row in rows)


def consumed(path: str, since_us: int, until_us: int) -> Iterator[Consumed]:
    """Give the tokens of the requests that began in a stretch of time, one by one as they are billed.

    Args:
        path: the database.
        since_us: the first instant, in Unix microseconds.
        until_us: the first instant after it.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with reading(path) as connection:
        for provider, model, requests, *tokens in connection.execute(_CONSUMED, (since_us, until_us)):
            yield Consumed(provider, model, requests, Usage(*tokens))


def recent(path: str, limit: int, meant: Filter = ALL) -> tuple[PastRequest, ...]:
    """Give the requests that began last, the newest first, ``limit`` of them at most.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with reading(path) as connection:
        rows = connection.execute(_RECENT, {"limit": limit, **msgspec.structs.asdict(meant)})
        return tuple(_past(row) for row in rows)


def past(path: str, request_id: str) -> tuple[PastRequest, PastConfiguration | None] | None:
    """Give one request, and the configuration that it was answered by; None where there is no such request.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with reading(path) as connection:
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
    fields = {**row, **{name: msgspec.json.decode(row[name]) for name in ("attempts", "tags", "budgets")}}
    # Not strict: SQLite has no type for yes and no.
    return msgspec.convert(fields, PastRequest, strict=False)


def _moments(zone: tzinfo) -> Callable[[int], str]:
    """Make what names the hour of an instant, like ``2025-11-23 14:00``."""

    @cache
    def named(quarter: int) -> str:
        return datetime.fromtimestamp(quarter * _QUARTER // 1_000_000, zone).strftime("%Y-%m-%d %H:00")

    return lambda at: named(at // _QUARTER)


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database of this version for reading; rows are found by name.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    connection = connect_reading(path)
    connection.row_factory = sqlite3.Row
    try:
        with explained(path):
            require_current(connection, path)
            yield connection
    finally:
        connection.close()
