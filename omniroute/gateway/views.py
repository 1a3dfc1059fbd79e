"""What the pages on runtime data show, ready to be written as JSON.

Always true: nothing here changes anything; money is in integer nano-dollars, instants are Unix seconds where their
name says nothing else. What reads the database blocks, and says so.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC
from typing import Any, Literal

import msgspec

from omniroute.config.policy import Budget, Period
from omniroute.config.units import DURATION, seconds
from omniroute.engine.health import Trouble
from omniroute.errors import Malformed, StorageError
from omniroute.limits.periods import span
from omniroute.limits.port import Purse, Standing
from omniroute.storage.audit import AuditRow
from omniroute.storage.audit import Filter as AuditFilter
from omniroute.storage.audit import rows as audit_rows
from omniroute.storage.db import MEMORY
from omniroute.storage.report import By, Filter, summary

Query = Mapping[str, str]

WINDOW_MS = 300_000
LONGEST_WINDOW_MS = 86_400_000
AUDIT_ROWS = 50
MOST_AUDIT_ROWS = 1_000
FARTHEST = 10_000_000
"""Audit rows that can be skipped."""


class BudgetView(msgspec.Struct, frozen=True):
    """How a budget stands in its period; ``held_nano`` is set aside for requests under way.

    ``remaining_nano`` is what may still be set aside. ``resets_at`` is None where the period never ends.
    """

    budget: str
    period: Period
    timezone: str
    since: int
    resets_at: int | None
    limit_nano: int
    spent_nano: int
    held_nano: int
    remaining_nano: int
    state: Literal["ok", "warned", "exceeded"]


async def budget_views(
    budgets: Iterable[Budget], standing: Callable[[Purse, float], Awaitable[Standing]], now: float
) -> list[BudgetView]:
    """Tell how each budget stands; ``now`` is in Unix seconds."""
    found = []
    for each in budgets:
        period = span(each.period, each.timezone, now)
        stands = await standing(Purse(each.name, period.begin, each.limit), now)
        found.append(_budget_view(each, stands, period.begin, period.end))
    return found


def _budget_view(budget: Budget, stands: Standing, since: int, resets_at: int | None) -> BudgetView:
    state: Literal["ok", "warned", "exceeded"] = "ok"
    if stands.spent >= budget.limit:
        state = "exceeded"
    elif stands.spent >= budget.limit * budget.warn_at:
        state = "warned"
    return BudgetView(
        budget=budget.name,
        period=budget.period,
        timezone=budget.timezone,
        since=since,
        resets_at=resets_at,
        limit_nano=budget.limit,
        spent_nano=stands.spent,
        held_nano=stands.held,
        remaining_nano=max(budget.limit - stands.spent - stands.held, 0),
        state=state,
    )


def availability(troubles: Iterable[Trouble]) -> dict[str, Any]:
    """Tell what is left alone; the names are those of the API reference."""
    models = [
        {
            "provider": each.provider,
            "model": each.model or None,
            "credential": each.credential or None,
            "reason": each.reason,
            "remainingMs": round(each.seconds * 1000),
        }
        for each in troubles
    ]
    return {"unavailableCount": len(models), "models": models}


def window_of(query: Query) -> float:
    """Read the seconds that a summary of answers is for."""
    return whole(query, "windowMs", WINDOW_MS, LONGEST_WINDOW_MS, least=1) / 1000


def usage(database: str, query: Query, now: int) -> dict[str, Any]:
    """Sum up the requests of a period, by key, model and provider. It blocks.

    Args:
        database: the path.
        query: ``period`` may be a duration such as ``7d``.
        now: Unix microseconds.

    Raises:
        Malformed: the period is none.
        StorageError: the database cannot be used.
    """
    period = query.get("period", "24h")
    if re.match(DURATION, period) is None:
        raise Malformed(f"'{period[:40]}' is no period: write numbers and units, such as 24h or 7d", "period")
    meant = Filter(since=max(0, now - round(seconds(period) * 1e6)), until=now)
    path = _on_disk(database)
    sums = {f"by_{by}": summary(path, meant, by, UTC) for by in (By.KEY, By.MODEL, By.PROVIDER)}
    return {"period": period, "since_us": meant.since, "until_us": meant.until, **sums}


def audit_log(database: str, query: Query) -> tuple[AuditRow, ...]:
    """Give rows of the audit log. It blocks.

    Args:
        database: the path.
        query: it may have ``action``, ``actor``, ``limit`` and ``offset``.

    Raises:
        Malformed: a number is none.
        StorageError: the database cannot be used.
    """
    which = AuditFilter(query.get("action", ""), query.get("actor", ""))
    limit = whole(query, "limit", AUDIT_ROWS, MOST_AUDIT_ROWS, least=1)
    return audit_rows(_on_disk(database), which, limit, whole(query, "offset", 0, FARTHEST))


def whole(query: Query, name: str, default: int, most: int, *, least: int = 0) -> int:
    """Read a whole number of a query.

    Raises:
        Malformed: it is none, or too small or too large.
    """
    written = query.get(name, str(default))
    if re.fullmatch(r"[0-9]{1,12}", written) is None or not least <= int(written) <= most:
        raise Malformed(f"'{name}' should be a whole number from {least} to {most}", name)
    return int(written)


def _on_disk(database: str) -> str:
    if database == MEMORY:
        message = "the database is in memory, where only its writer can read it: name a file (runtime.database)"
        raise StorageError(message)
    return database
