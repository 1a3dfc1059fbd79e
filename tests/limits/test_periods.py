from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omniroute.limits.periods import Period, Span, span

BERLIN = "Europe/Berlin"
ZONES = sorted(available_timezones() - {"localtime", "posixrules"})


def unix(written: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp())


# literal table: kind, instant, first day, first day of the next
@pytest.mark.parametrize(
    ("period", "at", "begin", "end"),
    [
        ("daily", "2026-11-23T12:00", "2026-11-23", "2026-11-24"),
        ("daily", "2026-11-23T00:00", "2026-11-23", "2026-11-24"),
        ("daily", "2026-11-23T23:59:59", "2026-11-23", "2026-11-24"),
        ("weekly", "2026-11-23T00:00", "2026-11-23", "2026-11-30"),
        ("weekly", "2026-11-22T23:59", "2026-11-16", "2026-11-23"),
        ("weekly", "2026-01-01T12:00", "2025-12-29", "2026-01-05"),
        ("monthly", "2026-01-31T12:00", "2026-01-01", "2026-02-01"),
        ("monthly", "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
        ("monthly", "2028-02-29T12:00", "2028-02-01", "2028-03-01"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", BERLIN, "America/Los_Angeles", "Asia/Kathmandu"])
def test_a_period_begins_and_ends_at_midnight_where_the_budget_lives(
    period: Period, at: str, begin: str, end: str, zone: str
) -> None:
    assert span(period, zone, unix(at, zone)) == Span(unix(begin, zone), unix(end, zone))


def test_a_total_never_ends() -> None:
    assert span("total", BERLIN, 1_795_000_000) == Span(0, None)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(day: str, hours: int) -> None:
    found = span("daily", BERLIN, unix(f"{day}T12:00", BERLIN))
    assert found.end == found.begin + hours * 3600


def test_a_day_without_a_midnight_begins_with_its_first_instant() -> None:
    # At midnight on 4 November 2018 clocks in São Paulo were put forward to one o'clock.
    found = span("daily", "America/Sao_Paulo", unix("2018-11-04T12:00", "America/Sao_Paulo"))
    assert found.begin == unix("2018-11-04T01:00", "America/Sao_Paulo")
    assert found.end == found.begin + 23 * 3600


def test_a_day_with_two_midnights_begins_at_the_first() -> None:
    # At one o'clock on 1 November 2026 clocks in Havana are put back to midnight.
    found = span("daily", "America/Havana", unix("2026-11-01T12:00", "America/Havana"))
    assert found.end == found.begin + 25 * 3600


def test_an_hour_of_the_old_day_that_comes_again_after_midnight_belongs_to_the_new_day() -> None:
    # At 00:01 on 29 October 2006 clocks in St. John's were put back to 23:01.
    zone = "America/St_Johns"
    midnight = unix("2006-10-29T00:00", zone)
    again = midnight + 1800
    assert datetime.fromtimestamp(again, ZoneInfo(zone)).day == 28
    assert span("daily", zone, again).begin == midnight
    assert span("daily", zone, midnight - 1).end == midnight


@given(
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.sampled_from(ZONES),
    st.floats(0, 4_000_000_000, allow_nan=False),
)
@example("daily", "Pacific/Apia", 1_325_240_000.0)
@example("daily", "America/St_Johns", 1_162_089_000.0)
def test_periods_follow_each_other_without_a_gap(period: Period, zone: str, now: float) -> None:
    found = span(period, zone, now)
    assert found.end is not None
    assert found.begin <= now < found.end
    assert found.end - found.begin <= timedelta(days=32).total_seconds()
    assert span(period, zone, found.begin) == found
    assert span(period, zone, found.end).begin == found.end
    assert span(period, zone, found.begin - 1).end == found.begin
