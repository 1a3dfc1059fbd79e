"""The audit log: a chain that shows where somebody meddled with it, whoever writes at once and whatever they send."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.errors import StorageError
from omniroute.observe.redact import redact
from omniroute.storage.audit import (
    BEGINNING,
    LONGEST,
    LONGEST_HEARD,
    MAX_PENDING,
    MOST_ACTORS,
    OTHERS,
    REFUSED,
    AuditLog,
    AuditRow,
    Entry,
    Filter,
    append,
    rows,
    verify,
    verify_file,
)
from omniroute.storage.db import connect
from omniroute.storage.migrations import open_database
from tests.support.events import NOON, wait_until

SECRET = "sk-planted-0123456789abcdef"
ALL = Filter()


def entry(number: int = 0, actor: str = "alice", action: str = "cache.cleared", detail: str = "") -> Entry:
    return Entry(NOON + number, actor, action, f"target-{number}", detail)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "x.db")
    open_database(path).close()
    return path


@pytest.fixture
def log(path: str) -> Iterator[AuditLog]:
    made = AuditLog(path, trouble=pytest.fail, redact=redact, window=0.2)
    made.start()
    yield made
    made.close()


def impatient(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0.05, isolation_level=None)


def written(path: str, **which: object) -> list[AuditRow]:
    """The rows, the oldest first."""
    return list(reversed(rows(path, Filter(**which), 100_000)))  # type: ignore[arg-type]  # a test names the fields


def test_what_is_recorded_before_the_start_waits_and_is_written_in_order(path: str) -> None:
    log = AuditLog(path, trouble=pytest.fail, redact=redact)
    for number in range(3):
        log.record(entry(number))
    log.start()
    log.record(entry(3))
    log.close()
    found = written(path)
    assert [(row.seq, row.at, row.target) for row in found] == [(n + 1, NOON + n, f"target-{n}") for n in range(4)]
    assert found[0].previous == BEGINNING
    assert [row.previous for row in found[1:]] == [row.hash for row in found[:-1]]
    assert verify_file(path).broken is None
    log.close()


def test_it_is_written_at_once(log: AuditLog, path: str) -> None:
    log.record(entry())
    wait_until(lambda: len(written(path)) == 1)


def test_an_empty_chain_is_whole(path: str) -> None:
    found = verify_file(path)
    assert (found.rows, found.hash, found.broken) == (0, BEGINNING, None)


MEDDLING = [
    ("UPDATE audit SET actor = 'mallory' WHERE seq = 3", 3),
    ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
    ("UPDATE audit SET count = 2 WHERE seq = 5", 5),
    ("UPDATE audit SET hash = previous WHERE seq = 2", 2),
    ("DELETE FROM audit WHERE seq = 3", 4),
    ("DELETE FROM audit WHERE seq = 1", 2),
    ("UPDATE audit SET seq = 99 WHERE seq = 5", 99),
    ("INSERT INTO audit SELECT 6, at, actor, action, target, detail, count, hash, hash FROM audit WHERE seq = 5", 6),
]


@pytest.mark.parametrize(("meddle", "broken"), MEDDLING)
def test_the_first_row_that_was_meddled_with_is_named(path: str, meddle: str, broken: int) -> None:
    with closing(open_database(path)) as connection:
        append(connection, [entry(number) for number in range(5)])
        assert verify(connection).broken is None
        connection.execute(meddle)
        assert verify(connection).broken == broken


def test_rows_cut_off_the_end_are_told_by_the_last_hash_only(path: str) -> None:
    with closing(open_database(path)) as connection:
        append(connection, [entry(number) for number in range(5)])
        before = verify(connection)
        connection.execute("DELETE FROM audit WHERE seq = 5")
        after = verify(connection)
    assert (after.rows, after.broken) == (4, None)
    assert after.hash != before.hash


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=6))
def test_whatever_texts_it_is_given_the_chain_is_whole(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    path = str(tmp_path_factory.mktemp("audit") / "x.db")
    log = AuditLog(path, trouble=pytest.fail, redact=redact)
    for actor, detail in texts:
        log.record(entry(actor=actor, detail=detail))
    log.start()
    log.close()
    found = verify_file(path)
    assert (found.rows, found.broken) == (len(texts), None)


def test_no_secret_and_no_endless_text_reaches_the_disk(path: str) -> None:
    log = AuditLog(path, trouble=pytest.fail, redact=redact)
    log.start()
    log.record(Entry(NOON, SECRET, "a", f"key={SECRET}", SECRET + " " + "x" * 5000))
    log.record(entry(detail="\ud800 is no Unicode"))
    log.close()
    first, second = written(path)
    assert SECRET.removeprefix("sk-") not in repr(first)
    assert len(first.detail) == LONGEST
    assert second.detail == "\\ud800 is no Unicode"


def test_processes_that_write_at_once_keep_one_chain(path: str) -> None:
    def appended(actor: str) -> None:
        with closing(open_database(path)) as connection:
            for number in range(20):
                append(connection, [entry(number, actor), entry(number, actor)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(appended, "abcd"))
    found = verify_file(path)
    assert (found.rows, found.broken) == (160, None)


def test_a_caller_who_is_refused_without_end_has_one_row_a_window(path: str) -> None:
    log = AuditLog(path, trouble=pytest.fail, redact=redact, window=3600)
    log.start()
    log.record(entry(0, "10.0.0.1", REFUSED))
    wait_until(lambda: len(written(path)) == 1)
    for number in range(1, 1000):
        log.record(entry(number, "10.0.0.1", REFUSED))
    log.record(entry(action="cache.cleared"))
    wait_until(lambda: len(written(path)) == 2)
    log.close()
    found = written(path, action=REFUSED)
    assert [(row.actor, row.count, row.at) for row in found] == [("10.0.0.1", 1, NOON), ("10.0.0.1", 999, NOON + 1)]


def test_refusals_are_written_when_their_window_is_over_and_another_one_begins(log: AuditLog, path: str) -> None:
    for number in range(3):
        log.record(entry(number, action=REFUSED))
    wait_until(lambda: [row.count for row in written(path)] == [1, 2])
    log.record(entry(9, action=REFUSED))
    wait_until(lambda: [row.count for row in written(path)] == [1, 2, 1])


def test_more_refused_actors_than_have_rows_of_their_own_are_counted_together(path: str) -> None:
    log = AuditLog(path, trouble=pytest.fail, redact=redact, window=3600)
    log.start()
    for number in range(MOST_ACTORS + 500):
        log.record(entry(number, f"actor-{number}", REFUSED))
    log.close()
    found = written(path)
    assert len(found) == MOST_ACTORS + 1
    others = found[-1]
    assert (others.actor, others.count, others.target) == (OTHERS, 500, "")


def test_rows_wait_while_the_database_is_locked_which_is_told_once(path: str) -> None:
    said: list[str] = []
    log = AuditLog(path, trouble=said.append, redact=redact, connect=impatient)
    log.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log.record(entry())
        wait_until(lambda: len(said) == 1)
        other.execute("ROLLBACK")
    log.record(entry(1))
    log.close()
    assert len(said) == 1
    assert "audit rows cannot be written" in said[0]
    assert "locked" in said[0]
    assert [row.at for row in written(path)] == [NOON, NOON + 1]


def test_what_cannot_be_written_before_patience_ends_is_told_as_lost(path: str) -> None:
    said: list[str] = []
    log = AuditLog(path, trouble=said.append, redact=redact, connect=impatient)
    log.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log.record(entry())
        log.close(patience=0)
        other.execute("ROLLBACK")
    assert said[-1].startswith("1 audit rows are lost")
    assert written(path) == []


def test_what_is_lost_because_too_much_waits_is_told(path: str) -> None:
    said: list[str] = []
    log = AuditLog(path, trouble=said.append, redact=redact)
    for number in range(MAX_PENDING + 5):
        log.record(entry(number))
    log.start()
    log.close()
    assert said == [f"5 audit rows are lost: {MAX_PENDING:,} were waiting already"]
    assert verify_file(path).rows == MAX_PENDING


def test_a_database_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is a directory"):
        AuditLog(str(tmp_path), trouble=pytest.fail, redact=redact).start()


def test_rows_are_found_by_action_actor_and_time_the_newest_first(path: str) -> None:
    with closing(open_database(path)) as connection:
        append(connection, [entry(1, "a", "x"), entry(2, "b", "x"), entry(3, "a", "y")])

    def found(which: Filter, limit: int = 9, offset: int = 0) -> list[int]:
        return [row.seq for row in rows(path, which, limit, offset)]

    assert found(ALL) == [3, 2, 1]
    assert found(ALL, 1, 1) == [2]
    assert found(Filter(action="x")) == [2, 1]
    assert found(Filter(actor="a")) == [3, 1]
    assert found(Filter("x", "a", NOON + 2)) == []
    assert found(Filter(since=NOON + 2)) == [3, 2]


def test_a_database_without_the_table_is_not_read(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    connect(path).close()
    with pytest.raises(StorageError, match="start `omniroute serve` once"):
        verify_file(path)


def test_no_thread_is_left(path: str) -> None:
    log = AuditLog(path, trouble=pytest.fail, redact=redact)
    log.close()
    log.start()
    log.close()
    assert not any(each.name == "audit" for each in threading.enumerate())


def test_what_is_as_long_as_a_body_neither_waits_nor_is_masked_whole(path: str) -> None:
    seen: list[int] = []

    def masks(text: str) -> str:
        seen.append(len(text))
        return text

    log = AuditLog(path, trouble=pytest.fail, redact=masks)
    log.record(Entry(NOON, "alice", REFUSED, "m" * 1_000_000, "d" * 1_000_000))
    log.start()
    log.close()
    [row] = written(path)
    assert (row.target, row.detail, max(seen)) == ("m" * LONGEST, "d" * LONGEST, LONGEST_HEARD)
