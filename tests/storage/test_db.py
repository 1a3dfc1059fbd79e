"""Opening the database: modes, rights, and errors that say what to do."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from omniroute.errors import StorageError
from omniroute.storage.db import MEMORY, connect, connect_reading, explained, locate, remedy, transaction


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_relative_path_starts_from_the_directory_it_is_written_for(tmp_path: Path) -> None:
    assert locate("sqlite:data/omniroute.db", tmp_path) == str(tmp_path / "data" / "omniroute.db")


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    assert locate(f"sqlite:{tmp_path}/x.db", Path("elsewhere")) == f"{tmp_path}/x.db"


def test_memory_is_no_file(tmp_path: Path) -> None:
    assert locate("sqlite::memory:", tmp_path) == MEMORY
    connection = connect(MEMORY)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["omniroute.db", "postgres://db", "sqlite:", ""])
def test_another_form_is_refused_and_the_right_one_is_shown(written: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"write it as sqlite:PATH"):
        locate(written, tmp_path)


def test_a_new_database_writes_ahead_waits_for_locks_and_keeps_references(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "x.db"))
    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == 1
    assert pragma(connection, "busy_timeout") == 5000
    assert pragma(connection, "foreign_keys") == 1
    connection.close()


def test_a_new_database_and_its_companions_are_this_users_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        connection = connect(str(tmp_path / "x.db"))
        connection.execute("CREATE TABLE t (x)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        connection.close()
    finally:
        os.umask(before)
    assert modes == {"x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600}


def test_the_rights_of_an_existing_database_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch(0o640)
    path.chmod(0o640)
    connect(str(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"it is a directory; name another database") as caught:
        connect(str(tmp_path))
    assert str(tmp_path) in caught.value.message


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory; name another database"):
        connect(str(tmp_path / "missing" / "x.db"))


@pytest.mark.parametrize("opening", [connect, connect_reading])
def test_a_file_that_is_no_database_is_told(opening: object, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database\n" * 100)
    with pytest.raises(StorageError, match="file is not a database; name another file, or move this one away"):
        opening(str(path))  # type: ignore[operator]  # one of two functions
    assert path.read_text().startswith("these are my notes")


AS_NOBODY = """
import os, sys
from omniroute.errors import StorageError
from omniroute.storage.db import connect, connect_reading
if os.geteuid() == 0:
    os.setegid(65534); os.seteuid(65534)
for path in sys.argv[1:]:
    try:
        connect(path).close()
    except StorageError as error:
        print(error.message)
"""


def test_what_may_not_be_written_is_told() -> None:
    # Not in pytest's own directory, into which no other user may look.
    with TemporaryDirectory() as closed:
        connect(f"{closed}/there.db").close()
        Path(closed, "there.db").chmod(0o444)
        Path(closed).chmod(0o555)
        command = [sys.executable, "-c", AS_NOBODY, f"{closed}/new.db", f"{closed}/there.db"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        Path(closed).chmod(0o755)
    new, there = done.stdout.splitlines()
    assert "new.db' cannot be used: Permission denied; name another database" in new
    assert "there.db' cannot be used: " in there
    assert "give this user the right to write the file and its directory" in there


def test_reading_needs_a_database_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database at .*: `omniroute serve` makes it"):
        connect_reading(str(tmp_path / "x.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_reading_connection_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "odd name?#%20.db"
    writer = connect(str(path))
    writer.execute("CREATE TABLE t (x)")
    reader = connect_reading(str(path))
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.close()
    writer.close()
    assert path.exists()


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "x.db"))
    connection.execute("CREATE TABLE t (x UNIQUE)")
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):  # noqa: PT012 - the second line is the point
        connection.execute("INSERT INTO t VALUES (2)")
        connection.execute("INSERT INTO t VALUES (1)")
    assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    assert not connection.in_transaction
    connection.close()


def test_a_transaction_that_sqlite_itself_gave_up_leaves_the_connection_usable(tmp_path: Path) -> None:
    connection = connect(str(tmp_path / "x.db"))
    connection.execute("CREATE TABLE t (x)")
    pages = pragma(connection, "page_count")
    connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(sqlite3.OperationalError, match="full") as caught, transaction(connection):
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
    assert remedy(caught.value) == "free some space on that disk"
    connection.execute("PRAGMA max_page_count=1000")
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def test_a_reader_sees_nothing_of_an_open_transaction_and_everything_of_a_finished_one(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    writer = connect(path)
    writer.execute("CREATE TABLE t (x)")
    reader = connect_reading(path)
    with transaction(writer):
        writer.execute("INSERT INTO t VALUES (1)")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    reader.close()
    writer.close()


@pytest.mark.parametrize("error", [sqlite3.ProgrammingError("closed"), OSError("odd")])
def test_an_error_without_a_code_is_told_with_a_way_out(error: Exception) -> None:
    with (
        pytest.raises(StorageError, match=r"'some\.db' cannot be used: (closed|odd); name another"),
        explained("some.db"),
    ):
        raise error


OPEN = """
import sys
from omniroute.storage.db import connect
connect(sys.argv[1]).close()
"""


def test_processes_that_start_at_once_do_not_refuse_each_other(tmp_path: Path) -> None:
    for number in range(3):
        path = str(tmp_path / f"{number}.db")
        running = [subprocess.Popen([sys.executable, "-c", OPEN, path]) for _ in range(4)]
        assert [process.wait(60) for process in running] == [0, 0, 0, 0]
