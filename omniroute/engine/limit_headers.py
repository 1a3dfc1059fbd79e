"""What a client is told of its limits: the headers of answers, and the words of refusals.

Always true: nothing here counts or decides. Times are Unix seconds, money integer nano-dollars.
"""

from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

from omniroute.config.policy import Budget
from omniroute.engine.terms import Headers
from omniroute.errors import OverBudget, RateLimited
from omniroute.limits.periods import Span
from omniroute.limits.port import Bucket, Standing, Taken
from omniroute.names import Format

DOWNGRADED = "x-omniroute-downgraded"
"""The header that names what took over for a spent budget."""
_FAMILIES = {Format.ANTHROPIC_MESSAGES: Format.ANTHROPIC_MESSAGES.partition("-")[0]}
"""The formats whose rate-limit headers begin with a word of their own."""
_WORDS = {"daily": "a day", "weekly": "a week", "monthly": "a month", "total": "in all"}


def over(budget: Budget, stands: Standing, span: Span, amount: int, now: float) -> OverBudget:
    """Say that a budget has no room, why, and when it has again.

    Where only requests under way stand between, nobody can say when: they may end at any moment, and cost less.
    """
    soon = stands.spent + amount <= budget.limit
    said = (
        f"budget '{budget.name}' has no room for this request, which may cost {dollars(amount)}: "
        f"of {dollars(budget.limit)} {_WORDS[budget.period]}, {dollars(stands.spent)} are spent "
        f"and {dollars(stands.held)} set aside for requests under way"
    )
    if soon:
        return OverBudget(f"{said}; try again when some of those have ended")
    if span.end is None:
        return OverBudget(f"{said}; it does not begin anew: whoever keeps the configuration can raise it")
    return OverBudget(f"{said}; it begins anew on {_local(span.end, budget.timezone)}", max(0.0, span.end - now))


def low(budget: Budget, stands: Standing, span: Span) -> str:
    """Say how a budget stands, in a header's characters."""
    share = f"{stands.spent / budget.limit:.0%}" if budget.limit else "all"
    again = "" if span.end is None else f"; it begins anew on {_local(span.end, budget.timezone)}"
    return f"budget '{budget.name}': {share} of {dollars(budget.limit)} {_WORDS[budget.period]} is spent{again}"


def dollars(nano: int) -> str:
    """Write money: to the cent, or as exactly as is needed below one."""
    if nano % 10_000_000 == 0 or nano >= 1_000_000_000:
        return f"{nano / 1e9:,.2f} USD"
    return f"{nano / 1e9:.9f}".rstrip("0") + " USD"


def _local(at: int, timezone: str) -> str:
    """Write an instant as its time zone has it."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(timezone)):%Y-%m-%d %H:%M} {timezone}"


def many(count: int, what: str) -> str:
    """Write a number of things."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def retry_headers(error: RateLimited) -> Headers:
    """Say when to come again, in whole seconds (RFC 9110, section 10.2.3), rounded up so that it is not too early."""
    wait = error.retry_after
    return () if wait is None else (("retry-after", str(max(1, ceil(wait)))),)


def rate_headers(stand: tuple[Taken, ...], wire: Format, now: float) -> Headers:
    """Say how limits stand in the words of a format's own family, or in those that most clients know.

    These are ``x-ratelimit-remaining-requests`` with durations (https://platform.openai.com/docs/guides/rate-limits),
    and a family's ``…-ratelimit-requests-remaining`` with times (https://docs.anthropic.com/en/api/rate-limits).
    """
    family = _FAMILIES.get(wire)
    told: list[tuple[str, str]] = []
    for each in stand:
        limit, remaining, reset = _named(each.bucket, family)
        again = _duration(each.reset) if family is None else _instant(ceil(now + each.reset))
        told += (limit, (remaining, str(each.remaining)), (reset, again))
    return tuple(told)


@lru_cache(maxsize=4096)
def _named(bucket: Bucket, family: str | None) -> tuple[tuple[str, str], str, str]:
    """Give a bucket's header that never changes, and the names of the two others: what remains, and until when."""
    what = bucket.name.rpartition(":")[2]
    start, order = ("x-ratelimit-", "{word}-{what}") if family is None else (f"{family}-ratelimit-", "{what}-{word}")
    limit, remaining, reset = (start + order.format(word=word, what=what) for word in ("limit", "remaining", "reset"))
    return (limit, str(bucket.limit)), remaining, reset


def _duration(seconds: float) -> str:
    """Write a duration as Go does, in milliseconds, rounded up: ``120ms``, ``8.64s``, ``1m30s``."""
    millis = ceil(seconds * 1000 - 1e-6)
    if millis < 1000:
        return f"{millis}ms" if millis > 0 else "0s"
    minutes, rest = divmod(millis, 60_000)
    written = f"{rest / 1000:g}s"
    if not minutes:
        return written
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{written}" if hours else f"{minutes}m{written}"


@lru_cache(maxsize=256)
def _instant(second: int) -> str:
    """Write an instant in UTC as RFC 3339 has it."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
