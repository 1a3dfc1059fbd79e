"""The index of the answers on disk: it follows what is written, deleted and trimmed, by whomever."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from omniroute.storage.index import Index, micros
from omniroute.storage.migrations import open_database

PUT = """
    INSERT INTO recordings (key, kind, fingerprint, scope, model, at, expires, state, worker, answer, size)
    VALUES (?, ?, '', 'key:alice', 'p/m', ?, ?, 'done', 'w1', x'00', 100)
"""


def key(number: int) -> bytes:
    return bytes([number]) * 32


def put(connection: sqlite3.Connection, number: int, *, at: int = 10, expires: int = 50, kind: str = "exact") -> None:
    connection.execute(PUT, (key(number).hex(), kind, at, expires))


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(str(folder / "x.db"))) as connection:
        yield connection


def test_it_learns_what_is_new_and_afresh_what_is_gone(tmp_path: Path) -> None:
    with opened(tmp_path) as connection:
        index = Index()
        put(connection, 1)
        put(connection, 2, kind="claim")
        index.learn(connection, afresh=False)
        put(connection, 3, expires=60)
        index.add({key(4): (100, 70)})
        index.learn(connection, afresh=False)
        assert index.known == {key(1): (100, 50), key(3): (100, 60), key(4): (100, 70)}
        connection.execute("DELETE FROM recordings WHERE key = ?", (key(1).hex(),))
        index.learn(connection, afresh=True)
        assert index.known == {key(3): (100, 60)}


@pytest.mark.parametrize(("bounds", "left"), [((3, 1e9), 2), ((1e9, 320), 2), ((4, 400), 4)])
def test_what_would_be_out_of_date_first_is_trimmed_first(
    tmp_path: Path, bounds: tuple[float, float], left: int
) -> None:
    with opened(tmp_path) as connection:
        index = Index()
        for number in range(4):
            put(connection, number, expires=100 - number)
        index.learn(connection, afresh=True)
        assert not index.too_much
        index.bounds = bounds
        index.trim(connection)
        assert list(index.known) == [key(number) for number in range(left)]
        index.learn(connection, afresh=True)
        assert len(index.known) == left


def test_what_one_clears_by_an_instant_another_hears_of_once(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        here, there = Index(), Index()
        put(one, 1, at=10)
        put(one, 2, at=11)
        put(one, 3, at=9, kind="claim")
        there.learn(two, afresh=True)
        assert not there.emptied(two)
        assert here.clear(one, 10) == 1
        assert (list(here.known), here.cleared, here.emptied(one)) == ([key(2)], 10, False)
        assert (there.emptied(two), there.emptied(two)) == (True, False)
        assert (list(there.known), there.cleared) == ([key(2)], 10)


def test_who_clears_later_by_an_earlier_instant_takes_nothing_back(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        here, there, late = Index(), Index(), Index()
        here.clear(one, 20)
        there.clear(two, 10)
        assert late.emptied(two)
        assert late.cleared == 20


def test_instants_are_written_down_in_microseconds() -> None:
    assert micros(1.0000014) == 1_000_001
