"""The schema: made once, found again, and never touched when it is newer than we are."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from omniroute.errors import StorageError
from omniroute.observe.events import Exchanged
from omniroute.storage.copies import Copy, Why, folder_of, listed
from omniroute.storage.db import connect, connect_reading
from omniroute.storage.migrations import (
    BACKUP_EVERY,
    SCHEMA,
    STEPS,
    is_current,
    is_ours,
    open_database,
    require_current,
)
from tests.support.events import NOON


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
    assert set(columns) == {*Exchanged.__struct_fields__, "reserved_nano", "worker"}


def test_what_may_be_unknown_is_nullable_and_nothing_else(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    nullable = {name for _, name, _, required, _, _ in connection.execute("PRAGMA table_info(usage)") if not required}
    connection.close()
    unknown = {field.name for field in msgspec.structs.fields(Exchanged) if field.default is None}
    assert nullable == {*unknown, "reserved_nano"}


def test_times_and_what_is_under_way_are_found_by_an_index(tmp_path: Path) -> None:
    connection = open_database(str(tmp_path / "x.db"))
    plans = [
        connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM usage WHERE {condition}").fetchall()[0][-1]
        for condition in ("at > 5", "outcome = 'admitted'")
    ]
    connection.close()
    assert plans == ["SEARCH usage USING INDEX idx_usage_at (at>?)", "SCAN usage USING INDEX idx_usage_open"]


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


def older(path: str, rows: int = 1) -> None:
    """Make a database of the version before this one, in which requests were counted."""
    with closing(open_database(path)) as connection:
        if rows:
            names = "request_id, at, format, asked, key, stream, status, outcome, code, provider, model, target, "
            rest = "credential, micros, attempts, generation, config"
            values = ("req_1", 1, "f", "a", "k", 0, 200, "ok", "", "p", "m", "t", "c", 1, "[]", 1, "x")
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO usage ({names}{rest}) VALUES ({marks})", values)
        connection.execute("DROP TABLE audit")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm007_audit'")


def copies_of(path: str) -> tuple[Copy, ...]:
    return listed(path, folder_of(path))


def test_before_the_schema_of_a_database_with_rows_changes_a_copy_is_made(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    older(path)
    open_database(path, lambda: NOON * 1000).close()
    [made] = copies_of(path)
    assert (made.at, made.why) == (NOON, Why.MIGRATION)
    with closing(connect(made.path)) as copy:
        assert not is_current(copy, made.path)
        assert copy.execute("SELECT request_id FROM usage").fetchall() == [("req_1",)]
    open_database(path, lambda: (NOON + 2 * BACKUP_EVERY) * 1000).close()
    assert copies_of(path) == (made,), "there was nothing to change any more"


def test_a_database_that_is_new_or_empty_needs_no_copy(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    older(path, rows=0)
    open_database(path).close()
    assert copies_of(path) == ()
    open_database(":memory:").close()


def test_copies_are_made_once_an_hour_and_the_last_three_stay(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    older(path)
    times = [0, 1, BACKUP_EVERY, 2 * BACKUP_EVERY, 3 * BACKUP_EVERY, 3 * BACKUP_EVERY + 5]
    for after in times:
        open_database(path, lambda after=after: (NOON + after) * 1000).close()  # type: ignore[misc]  # the default binds
        older(path, rows=0)
    assert [(each.at - NOON) // BACKUP_EVERY for each in copies_of(path)] == [3, 2, 1]


def test_where_no_copy_can_be_made_the_schema_stays_as_it_is(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    older(path)
    before = schema(path)
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(StorageError, match="backups"):
        open_database(path)
    assert schema(path) == before


def test_a_database_of_another_program_is_not_ours(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with closing(connect(path)) as connection:
        assert not is_ours(connection, path)
    with closing(open_database(path)) as connection:
        assert is_ours(connection, path)
