import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from omniroute.config.policy import Budget, Policy, Rate
from omniroute.config.snapshot import Provider
from omniroute.engine.toll import FREE, WARNING, Toll, Tolls
from omniroute.errors import OverBudget, RateLimited
from omniroute.limits.memory import Memory
from omniroute.limits.port import Bucket, Purse, Seat, Shared, Standing, Taken
from omniroute.names import Format
from tests.support.shares import KINDS, till
from tests.support.snapshots import provider

NOW = 1_795_420_800.0
"""2026-11-23 08:00:00 UTC."""
DAY = 1_795_392_000
DOLLAR = 1_000_000_000
NO_LIMIT = Rate()
Who = tuple[str, Policy | None]
"""The name of a key, and its policy."""
TEAM = Budget("team", 10 * DOLLAR, "daily")


def key(name: str = "alice", rate: Rate = NO_LIMIT, budgets: Sequence[Budget] = ()) -> Who:
    return name, Policy("engineers", rate=rate, budgets=tuple(budgets))


def limited(name: str = "red", **rate: int) -> Provider:
    return msgspec.structs.replace(provider(name), rate=Rate(**rate))


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    with till(request.param, tmp_path) as opened:
        yield opened.shared


@pytest.fixture
def tolls(shared: Shared) -> Tolls:
    return Tolls(shared)


async def admitted(tolls: Tolls, of: Who, tokens: int = 10) -> Toll:
    toll = tolls.of(*of)
    await toll.enter(tokens, NOW)
    return toll


@pytest.mark.parametrize("who", [("", None), ("bob", None), key()], ids=["nobody", "no policy", "no limits"])
async def test_who_has_no_limits_pays_nothing(tolls: Tolls, who: Who) -> None:
    toll = tolls.of(*who)
    assert toll is FREE
    await toll.enter(10**9, NOW)
    verdict = await toll.reserve("r", 10**18, NOW)
    assert (verdict.downgrade, verdict.warnings, toll.headers(Format.OPENAI_CHAT, NOW)) == (None, (), ())
    assert (toll.budgets, toll.reserved) == ((), 0)
    toll.settle(5, 5, NOW)


async def test_more_requests_than_a_minute_may_have_are_refused_with_the_time_to_come_again(tolls: Tolls) -> None:
    alice = key(rate=Rate(requests=2))
    await admitted(tolls, alice)
    await admitted(tolls, alice)
    toll = tolls.of(*alice)
    with pytest.raises(RateLimited) as refused:
        await toll.enter(10, NOW)
    assert refused.value.retry_after == 30.0
    assert refused.value.message == (
        "the key 'alice' (policy 'engineers') may ask for 2 requests a minute: try again in 30 seconds"
    )
    assert ("x-ratelimit-remaining-requests", "0") in toll.headers(Format.OPENAI_CHAT, NOW)


async def test_each_key_of_a_policy_has_limits_of_its_own(tolls: Tolls) -> None:
    await admitted(tolls, key("alice", Rate(requests=1)))
    await admitted(tolls, key("bob", Rate(requests=1)))


async def test_tokens_are_counted_as_estimated_and_then_as_used(tolls: Tolls) -> None:
    alice = key(rate=Rate(tokens=6_000))
    toll = await admitted(tolls, alice, 5_000)
    with pytest.raises(
        RateLimited, match=r"6,000 tokens a minute, and this request has about 2,000: try again in 10 s"
    ):
        await admitted(tolls, alice, 2_000)
    toll.settle(None, 500, NOW)
    await admitted(tolls, alice, 5_500)
    with pytest.raises(RateLimited, match=r"try again in 1 second$"):
        await admitted(tolls, alice, 1)


async def test_more_tokens_than_were_estimated_are_charged_afterwards(tolls: Tolls) -> None:
    alice = key(rate=Rate(tokens=6_000))
    (await admitted(tolls, alice, 100)).settle(None, 12_000, NOW)
    with pytest.raises(RateLimited) as refused:
        await admitted(tolls, alice, 1)
    assert refused.value.retry_after == pytest.approx(60.01)


async def test_tokens_that_nobody_reported_stay_as_estimated(tolls: Tolls) -> None:
    alice = key(rate=Rate(tokens=6_000))
    (await admitted(tolls, alice, 4_000)).settle(None, None, NOW)
    with pytest.raises(RateLimited):
        await admitted(tolls, alice, 2_001)


async def test_a_request_longer_than_a_whole_minute_is_told_that_it_can_never_pass(tolls: Tolls) -> None:
    with pytest.raises(RateLimited, match=r"this request alone has about 7,000: make it shorter") as refused:
        await admitted(tolls, key(rate=Rate(requests=5, tokens=6_000)), 7_000)
    assert refused.value.retry_after is None


async def test_more_requests_at_once_than_may_be_are_refused_until_one_ends(tolls: Tolls) -> None:
    alice = key(rate=Rate(concurrent=1, requests=10))
    first = await admitted(tolls, alice)
    with pytest.raises(RateLimited, match="has 1 request under way") as refused:
        await admitted(tolls, alice)
    assert refused.value.retry_after is None
    first.settle(None, None, NOW)
    (await admitted(tolls, alice)).settle(None, None, NOW)
    later = await admitted(tolls, alice)
    assert ("x-ratelimit-remaining-requests", "7") in later.headers(Format.OPENAI_CHAT, NOW)


async def test_who_is_refused_for_the_rate_leaves_no_seat_taken_and_no_token(tolls: Tolls) -> None:
    alice = key(rate=Rate(concurrent=1, requests=1, tokens=100))
    (await admitted(tolls, alice, 10)).settle(None, 10, NOW)
    refused = tolls.of(*alice)
    with pytest.raises(RateLimited):
        await refused.enter(10, NOW)
    refused.settle(None, 0, NOW)
    toll = tolls.of(*alice)
    await toll.enter(10, NOW + 60)
    assert ("x-ratelimit-remaining-tokens", "90") in toll.headers(Format.OPENAI_CHAT, NOW)


async def test_settling_twice_leaves_one_seat_and_gives_back_once(tolls: Tolls) -> None:
    alice = key(rate=Rate(concurrent=2, tokens=1_000))
    first, _ = await admitted(tolls, alice, 500), await admitted(tolls, alice, 500)
    first.settle(None, 0, NOW)
    first.settle(None, 0, NOW)
    await admitted(tolls, alice, 500)
    with pytest.raises(RateLimited, match="under way"):
        await admitted(tolls, alice, 0)


async def test_a_budget_that_blocks_refuses_what_might_exceed_it(tolls: Tolls, shared: Shared) -> None:
    alice = key(budgets=[TEAM])
    first, second = tolls.of(*alice), tolls.of(*alice)
    await first.reserve("r1", 6 * DOLLAR, NOW)
    assert (first.budgets, first.reserved) == ((("team", DAY),), 6 * DOLLAR)
    with pytest.raises(OverBudget, match=r"budget 'team' has no room .* 6.00 USD set aside"):
        await second.reserve("r2", 5 * DOLLAR, NOW)
    assert (second.budgets, second.reserved) == ((), 0)
    second.settle(None, 0, NOW)
    await second.reserve("r3", 4 * DOLLAR, NOW)
    assert await shared.standing(Purse("team", DAY, None), NOW) == Standing(0, 10 * DOLLAR)


async def test_what_was_spent_is_told_with_the_time_when_the_budget_begins_anew() -> None:
    memory = Memory()
    memory.restore({("team", DAY): 9 * DOLLAR})
    with pytest.raises(OverBudget, match=r"begins anew on 2026-11-24 00:00 UTC") as refused:
        await Tolls(memory).of(*key(budgets=[TEAM])).reserve("r1", 2 * DOLLAR, NOW)
    assert refused.value.retry_after == 16 * 3600
    await Tolls(memory).of(*key(budgets=[TEAM])).reserve("r1", 2 * DOLLAR, NOW + 16 * 3600)


async def test_settling_counts_what_a_request_cost() -> None:
    memory = Memory()
    toll = Tolls(memory).of(*key(budgets=[TEAM]))
    await toll.reserve("r1", 6 * DOLLAR, NOW)
    toll.settle(DOLLAR, None, NOW)
    toll.settle(DOLLAR, None, NOW)
    assert await memory.standing(Purse("team", DAY, None), NOW) == Standing(DOLLAR, 0)


async def test_a_budget_that_only_warns_lets_through_and_says_so() -> None:
    memory = Memory()
    memory.restore({("soft", DAY): 11 * DOLLAR})
    toll = Tolls(memory).of(*key(budgets=[Budget("soft", 10 * DOLLAR, "daily", on_exceed="warn")]))
    verdict = await toll.reserve("r1", DOLLAR, NOW)
    assert verdict.warnings == (
        "budget 'soft': 110% of 10.00 USD a day is spent; it begins anew on 2026-11-24 00:00 UTC",
    )
    assert toll.headers(Format.GEMINI, NOW) == ((WARNING, verdict.warnings[0]),)


@pytest.mark.parametrize(("cents", "warned"), [(799, False), (800, True)])
async def test_a_budget_warns_from_its_threshold_on(cents: int, warned: bool) -> None:
    memory = Memory()
    memory.restore({("team", DAY): cents * DOLLAR // 100})
    verdict = await Tolls(memory).of(*key(budgets=[TEAM])).reserve("r1", 1, NOW)
    assert bool(verdict.warnings) == warned


async def test_a_model_of_unknown_price_sets_nothing_aside_and_warns() -> None:
    memory = Memory()
    toll = Tolls(memory).of(*key(budgets=[TEAM]))
    verdict = await toll.reserve("r1", None, NOW)
    assert verdict.warnings == ("the price of this model is not known, so no budget can hold it back",)
    toll.settle(DOLLAR, None, NOW)
    assert await memory.standing(Purse("team", DAY, None), NOW) == Standing(DOLLAR, 0)


async def test_a_budget_may_name_a_cheaper_model_that_takes_over_and_is_paid_from_it_all_the_same() -> None:
    memory = Memory()
    soft = Budget("soft", DOLLAR, "daily", on_exceed="downgrade", downgrade="fast")
    toll = Tolls(memory).of(*key(budgets=[soft, TEAM]))
    assert (await toll.reserve("r1", 2 * DOLLAR, NOW)).downgrade == "fast"
    assert toll.budgets == ()
    assert (await toll.reserve("r1", 2 * DOLLAR, NOW)).downgrade is None
    toll.settle(2 * DOLLAR, None, NOW)
    assert await memory.standing(Purse("soft", DAY, None), NOW) == Standing(2 * DOLLAR, 0)
    assert await memory.standing(Purse("team", DAY, None), NOW) == Standing(2 * DOLLAR, 0)


async def test_where_a_budget_that_blocks_is_in_the_way_as_well_nothing_takes_over() -> None:
    soft = Budget("soft", DOLLAR, "daily", on_exceed="downgrade", downgrade="fast")
    with pytest.raises(OverBudget, match="budget 'team'"):
        await Tolls(Memory()).of(*key(budgets=[soft, TEAM])).reserve("r1", 20 * DOLLAR, NOW)


async def test_of_several_budgets_without_room_the_first_names_what_takes_over() -> None:
    budgets = [Budget(name, 1, on_exceed="downgrade", downgrade=f"to-{name}") for name in ("a", "b")]
    toll = Tolls(Memory()).of(*key(budgets=budgets))
    assert (await toll.reserve("r1", 2, NOW)).downgrade == "to-a"
    assert (await toll.reserve("r1", 2, NOW)).downgrade is None


async def test_a_provider_without_limits_always_has_room(tolls: Tolls) -> None:
    assert await tolls.room(limited(), 10**9, NOW) == 0
    tolls.left(limited(), 10**9, None, NOW)


async def test_a_provider_has_room_for_as_many_requests_of_all_callers_as_it_may_be_asked(tolls: Tolls) -> None:
    red = limited(requests=2, concurrent=5)
    assert [await tolls.room(red, 1, NOW) for _ in range(3)] == [0, 0, 30.0]
    assert await tolls.room(limited("blue", requests=2), 1, NOW) == 0


async def test_a_provider_has_room_for_as_many_at_once_as_it_may_be_asked(tolls: Tolls) -> None:
    red = limited(concurrent=1, tokens=100)
    assert await tolls.room(red, 60, NOW) == 0
    assert await tolls.room(red, 10, NOW) == 1.0
    tolls.left(red, 60, 20, NOW)
    assert await tolls.room(red, 80, NOW) == 0
    tolls.left(red, 80, None, NOW)
    assert await tolls.room(red, 6, NOW) > 0, "no seat, but tokens are missing"
    tolls.shared.give(Bucket("provider:red:tokens", 100), 100, NOW)
    assert await tolls.room(red, 6, NOW) == 0, "who was refused for tokens left no seat taken"


class Interrupted(Memory):
    """Is cancelled while it takes."""

    async def take(self, asked: Sequence[tuple[Bucket, int]], now: float) -> tuple[Taken, ...]:
        raise asyncio.CancelledError


async def test_who_is_cancelled_between_seat_and_rate_leaves_no_seat_taken() -> None:
    memory = Interrupted()
    with pytest.raises(asyncio.CancelledError):
        await Tolls(memory).room(limited(concurrent=1, requests=5), 1, NOW)
    toll = Tolls(memory).of(*key(rate=Rate(concurrent=1, requests=5)))
    with pytest.raises(asyncio.CancelledError):
        await toll.enter(1, NOW)
    toll.settle(None, None, NOW)
    for name in ("provider:red:concurrent", "key:alice:concurrent"):
        assert await memory.enter([Seat(name, 1)], NOW) is None


async def test_who_has_only_a_rate_or_only_a_budget_pays_for_nothing_else(tolls: Tolls) -> None:
    rated = await admitted(tolls, key("alice", Rate(requests=5)))
    assert (await rated.reserve("r1", 10**18, NOW)).downgrade is None
    assert (rated.budgets, rated.reserved) == ((), 0)
    paid = await admitted(tolls, key("bob", budgets=[TEAM]), 10**9)
    assert paid.headers(Format.OPENAI_CHAT, NOW) == ()
    rated.settle(None, 5, NOW)
    paid.settle(None, 5, NOW)


async def test_a_call_beside_a_request_is_paid_from_its_budgets_and_counts_in_no_rate(
    tolls: Tolls, shared: Shared
) -> None:
    toll = await admitted(tolls, key(rate=Rate(requests=1, tokens=10, concurrent=1), budgets=[TEAM]))
    await toll.reserve("r1", 6 * DOLLAR, NOW)
    beside, another = toll.beside(), toll.beside()
    await beside.enter(1_000, NOW)
    await beside.reserve("r1-beside", 3 * DOLLAR, NOW)
    assert beside.budgets == toll.budgets == (("team", DAY),)
    with pytest.raises(OverBudget):
        await another.reserve("r1-another", 2 * DOLLAR, NOW)
    assert another.budgets == ()
    assert await shared.standing(Purse("team", DAY, None), NOW) == Standing(0, 9 * DOLLAR)
    assert FREE.beside() is FREE
