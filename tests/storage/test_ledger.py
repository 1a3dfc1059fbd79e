"""The ledger over real files: batches, locks, a full disk, a killed process."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omniroute.errors import StorageError
from omniroute.names import FailureKind
from omniroute.observe.events import Attempted
from omniroute.observe.redact import redact
from omniroute.storage.db import connect_reading
from omniroute.storage.ledger import BATCH_ROWS, MAX_PENDING, Counts, Ledger
from omniroute.storage.migrations import open_database
from omniroute.storage.report import recent
from omniroute.storage.rows import MAX_ASKED
from tests.support.events import ANSWERED, BUSY, PATIENCE, exchanged, unanswered, wait_until

SECRET = "sk-planted-0123456789abcdef"


def count(path: str) -> int:
    with closing(connect_reading(path)) as connection:
        found: tuple[int] = connection.execute("SELECT count(*) FROM usage").fetchone()
    return found[0]


class Writing:
    """A ledger at work, and what it said."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.said: list[str] = []
        self.connections: list[sqlite3.Connection] = []
        self.ledger = Ledger(path, trouble=self.said.append, redact=redact, connect=self._connect)

    def _connect(self, path: str) -> sqlite3.Connection:
        # Shared with the test's thread, so that a test can narrow and widen the disk.
        made = sqlite3.connect(path, timeout=0.05, isolation_level=None, check_same_thread=False)
        self.connections.append(made)
        return made


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "omniroute.db")
    open_database(path).close()
    return path


@pytest.fixture
def writing(path: str) -> Iterator[Writing]:
    writing = Writing(path)
    writing.ledger.start()
    yield writing
    writing.ledger.close()


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock to write, from another process."""
    program = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield


def test_a_row_holds_every_field_of_its_event(path: str) -> None:
    ledger = Ledger(path, trouble=pytest.fail, redact=redact)
    event = exchanged(
        attempts=(BUSY, ANSWERED),
        cache_read_tokens=7,
        cache_write_tokens=9,
        code="x",
        estimated=True,
        cache_write_1h_tokens=3,
        audio_in_tokens=4,
        audio_out_tokens=5,
        cache="exact",
        session="s",
        tags=("red", "blue"),
        budgets=(("team", 1_763_856_000),),
    )
    ledger.start()
    ledger.record(event)
    ledger.close()
    (row,) = recent(path, 10)
    expected = {**msgspec.to_builtins(event), "reserved_nano": None, "worker": ledger.worker}
    assert msgspec.to_builtins(row) == expected


def test_what_is_unknown_stays_unknown(writing: Writing) -> None:
    writing.ledger.record(unanswered())
    assert writing.ledger.flush()
    (row,) = recent(writing.path, 10)
    assert (row.input_tokens, row.cost_nano, row.first_token_micros) == (None, None, None)


def test_ten_thousand_rows_arrive_once_each_and_in_order(writing: Writing) -> None:
    for number in range(10_000):
        writing.ledger.record(exchanged(number))
    assert writing.ledger.flush(PATIENCE)
    with closing(connect_reading(writing.path)) as connection:
        ids = [row[0] for row in connection.execute("SELECT request_id FROM usage ORDER BY rowid")]
    assert ids == [exchanged(number).request_id for number in range(10_000)]
    assert writing.ledger.counts() == Counts(10_000, 0, 0)
    assert writing.said == []


def test_a_transaction_has_at_most_so_many_rows(path: str) -> None:
    sizes: list[int] = []

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                sizes.append(0)
            return self._noted(sql, super().execute(sql, values))

        def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
            return self._noted(sql, super().executemany(sql, rows))

        def _noted(self, sql: str, done: sqlite3.Cursor) -> sqlite3.Cursor:
            if "INTO usage" in sql:
                sizes[-1] += done.rowcount
            return done

    def connect(path: str) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=Counted)

    ledger = Ledger(path, trouble=pytest.fail, redact=redact, connect=connect)
    for number in range(BATCH_ROWS * 2 + 1):
        ledger.record(exchanged(number))
    ledger.start()
    ledger.close()
    assert [size for size in sizes if size] == [BATCH_ROWS, BATCH_ROWS, 1]


def test_rows_are_written_without_being_asked_for(writing: Writing) -> None:
    writing.ledger.record(exchanged(1))
    wait_until(lambda: count(writing.path) == 1)
    writing.ledger.record(exchanged(2))
    wait_until(lambda: count(writing.path) == 2)


def test_close_writes_what_is_waiting(path: str) -> None:
    ledger = Ledger(path, trouble=pytest.fail, redact=redact)
    ledger.start()
    for number in range(1_234):
        ledger.record(exchanged(number))
    ledger.close()
    assert count(path) == 1_234
    assert ledger.counts() == Counts(1_234, 0, 0)


def test_closing_twice_or_without_a_start_does_no_harm(path: str) -> None:
    said: list[str] = []
    ledger = Ledger(path, trouble=said.append, redact=redact)
    ledger.record(exchanged())
    ledger.close()
    ledger.close()
    assert ledger.counts() == Counts(0, 0, 1)
    assert said == ["1 usage rows are lost: the gateway stopped before they could be written"]
    started = Ledger(path, trouble=pytest.fail, redact=redact)
    started.start()
    started.close()
    started.close()
    assert "omniroute-ledger" not in {thread.name for thread in threading.enumerate()}


def test_a_row_recorded_after_the_close_counts_as_lost(path: str) -> None:
    ledger = Ledger(path, trouble=pytest.fail, redact=redact)
    ledger.start()
    ledger.close()
    ledger.record(exchanged())
    assert ledger.counts().lost == 1


def test_flush_says_when_it_was_in_vain(writing: Writing) -> None:
    with locked(writing.path):
        writing.ledger.record(exchanged())
        assert not writing.ledger.flush(0.01)
    assert writing.ledger.flush(PATIENCE)
    assert count(writing.path) == 1


def test_a_database_that_cannot_be_opened_is_told_at_the_start(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path), trouble=pytest.fail, redact=redact)
    with pytest.raises(StorageError, match="it is a directory"):
        ledger.start()


def test_the_same_event_twice_is_one_row(writing: Writing) -> None:
    for event in (exchanged(1), exchanged(2), exchanged(1)):
        writing.ledger.record(event)
    assert writing.ledger.flush()
    writing.ledger.record(exchanged(2))
    assert writing.ledger.flush()
    assert [row.request_id for row in recent(writing.path, 10)] == ["req_00000002", "req_00000001"]
    assert writing.ledger.counts() == Counts(2, 0, 0)


def test_another_request_with_a_known_id_is_billed_too(writing: Writing) -> None:
    events = [exchanged(number, request_id="mine") for number in (1, 2, 3)]
    for event in (*events, exchanged(4)):
        writing.ledger.record(event)
    assert writing.ledger.flush()
    writing.ledger.record(events[2])
    assert writing.ledger.flush()
    rows = recent(writing.path, 10)
    assert [row.at for row in rows] == [exchanged(number).at for number in (4, 3, 2, 1)]
    assert [row.request_id for row in rows] == ["req_00000004", f"mine~{events[2].at}", f"mine~{events[1].at}", "mine"]
    assert writing.ledger.counts() == Counts(4, 0, 0)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"input_tokens": 2**63},
        {"asked": "\ud800"},
        {"key": None},
        {"model": object()},
        {"attempts": (msgspec.structs.replace(BUSY, detail="\ud800"),)},
    ],
)
def test_a_row_that_cannot_be_held_takes_no_other_with_it(spoilt: dict[str, object], writing: Writing) -> None:
    for event in (exchanged(1), exchanged(2, **spoilt), exchanged(3), exchanged(3)):
        writing.ledger.record(event)
    assert writing.ledger.flush()
    assert [row.request_id for row in recent(writing.path, 10)] == ["req_00000003", "req_00000001"]
    assert writing.ledger.counts() == Counts(2, 0, 1)
    assert writing.said == ["1 usage rows are lost: the database cannot hold their values"]


def test_while_another_process_holds_the_lock_rows_wait_and_nothing_is_lost(writing: Writing) -> None:
    with locked(writing.path):
        for number in range(700):
            writing.ledger.record(exchanged(number))
        wait_until(lambda: bool(writing.said))
        assert writing.ledger.counts() == Counts(0, 700, 0)
    assert writing.ledger.flush(PATIENCE)
    assert count(writing.path) == 700
    trouble, over = writing.said
    assert "database is locked; another process keeps it locked" in trouble
    assert over == f"usage rows are written to '{writing.path}' again"


def test_while_the_disk_is_full_rows_wait_and_nothing_is_lost(writing: Writing) -> None:
    (connection,) = writing.connections
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    for number in range(2_000):
        writing.ledger.record(exchanged(number))
    wait_until(lambda: bool(writing.said))
    assert writing.ledger.counts() == Counts(0, 2_000, 0)
    assert count(writing.path) == 0
    connection.execute("PRAGMA max_page_count=100000")
    assert writing.ledger.flush(PATIENCE)
    assert count(writing.path) == 2_000
    assert len(writing.said) == 2
    assert "database or disk is full; free some space on that disk; until it works again 100,000" in writing.said[0]


def test_past_the_limit_it_is_the_newest_rows_that_are_lost(path: str) -> None:
    said: list[str] = []
    ledger = Ledger(path, trouble=said.append, redact=redact)
    event = exchanged()
    for _ in range(MAX_PENDING):
        ledger.record(event)
    for number in range(1, 4):
        ledger.record(exchanged(number))
    assert ledger.counts() == Counts(0, MAX_PENDING, 3)
    ledger.start()
    ledger.close(PATIENCE)
    assert [row.request_id for row in recent(path, 10)] == [event.request_id]
    assert ledger.counts() == Counts(1, 0, 3)
    assert said == ["3 usage rows are lost: 100,000 were waiting already"]


def test_closing_over_a_locked_database_ends_and_counts_what_is_lost(path: str) -> None:
    writing = Writing(path)
    writing.ledger.start()
    with locked(path):
        for number in range(1_200):
            writing.ledger.record(exchanged(number))
        writing.ledger.close(0.1)
    assert writing.ledger.counts() == Counts(0, 0, 1_200)
    assert writing.said[-1] == "1200 usage rows are lost: the gateway stopped before they could be written"
    assert count(path) == 0


def test_a_reader_sees_rows_while_the_writer_writes(writing: Writing) -> None:
    seen: list[int] = []
    for number in range(2_000):
        writing.ledger.record(exchanged(number))
        if number % 500 == 0:
            assert writing.ledger.flush()
            seen.append(count(writing.path))
    assert seen == [1, 501, 1_001, 1_501]


def test_no_secret_and_no_endless_name_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    ledger = Ledger(str(path), trouble=pytest.fail, redact=redact)
    detail = f'the upstream said: {{"error": "bad x-api-key: {SECRET}"}}\n{SECRET}'
    attempt = Attempted("house/large", "main", 1, FailureKind.AUTH, 401, detail)
    ledger.start()
    ledger.record(unanswered(asked=SECRET, attempts=(attempt,)))
    ledger.record(exchanged(1, asked="m" * 1_000_000))
    assert ledger.flush()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    ledger.close()
    newest, oldest = recent(str(path), 10)
    assert oldest.attempts[0].detail == 'the upstream said: {"error": "bad x-api-key: ***"}\n***'
    assert oldest.asked == "***"
    assert newest.asked == "m" * MAX_ASKED
    assert b"house/large" in written
    assert b"planted" not in written + path.read_bytes()


RECORDING = """
import sys, time
from omniroute.observe.redact import redact
from omniroute.storage.ledger import Ledger
from tests.support.events import exchanged
ledger = Ledger(sys.argv[1], trouble=print, redact=redact)
ledger.start()
for number in range(1_000_000):
    ledger.record(exchanged(number))
    print(number, time.monotonic(), flush=True)
    time.sleep(0.001)
"""


def test_a_killed_process_loses_no_row_older_than_a_second(path: str) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING, path], stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        acknowledged = {}
        for line in process.stdout:
            number, at = line.split()
            acknowledged[int(number)] = float(at)
            if len(acknowledged) == 1_500:
                os.kill(process.pid, signal.SIGKILL)
    died = max(acknowledged.values())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        written = {row[0] for row in connection.execute("SELECT request_id FROM usage")}
    old = [number for number, at in acknowledged.items() if at < died - 1]
    assert old
    assert {exchanged(number).request_id for number in old} <= written
