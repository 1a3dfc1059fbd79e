"""Places at targets, and the lines before them."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.snapshot import Model, Target
from omniroute.engine.queues import LONGEST_LINE, Queues
from tests.support.laws import often
from tests.support.snapshots import provider, target
from tests.support.waiting import within


def limited(model: str = "m", *, shared: int | None = 1, own: int | None = None, name: str = "house") -> Target:
    of = msgspec.structs.replace(provider(name), max_concurrent=shared)
    return msgspec.structs.replace(target(of, model), model=Model(model, max_concurrent=own))


async def turn() -> None:
    """Let whoever can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_as_many_have_a_place_as_the_provider_says_in_all_its_models_together() -> None:
    queues = Queues()
    one, other = limited("m", shared=2), limited("n", shared=2)
    assert [queues.enter(one), queues.enter(other), queues.enter(one)] == [True, True, False]
    assert queues.seated == {"house": 2}
    queues.leave(other)
    assert queues.enter(one)


def test_the_models_own_limit_holds_beside_that_of_its_provider() -> None:
    queues = Queues()
    small, large = limited("m", shared=2, own=1), limited("n", shared=2)
    assert [queues.enter(small), queues.enter(small), queues.enter(large)] == [True, False, True]
    assert queues.seated == {"house": 2, "house/m": 1}
    queues.leave(small)
    queues.leave(large)
    assert queues.seated == {}


async def test_whoever_has_waited_longest_gets_the_place_that_is_left() -> None:
    queues, one, got = Queues(), limited(), []
    assert queues.enter(one)

    async def wait(name: str) -> None:
        assert await queues.wait(one, 60)
        got.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(wait(name))
        await turn()
        assert not queues.room(one)
        for expected in ("a", "ab", "abc"):
            queues.leave(one)
            await turn()
            assert "".join(got) == expected
    queues.leave(one)
    assert queues.seated == {}


async def test_a_place_goes_to_the_first_who_can_have_it_and_not_past_him_to_a_newcomer() -> None:
    queues = Queues()
    small, large = limited("m", shared=2, own=1), limited("n", shared=2)
    assert queues.enter(small)
    assert queues.enter(large)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(queues.wait(small, 60))
        second = tasks.create_task(queues.wait(large, 60))
        await turn()
        queues.leave(large)
        await turn()
        assert (first.done(), second.done()) == (False, True)
        queues.leave(small)
        assert not queues.enter(small)
        await turn()
        assert first.result()


async def test_whoever_waits_too_long_has_no_place_and_leaves_nothing_behind() -> None:
    queues, one = Queues(), limited()
    assert queues.enter(one)
    assert not await within(queues.wait(one, 0.01))
    queues.leave(one)
    assert (queues.seated, queues._lines) == ({}, {})


async def test_a_line_that_is_too_long_is_not_joined() -> None:
    queues, one = Queues(), limited()
    assert queues.enter(one)
    waiting = [asyncio.ensure_future(queues.wait(one, 60)) for _ in range(LONGEST_LINE)]
    await turn()
    assert not await within(queues.wait(one, 60))
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert queues._lines == {}


async def test_whoever_is_cancelled_in_the_moment_of_getting_the_place_gives_it_to_the_next() -> None:
    queues, one = Queues(), limited()
    assert queues.enter(one)
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(queues.wait(one, 60))
        next_one = tasks.create_task(queues.wait(one, 60))
        await turn()
        queues.leave(one)
        gone.cancel()
        await turn()
        assert gone.cancelled()
        assert next_one.result()
    queues.leave(one)
    assert (queues.seated, queues._lines) == ({}, {})


async def test_whoever_is_cancelled_in_line_is_passed_over() -> None:
    queues, one = Queues(), limited()
    assert queues.enter(one)
    gone = asyncio.ensure_future(queues.wait(one, 60))
    await turn()
    gone.cancel()
    queues.leave(one)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert queues.enter(one)


async def _visit(queues: Queues, at: Target, stays: int, leaves_after: int | None, most: dict[str, int]) -> None:
    """Enter or wait, stay some turns of the loop, and leave; the line is left after some turns where that is said."""
    if not queues.enter(at):
        waiting = asyncio.ensure_future(queues.wait(at, 60 if stays % 3 else 0.0))
        if leaves_after is not None:
            for _ in range(leaves_after):
                await asyncio.sleep(0)
            waiting.cancel()
        [seated] = await asyncio.gather(waiting, return_exceptions=True)
        if seated is not True:
            return
    for name, count in queues.seated.items():
        most[name] = max(most.get(name, 0), count)
    for _ in range(stays):
        await asyncio.sleep(0)
    queues.leave(at)


@given(
    st.lists(st.tuples(st.sampled_from("mn"), st.integers(0, 6), st.none() | st.integers(0, 6)), max_size=40),
    st.integers(1, 3),
)
@settings(max_examples=often(60), deadline=None)
def test_places_are_never_too_many_and_all_are_given_back(
    visits: list[tuple[str, int, int | None]], shared: int
) -> None:
    async def all_of_them() -> None:
        queues, most = Queues(), dict[str, int]()
        targets = {"m": limited("m", shared=shared, own=1), "n": limited("n", shared=shared)}
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            for model, stays, leaves_after in visits:
                tasks.create_task(_visit(queues, targets[model], stays, leaves_after, most))
        assert (queues.seated, queues._lines) == ({}, {})
        assert most.get("house", 0) <= shared
        assert most.get("house/m", 0) <= 1

    asyncio.run(all_of_them())
