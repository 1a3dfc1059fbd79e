from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.limits import gcra
from omniroute.limits.port import Bucket

MINUTELY = Bucket("alice", 60)
HALF = Bucket("b", 1, gcra.nanos(0.5))
NOW = gcra.nanos(1_795_000_000.0)
LIMITS = st.one_of(st.integers(1, 1_000), st.integers(1, 50_000_000))


def test_a_full_bucket_has_its_whole_limit() -> None:
    stands = gcra.stands(MINUTELY, 0, NOW)
    assert (stands.remaining, stands.reset, stands.retry_after) == (60, 0.0, 0.0)


def test_what_was_taken_takes_its_share_of_the_period_to_come_back() -> None:
    full_at = gcra.after(MINUTELY, 0, 15, NOW)
    stands = gcra.stands(MINUTELY, full_at, NOW, 3.5)
    assert (stands.remaining, stands.reset, stands.retry_after) == (45, 15.0, 3.5)
    assert gcra.stands(MINUTELY, full_at, NOW + gcra.nanos(14.5)).remaining == 59
    assert gcra.stands(MINUTELY, full_at, NOW + gcra.nanos(15)).remaining == 60


def test_who_owes_more_than_a_whole_bucket_has_nothing_left() -> None:
    assert gcra.stands(MINUTELY, gcra.after(MINUTELY, 0, 90, NOW), NOW).remaining == 0


@pytest.mark.parametrize(("units", "wait"), [(0, 0.0), (20, 0.0), (21, 1.0), (60, 40.0), (61, inf)])
def test_the_wait_is_until_that_much_has_come_back(units: int, wait: float) -> None:
    assert gcra.wait(MINUTELY, gcra.after(MINUTELY, 0, 40, NOW), units, NOW) == wait


def test_nothing_can_be_had_even_by_who_owes() -> None:
    assert gcra.wait(MINUTELY, gcra.after(MINUTELY, 0, 500, NOW), 0, NOW) == 0


def test_a_period_may_be_any_time() -> None:
    assert gcra.wait(HALF, gcra.after(HALF, 0, 1, NOW), 1, NOW) == 0.5


@given(LIMITS)
def test_the_whole_limit_can_be_had_in_single_units_whatever_it_is(limit: int) -> None:
    bucket, full_at = Bucket("b", limit), 0
    for unit in range(min(limit, 200)):
        assert gcra.wait(bucket, full_at, 1, NOW) == 0
        full_at = gcra.after(bucket, full_at, 1, NOW)
        assert gcra.stands(bucket, full_at, NOW).remaining == limit - unit - 1
    if limit <= 200:
        assert gcra.wait(bucket, full_at, 1, NOW) > 0


@given(LIMITS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_giving_back_undoes_taking(limit: int, taken: int, used: int) -> None:
    bucket = Bucket("b", limit)
    before = gcra.after(bucket, 0, used, NOW)
    assert abs(gcra.after(bucket, gcra.after(bucket, before, taken, NOW), -taken, NOW) - before) <= 1


@given(LIMITS, st.data())
def test_what_was_refused_can_be_had_after_the_wait(limit: int, data: st.DataObject) -> None:
    bucket = Bucket("b", limit)
    full_at = gcra.after(bucket, 0, data.draw(st.integers(1, limit)), NOW)
    units = data.draw(st.integers(1, limit))
    wait = gcra.wait(bucket, full_at, units, NOW)
    later = NOW + gcra.nanos(wait) + 1_000
    assert gcra.wait(bucket, full_at, units, later) == 0
    if wait > 1e-5:
        assert gcra.wait(bucket, full_at, units, later - 10_000) > 0
