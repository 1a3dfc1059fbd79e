"""The contract of ``omniroute.limits.port``: everything that counts for workers passes all of this."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from omniroute.limits.port import Bucket, Purse, Seat, Standing
from tests.support.shares import KINDS, Till, till

NOW = 1_795_000_000.0
REQUESTS = Bucket("alice:requests", 60)
TOKENS = Bucket("alice:tokens", 6_000)
DAY = Purse("team", 1_794_960_000, 100)
MONTH = Purse("company", 1_793_491_200, 1_000)
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=KINDS)
def shared_till(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Till]:
    with till(request.param, tmp_path) as opened:
        yield opened


async def test_a_bucket_gives_all_of_its_limit_at_once_and_then_no_more(shared_till: Till) -> None:
    shared = shared_till.shared
    for left in reversed(range(60)):
        (taken,) = await shared.take([(REQUESTS, 1)], NOW)
        assert (taken.remaining, taken.retry_after) == (left, 0)
    (taken,) = await shared.take([(REQUESTS, 1)], NOW)
    assert taken.remaining == 0
    assert taken.retry_after == pytest.approx(1.0)
    assert taken.reset == pytest.approx(60.0)


async def test_a_bucket_fills_up_again_unit_by_unit(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.take([(REQUESTS, 60)], NOW)
    assert (await shared.take([(REQUESTS, 1)], NOW + 0.99))[0].retry_after == pytest.approx(0.01, rel=0.01)
    assert (await shared.take([(REQUESTS, 2)], NOW + 2.001))[0].retry_after == 0
    assert (await shared.take([(REQUESTS, 60)], NOW + 1_000))[0].retry_after == 0


async def test_where_one_bucket_has_no_room_nothing_is_taken_from_the_others(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.take([(TOKENS, 5_500)], NOW)
    requests, tokens = await shared.take([(REQUESTS, 1), (TOKENS, 1_000)], NOW)
    assert (requests.remaining, requests.retry_after) == (60, 0)
    assert tokens.remaining == 500
    assert tokens.retry_after == pytest.approx(5.0)
    assert (await shared.take([(REQUESTS, 1)], NOW))[0].remaining == 59


async def test_more_than_a_limit_can_never_be_had(shared_till: Till) -> None:
    assert (await shared_till.shared.take([(REQUESTS, 61)], NOW))[0].retry_after == inf


async def test_what_is_given_back_can_be_taken_again_and_what_is_charged_cannot(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.take([(TOKENS, 1_000)], NOW)
    shared.give(TOKENS, 400, NOW)
    assert (await shared.take([(TOKENS, 0)], NOW))[0].remaining == 5_400
    shared.give(TOKENS, -6_000, NOW)
    (taken,) = await shared.take([(TOKENS, 1)], NOW)
    assert taken.remaining == 0
    assert taken.retry_after == pytest.approx(6.01)


async def test_giving_back_more_than_was_taken_makes_no_bucket_larger(shared_till: Till) -> None:
    shared = shared_till.shared
    shared.give(TOKENS, 5_000, NOW)
    assert (await shared.take([(TOKENS, 6_000)], NOW))[0].remaining == 0


async def test_an_edited_limit_goes_on_with_what_was_taken(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.take([(REQUESTS, 60)], NOW)
    assert (await shared.take([(Bucket(REQUESTS.name, 600), 1)], NOW))[0].retry_after > 0


async def test_a_seat_is_free_again_once_somebody_stands_up(shared_till: Till) -> None:
    shared, seat = shared_till.shared, Seat("alice", 2)
    assert [await shared.enter([seat], NOW) for _ in range(3)] == [None, None, seat]
    shared.leave([seat])
    assert [await shared.enter([seat], NOW) for _ in range(2)] == [None, seat]


async def test_where_one_seat_is_full_nobody_sits_down_in_the_others(shared_till: Till) -> None:
    shared, wide, narrow = shared_till.shared, Seat("wide", 2), Seat("narrow", 1)
    assert await shared.enter([wide, narrow], NOW) is None
    assert await shared.enter([wide, narrow], NOW) == narrow
    assert await shared.enter([wide], NOW) is None
    assert await shared.enter([wide], NOW) == wide


async def test_a_hold_counts_until_it_is_settled_and_the_cost_for_ever(shared_till: Till) -> None:
    shared = shared_till.shared
    held = await shared.hold("r1", [DAY, MONTH], 60, NOW)
    assert (held.standings, held.short) == ((Standing(0, 0), Standing(0, 0)), ())
    assert await shared.standing(DAY, NOW) == Standing(0, 60)
    shared_till.end("r1", [DAY, MONTH], 12)
    shared_till.counted()
    assert await shared.standing(DAY, NOW) == Standing(12, 0)
    assert await shared.standing(MONTH, NOW) == Standing(12, 0)


async def test_where_one_purse_is_short_nothing_is_held_in_the_others(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.hold("r1", [DAY], 60, NOW)
    held = await shared.hold("r2", [MONTH, DAY], 41, NOW)
    assert held.short == (DAY,)
    assert held.standings == (Standing(0, 0), Standing(0, 60))
    assert await shared.standing(MONTH, NOW) == Standing(0, 0)
    assert not (await shared.hold("r3", [MONTH, DAY], 40, NOW)).short


async def test_a_purse_without_a_limit_only_counts(shared_till: Till) -> None:
    shared, purse = shared_till.shared, Purse("team", 0, None)
    for number in range(3):
        assert not (await shared.hold(f"r{number}", [purse], 10**12, NOW)).short
    assert await shared.standing(purse, NOW) == Standing(0, 3 * 10**12)


async def test_each_period_of_a_budget_is_a_purse_of_its_own(shared_till: Till) -> None:
    shared, tomorrow = shared_till.shared, Purse("team", DAY.since + 86_400, 100)
    await shared.hold("r1", [DAY], 100, NOW)
    assert not (await shared.hold("r2", [tomorrow], 100, NOW)).short
    shared_till.end("r1", [DAY], 100)
    shared_till.counted()
    assert await shared.standing(tomorrow, NOW) == Standing(0, 100)


async def test_a_limit_that_is_edited_keeps_what_was_spent(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.hold("r1", [DAY], 100, NOW)
    shared_till.end("r1", [DAY], 100)
    assert (await shared.hold("r2", [DAY], 1, NOW)).short
    assert not (await shared.hold("r3", [Purse(DAY.budget, DAY.since, 150)], 50, NOW)).short
    assert (await shared.hold("r4", [Purse(DAY.budget, DAY.since, 50)], 0, NOW)).short


async def test_a_second_hold_of_a_request_takes_the_place_of_the_first(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.hold("r1", [DAY], 80, NOW)
    assert not (await shared.hold("r1", [DAY], 90, NOW)).short
    assert await shared.standing(DAY, NOW) == Standing(0, 90)
    assert (await shared.hold("r1", [DAY], 101, NOW)).short
    assert await shared.standing(DAY, NOW) == Standing(0, 90)


async def test_settling_twice_counts_once(shared_till: Till) -> None:
    shared = shared_till.shared
    await shared.hold("r1", [DAY], 80, NOW)
    shared_till.end("r1", [DAY], 7)
    shared.settle("r1", [DAY], 7)
    shared_till.counted()
    assert await shared.standing(DAY, NOW) == Standing(7, 0)


async def test_a_caller_who_asks_one_request_after_the_other_is_not_refused_for_the_one_before(
    shared_till: Till,
) -> None:
    for number in range(20):
        held = await shared_till.shared.hold(f"r{number}", [DAY], 81, NOW)
        assert not held.short
        shared_till.end(f"r{number}", [DAY], 1)


async def test_of_many_at_once_exactly_those_pass_that_there_is_room_for(shared_till: Till) -> None:
    shared = shared_till.shared
    held = await asyncio.gather(*(shared.hold(f"r{number}", [DAY], 30, NOW) for number in range(50)))
    assert sum(not each.short for each in held) == 3
    assert await shared.standing(DAY, NOW) == Standing(0, 90)


PROCESS = """
import asyncio, sys
from omniroute.limits.port import Bucket, Purse, Seat
from omniroute.storage.shared import SharedByWorkers

async def work(shared, me):
    sys.stdin.readline()
    holds = [await shared.hold(f"{me}-{n}", [Purse("team", 0, 100)], 60, 1_795_000_000.0) for n in range(25)]
    seats = [await shared.enter([Seat("seat", 5)], 1_795_000_000.0) for n in range(25)]
    taken = [(await shared.take([(Bucket("rate", 40), 1)], 1_795_000_000.0))[0] for n in range(25)]
    print(sum(not h.short for h in holds), seats.count(None), sum(not t.retry_after for t in taken), flush=True)
    sys.stdin.readline()

shared = SharedByWorkers(sys.argv[1])
print("ready", flush=True)
asyncio.run(work(shared, sys.argv[2]))
"""


def test_of_many_processes_at_once_exactly_as_many_pass_as_there_is_room_for(tmp_path: Path) -> None:
    with till("workers", tmp_path):
        started = [
            subprocess.Popen(
                [sys.executable, "-c", PROCESS, str(tmp_path / "shared.db"), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for name in ("w1", "w2", "w3", "w4")
        ]
        try:
            assert [each.stdout.readline() for each in started if each.stdout] == ["ready\n"] * 4
            for each in started:
                assert each.stdin
                each.stdin.write("go\n")
                each.stdin.flush()
            passed = [list(map(int, each.stdout.readline().split())) for each in started if each.stdout]
        finally:
            for each in started:
                each.communicate("end\n")
    assert [sum(column) for column in zip(*passed, strict=True)] == [1, 5, 40]
