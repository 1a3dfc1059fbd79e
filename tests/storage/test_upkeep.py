"""What the ledger's thread does beside writing rows."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.observe.redact import redact
from omniroute.storage.db import connect
from omniroute.storage.ledger import Ledger
from omniroute.storage.migrations import open_database
from omniroute.storage.report import recent
from omniroute.storage.rows import LOST, OPEN, Rows
from omniroute.storage.shared import spent
from omniroute.storage.upkeep import Upkeep
from omniroute.storage.workers import bury
from tests.support.events import admitted, exchanged, wait_until

TEAM = ("team", 0)


def opened(path: Path) -> Ledger:
    ledger = Ledger(str(path), trouble=pytest.fail, redact=redact, worker="w1")
    ledger.start()
    return ledger


def found(path: Path) -> list[tuple[str, str]]:
    return [(row.request_id, row.outcome) for row in recent(str(path), 10)]


def workers(path: Path) -> dict[str, int]:
    with closing(connect(str(path))) as connection:
        return dict(connection.execute("SELECT worker, alive_until FROM workers").fetchall())


def test_a_request_that_takes_long_has_a_row_before_it_ends_though_nothing_else_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ledger = opened(path)
    ledger.admit(admitted(1, budgets=(TEAM,), reserved=9))
    wait_until(lambda: found(path) == [("req_00000001", OPEN)])
    ledger.record(exchanged(1, budgets=(TEAM,), cost_nano=4))
    assert ledger.flush()
    assert found(path) == [("req_00000001", "ok")]
    assert spent(str(path)) == {TEAM: 4}
    assert ledger.counts().written == 1
    ledger.close()


def test_a_request_that_is_short_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    statements: list[str] = []

    def traced(path: str) -> sqlite3.Connection:
        connection = open_database(path)
        connection.set_trace_callback(statements.append)
        return connection

    ledger = Ledger(str(path), trouble=pytest.fail, redact=redact, connect=traced)
    ledger.start()
    ledger.admit(admitted(1))
    ledger.record(exchanged(1))
    assert ledger.flush()
    ledger.close()
    assert sum("INSERT INTO usage" in each for each in statements) == 1


def test_a_request_has_a_row_when_a_second_look_finds_it_still_under_way(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    upkeep = Upkeep("w1", Rows("w1", redact))
    begun = admitted(1)
    with closing(open_database(str(path))) as connection:
        upkeep.open[begun.request_id, begun.at] = begun
        upkeep.tend(connection)
        upkeep.tend(connection)  # too soon for a second look
        assert found(path) == []

        def shown() -> bool:
            upkeep.tend(connection)
            return found(path) == [("req_00000001", OPEN)]

        wait_until(shown)


def test_a_live_worker_is_listed_and_one_that_closed_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    before = time.time_ns() // 1000
    ledger = opened(path)
    assert workers(path)["w1"] > before + 5_000_000
    ledger.close()
    assert workers(path) == {}


def test_the_lease_is_renewed_while_nothing_happens(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ledger = opened(path)
    first = workers(path)["w1"]
    wait_until(lambda: workers(path)["w1"] > first)
    ledger.close()


def test_what_a_dead_process_had_under_way_is_lost_when_the_next_one_starts(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    dead = opened(path)
    dead.admit(admitted(1))
    wait_until(lambda: found(path) == [("req_00000001", OPEN)])
    with closing(connect(str(path))) as connection:
        connection.execute("INSERT INTO workers VALUES ('w0', 1, 1)")
        connection.execute("UPDATE usage SET worker = 'w0'")
    opened(path).close()
    assert found(path) == [("req_00000001", LOST)]
    dead.close()


def test_what_has_no_end_when_the_ledger_closes_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ledger = opened(path)
    ledger.admit(admitted(1))
    wait_until(lambda: found(path) == [("req_00000001", OPEN)])
    ledger.close()
    assert found(path) == [("req_00000001", LOST)]


def test_a_request_whose_end_cannot_be_held_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    said: list[str] = []
    ledger = Ledger(str(path), trouble=said.append, redact=redact)
    ledger.start()
    ledger.admit(admitted(1))
    wait_until(lambda: found(path) == [("req_00000001", OPEN)])
    ledger.record(exchanged(1, input_tokens=2**63))
    wait_until(lambda: found(path) == [("req_00000001", LOST)])
    ledger.close()
    assert ledger.counts().lost == len(said) == 1


def test_an_admission_that_nobody_can_write_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ledger = opened(path)
    ledger.admit(admitted(1, request_id="\ud800"))
    ledger.admit(admitted(2, budgets=(("\ud800", 0),)))
    ledger.admit(admitted(3))
    wait_until(lambda: found(path) == [("req_00000003", OPEN)])
    ledger.close()


def test_old_rows_are_forgotten_in_idle_moments(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    ledger = opened(path)
    ledger.record(exchanged(1))
    ledger.record(exchanged(2, at=time.time_ns() // 1000))
    ledger.close()
    keeping = Ledger(str(path), trouble=pytest.fail, redact=redact)
    keeping.keep(86_400.0)
    keeping.start()
    wait_until(lambda: [each[0] for each in found(path)] == ["req_00000002"])
    keeping.close()


def test_a_database_that_refuses_is_asked_again_later(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    upkeep = Upkeep("w1", Rows("w1", redact))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        upkeep.tend(connection)  # no such table
    with closing(open_database(path)) as connection:
        upkeep.leave(connection)
        bury(connection, 0)
        assert connection.execute("SELECT * FROM workers").fetchall() == []
