"""Backups: made while somebody writes, restored only where nobody does."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.storage.audit import Filter, rows, verify_file
from omniroute.storage.backup import backups, create, restore
from omniroute.storage.copies import Why
from omniroute.storage.db import connect
from omniroute.storage.migrations import STEPS, is_current, open_database
from omniroute.storage.report import recent
from tests.storage.test_migrations import from_the_future
from tests.storage.test_report import ledger_of
from tests.support.events import NOON, exchanged


@pytest.fixture
def database(tmp_path: Path) -> str:
    return ledger_of(tmp_path / "omniroute.db", *map(exchanged, range(5)))


def ids(path: str) -> list[str]:
    return [each.request_id for each in reversed(recent(path, 100))]


def add(path: str, number: int) -> None:
    ledger_of(Path(path), exchanged(number))


def test_what_was_backed_up_comes_back_and_what_it_replaced_is_kept(database: str) -> None:
    before = ids(database)
    made = create(database, NOON)
    add(database, 77)
    done = restore(database, Path(made.path), NOON + 1)
    assert ids(database) == before
    assert (done.database, done.source) == (database, made.path)
    assert ids(done.replaced) == [*before, exchanged(77).request_id]
    assert [each.why for each in backups(database)] == [Why.REPLACED, Why.MANUAL]
    assert Path(database).stat().st_mode & 0o777 == 0o600
    assert not list(Path(database).parent.glob(".*"))


def test_a_restore_is_a_row_of_the_audit_log(database: str) -> None:
    made = create(database, NOON)
    done = restore(database, Path(made.path), NOON + 1)
    [row] = rows(database, Filter(), 9)
    assert (row.action, row.at) == ("backup.restored", NOON + 1)
    assert row.detail == f"from {made.path}; replaced {done.replaced}"
    assert verify_file(database).broken is None


def test_a_backup_is_restored_where_there_is_no_database(database: str, tmp_path: Path) -> None:
    made = create(database, NOON)
    elsewhere = str(tmp_path / "elsewhere.db")
    assert restore(elsewhere, Path(made.path), NOON).replaced == ""
    assert ids(elsewhere) == ids(database)


def test_what_is_no_database_any_more_is_replaced_and_kept(database: str) -> None:
    made = create(database, NOON)
    before = ids(database)
    Path(database).write_bytes(b"this is no database any more, only words" * 200)
    done = restore(database, Path(made.path), NOON)
    assert ids(database) == before
    assert Path(done.replaced).read_bytes().startswith(b"this is no database")


def test_the_log_of_a_damaged_database_is_not_played_into_the_one_that_takes_its_place(
    database: str, tmp_path: Path
) -> None:
    made = create(database, NOON)
    lost = str(tmp_path / "lost" / "omniroute.db")
    Path(lost).parent.mkdir()
    with closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("UPDATE usage SET asked = 'mischief'")
        for end in ("", "-wal"):
            shutil.copyfile(database + end, lost + end)
    with open(lost, "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 600)
    done = restore(lost, Path(made.path), NOON)
    assert [each.asked for each in recent(lost, 100)] == ["smart"] * 5
    assert Path(done.replaced).read_bytes()[100:700] == b"\xff" * 600


def test_only_so_many_of_one_kind_are_kept(database: str) -> None:
    for number in range(4):
        create(database, NOON + number, Why.OPERATION, keep=2)
    create(database, NOON + 9)
    assert [each.at - NOON for each in backups(database)] == [9, 3, 2]


def test_a_backup_goes_where_it_is_told_to(database: str, tmp_path: Path) -> None:
    made = create(database, NOON, folder=tmp_path / "safe")
    assert Path(made.path).parent == tmp_path / "safe"
    assert backups(database) == ()
    assert backups(database, tmp_path / "safe") == (made,)


def test_a_gateway_that_runs_is_named_and_its_database_left_alone(database: str) -> None:
    made = create(database, NOON)
    with closing(open_database(database)) as connection:
        connection.execute("INSERT INTO workers VALUES ('w1', ?, ?)", (NOON, NOON + 12_000_000))
    with pytest.raises(StorageError, match=r"a gateway is running on .* \(worker w1\): stop it first.* 12 s more"):
        restore(database, Path(made.path), NOON)
    assert [each.why for each in backups(database)] == [Why.MANUAL]
    restore(database, Path(made.path), NOON + 12_000_000)


def test_a_database_that_another_process_has_open_is_left_alone(database: str) -> None:
    made = create(database, NOON)
    before = Path(database).read_bytes()
    with closing(connect(database)) as other:
        other.execute("SELECT count(*) FROM usage").fetchone()
        with pytest.raises(StorageError, match="open in another process"):
            restore(database, Path(made.path), NOON)
    assert Path(database).read_bytes() == before


def newer(path: Path) -> None:
    from_the_future(str(path))


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def words(path: Path) -> None:
    path.write_text("only words" * 1000)


def broken(path: Path) -> None:
    ledger_of(path, *map(exchanged, range(500)))
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 8192)


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (newer, "written by a newer omniroute"),
    (foreign, "of some other program"),
    (words, "not a database"),
    (broken, "damaged|malformed"),
    (lambda path: path, "there is no database at"),
]


@pytest.mark.parametrize(("make", "why"), REFUSED)
def test_what_should_not_be_restored_is_refused_and_changes_nothing(
    make: Callable[[Path], object], why: str, database: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.db"
    make(source)
    before = ids(database)
    with pytest.raises(StorageError, match=why):
        restore(database, source, NOON)
    assert ids(database) == before
    assert backups(database) == ()
    assert not list(tmp_path.glob(".*"))


def test_the_database_itself_is_no_backup(database: str) -> None:
    with pytest.raises(StorageError, match="is the database itself"):
        restore(database, Path(database), NOON)


def test_an_older_backup_is_brought_up_to_date(database: str, tmp_path: Path) -> None:
    made = create(database, NOON)
    with closing(connect(made.path)) as connection:
        connection.execute("DROP TABLE audit")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm007_audit'")
    restore(database, Path(made.path), NOON)
    with closing(connect(database)) as connection:
        assert is_current(connection, database)
        assert len(STEPS) == connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0]
