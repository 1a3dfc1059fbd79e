"""Answers on disk: they outlast the process, stay in bounds, and a key that workers share is one worker's at a time."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.storage import recordings
from omniroute.storage.db import connect
from omniroute.storage.migrations import open_database
from omniroute.storage.recordings import Bid, Entry, Held, Kept, Recordings
from tests.support.waiting import eventually

NOW = 1_700_000_000.0


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def kept(body: bytes = b"{}", *, at: float = NOW) -> Kept:
    return Kept(200, (("content-type", "application/json"),), True, body, at, "ok")


def entry(number: int, body: bytes = b"{}", *, until: float = NOW + 60) -> Entry:
    return Entry(key(number), "key:alice", "p/m", until, kept(body))


def bid(number: int = 1, fingerprint: bytes = b"f", *, now: float = NOW, until: float = NOW + 60) -> Bid:
    return Bid(key(number), fingerprint, "key:alice", "p/m", now, until)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return round(self.now * 1e6)


@contextmanager
def opened(
    path: Path, worker: str = "", *, now: Callable[[], int] | None = None, told: list[str] | None = None
) -> Iterator[Recordings]:
    """Recordings at work."""
    store = Recordings(str(path), trouble=(told if told is not None else []).append, now=now or Clock(), worker=worker)
    store.bound(100, 1_000_000)
    store.start()
    try:
        yield store
    finally:
        store.close()


def lives(path: Path, worker: str, until: float = NOW + 15) -> None:
    """Note that a worker lives."""
    with closing(connect(str(path))) as connection:
        connection.execute(
            "INSERT INTO workers (worker, started, alive_until) VALUES (?, 0, ?) "
            "ON CONFLICT (worker) DO UPDATE SET alive_until = excluded.alive_until",
            (worker, round(until * 1e6)),
        )


def rows(path: Path) -> list[tuple[str, str]]:
    with closing(connect(str(path))) as connection:
        return connection.execute("SELECT kind, state FROM recordings ORDER BY key").fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "omniroute.db"


# The cache's answers.


async def test_what_was_put_is_found_again_and_outlasts_the_process(path: Path) -> None:
    with opened(path) as store:
        store.put(entry(1, b"one"))
        await eventually(lambda: key(1) in store.index)
        assert await store.read(key(1)) == kept(b"one")
    with opened(path) as store:
        assert key(1) in store.index
        assert await store.read(key(1)) == kept(b"one")
        assert await store.read(key(2)) is None


async def test_a_second_answer_takes_the_place_of_the_first(path: Path) -> None:
    with opened(path) as store:
        store.put(entry(1, b"one"))
        store.put(entry(1, b"two"))
        await eventually(lambda: key(1) in store.index)
        assert await store.read(key(1)) == kept(b"two")
        assert len(store.index) == 1


async def test_what_is_waiting_when_it_is_closed_is_written(path: Path) -> None:
    with opened(path) as store:
        for number in range(50):
            store.put(entry(number))
    assert len(rows(path)) == 50


async def test_what_is_out_of_date_is_not_given_and_is_gone_at_the_next_start(path: Path) -> None:
    clock = Clock()
    with opened(path, now=clock) as store:
        store.put(entry(1, until=NOW + 1))
        await eventually(lambda: key(1) in store.index)
        clock.now = NOW + 1
        assert await store.read(key(1)) is None
    with opened(path, now=clock) as store:
        assert store.index == {}
    assert rows(path) == []


@pytest.mark.parametrize("bounds", [(5, 1_000_000), (100, 5 * 1_100)])
async def test_beyond_its_bounds_the_answers_go_that_would_be_out_of_date_first(
    path: Path, bounds: tuple[int, int]
) -> None:
    with opened(path) as store:
        store.bound(*bounds)
        for number in range(10):
            store.put(entry(number, until=NOW + 100 - number))
        await eventually(lambda: 0 < len(store.index) <= 5)
        assert key(0) in store.index
        assert key(9) not in store.index
        left = len(store.index)
    assert len(rows(path)) == left


async def test_more_than_may_wait_is_counted_as_lost(path: Path) -> None:
    gate = threading.Event()

    def slow(where: str) -> sqlite3.Connection:
        gate.wait(20)
        return open_database(where)

    store = Recordings(str(path), trouble=list[str]().append, now=Clock(), connect=slow)
    for number in range(recordings.MAX_PENDING + 5):
        store.put(entry(number))
    assert store.lost == 5
    gate.set()
    store.start()
    store.close()
    assert len(rows(path)) == recordings.MAX_PENDING


async def test_clearing_deletes_answers_and_leaves_claims(path: Path) -> None:
    with opened(path, "w1") as store:
        lives(path, "w1")
        store.put(entry(1))
        await store.claim(bid(2))
        await eventually(lambda: key(1) in store.index)
        assert await store.clear(NOW) == 1
        assert store.index == {}
        assert await store.read(key(1)) is None
    assert ("claim", "open") in rows(path)
    assert "exact" not in dict(rows(path))


async def test_what_another_worker_cleared_is_forgotten_and_what_was_answered_before_is_kept_no_more(
    path: Path,
) -> None:
    forgotten: list[float] = []
    with opened(path, "w1") as one, opened(path, "w2") as two:
        two.forget = forgotten.append
        one.put(entry(1))
        await eventually(lambda: key(1) in two.index)
        one.put(entry(2))  # still waits to be written
        assert await one.clear(NOW) == 2
        two.put(entry(3))  # complete before that, but written after it
        later = Entry(key(4), "key:alice", "p/m", NOW + 60, kept(at=NOW + 0.5))
        two.put(later)
        await eventually(lambda: key(4) in two.index)
        assert list(two.index) == [key(4)]
        assert await two.read(key(4)) == later.kept
        await eventually(lambda: key(4) in one.index)
        assert list(one.index) == [key(4)]
        assert forgotten == [NOW]
        await one.clear(NOW + 1)  # with nothing to write
        await eventually(lambda: forgotten == [NOW, NOW + 1])
        assert dict(two.index) == {}
    with opened(path, "w3") as three:
        three.put(entry(5))
        await three.read(key(5))  # asked behind it
        assert dict(three.index) == {}


async def test_where_the_database_cannot_be_used_at_the_start_that_is_an_error(tmp_path: Path) -> None:
    store = Recordings(str(tmp_path), trouble=list[str]().append, now=Clock())
    with pytest.raises(StorageError):
        store.start()
    store.close()


async def test_trouble_is_told_once_and_nothing_depends_on_the_disk(path: Path) -> None:
    told: list[str] = []
    with opened(path, "w1", told=told) as store:
        with closing(connect(str(path))) as other:
            other.execute("ALTER TABLE recordings RENAME TO gone")
            store.put(entry(1))
            store.put(entry(2))
            await eventually(lambda: store.lost == 2)
            assert await store.read(key(1)) is None
            assert await store.claim(bid()) == Held(mine=True)
            assert len(told) == 1
            assert "answers cannot be kept" in told[0]
            other.execute("ALTER TABLE gone RENAME TO recordings")
        store.put(entry(1))
        await eventually(lambda: len(told) == 2)
        assert "again" in told[1]


async def test_an_answer_that_cannot_be_read_is_a_miss(path: Path) -> None:
    told: list[str] = []
    with opened(path, told=told) as store:
        store.put(entry(1))
        await eventually(lambda: key(1) in store.index)
        with closing(connect(str(path))) as other:
            other.execute("UPDATE recordings SET answer = x'00'")
        assert await store.read(key(1)) is None
    assert "cannot be read" in told[0]


async def test_who_gives_up_waiting_leaves_the_thread_at_work(path: Path) -> None:
    with opened(path) as store:
        reading = asyncio.create_task(store.read(key(1)))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        store.put(entry(1))
        await eventually(lambda: key(1) in store.index)


async def test_after_the_end_nothing_is_found_and_nothing_hangs(path: Path) -> None:
    with opened(path) as store:
        pass
    assert await store.read(key(1)) is None
    assert await store.claim(bid()) == Held(mine=True)


async def test_what_another_worker_wrote_is_known_soon(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        one.put(entry(1, b"one"))
        await eventually(lambda: key(1) in two.index)
        assert await two.read(key(1)) == kept(b"one")


# Claims.


async def test_of_two_workers_one_gets_a_key(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w1")
        lives(path, "w2")
        got = await asyncio.gather(one.claim(bid()), two.claim(bid(now=NOW + 0.001)))
        assert sorted(each.mine for each in got) == [False, True]
        [held] = [each for each in got if not each.mine]
        assert (held.fingerprint, held.kept) == (b"f", None)


async def test_an_answer_under_a_key_is_the_other_workers_too(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w1")
        assert (await one.claim(bid())).mine
        one.end(bid(), kept(b"one"), NOW + 5)
        held = await two.claim(bid(now=NOW + 1))
        while held.kept is None:
            await asyncio.sleep(0.01)
            held = await two.claim(bid(now=NOW + 1))
        assert held == Held(False, b"f", kept(b"one"))
        assert (await two.claim(bid(fingerprint=b"g", now=NOW + 1))).fingerprint == b"f"
        assert (await two.claim(bid(now=NOW + 5))).mine


async def test_a_key_that_was_given_up_is_free(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w1")
        assert (await one.claim(bid())).mine
        one.end(bid(), None, NOW)
        while not (await two.claim(bid(now=NOW + 1))).mine:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("alive_until", [None, NOW + 1])
async def test_a_dead_workers_claim_lapses(path: Path, alive_until: float | None) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        if alive_until is not None:
            lives(path, "w1", alive_until)
            assert (await one.claim(bid())).mine
            assert not (await two.claim(bid(now=NOW + 0.5))).mine
        else:
            assert (await one.claim(bid())).mine
        assert (await two.claim(bid(now=NOW + 1.5))).mine


async def test_a_claim_lapses_with_its_time(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w1", NOW + 1000)
        assert (await one.claim(bid(until=NOW + 2))).mine
        assert not (await two.claim(bid(now=NOW + 1))).mine
        assert (await two.claim(bid(now=NOW + 2))).mine


async def test_who_ends_a_claim_too_late_changes_nothing(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w2", NOW + 1000)
        assert (await one.claim(bid())).mine
        assert (await two.claim(bid(now=NOW + 1))).mine  # nobody has said that the first worker lives
        one.end(bid(), kept(b"late"), NOW + 50)
        one.end(bid(), None, NOW)
        held = await one.claim(bid(now=NOW + 2))  # asked behind them
        assert held == Held(False, b"f", None)


async def test_a_workers_own_claim_that_it_no_longer_knows_of_is_its_own_to_take(path: Path) -> None:
    with opened(path, "w1") as one:
        lives(path, "w1")
        assert (await one.claim(bid())).mine
        assert (await one.claim(bid(now=NOW + 1))).mine


async def test_an_earlier_claim_of_the_same_worker_ends_nothing_of_its_later_one(path: Path) -> None:
    with opened(path, "w1") as one, opened(path, "w2") as two:
        lives(path, "w1")
        assert (await one.claim(bid())).mine
        assert (await one.claim(bid(now=NOW + 1))).mine
        one.end(bid(), kept(b"late"), NOW + 50)
        one.end(bid(), None, NOW)
        await one.read(key(9))  # asked behind them
        assert await two.claim(bid(now=NOW + 2)) == Held(False, b"f", None)
