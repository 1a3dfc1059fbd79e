"""What the pages on runtime data show."""

from pathlib import Path
from typing import Any

import pytest

from omniroute.config.policy import Budget
from omniroute.engine.health import Trouble
from omniroute.errors import Malformed, StorageError
from omniroute.gateway.views import (
    AUDIT_ROWS,
    BudgetView,
    audit_log,
    availability,
    budget_views,
    usage,
    whole,
    window_of,
)
from omniroute.limits.memory import Memory
from omniroute.storage.audit import Entry, append
from omniroute.storage.db import MEMORY
from omniroute.storage.migrations import open_database
from tests.storage.test_report import ledger_of
from tests.support.events import NOON, exchanged

MONTH = 1_761_955_200
"""2025-11-01 00:00:00 UTC."""
NEXT = 1_764_547_200
DOLLAR = 1_000_000_000


@pytest.mark.parametrize(
    ("spent", "state", "remaining"),
    [(0, "ok", 7), (6, "ok", 1), (7, "ok", 0), (8, "warned", 0), (9, "warned", 0), (10, "exceeded", 0)],
)
async def test_a_budget_is_told_with_its_period_and_what_is_left(spent: int, state: Any, remaining: int) -> None:
    budget = Budget("team", 10 * DOLLAR, warn_at=0.8)
    shared = Memory()
    shared.restore({("team", MONTH): spent * DOLLAR})
    purse_of = [budget, Budget("all", DOLLAR, "total")]

    async def standing(purse: Any, now: float) -> Any:
        found = await shared.standing(purse, now)
        return found if purse.budget == "all" else type(found)(found.spent, 3 * DOLLAR)

    month, ever = await budget_views(purse_of, standing, NOON / 1e6)
    assert month == BudgetView(
        "team",
        "monthly",
        "UTC",
        MONTH,
        NEXT,
        10 * DOLLAR,
        spent * DOLLAR,
        3 * DOLLAR,
        remaining * DOLLAR,
        state,
    )
    assert (ever.since, ever.resets_at, ever.remaining_nano, ever.state) == (0, None, DOLLAR, "ok")


def test_what_is_left_alone_is_told_with_the_names_of_the_reference() -> None:
    troubles = [Trouble("red", "m", "", "breaker", 1.5), Trouble("red", "", "main", "cooldown", 0.25)]
    assert availability(troubles) == {
        "unavailableCount": 2,
        "models": [
            {"provider": "red", "model": "m", "credential": None, "reason": "breaker", "remainingMs": 1500},
            {"provider": "red", "model": None, "credential": "main", "reason": "cooldown", "remainingMs": 250},
        ],
    }


def test_a_window_is_five_minutes_unless_it_is_said() -> None:
    assert (window_of({}), window_of({"windowMs": "1500"})) == (300.0, 1.5)
    for wrong in ("0", "-1", "x", "1.5", "86400001", "9" * 20, "١"):
        with pytest.raises(Malformed, match="'windowMs' should be a whole number from 1 to 86400000"):
            window_of({"windowMs": wrong})


def test_a_number_of_a_query_is_within_its_bounds() -> None:
    assert [whole(query, "n", 5, 9) for query in ({}, {"n": "0"}, {"n": "9"})] == [5, 0, 9]


def test_requests_are_summed_by_key_model_and_provider(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1), exchanged(2, key="bob"), exchanged(-90_000_000_000))
    shown = usage(path, {}, NOON + 1_000_000)
    assert (shown["period"], shown["until_us"] - shown["since_us"]) == ("24h", 86_400_000_000)
    assert [(each.group, each.requests) for each in shown["by_key"]] == [("alice", 1), ("bob", 1)]
    assert [(each.group, each.requests) for each in shown["by_model"]] == [("large", 2)]
    assert [(each.group, each.requests) for each in shown["by_provider"]] == [("house", 2)]
    assert usage(path, {"period": "7d"}, NOON + 1_000_000)["by_model"][0].requests == 3
    with pytest.raises(Malformed, match="'soon' is no period"):
        usage(path, {"period": "soon"}, NOON)


def test_the_audit_log_is_told_in_pages(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    connection = open_database(path)
    append(connection, [Entry(NOON, "alice" if number % 2 else "bob", "a") for number in range(AUDIT_ROWS + 10)])
    connection.close()
    assert len(audit_log(path, {})) == AUDIT_ROWS
    assert [row.seq for row in audit_log(path, {"limit": "2", "offset": "1", "actor": "alice"})] == [58, 56]
    assert audit_log(path, {"action": "b"}) == ()
    with pytest.raises(Malformed, match="'limit'"):
        audit_log(path, {"limit": "1001"})


def test_what_is_in_memory_cannot_be_read_from_outside() -> None:
    for look in (lambda: usage(MEMORY, {}, NOON), lambda: audit_log(MEMORY, {})):
        with pytest.raises(StorageError, match="the database is in memory"):
            look()


def test_a_period_that_is_longer_than_time_is_all_of_it(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1))
    found = usage(path, {"period": "999999999d999999999d"}, NOON + 10)
    assert (found["since_us"], [each.requests for each in found["by_key"]]) == (0, [1])
