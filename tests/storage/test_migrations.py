"""The schema: made once, found again, and never touched when it is newer than we are."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from omniroute.errors import StorageError
from omniroute.observe.events import Exchanged
from omniroute.storage.db import connect, connect_reading
from omniroute.storage.migrations import SCHEMA, STEPS, is_current, open_database, require_current


def schema(path: str) -> list[tuple[str]]:
    connection = connect(path)
    found = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def from_the_future(path: str) -> None:
    connection = open_database(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('omniroute', 'm999_later', '2030')"
    )
    connection.close()


def test_a_new_database_has_every_step(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    assert not Path(path).exists()
    connection = open_database(path)
    assert is_current(connection, path)
    assert {step.name for step in SCHEMA.applied(Database(connection))} == STEPS
    assert SCHEMA.pending(Database(connection)) == []
    connection.close()


def test_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    open_database(path).close()
    before = schema(path)
    open_database(path).close()
    assert schema(path) == before


def test_a_request_is_a_row_with_a_column_for_every_field_of_its_event(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(usage)")]
    connection.close()
    assert set(columns) == set(Exchanged.__struct_fields__)


def test_what_may_be_unknown_is_nullable_and_nothing_else(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    nullable = {name for _, name, _, required, _, _ in connection.execute("PRAGMA table_info(usage)") if not required}
    connection.close()
    assert nullable == {field.name for field in msgspec.structs.fields(Exchanged) if field.default is None}


def test_times_and_keys_are_found_by_an_index(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    plans = [
        connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM usage WHERE {condition}").fetchall()[0][-1]
        for condition in ("at > 5", "key = 'alice' AND at > 5")
    ]
    connection.close()
    assert plans == [
        "SEARCH usage USING INDEX idx_usage_at (at>?)",
        "SEARCH usage USING INDEX idx_usage_key_at (key=? AND at>?)",
    ]


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="this SQLite has no strict tables")
def test_a_number_is_no_text(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    with pytest.raises(sqlite3.IntegrityError, match=r"cannot store TEXT value in INTEGER column generations\.at"):
        connection.execute("INSERT INTO generations VALUES (1, 'noon', 'a', '', 'start', 'applied', '1')")
    connection.close()


@pytest.mark.parametrize("opening", [open_database, connect_reading])
def test_a_newer_database_is_refused_and_left_as_it_is(opening: object, tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    from_the_future(path)
    before = schema(path)
    with pytest.raises(StorageError, match=r"written by a newer omniroute \(schema step 'm999_later'\): run that"):
        require_current(opening(path), path)  # type: ignore[operator]  # one of two functions
    assert schema(path) == before


def test_a_database_without_our_tables_is_not_read(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    connection = connect(path)
    with pytest.raises(StorageError, match="start `omniroute serve` once"):
        require_current(connection, path)
    connection.close()


def test_many_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: open_database(path).close(), range(16)))
    connection = open_database(path)
    assert connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (len(STEPS),)
    connection.close()
