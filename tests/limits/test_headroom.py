import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.limits.headroom import SAVED, Headroom
from tests.support.laws import often


def test_nothing_is_granted_before_its_share_was_asked_for() -> None:
    headroom = Headroom(0.05)
    for _ in range(19):
        headroom.asked()
    assert (headroom.left, headroom.take()) == (False, False)
    headroom.asked()
    assert (headroom.left, headroom.take(), headroom.take()) == (True, True, False)


def test_quiet_times_do_not_pay_for_a_storm() -> None:
    headroom = Headroom(0.05)
    for _ in range(100_000):
        headroom.asked()
    assert [headroom.take() for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize(("share", "granted"), [(1.0, 100), (0.001, 1)])
def test_a_large_share_saves_up_for_a_hundred_and_a_small_one_for_one(share: float, granted: int) -> None:
    headroom = Headroom(share)
    for _ in range(10_000):
        headroom.asked()
    assert sum(headroom.take() for _ in range(1_000)) == granted


@given(st.floats(0.001, 1.0), st.lists(st.booleans(), max_size=400))
@settings(max_examples=often(200), deadline=None)
def test_no_more_than_the_share_is_granted_at_any_time_and_in_any_stretch(share: float, steps: list[bool]) -> None:
    headroom, granted = Headroom(share), 0
    seen = [(0, 0)]
    for asks in steps:
        if asks:
            headroom.asked()
        else:
            granted += headroom.take()
        seen.append((seen[-1][0] + asks, granted))
    assert all(done <= asked * share + 1e-6 for asked, done in seen)
    most = max(1.0, share * SAVED)
    for asked, done in seen[::7]:
        assert granted - done <= (seen[-1][0] - asked) * share + most + 1e-6
