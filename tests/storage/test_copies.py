"""Copies of a database that is in use: whole, of one instant, and nobody else's."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.storage.copies import FOLDER, Why, check, duplicate, folder_of, listed, make, prune
from omniroute.storage.db import MEMORY, connect, connect_reading, transaction
from tests.support.events import NOON, wait_until

PER_SECOND = 1000


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Two tables which are always written together: in a copy of one instant they have as many rows."""
    path = str(tmp_path / "omniroute.db")
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, filling BLOB)")
        connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
        with transaction(connection):
            connection.executemany("INSERT INTO one VALUES (?, zeroblob(4000))", [(each,) for each in range(4000)])
            connection.executemany("INSERT INTO other VALUES (?)", [(each,) for each in range(4000)])
    return path


def counts(path: str) -> tuple[int, int]:
    with closing(connect_reading(path)) as connection:
        one, other = (connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("one", "other"))
    return one, other


@contextmanager
def writing(database: str) -> Iterator[list[float]]:
    """Write a thousand rows a second from another thread, in batches; how long each took."""
    stop, took = threading.Event(), []

    def run() -> None:
        number = 1_000_000
        with closing(connect(database)) as connection:
            while not stop.wait(0.05):
                began = time.monotonic()
                with transaction(connection):
                    batch = [(each,) for each in range(number, number + PER_SECOND // 20)]
                    connection.executemany("INSERT INTO one VALUES (?, zeroblob(200))", batch)
                    connection.executemany("INSERT INTO other VALUES (?)", batch)
                number += len(batch)
                took.append(time.monotonic() - began)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: len(took) > 1)
        yield took
    finally:
        stop.set()
        thread.join()


def test_a_copy_is_of_one_instant_while_a_thousand_rows_a_second_are_written(database: str, tmp_path: Path) -> None:
    with writing(database) as took:
        copies = []
        for number in range(3):
            before = len(took)

            def written_again(before: int = before) -> bool:
                return len(took) > before

            copies.append(make(database, tmp_path / "b", Why.MANUAL, NOON + number))
            assert counts(database)[0] >= 4000
            wait_until(written_again)
    found = [counts(each.path) for each in copies]
    assert all(one == other >= 4000 for one, other in found)
    assert found == sorted(found)
    for each in copies:
        with closing(connect_reading(each.path)) as connection:
            check(connection, each.path)


class Busy(threading.Event):
    """Never set; whenever it is waited for, somebody writes."""

    def __init__(self, database: str) -> None:
        super().__init__()
        self.database = database
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self.waits += 1
        with closing(connect(self.database)) as connection:
            connection.execute("INSERT INTO other VALUES (?)", (10_000 + self.waits,))
        return self.waits > 100


def test_a_copy_does_not_begin_anew_when_somebody_writes_and_is_of_the_beginning(database: str, tmp_path: Path) -> None:
    busy = Busy(database)
    made = make(database, tmp_path / "b", Why.MANUAL, NOON, busy)
    assert counts(made.path) == (4000, 4000)
    assert 1 < busy.waits == counts(database)[1] - 4000


def test_a_copy_is_this_users_alone_is_one_file_and_says_when_and_why_it_was_made(
    database: str, tmp_path: Path
) -> None:
    made = make(database, tmp_path / "a" / "b", Why.OPERATION, NOON + 7)
    path = Path(made.path)
    assert path.name == "omniroute-20251123T120000.000007Z-operation.db"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (made.at, made.why, made.size) == (NOON + 7, Why.OPERATION, path.stat().st_size)
    assert counts(made.path) == (4000, 4000)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_copies_are_listed_the_newest_first_and_nothing_else_is(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    assert listed(database, folder) == ()
    copies = [make(database, folder, why, NOON + at) for at, why in enumerate(Why)]
    (folder / "omniroute-notes.db").write_text("mine")
    (folder / "other-20251123T120000.000007Z-manual.db").write_text("another database's")
    (folder / ".omniroute-20251123T120000.000007Z-manual.db.1.part").write_text("not finished")
    assert listed(database, folder) == tuple(reversed(copies))


def test_of_one_purpose_the_oldest_are_removed_and_others_stay(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    kept = make(database, folder, Why.MANUAL, NOON - 1)
    made = [make(database, folder, Why.MIGRATION, NOON + number) for number in range(4)]
    assert prune(database, folder, Why.MIGRATION, 3) == (made[0],)
    assert listed(database, folder) == (*reversed(made[1:]), kept)


def test_a_copy_that_is_stopped_leaves_nothing(database: str, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StorageError, match="was stopped before it was whole"):
        make(database, tmp_path / "b", Why.MANUAL, NOON, stop)
    assert list((tmp_path / "b").iterdir()) == []


def test_a_damaged_database_gives_no_copy(database: str, tmp_path: Path) -> None:
    with closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(database, "r+b") as file:
        for page in range(2, 30):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        make(database, tmp_path / "b", Why.MANUAL, NOON)
    assert list((tmp_path / "b").iterdir()) == []


def test_what_cannot_be_copied_is_told(database: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database at"):
        make(str(tmp_path / "none.db"), tmp_path / "b", Why.MANUAL, NOON)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"file"):
        make(database, tmp_path / "file", Why.MANUAL, NOON)
    (tmp_path / "text.db").write_text("no database at all, only words" * 99)
    with pytest.raises(StorageError, match="not a database"):
        make(str(tmp_path / "text.db"), tmp_path / "b", Why.MANUAL, NOON)


def test_a_file_that_is_there_is_not_written_over(database: str, tmp_path: Path) -> None:
    target = tmp_path / "mine.db"
    target.write_text("mine")
    with pytest.raises(StorageError, match="exists"):
        duplicate(database, target)
    assert target.read_text() == "mine"


def test_copies_are_kept_beside_the_database_unless_it_is_in_memory(tmp_path: Path) -> None:
    assert folder_of(str(tmp_path / "x.db")) == tmp_path / FOLDER
    with pytest.raises(StorageError, match="in memory"):
        folder_of(MEMORY)
