"""What the contract (``tests/contract/test_shared.py``) does not say: locks, dead workers, what is written later."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.limits.port import Bucket, Purse, Seat, Standing
from omniroute.storage.db import connect
from omniroute.storage.migrations import open_database
from omniroute.storage.shared import SharedInSqlite, spent
from tests.support.waiting import eventually, within

NOW = 1_795_000_000.0
BUCKET, SEAT, PURSE = Bucket("b", 10), Seat("s", 2), Purse("team", 7, 100)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shared.db")


@pytest.fixture
def shared(path: str) -> Iterator[SharedInSqlite]:
    with closing(SharedInSqlite(path, "w1", flush=lambda: None)) as opened:
        yield opened


@pytest.fixture
def other(path: str, shared: SharedInSqlite) -> Iterator[sqlite3.Connection]:
    with closing(connect(path)) as connection:
        yield connection


def alive(connection: sqlite3.Connection, worker: str, until: float) -> None:
    connection.execute("INSERT OR REPLACE INTO workers VALUES (?, 0, ?)", (worker, int(until * 1e6)))


async def test_while_another_writes_the_event_loop_goes_on_and_the_operation_waits(
    shared: SharedInSqlite, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.gather(
        shared.take([(BUCKET, 4)], NOW), shared.enter([SEAT], NOW), shared.hold("r1", [PURSE], 5, NOW)
    )
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not waiting.done()
    other.execute("COMMIT")
    (taken,), full, held = await within(waiting)
    assert (taken.remaining, full, held.short) == (6, None, ())


async def test_an_operation_that_nobody_waits_for_any_more_is_never_done(
    shared: SharedInSqlite, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    operations = [
        asyncio.ensure_future(each)
        for each in (shared.take([(BUCKET, 4)], NOW), shared.enter([SEAT], NOW), shared.hold("r1", [PURSE], 5, NOW))
    ]
    await asyncio.sleep(0.01)
    for each in operations:
        each.cancel()
    ended = await asyncio.gather(*operations, return_exceptions=True)
    assert [type(each) for each in ended] == [asyncio.CancelledError] * 3
    other.execute("COMMIT")
    assert (await shared.take([(BUCKET, 0)], NOW))[0].remaining == 10
    assert await shared.standing(PURSE, NOW) == Standing(0, 0)
    assert [await shared.enter([SEAT], NOW) for _ in range(3)] == [None, None, SEAT]


async def test_what_waits_is_done_in_the_order_of_asking(shared: SharedInSqlite, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    waiting = [asyncio.ensure_future(shared.hold(f"r{number}", [PURSE], 60, NOW)) for number in range(5)]
    await asyncio.sleep(0.01)
    other.execute("COMMIT")
    held = await within(asyncio.gather(*waiting))
    assert [not each.short for each in held] == [True, False, False, False, False]


async def test_who_waits_too_long_is_told_that_the_database_is_locked(path: str) -> None:
    with (
        closing(SharedInSqlite(path, "w1", flush=lambda: None, patience=0.01)) as shared,
        closing(connect(path)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="another process keeps it locked"):
            await within(shared.take([(BUCKET, 4)], NOW))
        other.execute("COMMIT")


async def test_what_was_left_and_given_back_is_written_even_if_nothing_else_is(
    shared: SharedInSqlite, other: sqlite3.Connection
) -> None:
    await shared.enter([SEAT], NOW)
    await shared.take([(BUCKET, 5)], NOW)
    shared.leave([SEAT])
    shared.give(BUCKET, 5, NOW)
    await eventually(lambda: other.execute("SELECT taken FROM seats").fetchone() == (0,))
    assert other.execute("SELECT full_at FROM buckets").fetchone() == (int(NOW * 1e9),)


async def test_what_could_not_be_written_is_owed_still(shared: SharedInSqlite, other: sqlite3.Connection) -> None:
    await shared.enter([SEAT], NOW)
    other.execute("ALTER TABLE seats RENAME TO elsewhere")
    shared.leave([SEAT])
    with pytest.raises(StorageError, match="cannot be used: no such table"):
        await shared.take([(BUCKET, 1)], NOW)
    other.execute("ALTER TABLE elsewhere RENAME TO seats")
    await eventually(lambda: other.execute("SELECT taken FROM seats").fetchone() == (0,))


async def test_what_is_owed_is_tried_again_while_another_writes(
    shared: SharedInSqlite, other: sqlite3.Connection
) -> None:
    await shared.enter([SEAT], NOW)
    other.execute("BEGIN IMMEDIATE")
    shared.leave([SEAT])
    await asyncio.sleep(0.5)  # it is tried meanwhile, in vain
    other.execute("COMMIT")
    await eventually(lambda: other.execute("SELECT taken FROM seats").fetchone() == (0,))


async def test_what_is_owed_when_it_closes_is_written(path: str) -> None:
    with closing(SharedInSqlite(path, "w1", flush=lambda: None)) as shared:
        await shared.enter([SEAT], NOW)
        shared.leave([SEAT])
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT taken FROM seats").fetchone() == (0,)


async def test_seats_and_holds_of_others_count_for_as_long_as_they_live(
    shared: SharedInSqlite, path: str, other: sqlite3.Connection
) -> None:
    with closing(SharedInSqlite(path, "w2", flush=lambda: None)) as second:
        assert await second.enter([SEAT], NOW) is None
        assert await second.enter([SEAT], NOW) is None
        await second.hold("r1", [PURSE], 60, NOW)
        alive(other, "w2", NOW + 5)
        assert await shared.enter([SEAT], NOW) == SEAT
        assert (await shared.hold("r2", [PURSE], 60, NOW)).short
        assert await shared.enter([SEAT], NOW + 6) is None
        assert not (await shared.hold("r2", [PURSE], 60, NOW + 6)).short


async def test_a_worker_believes_in_its_own_life(shared: SharedInSqlite, other: sqlite3.Connection) -> None:
    alive(other, "w1", NOW - 100)
    await shared.hold("r1", [PURSE], 60, NOW)
    assert (await shared.hold("r2", [PURSE], 60, NOW)).short
    assert [await shared.enter([SEAT], NOW) for _ in range(3)] == [None, None, SEAT]


async def test_a_hold_without_room_lets_the_ledger_catch_up_once_for_all_that_wait(path: str) -> None:
    flushed: list[int] = []

    def flush() -> None:
        flushed.append(1)
        with closing(connect(path)) as connection:
            connection.execute("DELETE FROM holds WHERE request_id = 'r1'")

    with closing(SharedInSqlite(path, "w1", flush=flush)) as shared:
        await shared.hold("r1", [PURSE], 60, NOW)
        assert (await shared.hold("r2", [PURSE], 60, NOW)).short
        assert not flushed, "nothing has ended"
        shared.settle("r1", [PURSE], 1)
        both = await within(asyncio.gather(shared.hold("r3", [PURSE], 50, NOW), shared.hold("r4", [PURSE], 50, NOW)))
        assert [each.short for each in both] == [(), ()]
        assert len(flushed) == 1


def test_what_was_spent_is_read_oldest_first(path: str) -> None:
    with closing(open_database(path)) as connection:
        rows = [("team", 200, 5), ("team", 100, 7), ("company", 0, 9)]
        connection.executemany("INSERT INTO spent (budget, since, spent_nano) VALUES (?, ?, ?)", rows)
    assert list(spent(path).items()) == [(("company", 0), 9), (("team", 100), 7), (("team", 200), 5)]
