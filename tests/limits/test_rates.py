import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.limits.rates import Failing
from tests.support.laws import often


def noted(ends: list[tuple[str, bool]], **options: int) -> Failing:
    failing = Failing(**options)
    for name, failed in ends:
        if failed:
            failing.failed(name)
        else:
            failing.succeeded(name)
    return failing


def test_a_name_that_was_never_asked_has_no_share() -> None:
    assert Failing().share == {}


def test_the_share_is_live_and_of_each_name_alone() -> None:
    failing = Failing()
    live = failing.share
    failing.failed("a/b")
    failing.succeeded("c/d")
    assert live == {"a/b": 1.0, "c/d": 0.0}
    failing.succeeded("a/b")
    assert live["a/b"] == 0.5


def test_the_live_share_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        Failing().share["a/b"] = 1.0  # type: ignore[index]  # this is what is tried


def test_a_target_that_is_well_again_is_forgiven_after_fifty_attempts() -> None:
    failing = noted([("a/b", True)] * 50 + [("a/b", False)] * 49)
    assert failing.share["a/b"] == pytest.approx(0.02)
    failing.succeeded("a/b")
    assert failing.share["a/b"] == 0.0


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=120), st.integers(1, 20), st.integers(1, 8)
)
@settings(max_examples=often(100), deadline=None)
def test_it_is_the_share_of_the_last_attempts_of_the_names_heard_of_last(
    ends: list[tuple[str, bool]], last: int, most: int
) -> None:
    live = noted(ends, last=last, most=len("abcdef")).share
    for name in {name for name, _ in ends}:
        own = [failed for each, failed in ends if each == name][-last:]
        assert live[name] == sum(own) / len(own)
    bounded = noted(ends, last=last, most=most)
    recent = list(dict.fromkeys(name for name, _ in reversed(ends)))[:most]
    assert set(bounded.share) == set(bounded._ends) == set(recent)


def test_a_name_can_be_forgotten() -> None:
    failing = Failing()
    failing.failed("a")
    failing.forget("a")
    failing.forget("nobody")
    assert failing.share == {}
