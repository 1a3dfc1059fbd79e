"""Forgetting: what is old goes, what it cost stays, and nobody waits long for it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.names import Trigger
from omniroute.observe.events import Exchanged
from omniroute.observe.redact import redact
from omniroute.storage.generations import next_generation
from omniroute.storage.migrations import open_database
from omniroute.storage.report import recent
from omniroute.storage.retention import ANSWERS, BATCH, SUMS_KEPT, sweep
from omniroute.storage.rows import Rows, show_open, write
from omniroute.storage.shared import spent
from omniroute.storage.verify import verify
from tests.support.events import NOON, admitted, exchanged

DAY = 86_400
TEAM, ALL = ("team", NOON // 1_000_000), ("all", 0)
ROWS = Rows("w1", redact)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "x.db")


@pytest.fixture
def connection(path: str) -> Iterator[sqlite3.Connection]:
    connection = open_database(path)
    yield connection
    connection.close()


def put(connection: sqlite3.Connection, *events: Exchanged) -> None:
    write(connection, [ROWS.final(event, None) for event in events])


def later(days: float) -> int:
    return NOON + round(days * DAY * 1e6)


def test_rows_are_deleted_when_they_are_older_than_they_are_to_be_kept(
    connection: sqlite3.Connection, path: str
) -> None:
    put(connection, exchanged(1), exchanged(2, at=later(1)), exchanged(3, at=later(2)))
    list(sweep(connection, later(3), 2 * DAY))
    assert [row.request_id for row in recent(path, 10)] == ["req_00000003", "req_00000002"]


def test_without_a_retention_rows_are_kept_for_ever(connection: sqlite3.Connection, path: str) -> None:
    put(connection, exchanged(1, budgets=(TEAM,)))
    list(sweep(connection, later(10_000), None))
    assert len(recent(path, 10)) == 1
    assert spent(path) == {TEAM: 2_100_000}


def test_what_was_spent_stays_though_its_rows_go_and_can_still_be_proved(
    connection: sqlite3.Connection, path: str
) -> None:
    put(connection, exchanged(1, cost_nano=5, budgets=(TEAM, ALL)), exchanged(2, cost_nano=None, budgets=(TEAM,)))
    put(connection, exchanged(3, cost_nano=7, budgets=(TEAM,), at=later(2)))
    list(sweep(connection, later(3), 2 * DAY))
    assert spent(path) == {TEAM: 12, ALL: 5}
    verdict = verify(path, later(3))
    assert (verdict.findings, verdict.swept_nano, verdict.requests) == ((), 10, 1)


def test_a_step_is_a_small_transaction_and_the_ledger_may_write_between_two(
    connection: sqlite3.Connection, path: str
) -> None:
    put(connection, *(exchanged(number, cost_nano=1, budgets=(TEAM,)) for number in range(2 * BATCH + 1)))
    steps = []
    for step in sweep(connection, later(3), 2 * DAY):
        assert not connection.in_transaction
        steps.append(step)
        assert verify(path, later(3)).findings == ()
    assert steps[:3] == [BATCH, BATCH, 1]


def test_a_request_under_way_is_not_forgotten(connection: sqlite3.Connection, path: str) -> None:
    show_open(connection, [ROWS.open(admitted(1))])
    list(sweep(connection, later(10), DAY))
    assert len(recent(path, 10)) == 1


def test_sums_go_when_their_period_is_long_over_and_all_their_rows_are_gone(
    connection: sqlite3.Connection, path: str
) -> None:
    put(connection, exchanged(1, cost_nano=5, budgets=(TEAM, ALL)))
    over = later(SUMS_KEPT / DAY + 1)
    list(sweep(connection, over, 1_000 * DAY))
    assert spent(path) == {TEAM: 5, ALL: 5}
    list(sweep(connection, over, DAY))
    assert spent(path) == {ALL: 5}
    assert verify(path, over).findings == ()


def test_files_of_configurations_go_when_no_row_is_left_that_they_explain(
    connection: sqlite3.Connection, path: str
) -> None:
    for number, config in enumerate(("a" * 64, "b" * 64, "c" * 64, "b" * 64)):
        next_generation(path, config, later(number), Trigger.START, "1", [("x.toml", "")])
    put(connection, *(exchanged(number, at=later(number), generation=number + 1) for number in range(4)))
    assert kept(connection) == {"a", "b", "c"}
    list(sweep(connection, later(10), 8.5 * DAY))
    assert kept(connection) == {"b", "c"}
    list(sweep(connection, later(10), DAY))
    assert recent(path, 10) == ()
    assert kept(connection) == {"b"}


def test_a_configuration_that_is_newer_than_its_first_row_is_kept(connection: sqlite3.Connection, path: str) -> None:
    next_generation(path, "a" * 64, later(9.9), Trigger.START, "1", [])
    list(sweep(connection, later(10), DAY))
    assert kept(connection) == {"a"}


def kept(connection: sqlite3.Connection) -> set[str]:
    return {row[0][0] for row in connection.execute("SELECT config FROM configurations")}


@pytest.mark.parametrize("retention", [None, 1_000.0 * DAY])
def test_answers_that_have_expired_go_in_small_batches(connection: sqlite3.Connection, retention: float | None) -> None:
    for number in range(ANSWERS + 2):
        expires = NOON + (number > ANSWERS)
        row = {"key": str(number), "kind": "exact", "fingerprint": "f", "scope": "s", "model": "m", "at": 1}
        row |= {"expires": expires, "state": "done", "worker": "w1", "answer": b"x", "size": 1}
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT INTO recordings ({names}) VALUES ({values})", row)
    steps = sweep(connection, NOON + 1, retention)
    assert [next(steps), next(steps)] == [ANSWERS, 1]
    list(steps)
    assert connection.execute("SELECT key FROM recordings").fetchall() == [(str(ANSWERS + 1),)]
