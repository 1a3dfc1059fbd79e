"""When the day, week or month begins and ends that holds an instant, where the budget's owner lives.

A day begins at midnight of its time zone, at the first of two midnights where clocks are put back over it, and with
the first instant after it where clocks are put forward over it. A week begins on Monday (ISO 8601).

Always true: the period of an instant begins no later than it and ends after it, and ends where the next one begins.
"""

from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Period = Literal["daily", "weekly", "monthly", "total"]


class Span(msgspec.Struct, frozen=True, gc=False):
    """A period, in Unix seconds; ``end``, which does not belong to it, is None where there is none."""

    begin: int
    end: int | None


EVER = Span(0, None)


def span(period: Period, timezone: str, now: float) -> Span:
    """Give the period that holds an instant.

    Args:
        period: its kind.
        timezone: an IANA name that exists.
        now: the instant, in Unix seconds.
    """
    if period == "total":
        return EVER
    zone = ZoneInfo(timezone)
    first = _first(period, datetime.fromtimestamp(now, zone).date())
    begin, end = _midnight(first, zone), _midnight(_next(period, first), zone)
    # Where clocks are put back over midnight, the old day's last hour comes again within the new day.
    while now >= end:
        first = _next(period, first)
        begin, end = end, _midnight(_next(period, first), zone)
    return Span(begin, end)


def _first(period: Period, day: date) -> date:
    """Give the first day of the period that a day is in."""
    if period == "weekly":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "monthly" else day


def _next(period: Period, first: date) -> date:
    """Give the first day of the next period."""
    if period == "monthly":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if period == "weekly" else 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Give the instant at which a day begins: the earlier of two, and of none the end of the gap."""
    return int(datetime.combine(day, time.min, zone).timestamp())
