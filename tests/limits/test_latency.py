from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.limits.latency import Latencies, Slowness
from tests.support.laws import often

SECONDS = st.floats(0.0, 600.0)


def test_the_first_time_is_the_average_and_later_ones_move_it() -> None:
    latencies = Latencies()
    live = latencies.average
    latencies.took("a/b", 2.0)
    assert live["a/b"] == 2.0
    latencies.took("a/b", 1.0)
    assert live["a/b"] == pytest.approx(1.8)


def test_the_average_follows_a_target_that_becomes_slow() -> None:
    latencies = Latencies()
    for _ in range(100):
        latencies.took("a/b", 1.0)
    for _ in range(10):
        latencies.took("a/b", 5.0)
    assert 4.5 < latencies.average["a/b"] < 5.0


def test_names_are_kept_apart_and_an_unknown_one_has_nothing() -> None:
    latencies, slowness = Latencies(), Slowness()
    for _ in range(20):
        latencies.took("a/b", 1.0)
        slowness.took("a/b", 1.0)
    latencies.took("c/d", 9.0)
    slowness.took("c/d", 9.0)
    assert latencies.average == {"a/b": 1.0, "c/d": 9.0}
    assert (slowness.p95("a/b"), slowness.p95("c/d"), slowness.p95("e/f")) == (1.0, None, None)


def test_the_live_average_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        Latencies().average["a/b"] = 1.0  # type: ignore[index]  # this is what is tried


def test_the_slowest_twentieth_is_known_from_twenty_times_on_or_as_many_as_are_asked_for() -> None:
    slowness = Slowness()
    for each in range(19):
        slowness.took("a/b", float(each))
    assert slowness.p95("a/b") is None
    slowness.took("a/b", 100.0)
    assert slowness.p95("a/b") == 18.0
    assert slowness.p95("a/b", 21) is None


def test_only_the_last_hundred_times_count() -> None:
    slowness = Slowness()
    for _ in range(100):
        slowness.took("a/b", 50.0)
    for each in range(100):
        slowness.took("a/b", each / 100)
    assert slowness.p95("a/b") == 0.94


@given(st.lists(SECONDS, min_size=1, max_size=250))
@settings(max_examples=often(100), deadline=None)
def test_it_is_the_nearest_rank_among_the_last_hundred_and_the_average_is_between_them(times: list[float]) -> None:
    latencies, slowness = Latencies(), Slowness()
    for each in times:
        latencies.took("a/b", each)
        slowness.took("a/b", each)
    last = sorted(times[-100:])
    assert slowness.p95("a/b") == (last[ceil(0.95 * len(last)) - 1] if len(last) >= 20 else None)
    assert min(times) - 1e-9 <= latencies.average["a/b"] <= max(times) + 1e-9
    assert len(slowness._windows["a/b"].sorted) == len(slowness._windows["a/b"].coming) == len(last)


@given(st.lists(st.integers(0, 20), max_size=80), st.integers(1, 8))
@settings(max_examples=often(50), deadline=None)
def test_only_the_names_heard_of_last_are_held(names: list[int], most: int) -> None:
    latencies, slowness = Latencies(most), Slowness(most)
    for each in names:
        latencies.took(str(each), 1.0)
        slowness.took(str(each), 1.0)
    last = list(dict.fromkeys(str(each) for each in reversed(names)))[:most]
    assert set(latencies.average) == set(slowness._windows) == set(last)


def test_a_name_can_be_forgotten() -> None:
    latencies = Latencies()
    latencies.took("a", 1.0)
    latencies.forget("a")
    latencies.forget("nobody")
    assert latencies.average == {}
