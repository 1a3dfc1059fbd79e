"""What the contract (``tests/contract/test_shared.py``) does not say: the lock, the dead, and how costs are counted."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.limits.port import Standing
from omniroute.storage.board import Board
from omniroute.storage.db import connect
from omniroute.storage.migrations import open_database
from omniroute.storage.rows import Counted
from omniroute.storage.shared import PERIOD, SharedByWorkers, board_of, spent
from tests.support.boards import taken
from tests.support.sharers import BUCKET, NOW, PURSE, SEAT, sharer
from tests.support.waiting import eventually, within


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shared.db")


@pytest.fixture
def shared(path: str) -> Iterator[SharedByWorkers]:
    with closing(SharedByWorkers(path)) as opened:
        yield opened


@pytest.fixture
def other(path: str, shared: SharedByWorkers) -> Iterator[Board]:
    """Another worker's board."""
    with closing(Board(board_of(path))) as opened:
        yield opened


@pytest.fixture
def second(path: str, shared: SharedByWorkers) -> Iterator[SharedByWorkers]:
    with closing(SharedByWorkers(path)) as opened:
        yield opened


def spend(path: str, total: int) -> None:
    """Write down what was spent, as a ledger does."""
    with closing(connect(path)) as connection:
        connection.execute("INSERT OR REPLACE INTO spent (budget, since, spent_nano) VALUES ('team', 7, ?)", (total,))


# The lock.


async def test_while_another_has_the_lock_the_event_loop_goes_on_and_the_operation_waits(
    shared: SharedByWorkers, other: Board
) -> None:
    assert other.lock()
    waiting = asyncio.gather(
        shared.take([(BUCKET, 4)], NOW), shared.enter([SEAT], NOW), shared.hold("r1", [PURSE], 5, NOW)
    )
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not waiting.done()
    other.unlock()
    (took,), full, held = await within(waiting)
    assert (took.remaining, full, held.short) == (6, None, ())


async def test_an_operation_that_nobody_waits_for_any_more_is_never_done(shared: SharedByWorkers, other: Board) -> None:
    assert other.lock()
    operations = [
        asyncio.ensure_future(each)
        for each in (shared.take([(BUCKET, 4)], NOW), shared.enter([SEAT], NOW), shared.hold("r1", [PURSE], 5, NOW))
    ]
    await asyncio.sleep(0.01)
    for each in operations:
        each.cancel()
    ended = await asyncio.gather(*operations, return_exceptions=True)
    assert [type(each) for each in ended] == [asyncio.CancelledError] * 3
    other.unlock()
    assert (await shared.take([(BUCKET, 0)], NOW))[0].remaining == 10
    assert await shared.standing(PURSE, NOW) == Standing(0, 0)
    assert [await shared.enter([SEAT], NOW) for _ in range(3)] == [None, None, SEAT]


async def test_what_waits_is_done_in_the_order_of_asking(shared: SharedByWorkers, other: Board) -> None:
    assert other.lock()
    waiting = [asyncio.ensure_future(shared.hold(f"r{number}", [PURSE], 60, NOW)) for number in range(5)]
    await asyncio.sleep(0.01)
    other.unlock()
    held = await within(asyncio.gather(*waiting, shared.hold("late", [PURSE], 60, NOW)))
    assert [not each.short for each in held] == [True, False, False, False, False, False]


async def test_who_waits_too_long_is_told_that_a_worker_keeps_the_lock(path: str) -> None:
    with closing(SharedByWorkers(path, patience=0.01)) as shared, closing(Board(board_of(path))) as other:
        assert other.lock()
        with pytest.raises(StorageError, match="kept locked by a worker"):
            await within(shared.take([(BUCKET, 4)], NOW))
        other.unlock()


async def test_what_was_given_back_is_known_to_others_even_if_nothing_else_is_done(
    shared: SharedByWorkers, second: SharedByWorkers, other: Board
) -> None:
    await shared.take([(BUCKET, 10)], NOW)
    shared.give(BUCKET, 4, NOW)
    assert other.lock()
    await asyncio.sleep(3 * PERIOD)  # it is tried meanwhile, in vain
    other.unlock()
    async with asyncio.timeout(10):
        while (await second.take([(BUCKET, 0)], NOW))[0].remaining != 4:
            await asyncio.sleep(0.01)


async def test_who_leaves_is_gone_for_all_at_once_whoever_has_the_lock(
    shared: SharedByWorkers, path: str, other: Board
) -> None:
    await shared.enter([SEAT], NOW)
    await shared.hold("r1", [PURSE], 60, NOW)
    assert taken(path) == 61
    assert other.lock()
    shared.leave([SEAT])
    shared.settle("r1", [PURSE], 2)
    assert taken(path) == 2
    other.unlock()


async def test_a_seat_whose_place_was_forgotten_is_left_all_the_same(shared: SharedByWorkers, path: str) -> None:
    await shared.enter([SEAT], NOW)
    with closing(SharedByWorkers(path)):  # in a column that never was, so that all look anew
        await shared.take([(BUCKET, 1)], NOW)
        shared.leave([SEAT])
        await eventually(lambda: not taken(path))


async def test_no_charge_is_too_large(shared: SharedByWorkers) -> None:
    shared.give(BUCKET, -(10**30), NOW)
    (took,) = await shared.take([(BUCKET, 1)], NOW)
    assert took.remaining == 0
    shared.give(BUCKET, 10**30, NOW)
    assert (await shared.take([(BUCKET, 10)], NOW))[0].retry_after == 0


# What is spent.


async def test_a_cost_counts_for_all_at_once_and_is_spent_when_the_ledger_says_so(
    shared: SharedByWorkers, second: SharedByWorkers
) -> None:
    await shared.hold("r1", [PURSE], 60, NOW)
    await second.hold("r2", [PURSE], 30, NOW)
    shared.settle("r1", [PURSE], 50)
    assert await second.standing(PURSE, NOW) == Standing(0, 80)
    shared.count([Counted("team", 7, 50, 50)])
    await shared.take([(BUCKET, 1)], NOW)
    assert await second.standing(PURSE, NOW) == Standing(50, 30)
    second.settle("r2", [PURSE], 10)
    second.count([Counted("team", 7, 10, 60)])
    assert await second.standing(PURSE, NOW) == Standing(60, 0)


async def test_what_was_read_from_the_database_is_not_counted_again(shared: SharedByWorkers, path: str) -> None:
    await shared.hold("r1", [PURSE], 60, NOW)
    shared.settle("r1", [PURSE], 50)
    spend(path, 50)  # by its ledger, of which it has not heard yet
    with sharer(path) as doomed:
        assert doomed.do("hold 10")
        doomed.kill()
    assert await shared.standing(PURSE, NOW) == Standing(50, 50)
    shared.count([Counted("team", 7, 50, 50)])
    assert await shared.standing(PURSE, NOW) == Standing(50, 0)


async def test_the_database_is_asked_once_for_a_purse(shared: SharedByWorkers, path: str) -> None:
    spend(path, 40)
    assert await shared.standing(PURSE, NOW) == Standing(40, 0)
    spend(path, 99)
    with closing(SharedByWorkers(path)) as second:
        assert await second.standing(PURSE, NOW) == Standing(40, 0)
        assert not (await second.hold("r1", [PURSE], 60, NOW)).short


async def test_a_database_that_cannot_be_read_is_told_and_nothing_is_held(shared: SharedByWorkers, path: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute("ALTER TABLE spent RENAME TO elsewhere")
        with pytest.raises(StorageError, match="no such table"):
            await shared.hold("r1", [PURSE], 60, NOW)
        connection.execute("ALTER TABLE elsewhere RENAME TO spent")
    assert await shared.standing(PURSE, NOW) == Standing(0, 0)


async def test_a_request_that_held_nothing_may_cost_something(shared: SharedByWorkers, other: Board) -> None:
    await shared.hold("r1", [PURSE], 0, NOW)
    assert other.lock()
    shared.settle("r1", [PURSE], 5)
    other.unlock()
    assert await shared.standing(PURSE, NOW) == Standing(0, 5)
    shared.count([Counted("team", 7, 5, 5)])
    assert await shared.standing(PURSE, NOW) == Standing(5, 0)


async def test_a_cost_that_no_row_can_hold_is_let_go_of(shared: SharedByWorkers) -> None:
    await shared.hold("r1", [PURSE], 5, NOW)
    shared.settle("r1", [PURSE], 2**70)
    assert (await shared.hold("r2", [PURSE], 1, NOW)).short
    shared.count([Counted("team", 7, 2**70, 0)])
    assert await shared.standing(PURSE, NOW) == Standing(0, 0)


async def test_who_counts_before_anybody_has_read_what_was_spent_changes_nothing_of_it(
    shared: SharedByWorkers, path: str
) -> None:
    shared.count([Counted("team", 7, 2**70, 0), Counted("team", 7, 5, 5)])
    await shared.take([(BUCKET, 1)], NOW)
    spend(path, 5)
    assert await shared.standing(PURSE, NOW) == Standing(5, 0)


async def test_what_was_counted_without_being_settled_here_takes_nothing_from_others(shared: SharedByWorkers) -> None:
    await shared.hold("r1", [PURSE], 60, NOW)
    shared.count([Counted("team", 7, 30, 30)])
    assert await shared.standing(PURSE, NOW) == Standing(30, 60)


def test_what_was_spent_is_read_oldest_first(path: str) -> None:
    with closing(open_database(path)) as connection:
        rows = [("team", 200, 5), ("team", 100, 7), ("company", 0, 9)]
        connection.executemany("INSERT INTO spent (budget, since, spent_nano) VALUES (?, ?, ?)", rows)
    assert list(spent(path).items()) == [(("company", 0), 9), (("team", 100), 7), (("team", 200), 5)]


# Who dies, and who only stops.


@pytest.mark.parametrize("first", ["enter", "hold", "ask"])
async def test_what_a_killed_process_had_is_free_at_once_and_what_it_spent_is_spent(
    shared: SharedByWorkers, path: str, first: str
) -> None:
    with sharer(path) as doomed:
        assert doomed.do("enter 1")
        assert doomed.do("enter 1")
        assert doomed.do("take 10")
        assert doomed.do("hold 90")
        assert doomed.do("settle 70")
        spend(path, 30)  # by its ledger, which did not come to the rest
        assert await shared.enter([SEAT], NOW) == SEAT
        assert (await shared.hold("r1", [PURSE], 31, NOW)).short
        doomed.kill()
    if first == "enter":
        assert [await shared.enter([SEAT], NOW) for _ in range(3)] == [None, None, SEAT]
    if first == "ask":
        assert await shared.standing(PURSE, NOW) == Standing(30, 0)
    assert (await shared.hold("r1", [PURSE], 71, NOW)).short
    assert not (await shared.hold("r1", [PURSE], 70, NOW)).short
    assert await shared.standing(PURSE, NOW) == Standing(30, 70)
    assert (await shared.take([(BUCKET, 1)], NOW))[0].retry_after > 0


async def test_who_left_in_order_leaves_nothing_behind(shared: SharedByWorkers, path: str) -> None:
    with closing(SharedByWorkers(path)) as second:
        await second.enter([SEAT], NOW)
        await second.hold("r2", [PURSE], 60, NOW)
        second.settle("r2", [PURSE], 0)
        await second.take([(BUCKET, 10)], NOW)
        second.give(BUCKET, 3, NOW)
    assert (await shared.take([(BUCKET, 0)], NOW))[0].remaining == 3
    assert await shared.standing(PURSE, NOW) == Standing(0, 0)
    assert [await shared.enter([SEAT], NOW) for _ in range(3)] == [None, None, SEAT]


async def test_a_process_that_is_stopped_keeps_what_it_has_and_is_in_nobodys_way(
    shared: SharedByWorkers, path: str
) -> None:
    with sharer(path) as stopped:
        assert stopped.do("enter 1")
        assert stopped.do("hold 90")
        stopped.process.send_signal(signal.SIGSTOP)
        assert [await within(shared.enter([SEAT], NOW)) for _ in range(2)] == [None, SEAT]
        assert (await within(shared.hold("r1", [PURSE], 11, NOW))).short
        assert not (await within(shared.hold("r1", [PURSE], 10, NOW))).short
        stopped.process.send_signal(signal.SIGCONT)
        assert stopped.do("settle 90")


async def test_two_who_have_nothing_in_common_but_the_database_share(path: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with sharer(path) as one, sharer(str(link)) as two:
        assert [one.do("enter 1"), two.do("enter 1"), one.do("enter 1")] == [True, True, False]
        assert [one.do("take 6"), two.do("take 4"), one.do("take 1")] == [True, True, False]
        assert [one.do("hold 60"), two.do("hold 41"), two.do("hold 40")] == [True, False, True]
        await eventually(lambda: taken(path) == 102)
