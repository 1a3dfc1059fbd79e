from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from omniroute.limits.cooldown import DAY, Cooldowns
from tests.support.laws import often

KEY = ("house", "first", "qwen")
OTHER = ("house", "first", "")


def rests_of(cooldowns: Cooldowns, times: int, gap: float = 0.0) -> list[float]:
    """Give the rests after refusals of attempts that each begin when the rest before, and a gap, are over."""
    rests, now = [], 0.0
    for _ in range(times):
        until = cooldowns.refused(KEY, now + 0.5, None, began=now + 0.25)
        rests.append(until - now - 0.5)
        now = until + gap
    return rests


def test_a_rest_doubles_with_each_refusal_up_to_the_longest() -> None:
    assert rests_of(Cooldowns(1.0, 12.0), 6) == [1.0, 2.0, 4.0, 8.0, 12.0, 12.0]


def test_refusals_beyond_those_that_make_the_longest_rest_change_nothing() -> None:
    cooldowns = Cooldowns(1.0, 8.0)
    assert rests_of(cooldowns, 2000)[-1] == 8.0
    now = cooldowns.until[KEY] + 2 * 8.0
    assert cooldowns.refused(KEY, now, None, began=now - 0.25) == now + 4.0


def test_a_first_rest_is_never_longer_than_the_longest() -> None:
    assert rests_of(Cooldowns(5.0, 2.0), 2) == [2.0, 2.0]


def test_a_rest_is_seen_in_the_live_mapping_and_only_for_its_key() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    live = cooldowns.until
    assert cooldowns.refused(KEY, 10.0, None, began=9.0) == 11.0
    assert live == {KEY: 11.0}
    cooldowns.refused(OTHER, 20.0, 7.0, began=19.0)
    assert live == {KEY: 11.0, OTHER: 27.0}


def test_the_live_mapping_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        Cooldowns(1.0, 120.0).until[KEY] = 1.0  # type: ignore[index]  # this is what is tried


@pytest.mark.parametrize(("asked", "rest"), [(0.25, 0.25), (500.0, 500.0), (1e9, DAY), (0.0, 1.0), (-5.0, 1.0)])
def test_what_an_upstream_asks_for_is_kept_to_up_to_a_day(asked: float, rest: float) -> None:
    assert Cooldowns(1.0, 120.0).refused(KEY, 0.0, asked, began=-1.0) == rest


def test_a_herd_of_refusals_counts_once() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    for now in (1.0, 1.25, 1.5, 9.0):
        assert cooldowns.refused(KEY, now, None, began=1.0 if now > 1.0 else 0.5) == 2.0
    assert cooldowns.refused(KEY, 10.0, None, began=9.5) == 12.0


def test_one_of_a_herd_can_ask_for_a_longer_rest_but_not_for_a_shorter_one() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    cooldowns.refused(KEY, 1.0, 20.0, began=0.0)
    assert cooldowns.refused(KEY, 1.5, 30.0, began=0.0) == 31.5
    assert cooldowns.refused(KEY, 2.0, 3.0, began=0.0) == 31.5


def test_an_attempt_during_a_rest_cannot_shorten_it() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    cooldowns.refused(KEY, 1.0, 60.0, began=0.0)
    assert cooldowns.refused(KEY, 3.0, None, began=2.0) == 61.0
    assert cooldowns.refused(KEY, 62.0, None, began=61.5) == 66.0


def test_a_success_forgets_the_refusals_and_ends_no_rest() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    rests_of(cooldowns, 3)
    until = cooldowns.until[KEY]
    cooldowns.eased(KEY)
    assert cooldowns.until[KEY] == until
    assert cooldowns.refused(KEY, until + 1, None, began=until + 0.5) == until + 2


def test_a_success_of_the_same_herd_does_not_make_its_next_refusal_count() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    cooldowns.refused(KEY, 1.0, None, began=0.0)
    cooldowns.eased(KEY)
    assert cooldowns.refused(KEY, 1.5, None, began=0.0) == 2.0


def test_a_success_of_one_that_never_rested_is_nothing() -> None:
    cooldowns = Cooldowns(1.0, 120.0)
    cooldowns.eased(KEY)
    assert cooldowns.until == {}


@pytest.mark.parametrize(("quiet", "rest"), [(9.5, 8.0), (10.0, 4.0), (20.0, 2.0), (30.0, 1.0), (300.0, 1.0)])
def test_quiet_forgets_one_refusal_for_each_longest_rest(quiet: float, rest: float) -> None:
    cooldowns = Cooldowns(1.0, 10.0)
    rests_of(cooldowns, 3)
    now = cooldowns.until[KEY] + quiet
    assert cooldowns.refused(KEY, now, None, began=now - 0.25) == now + rest


def test_what_no_longer_matters_is_forgotten() -> None:
    cooldowns = Cooldowns(1.0, 10.0)
    cooldowns.refused(KEY, 0.0, None, began=-1.0)
    cooldowns.refused(OTHER, 10.9, None, began=10.0)
    assert set(cooldowns.until) == {KEY, OTHER}
    cooldowns.refused(("house", "second", ""), 20.9, None, began=20.0)
    assert KEY not in cooldowns.until
    assert OTHER in cooldowns.until


def test_an_eased_key_still_tells_its_herd_for_a_while_after_others_are_swept() -> None:
    cooldowns = Cooldowns(1.0, 10.0)
    cooldowns.refused(KEY, 5.0, None, began=4.0)
    cooldowns.eased(KEY)
    cooldowns.refused(OTHER, 15.5, None, began=15.0)
    assert cooldowns.refused(KEY, 15.75, None, began=4.5) == 6.0


def test_where_there_is_no_room_the_rests_that_end_first_are_forgotten() -> None:
    cooldowns = Cooldowns(1.0, 120.0, most=4)
    for each in range(4):
        cooldowns.refused(("house", str(each), ""), 0.0, 100.0 - each, began=-1.0)
    cooldowns.refused(KEY, 0.0, 1.0, began=-1.0)
    assert {credential for _, credential, _ in cooldowns.until} == {"0", "1", "first"}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0, 50), st.none() | st.floats(0, 1e6)), max_size=60),
    st.integers(1, 8),
)
@settings(max_examples=often(100), deadline=None)
def test_however_many_keys_are_refused_what_is_held_is_bounded(
    refusals: list[tuple[int, float, float | None]], most: int
) -> None:
    cooldowns = Cooldowns(1.0, 8.0, most)
    now = 0.0
    for name, wait, asked in refusals:
        now += wait
        key = ("house", str(name), "")
        until = cooldowns.refused(key, now, asked, began=now)
        assert cooldowns.until[key] == until
        assert len(cooldowns.until) == len(cooldowns._past) <= most


@dataclass
class Known:
    """A key of the model: how often it rested, until when, and the refusals counted since the last success."""

    rests: int = 0
    counted: int = 0
    until: float = 0.0


@dataclass
class Attempt:
    """An attempt of the model: after which rest of its key it began, and when."""

    key: tuple[str, str, str]
    rests: int
    began: float


class Model(RuleBasedStateMachine):
    """The cooldowns of two keys against a machine that counts rests, and knows each attempt by itself."""

    attempts: Bundle[Attempt] = Bundle("attempts")

    @initialize(doubled=st.lists(st.integers(1, 8), min_size=1, max_size=1), longest=st.integers(1, 24))
    def start(self, doubled: list[int], longest: int) -> None:
        self.rests = doubled  # the rests that follow each other, in eighths of a second
        while self.rests[-1] < longest:
            self.rests.append(self.rests[-1] * 2)
        self.rests = [min(each, longest) for each in self.rests]
        self.longest = longest / 8
        self.real = Cooldowns(doubled[0] / 8, self.longest)
        self.known = {KEY: Known(), OTHER: Known()}
        self.now = 0.0

    @rule(ticks=st.integers(1, 40))
    def wait(self, ticks: int) -> None:
        self.now += ticks / 8

    @rule(target=attempts, key=st.sampled_from([KEY, OTHER]))
    def begin(self, key: tuple[str, str, str]) -> Attempt:
        self.now += 1 / 8
        return Attempt(key, self.known[key].rests, self.now)

    @rule(attempt=attempts, asked=st.none() | st.integers(1, 40))
    def refuse(self, attempt: Attempt, asked: int | None) -> None:
        self.now += 1 / 8
        known = self.known[attempt.key]
        if attempt.rests != known.rests and self.now >= known.until + self.longest:
            return
        wait = None if asked is None else asked / 8
        if attempt.rests == known.rests:
            self.count(known)
            known.rests += 1
            wait = self.rests[known.counted - 1] / 8 if wait is None else wait
        known.until = known.until if wait is None else max(known.until, self.now + wait)
        assert self.real.refused(attempt.key, self.now, asked and asked / 8, attempt.began) == known.until

    def count(self, known: Known) -> None:
        """Forget what quiet forgets, and count one more refusal."""
        over = known.until
        while known.counted and self.now >= over + self.longest:
            over += self.longest
            known.counted -= 1
        known.counted = min(known.counted + 1, len(self.rests))

    @rule(key=st.sampled_from([KEY, OTHER]))
    def succeed(self, key: tuple[str, str, str]) -> None:
        self.real.eased(key)
        self.known[key].counted = 0

    @invariant()
    def the_mapping_shows_the_models_rests(self) -> None:
        expected = {key: known.until for key, known in self.known.items() if known.until > self.now}
        assert {key: until for key, until in self.real.until.items() if until > self.now} == expected


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=often(100), stateful_step_count=40, deadline=None)
