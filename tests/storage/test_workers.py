"""The lease: what the dead had under way is lost, and what the living have is theirs."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.observe.redact import redact
from omniroute.storage.migrations import open_database
from omniroute.storage.rows import Rows, show_open
from omniroute.storage.workers import LEASE, RENEWAL, bury, leave, renew
from tests.support.events import NOON, admitted

OVER = NOON + round(LEASE * 1e6)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_database(str(tmp_path / "x.db"))
    for number, worker in enumerate(("one", "two")):
        renew(connection, worker, NOON)
        show_open(connection, [Rows(worker, redact).open(admitted(number))])
    yield connection
    connection.close()


def having(connection: sqlite3.Connection) -> set[str]:
    """Who has requests under way."""
    return {row[0] for row in connection.execute("SELECT worker FROM usage WHERE outcome = 'admitted'")}


def test_a_lease_is_renewed_several_times_before_it_is_over() -> None:
    assert RENEWAL * 3 < LEASE


def test_who_is_within_the_lease_keeps_everything(connection: sqlite3.Connection) -> None:
    before = connection.total_changes
    bury(connection, OVER - 1)
    assert having(connection) == {"one", "two"}
    assert connection.total_changes == before


def test_who_was_not_heard_of_for_a_lease_loses_everything(connection: sqlite3.Connection) -> None:
    renew(connection, "two", NOON + 1)
    bury(connection, OVER)
    assert having(connection) == {"two"}
    assert connection.execute("SELECT worker FROM workers").fetchall() == [("two",)]
    assert connection.execute("SELECT worker FROM usage WHERE outcome = 'lost'").fetchall() == [("one",)]


def test_who_is_on_no_list_is_dead(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM workers WHERE worker = 'one'")
    bury(connection, NOON)
    assert having(connection) == {"two"}


def test_who_leaves_has_nothing_any_more(connection: sqlite3.Connection) -> None:
    leave(connection, "one", NOON)
    assert having(connection) == {"two"}


def test_who_comes_back_lives_again_since_it_first_began(connection: sqlite3.Connection) -> None:
    renew(connection, "one", OVER)
    bury(connection, OVER + 1)
    row = connection.execute("SELECT * FROM workers").fetchall()
    assert row == [("one", NOON, OVER + round(LEASE * 1e6))]
