"""What an upstream's rate-limit headers say of the room that is left.

Read are three families, whatever word stands before ``ratelimit``, so that no provider is named here:

- ``x-ratelimit-remaining-requests`` and its like for ``limit``, ``reset`` and ``tokens``
  (https://platform.openai.com/docs/guides/rate-limits), whose resets are durations: ``6m0s``, ``120ms``;
- ``…-ratelimit-requests-remaining`` and its like, for ``tokens``, ``input-tokens`` and ``output-tokens`` as well
  (https://docs.anthropic.com/en/api/rate-limits), whose resets are RFC 3339 times;
- ``x-ratelimit-remaining``, ``ratelimit-remaining`` and their like, whose resets are seconds or a Unix time; and the
  one field ``ratelimit`` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers): ``"name";r=0;t=30``.

Always true: no header makes it raise; a value that is not understood says nothing, and so does a bare number as the
reset of requests or tokens: some hosts mean seconds, others milliseconds. In the first two families a reset is when
all of a limit is free again, so the wait is an upper bound, and ``Retry-After`` should win.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache

import msgspec

from omniroute.limits.cooldown import DAY

_WORD = "(limit|remaining|reset)"
_HEADER = re.compile(
    rf"(?:([a-z0-9]+)-)?ratelimit-(?:{_WORD}(?:-(requests|tokens))?|(requests|(?:(?:in|out)put-)?tokens)-{_WORD})"
)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_QUOTED = re.compile(r'"[^"]*"')
_PARAMETER = re.compile(r";\s*([a-z]+)=([0-9]+)")
_UNIX_SECONDS, _UNIX_MILLISECONDS = 1e9, 1e11


class Learnt(msgspec.Struct, frozen=True):
    """What is known of the tightest limit.

    ``remaining`` is the requests or tokens left of it, None where only a reset was given. ``reset`` is the seconds,
    at most a day, until it is free again; None where it is not known, or where something remains.
    """

    remaining: int | None
    reset: float | None


class _Limit(msgspec.Struct):
    """One limit as it is written; ``bare`` says whether a number without a unit can be its reset."""

    bare: bool
    limit: str = ""
    remaining: str = ""
    reset: str = ""


def learnt(headers: Mapping[str, str], now_wall: float) -> Learnt | None:
    """Read an answer's headers (names in lower case) at a Unix time in seconds; None where they say nothing.

    Of several limits without room, the one that is free last decides; of several with room, the one of which the
    smallest share is left.
    """
    limits = _limits(headers)
    if not limits:
        return None
    left = [(remaining, each) for each in limits if (remaining := _count(each.remaining)) is not None]
    decisive = [each for remaining, each in left if not remaining] if left else limits
    resets = [reset for each in decisive if (reset := _reset(each, now_wall)) is not None]
    if not left:
        return Learnt(None, max(resets)) if resets else None
    if decisive:
        return Learnt(0, max(resets, default=None))
    return Learnt(min((_share(remaining, each), remaining) for remaining, each in left)[1], None)


def _limits(headers: Mapping[str, str]) -> list[_Limit]:
    """Bring together what belongs to one limit."""
    found: dict[tuple[str, str], _Limit] = {}
    for name, value in headers.items():
        if (meant := _meant(name)) is not None:
            before, what, word = meant
            limit = found.setdefault((before, what), _Limit(bare=not what))
            setattr(limit, word, value.strip())
    return [*found.values(), *_draft(headers["ratelimit"])] if "ratelimit" in headers else list(found.values())


@lru_cache(maxsize=512)
def _meant(name: str) -> tuple[str, str, str] | None:
    """Take a header's name apart: what stands before, what is counted, which word of it this is.

    Remembered, because an upstream's answers all have the same names.
    """
    if (match := _HEADER.fullmatch(name)) is None:
        return None
    before, word, counted, counted_first, word_last = match.groups(default="")
    return before, counted or counted_first, word or word_last


def _draft(written: str) -> Iterator[_Limit]:
    """Read the one field of the IETF's draft: a list of limits, the parameters ``r`` and ``t`` of each."""
    for item in _QUOTED.sub("", written).split(","):
        parameters = dict(_PARAMETER.findall(item))
        yield _Limit(bare=True, remaining=parameters.get("r", ""), reset=parameters.get("t", ""))


def _count(written: str) -> int | None:
    """Read a number of requests or tokens."""
    return int(float(written)) if _NUMBER.fullmatch(written) else None


def _share(remaining: int, of: _Limit) -> float:
    """Give the share of a limit that is left; all of it where the limit is not known."""
    limit = _count(of.limit)
    return remaining / limit if limit else 1.0


def _reset(limit: _Limit, now: float) -> float | None:
    """Give the seconds until a limit is free again, between 0 and a day."""
    if _NUMBER.fullmatch(limit.reset):
        wait = _from_number(float(limit.reset), now, bare=limit.bare)
    else:
        wait = _from_duration(limit.reset)
        wait = _from_time(limit.reset, now) if wait is None else wait
    return None if wait is None else min(max(0.0, wait), DAY)


def _from_number(number: float, now: float, *, bare: bool) -> float | None:
    """Read seconds, or a Unix time in seconds or milliseconds, which are told apart by their size."""
    if number >= _UNIX_SECONDS:
        return (number / 1000 if number >= _UNIX_MILLISECONDS else number) - now
    return number if bare else None


def _from_duration(written: str) -> float | None:
    """Read a duration in the notation of Go's ``time.Duration``: numbers, each with its unit."""
    parts = _PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _from_time(written: str, now: float) -> float | None:
    """Read an RFC 3339 time, which always says its offset from UTC."""
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return None
    return time.timestamp() - now if time.tzinfo else None
