"""Reports: sums that never take an unknown cost for nothing."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from omniroute.errors import StorageError
from omniroute.ir.usage import Usage
from omniroute.names import Outcome, Trigger
from omniroute.observe.events import Exchanged
from omniroute.observe.redact import redact
from omniroute.storage.db import connect
from omniroute.storage.generations import next_generation
from omniroute.storage.ledger import Ledger
from omniroute.storage.report import (
    ALL,
    By,
    Consumed,
    Filter,
    PastAttempt,
    PastConfiguration,
    Summary,
    consumed,
    past,
    recent,
    summary,
)
from omniroute.storage.shared import spent
from tests.support.events import NOON, exchanged, unanswered

DAY = 86_400_000_000


def ledger_of(path: Path, *events: Exchanged) -> str:
    ledger = Ledger(str(path), trouble=pytest.fail, redact=redact)
    ledger.start()
    for event in events:
        ledger.record(event)
    ledger.close()
    return str(path)


def test_a_group_is_summed(tmp_path: Path) -> None:
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1, cache_read_tokens=5),
        exchanged(2, cache_write_tokens=8, cache_write_1h_tokens=10),
        exchanged(3, key="bob", cost_nano=7, reasoning_tokens=0),
    )
    assert summary(path, ALL, By.KEY, UTC) == (
        Summary("alice", 2, 0, 1_624, 280, 5, 18, 40, 4_200_000, 0),
        Summary("bob", 1, 0, 812, 140, 0, 0, 0, 7, 0),
    )


@pytest.mark.parametrize(
    ("by", "group"),
    [
        (By.KEY, "alice"),
        (By.MODEL, "large"),
        (By.PROVIDER, "house"),
        (By.TARGET, "house/large"),
        (By.DAY, "2025-11-23"),
        (By.HOUR, "2025-11-23 12:00"),
        (By.TAG, ""),
        (By.SESSION, ""),
        (By.OUTCOME, "ok"),
        (By.CONFIG, "9f3ac1d27e04"),
    ],
)
def test_requests_are_grouped_by_what_is_asked_for(by: By, group: str, tmp_path: Path) -> None:
    assert [row.group for row in summary(ledger_of(tmp_path / "x.db", exchanged()), ALL, by, UTC)] == [group]


def test_every_way_to_group_is_tested() -> None:
    marks = test_requests_are_grouped_by_what_is_asked_for.pytestmark  # type: ignore[attr-defined]  # pytest's
    assert {by for by, _ in marks[0].args[1]} == set(By)


def test_an_answer_without_a_price_is_counted_and_not_summed(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, cost_nano=10), exchanged(2, cost_nano=None))
    (row,) = summary(path, ALL, By.KEY, UTC)
    assert (row.requests, row.cost_nano, row.unpriced) == (2, 10, 1)


def test_where_no_cost_is_known_the_sum_is_not_zero_but_unknown(tmp_path: Path) -> None:
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1, cost_nano=None, input_tokens=None, output_tokens=None),
        unanswered(2),
    )
    (row,) = summary(path, ALL, By.KEY, UTC)
    assert (row.cost_nano, row.unpriced, row.input_tokens, row.output_tokens) == (None, 1, None, None)


def test_what_no_upstream_answered_costs_nothing(tmp_path: Path) -> None:
    (row,) = summary(ledger_of(tmp_path / "x.db", unanswered()), ALL, By.KEY, UTC)
    assert (row.cost_nano, row.unpriced) == (0, 0)


def test_free_is_known(tmp_path: Path) -> None:
    (row,) = summary(ledger_of(tmp_path / "x.db", exchanged(cost_nano=0)), ALL, By.KEY, UTC)
    assert (row.cost_nano, row.unpriced) == (0, 0)


def test_refused_failed_and_cut_are_failures_and_a_client_that_left_is_none(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", *(exchanged(n, outcome=each) for n, each in enumerate(Outcome)))
    (row,) = summary(path, ALL, By.KEY, UTC)
    assert (row.requests, row.failed) == (len(Outcome), 3)


def test_the_first_instant_belongs_to_a_stretch_of_time_and_the_last_does_not(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", *(exchanged(number) for number in range(5)))
    (row,) = summary(path, Filter(NOON + 1, NOON + 4), By.KEY, UTC)
    assert row.requests == 3
    assert summary(path, Filter(NOON + 5, NOON + 9), By.KEY, UTC) == ()


def test_a_day_ends_at_midnight_utc(tmp_path: Path) -> None:
    midnight = NOON + DAY // 2
    path = ledger_of(tmp_path / "x.db", exchanged(1, at=midnight - 1), exchanged(2, at=midnight))
    assert [row.group for row in summary(path, ALL, By.DAY, UTC)] == ["2025-11-23", "2025-11-24"]


def test_recent_requests_come_newest_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", *(exchanged(number) for number in range(5)))
    assert [row.at - NOON for row in recent(path, 3)] == [4, 3, 2]
    (row,) = recent(path, 1)
    assert row.stream is True
    assert row.attempts == (PastAttempt("house/large", "main", 1_100_000, None, 200, ""),)


@pytest.mark.parametrize("report", [lambda path: recent(path, 1), lambda path: summary(path, ALL, By.KEY, UTC)])
def test_a_report_needs_our_database(report: object, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database"):
        report(str(tmp_path / "x.db"))  # type: ignore[operator]  # one of two functions
    connect(str(tmp_path / "other.db")).close()
    with pytest.raises(StorageError, match="lacks what this version of omniroute keeps in it"):
        report(str(tmp_path / "other.db"))  # type: ignore[operator]  # as above


def test_a_report_leaves_no_trace(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged())
    before = Path(path).read_bytes()
    recent(path, 5)
    assert Path(path).read_bytes() == before


FULL = "9f3ac1d27e04" + "0" * 52


def test_one_request_is_found_by_its_id_with_the_configuration_that_answered_it(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1), exchanged(2, generation=1))
    next_generation(path, FULL, NOON, Trigger.START, "0.1.0", [("a.toml", "x = 1\n"), ("b.toml", None)])
    found = past(path, "req_00000002")
    assert found is not None
    request, configuration = found
    assert request == recent(path, 1)[0]
    assert configuration == PastConfiguration(FULL, NOON, NOON, (("a.toml", "x = 1\n"), ("b.toml", None)))
    assert past(path, "req_00000009") is None


def test_a_generation_that_is_unknown_or_means_another_configuration_gives_none(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1), exchanged(2, generation=1))
    next_generation(path, "b" * 64, NOON, Trigger.START, "0.1.0", [])
    for request in ("req_00000001", "req_00000002"):
        found = past(path, request)
        assert found is not None
        assert found[1] is None


def test_a_configuration_from_before_files_were_kept_has_none(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, generation=1))
    next_generation(path, FULL, NOON, Trigger.START, "0.1.0", [("a.toml", "x = 1\n")])
    connection = connect(path)
    connection.execute("DELETE FROM configurations")
    connection.close()
    found = past(path, "req_00000001")
    assert found is not None
    assert found[1] == PastConfiguration(FULL, NOON, None, ())


def test_days_and_hours_are_those_of_the_zone_that_is_asked_for(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, at=NOON + 13 * DAY // 24), exchanged(2, at=NOON + 10 * DAY // 24))
    kolkata = ZoneInfo("Asia/Kolkata")
    assert [row.group for row in summary(path, ALL, By.DAY, kolkata)] == ["2025-11-24"]
    assert [row.group for row in summary(path, ALL, By.HOUR, kolkata)] == ["2025-11-24 03:00", "2025-11-24 06:00"]


def test_a_request_with_two_tags_is_in_two_groups_and_one_without_in_that_without_a_name(tmp_path: Path) -> None:
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1, tags=("red", "blue")),
        exchanged(2, tags=("red",)),
        exchanged(3),
    )
    groups = {row.group: row.requests for row in summary(path, ALL, By.TAG, UTC)}
    assert groups == {"": 1, "blue": 1, "red": 2}
    assert sum(row.requests for row in summary(path, ALL, By.KEY, UTC)) == 3


@pytest.mark.parametrize(
    "meant",
    [
        Filter(key="bob"),
        Filter(model="small"),
        Filter(provider="annex"),
        Filter(outcome="cut"),
        Filter(tag="red"),
        Filter(since=NOON + 9),
    ],
)
def test_only_what_is_meant_is_summed_and_listed(meant: Filter, tmp_path: Path) -> None:
    other = {"key": "bob", "model": "small", "provider": "annex", "outcome": Outcome.CUT, "tags": ("blue", "red")}
    path = ledger_of(tmp_path / "x.db", exchanged(1, tags=("blue",)), exchanged(9, **other))
    assert [row.request_id for row in recent(path, 10, meant)] == ["req_00000009"]
    assert [row.requests for row in summary(path, meant, By.CONFIG, UTC)] == [1]


@pytest.mark.parametrize("outcome", ["admitted", "lost"])
def test_what_a_request_costs_that_has_not_ended_is_unknown(outcome: str, tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", unanswered(1))
    connection = connect(path)
    connection.execute("UPDATE usage SET outcome = ?", (outcome,))
    connection.close()
    (row,) = summary(path, ALL, By.KEY, UTC)
    assert (row.cost_nano, row.unpriced, row.failed) == (None, 1, int(outcome == "lost"))


def test_what_was_spent_is_known_for_each_budget_and_period(tmp_path: Path) -> None:
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1, cost_nano=5, budgets=(("team", 100), ("all", 0))),
        exchanged(2, cost_nano=7, budgets=(("team", 100),)),
        exchanged(3, cost_nano=None, budgets=(("team", 100),)),
    )
    assert spent(path) == {("all", 0): 5, ("team", 100): 12}


def test_requests_that_used_the_same_are_given_together_with_every_class_of_tokens(tmp_path: Path) -> None:
    classes = {"cache_write_tokens": 7, "cache_write_1h_tokens": 9, "audio_in_tokens": 3, "audio_out_tokens": 2}
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1),
        exchanged(2),
        exchanged(3, model="small", cache_read_tokens=5, **classes),
        exchanged(4, model="silent", input_tokens=None, output_tokens=None),
        exchanged(5, at=NOON + DAY),
    )
    assert list(consumed(path, NOON, NOON + DAY)) == [
        Consumed("house", "large", 2, Usage(812, 140, reasoning=20)),
        Consumed("house", "small", 1, Usage(812, 140, 5, 7, 20, 9, 3, 2)),
    ]
