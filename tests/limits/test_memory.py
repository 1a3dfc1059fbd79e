"""What the contract (``tests/contract/test_shared.py``) does not say: what is restored, and what is forgotten."""

from omniroute.limits import gcra
from omniroute.limits.memory import MOST, PERIODS, Memory
from omniroute.limits.port import Bucket, Purse, Seat, Standing

NOW = 1_795_000_000.0


async def test_what_was_spent_before_the_process_began_counts() -> None:
    memory = Memory()
    memory.restore({("team", 100): 90, ("company", 0): 5})
    assert (await memory.hold("r1", [Purse("team", 100, 100)], 11, NOW)).short
    assert await memory.standing(Purse("team", 100, 100), NOW) == Standing(90, 0)
    assert await memory.standing(Purse("team", 200, 100), NOW) == Standing(0, 0)
    assert await memory.standing(Purse("company", 0, None), NOW) == Standing(5, 0)


async def test_buckets_that_are_full_again_are_forgotten_and_the_others_are_not() -> None:
    memory, poor = Memory(), Bucket("poor", 1, gcra.nanos(1_000_000))
    await memory.take([(poor, 1)], NOW)
    for number in range(MOST + 1):
        await memory.take([(Bucket(f"b{number}", 10), 1)], NOW + number)
    assert len(memory._full_at) < 100
    assert (await memory.take([(poor, 1)], NOW + 1_000))[0].retry_after > 0


async def test_seats_on_which_nobody_sits_are_forgotten() -> None:
    memory = Memory()
    for number in range(10):
        seat = Seat(f"s{number}", 2)
        await memory.enter([seat], NOW)
        await memory.enter([seat], NOW)
        memory.leave([seat])
        memory.leave([seat])
        memory.leave([seat])
    assert not memory._seated


async def test_of_a_budget_only_the_last_periods_are_known_and_those_that_hold_something() -> None:
    memory = Memory()
    await memory.hold("early", [Purse("team", 1, None), Purse("team", 0, None)], 7, NOW)
    for since in range(2, 40):
        await memory.hold(f"r{since}", [Purse("team", since, None)], 5, NOW)
        memory.settle(f"r{since}", [], 3)
    memory.settle("early", [], 4)
    assert await memory.standing(Purse("team", 39, None), NOW) == Standing(3, 0)
    assert await memory.standing(Purse("team", 1, None), NOW) == Standing(4, 0)
    assert await memory.standing(Purse("team", 0, None), NOW) == Standing(4, 0), "a total is never past"
    assert len(memory._accounts["team"]) <= PERIODS


async def test_a_request_whose_second_hold_is_refused_keeps_its_first() -> None:
    memory, purse = Memory(), Purse("team", 7, 100)
    await memory.hold("r1", [purse], 60, NOW)
    assert (await memory.hold("r1", [purse], 101, NOW)).short
    assert await memory.standing(purse, NOW) == Standing(0, 60)
    memory.settle("unknown", [purse], 5)
    assert await memory.standing(purse, NOW) == Standing(0, 60)
