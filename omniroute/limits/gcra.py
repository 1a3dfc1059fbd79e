"""Rates as the generic cell rate algorithm (ITU-T I.371) has them: a bucket is one number, when it is full again.

Each unit takes as long to come back as a ``limit``-th of the period. Times are integer nanoseconds since 1970, because
a float of that size cannot hold a millionth of a second exactly, and sums of it would drift.

Always true: in any span of ``s`` seconds at most ``limit * (1 + s / period)`` units are granted, rounded up; what is
refused changes nothing; what was asked for in vain could be had after ``retry_after`` seconds, where nobody else comes.
"""

from collections.abc import Sequence
from math import inf

from omniroute.limits.port import Bucket, Taken

SECOND = 1_000_000_000


def nanos(seconds: float) -> int:
    """Give a time, or a duration, as nanoseconds."""
    return int(seconds * SECOND)


def after(bucket: Bucket, full_at: int, units: int, now: int) -> int:
    """Give when a bucket is full again, once so many units more have been taken from it, be there room or not.

    The time in which they come back is rounded towards the caller.
    """
    return max(now, full_at) + units * bucket.period // bucket.limit


def wait(bucket: Bucket, full_at: int, units: int, now: int) -> float:
    """Give in how many seconds so many units can be had: 0 where they can be now, infinite where they never can.

    Args:
        bucket: the rate; its limit is at least 1.
        full_at: when it is full again; a time that is past, where it is.
        units: how many are asked for; 0 can always be had.
        now: the time.
    """
    if units <= 0:
        return 0.0
    if units > bucket.limit:
        return inf
    lacking = after(bucket, full_at, units, now) - now - bucket.period
    return lacking / SECOND if lacking > 0 else 0.0


def stands(bucket: Bucket, full_at: int, now: int, retry_after: float = 0.0) -> Taken:
    """Say how a bucket stands, after something was taken from it or refused."""
    owed = full_at - now
    if owed <= 0:
        return Taken(bucket, bucket.limit, 0.0, retry_after)
    remaining = (bucket.period - owed) * bucket.limit // bucket.period
    return Taken(bucket, max(0, remaining), owed / SECOND, retry_after)


def refused(asked: Sequence[tuple[Bucket, int]], known: Sequence[int], now: int) -> tuple[Taken, ...]:
    """Say how buckets stand of which one has no room for what was asked, and when each had; none was taken from.

    Args:
        asked: the buckets, and the units of each.
        known: when each is full again.
        now: the time.
    """
    return tuple(
        [
            stands(bucket, full_at, now, wait(bucket, full_at, units, now))
            for (bucket, units), full_at in zip(asked, known, strict=True)
        ]
    )
