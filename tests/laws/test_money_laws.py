"""Whatever requests do, and however they end: budgets hold, nothing set aside is left behind, rates are ideal.

The machines run on everything that stands behind ``limits.port``.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from omniroute.config.policy import Budget, Policy, Rate
from omniroute.engine.toll import Toll, Tolls
from omniroute.errors import OverBudget, RateLimited
from omniroute.limits import gcra
from omniroute.limits.port import Bucket, Purse, Shared, Standing
from tests.support.laws import often
from tests.support.shares import KINDS, Till, till

MORNING = 1_795_392_000.0
"""2026-11-23 00:00:00 UTC."""
DAY = 86_400
KEYS = ("alice", "bob")
NAMES = count()
"""No two examples have a name in common, for those of a machine share a database."""


class Opened:
    """One till of a kind, and the loop it is used on."""

    def __init__(self, kind: str) -> None:
        self._stack = ExitStack()
        self.runner = self._stack.enter_context(asyncio.Runner())
        self.runner.get_loop()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.till: Till = self._stack.enter_context(till(kind, folder))

    def on_loop(self, work: Callable[..., None], *arguments: object) -> None:
        """Call what does not wait, but belongs on the loop."""

        async def call() -> None:
            work(*arguments)

        self.runner.run(call())

    def close(self) -> None:
        self._stack.close()


class Money(RuleBasedStateMachine):
    """Two callers, each with budgets that block: one of a day and their own, one of all time and both's."""

    opened: Opened
    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.name = f"budget{next(NAMES)}"
        self.limits = {"alice": 100, "bob": 60, "all": 130}
        self.now = MORNING
        self.tolls = Tolls(self.opened.till.shared)
        self.open: dict[str, tuple[Toll, int]] = {}
        self.spent: dict[tuple[str, int], int] = {}
        self.numbers = count()

    def key(self, who: str) -> tuple[str, Policy]:
        own = Budget(f"{self.name}-{who}", self.limits[who], "daily")
        policy = Policy(
            who, rate=Rate(concurrent=3), budgets=(own, Budget(f"{self.name}-all", self.limits["all"], "total"))
        )
        return f"{self.name}-{who}", policy

    def purses(self, who: str) -> list[tuple[str, int]]:
        return [(f"{self.name}-{who}", int(self.now // DAY) * DAY), (f"{self.name}-all", 0)]

    def held(self, purse: tuple[str, int]) -> int:
        return sum(worst for toll, worst in self.open.values() if purse in toll.budgets)

    def has_room(self, who: str, worst: int) -> bool:
        limits = (self.limits[who], self.limits["all"])
        return all(
            self.spent.get(purse, 0) + self.held(purse) + worst <= limit
            for purse, limit in zip(self.purses(who), limits, strict=True)
        )

    @rule(target=running, who=st.sampled_from(KEYS), worst=st.integers(0, 70))
    def ask(self, who: str, worst: int) -> object:
        request_id = f"{self.name}-{next(self.numbers)}"
        toll, run = self.tolls.of(*self.key(who)), self.opened.runner.run
        crowd = sum(toll.budgets[0][0] == f"{self.name}-{who}" for toll, _ in self.open.values())
        try:
            run(toll.enter(0, self.now))
        except RateLimited:
            assert crowd == 3
            self.opened.on_loop(toll.settle, None, 0, self.now)
            return multiple()
        assert crowd < 3
        expected = self.has_room(who, worst)
        try:
            run(toll.reserve(request_id, worst, self.now))
        except OverBudget:
            assert not expected
            self.opened.on_loop(toll.settle, None, 0, self.now)
            return multiple()
        assert expected
        assert list(toll.budgets) == self.purses(who)
        self.open[request_id] = (toll, worst)
        return request_id

    @rule(request_id=consumes(running), share=st.floats(0, 1), late=st.integers(0, 2 * DAY))
    def end(self, request_id: str, share: float, late: int) -> None:
        """A request ends at a cost within its worst case, maybe after its day is over; cancelled, it cost nothing."""
        toll, worst = self.open.pop(request_id)
        cost = int(worst * share)
        self.opened.on_loop(toll.settle, cost, None, self.now + late)
        self.opened.on_loop(toll.settle, cost, None, self.now + late)
        self.opened.till.end(request_id, [Purse(*purse, None) for purse in toll.budgets], cost)
        for purse in toll.budgets:
            self.spent[purse] = self.spent.get(purse, 0) + cost

    @rule(request_id=running, worst=st.integers(0, 70))
    def plan_anew(self, request_id: str, worst: int) -> None:
        """A request that is planned anew sets another sum aside, or keeps the one before."""
        toll, before = self.open.pop(request_id)
        who = toll.budgets[0][0].rpartition("-")[2]
        if list(toll.budgets) != self.purses(who):
            self.open[request_id] = (toll, before)
            return
        fits = self.has_room(who, worst)
        try:
            self.opened.runner.run(toll.reserve(request_id, worst, self.now))
        except OverBudget:
            assert not fits or not self.limits_as_then(toll)
            self.open[request_id] = (toll, before)
        else:
            assert fits or not self.limits_as_then(toll)
            self.open[request_id] = (toll, worst)

    def limits_as_then(self, toll: Toll) -> bool:
        """Say whether a request, which keeps the policy it came with, came under the limits of now."""
        policy = toll._policy  # type: ignore[attr-defined] # a paid toll has one
        who = policy.name
        return [each.limit for each in policy.budgets] == [self.limits[who], self.limits["all"]]

    @rule(name=st.sampled_from(["alice", "bob", "all"]), limit=st.integers(20, 200))
    def edit(self, name: str, limit: int) -> None:
        """The limits of the file change; what was spent does not."""
        self.limits[name] = limit

    @rule(seconds=st.integers(1, DAY))
    def sleep(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def what_is_counted_is_what_was_done(self) -> None:
        self.opened.on_loop(self.opened.till.counted)
        purses = {purse for toll, _ in self.open.values() for purse in toll.budgets} | set(self.spent)
        for purse in purses:
            standing = self.opened.runner.run(self.opened.till.shared.standing(Purse(*purse, None), self.now))
            assert standing == Standing(self.spent.get(purse, 0), self.held(purse))

    def teardown(self) -> None:
        """However it went: once all requests ended nothing is set aside, and every seat is free."""
        for request_id, (toll, _) in list(self.open.items()):
            self.opened.on_loop(toll.settle, 0, None, self.now)
            self.opened.till.end(request_id, [Purse(*purse, None) for purse in toll.budgets], 0)
        self.open.clear()
        self.what_is_counted_is_what_was_done()


EXAMPLES = {"memory": often(200), "workers": often(100)}


@pytest.mark.parametrize("kind", KINDS)
def test_budgets_hold_and_nothing_is_left_behind(kind: str) -> None:
    opened = Opened(kind)
    try:
        machine: type[Any] = type("Machine", (Money,), {"opened": opened}).TestCase  # type: ignore[attr-defined] # made by its metaclass
        machine.settings = settings(max_examples=EXAMPLES[kind], stateful_step_count=30, deadline=None)
        machine("runTest").runTest()
    finally:
        opened.close()


@pytest.fixture(scope="module", params=KINDS)
def opened(request: pytest.FixtureRequest) -> object:
    held = Opened(request.param)
    yield held
    held.close()


ASKS = st.lists(st.tuples(st.floats(0, 40), st.integers(0, 12), st.integers(-6, 6)), max_size=40)


@settings(max_examples=often(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 10), period=st.sampled_from([1.0, 7.0, 60.0]), asks=ASKS, corrected=st.booleans())
def test_a_rate_is_within_one_request_of_the_ideal(
    opened: Opened, limit: int, period: float, asks: list[tuple[float, int, int]], *, corrected: bool
) -> None:
    """The ideal fills up continuously and is reckoned in fractions; ``extra`` is given back, or charged, afterwards."""
    bucket, shared = Bucket(f"rate{next(NAMES)}", limit, gcra.nanos(period)), opened.till.shared
    now, level, granted = MORNING, Fraction(limit), []
    for gap, units, extra in asks:
        level = min(Fraction(limit), level + Fraction(gap) * limit / Fraction(period))
        now += gap
        (taken,) = opened.runner.run(shared.take([(bucket, units)], now))
        if taken.retry_after == 0:
            assert units == 0 or level >= units - Fraction(1, 1000)
            level -= units
            granted.append((now, units))
            if corrected:
                opened.on_loop(shared.give, bucket, extra, now)
                level = min(Fraction(limit), level + extra)
        else:
            assert level < units + Fraction(1, 1000)
        assert taken.remaining <= limit
    assert corrected or _never_too_much(limit, period, granted)


def _never_too_much(limit: int, period: float, granted: list[tuple[float, int]]) -> bool:
    """Say whether no stretch of time holds more than a full bucket and what came back meanwhile, and one request."""
    return all(
        sum(units for _, units in granted[first : last + 1])
        <= limit * (1 + (granted[last][0] - granted[first][0]) / period) + 1
        for last in range(len(granted))
        for first in range(last + 1)
    )


@settings(max_examples=often(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 20), amounts=st.lists(st.integers(1, 8), min_size=1, max_size=25))
def test_however_many_ask_at_once_no_more_than_the_limit_is_set_aside(
    opened: Opened, limit: int, amounts: list[int]
) -> None:
    name = f"crowd{next(NAMES)}"
    purse, shared = Purse(name, 0, limit), opened.till.shared

    async def all_at_once(shared: Shared) -> int:
        held = await asyncio.gather(
            *(shared.hold(f"{name}-{number}", [purse], amount, MORNING) for number, amount in enumerate(amounts))
        )
        passed = sum(amount for amount, each in zip(amounts, held, strict=True) if not each.short)
        assert await shared.standing(purse, MORNING) == Standing(0, passed)
        return passed

    passed = opened.runner.run(all_at_once(shared))
    assert passed <= limit
    assert passed == sum(amounts) or passed > limit - max(amounts)
