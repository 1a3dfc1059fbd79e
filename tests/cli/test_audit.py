"""``omniroute audit``: listed and checked from the command line."""

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.storage.audit import Entry, append
from omniroute.storage.migrations import open_database
from tests.cli.command import run

HOUR = 3_600_000_000


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = str(tmp_path / "omniroute.db")
    now = time.time_ns() // 1000
    entries = [
        Entry(now - 40 * 24 * HOUR, "", "serve.started", "http://127.0.0.1:1"),
        Entry(now - 3 * HOUR, "", "config.applied", "abc", "from none to abc"),
        Entry(now - HOUR, "10.0.0.7", "key.refused", "/v1/models", "unknown \x1b[31mkey", 17),
    ]
    with closing(open_database(path)) as connection:
        append(connection, entries)
    return path


@pytest.mark.parametrize("name", [(), ("list",)])
def test_the_newest_row_comes_first_and_the_old_ones_are_asked_for(name: tuple[str, ...], database: str) -> None:
    lines = run("audit", *name, "--database", database).stdout.splitlines()
    assert lines[0].split() == ["seq", "at", "(UTC)", "actor", "action", "count", "target:", "detail"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2"]
    assert lines[1].split()[3:6] == ["10.0.0.7", "key.refused", "17"]
    assert "\x1b" not in lines[1]
    assert len(run("audit", *name, "--database", database, "--since", "60d").stdout.splitlines()) == 4


def test_rows_are_found_by_actor_and_action(database: str) -> None:
    for option, value, found in (("--actor", "10.0.0.7", [3]), ("--action", "config.applied", [2]), ("--last", 1, [3])):
        done = run("audit", "--database", database, option, value, "--format", "json")
        assert [row["seq"] for row in json.loads(done.stdout)] == found
    done = run("audit", "--database", database, "--since", "1m")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "nothing in the last 1m\n")


def test_a_whole_chain_is_said_to_be_and_a_broken_one_is_told_by_the_exit_code(database: str) -> None:
    done = run("audit", "verify", "--database", database)
    assert (done.exit_code, done.stdout.startswith("3 rows, all whole; the last hash is ")) == (0, True)
    with closing(open_database(database)) as connection:
        connection.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = 2")
    done = run("audit", "verify", "--database", database)
    assert (done.exit_code, done.stdout) == (1, "the chain is broken at row 2; the 1 rows before it are whole\n")


def test_what_cannot_be_done_is_told(database: str, tmp_path: Path) -> None:
    for name in ("list", "verify"):
        done = run("audit", name, "--database", tmp_path / "none.db")
        assert (done.exit_code, "there is no database at" in done.stderr) == (1, True)
    assert run("audit", "--database", database, "--since", "soon").exit_code == 2
    assert "verify" in run("audit", "--help").stdout
