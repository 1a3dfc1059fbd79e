from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from omniroute.limits.breaker import Breaker
from tests.support.laws import often


def opened(at: float = 10.0, probes: int = 1) -> Breaker:
    """Give a breaker with a base of 30 seconds that opened after two failures, the last at the time given."""
    breaker = Breaker(failures=2, window=10.0, cooldown=30.0, probes=probes)
    breaker.failed(at - 1, at - 2)
    breaker.failed(at, at - 2)
    return breaker


def probe(breaker: Breaker, began: float, ended: float, *, well: bool) -> None:
    breaker.began(began)
    if well:
        breaker.succeeded(ended, began)
    else:
        breaker.failed(ended, began)


def test_it_starts_closed_and_lets_everybody_through() -> None:
    breaker = Breaker(failures=1, window=1.0, cooldown=1.0, probes=1)
    assert breaker.admits(0.0)
    assert breaker.opens_at is None
    assert breaker.state(0.0) == "closed"


def test_enough_failures_within_the_window_open_it_for_the_cooldown() -> None:
    breaker = opened(at=10.0)
    assert breaker.opens_at == 40.0
    assert not breaker.admits(39.9)
    assert breaker.state(39.9) == "open"
    assert breaker.admits(40.0)
    assert breaker.state(40.0) == "half-open"


@pytest.mark.parametrize(("second", "state"), [(10.0, "open"), (10.5, "closed")])
def test_failures_further_apart_than_the_window_do_not_open_it(second: float, state: str) -> None:
    breaker = Breaker(failures=2, window=10.0, cooldown=30.0, probes=1)
    breaker.failed(0.0, -1.0)
    breaker.failed(second, -1.0)
    assert breaker.state(second) == state


def test_successes_in_between_do_not_hide_failures() -> None:
    breaker = Breaker(failures=2, window=10.0, cooldown=30.0, probes=1)
    breaker.failed(1.0, 0.5)
    breaker.succeeded(2.0, 0.5)
    breaker.failed(3.0, 0.5)
    assert breaker.state(3.0) == "open"


def test_asking_does_not_use_up_a_probe_and_beginning_does() -> None:
    breaker = opened(at=10.0)
    assert breaker.admits(40.0)
    assert breaker.admits(40.0)
    breaker.began(40.0)
    assert not breaker.admits(41.0)
    assert breaker.state(41.0) == "half-open"


def test_a_probe_that_is_never_heard_of_again_is_forgotten_after_a_cooldown() -> None:
    breaker = opened(at=10.0)
    breaker.began(45.0)
    assert breaker.opens_at == 75.0
    assert not breaker.admits(74.9)
    assert breaker.admits(75.0)


def test_a_forgotten_probe_that_fails_after_all_still_counts() -> None:
    breaker = opened(at=10.0)
    probe(breaker, 45.0, 100.0, well=False)
    assert breaker.opens_at == 160.0


def test_as_many_probes_as_allowed_may_be_under_way() -> None:
    breaker = opened(at=10.0, probes=2)
    breaker.began(40.0)
    assert breaker.admits(41.0)
    breaker.began(41.0)
    assert breaker.opens_at == 70.0


def test_of_two_probes_only_the_first_to_end_counts() -> None:
    breaker = opened(at=10.0, probes=2)
    breaker.began(40.0)
    breaker.began(41.0)
    breaker.failed(42.0, 40.0)
    breaker.succeeded(43.0, 41.0)
    breaker.failed(44.0, 41.0)
    assert breaker.opens_at == 42.0 + 60.0


def test_each_failed_probe_doubles_the_cooldown_to_ten_times_its_base() -> None:
    breaker = opened(at=10.0)
    waits = []
    for _ in range(6):
        began = breaker.opens_at
        assert began is not None
        probe(breaker, began, began + 1, well=False)
        waits.append((breaker.opens_at or 0.0) - began - 1)
    assert waits == [60.0, 120.0, 240.0, 300.0, 300.0, 300.0]


def test_a_probes_success_closes_it_and_forgets_failures_and_doubling() -> None:
    breaker = opened(at=10.0)
    probe(breaker, 40.0, 41.0, well=False)
    probe(breaker, 101.0, 102.0, well=True)
    assert breaker.opens_at is None
    breaker.failed(103.0, 102.5)
    assert breaker.state(103.0) == "closed"
    breaker.failed(104.0, 102.5)
    assert breaker.opens_at == 134.0


def test_attempts_from_before_it_opened_change_nothing_however_late_they_end() -> None:
    breaker = opened(at=10.0)
    breaker.succeeded(11.0, 9.0)
    breaker.failed(50.0, 9.5)
    breaker.succeeded(51.0, 10.0)
    assert breaker.opens_at == 40.0


def test_failures_from_before_it_closed_do_not_open_it_again() -> None:
    breaker = opened(at=10.0)
    probe(breaker, 40.0, 41.0, well=True)
    breaker.failed(42.0, 9.0)
    breaker.failed(43.0, 40.5)
    assert breaker.state(43.0) == "closed"


def test_an_attempt_that_began_at_the_very_moment_of_a_change_counts_as_one_from_before() -> None:
    breaker = Breaker(failures=1, window=10.0, cooldown=30.0, probes=1)
    breaker.failed(10.0, 9.0)
    probe(breaker, 40.0, 41.0, well=True)
    breaker.failed(42.0, 41.0)
    assert breaker.state(42.0) == "closed"
    breaker.failed(42.0, 41.5)
    assert breaker.state(42.0) == "open"


def test_an_attempt_made_although_it_is_open_can_close_it_and_its_failure_does_not_prolong_it() -> None:
    breaker = opened(at=10.0)
    probe(breaker, 20.0, 45.0, well=False)
    assert breaker.opens_at == 40.0
    probe(breaker, 21.0, 46.0, well=True)
    assert breaker.state(46.0) == "closed"


@dataclass
class Attempt:
    """An attempt of the model: the change of the breaker after which it began, and whether it is a probe."""

    turn: int
    began: float
    probe: bool
    admitted: bool


class Model(RuleBasedStateMachine):
    """The breaker against a machine that knows each attempt by itself and never forgets anything."""

    attempts: Bundle[Attempt] = Bundle("attempts")

    @initialize(
        failures=st.integers(1, 4),
        window=st.integers(1, 20),
        cooldown=st.integers(1, 20),
        probes=st.integers(1, 3),
    )
    def start(self, failures: int, window: int, cooldown: int, probes: int) -> None:
        self.real = Breaker(failures, float(window), float(cooldown), probes)
        self.failures, self.window, self.base, self.probes = failures, window, cooldown, probes
        self.now = 0.0
        self.turn = 0
        self.until: float | None = None
        self.failed_probes = 0
        self.failed: list[float] = []
        self.made: list[Attempt] = []

    def cooldown(self) -> float:
        return float(min(self.base * 2**self.failed_probes, self.base * 10))

    def under_way(self, at: float) -> int:
        return sum(each.turn == self.turn and each.probe and at < each.began + self.cooldown() for each in self.made)

    def free(self, at: float) -> bool:
        return self.until is None or (at >= self.until and self.under_way(at) < self.probes)

    def opens(self) -> None:
        self.turn += 1
        self.until = self.now + self.cooldown()

    @rule(ticks=st.integers(1, 400))
    def wait(self, ticks: int) -> None:
        self.now += ticks / 8

    @rule(target=attempts, force=st.booleans())
    def begin(self, force: bool) -> Attempt:
        admitted = self.real.admits(self.now)
        if not admitted and not force:
            return multiple()
        self.now += 1 / 8
        probing = self.until is not None and self.now >= self.until
        attempt = Attempt(self.turn, self.now, probing, admitted)
        self.made.append(attempt)
        self.real.began(self.now)
        return attempt

    @rule(attempt=attempts)
    def fail(self, attempt: Attempt) -> None:
        self.now += 1 / 8
        self.real.failed(self.now, attempt.began)
        if attempt.turn != self.turn:
            return
        if self.until is None:
            self.failed.append(self.now)
            if sum(self.now - each <= self.window for each in self.failed) >= self.failures:
                self.failed = []
                self.opens()
        elif attempt.probe:
            self.failed_probes += 1
            self.opens()

    @rule(attempt=attempts)
    def succeed(self, attempt: Attempt) -> None:
        self.now += 1 / 8
        self.real.succeeded(self.now, attempt.began)
        if attempt.turn == self.turn and self.until is not None:
            self.turn += 1
            self.until = None
            self.failed_probes = 0

    @invariant()
    def it_is_in_the_models_state(self) -> None:
        expected = "closed" if self.until is None else "half-open" if self.now >= self.until else "open"
        assert self.real.state(self.now) == expected
        assert self.real.admits(self.now) == self.free(self.now)

    @invariant()
    def it_says_when_it_lets_somebody_try_again(self) -> None:
        opens_at = self.real.opens_at
        if opens_at is None:
            assert self.until is None
        else:
            assert self.free(max(opens_at, self.now))
            assert not self.free(opens_at - 1 / 16)

    @invariant()
    def no_cooldown_sees_more_admitted_probes_than_allowed(self) -> None:
        if any(each.turn == self.turn and not each.admitted for each in self.made):
            return
        probes = [each.began for each in self.made if each.turn == self.turn and each.probe]
        assert all(
            probes[each + self.probes] - probes[each] >= self.cooldown() for each in range(len(probes) - self.probes)
        )

    @invariant()
    def what_it_holds_is_bounded(self) -> None:
        assert len(self.real._failed) <= self.failures
        assert len(self.real._probing) <= self.probes


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=often(100), stateful_step_count=40, deadline=None)
