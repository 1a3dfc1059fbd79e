"""The exact cache: what stands for a route, and what is held for how long."""

import asyncio
from collections.abc import Mapping

import msgspec

from omniroute.config.policy import ExactCache
from omniroute.config.snapshot import Model, Price
from omniroute.engine.cache import Exact, route
from omniroute.engine.recording import Recording
from omniroute.storage.recordings import Entry, Kept
from tests.support.snapshots import provider, target


def entry(key: bytes, body: bytes = b"{}", *, at: float = 100.0, until: float = 110.0) -> Entry:
    return Entry(key, "anonymous", "m", until, Kept(200, (), True, body, at, "ok"))


def flown(cache: Exact, made: Entry) -> None:
    cache.end(made, made.key, Recording.__new__(Recording), 100.0)


def test_a_route_is_its_targets_in_any_order_and_all_that_shapes_an_answer() -> None:
    p, q = provider("p"), provider("q")
    a, b = target(p, "m"), target(q, "m")
    assert route([a, b]) == route([b, a, b])
    assert route([a]) != route([a, b])
    moved = target(provider("p", "http://127.0.0.1:8/v1"), "m")
    longer = msgspec.structs.replace(a, model=Model("m", max_output=5))
    dearer = msgspec.structs.replace(a, model=Model("m", price=Price(input=1)))
    assert route([dearer]) == route([a])
    assert len({route([each]) for each in (a, b, moved, longer)}) == 4


async def test_an_answer_is_given_until_it_is_too_old_for_who_asks() -> None:
    cache = Exact()
    cache.bound(ExactCache(max_entries=10, max_bytes=10_000, ttl=10.0), 100.0)
    flown(cache, entry(b"a"))
    assert await cache.find(b"a", 5.0, 104.9) is not None
    assert await cache.find(b"a", 5.0, 105.0) is None
    assert await cache.find(b"a", 60.0, 109.9) is not None
    assert await cache.find(b"a", 60.0, 110.0) is None
    assert len(cache) == 0


async def test_the_bounds_hold_and_follow_the_configuration() -> None:
    cache = Exact()
    cache.bound(ExactCache(max_entries=3, max_bytes=10_000, ttl=10.0), 100.0)
    for key in (b"a", b"b", b"c", b"d"):
        flown(cache, entry(key))
    assert (len(cache), await cache.find(b"a", 10.0, 100.0)) == (3, None)
    cache.bound(ExactCache(max_entries=3, max_bytes=1_100, ttl=10.0), 100.0)
    assert len(cache) == 1
    flown(cache, entry(b"e", b"x" * 2_000))
    assert await cache.find(b"e", 10.0, 100.0) is None


async def test_clearing_a_cache_that_is_only_in_memory_counts_what_was_there() -> None:
    cache = Exact()
    cache.bound(ExactCache(), 100.0)
    flown(cache, entry(b"a"))
    assert (await cache.clear(100.0), len(cache), cache.stored) == (1, 0, 0)


class Slow:
    """A disk that has an answer, and gives it when it is told to."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.index: Mapping[bytes, tuple[int, int]] = {b"a": (1, 1)}
        self.gate = asyncio.Event()

    def bound(self, most: int, most_bytes: int) -> None:
        del most, most_bytes

    async def read(self, key: bytes) -> Kept:
        del key
        await self.gate.wait()
        return self.kept


async def test_what_was_forgotten_while_it_was_read_is_not_given() -> None:
    disk = Slow(entry(b"a").kept)
    cache = Exact(disk)  # type: ignore[arg-type]  # it has what is used of the recordings
    cache.bound(ExactCache(), 100.0)
    reading = asyncio.create_task(cache.find(b"a", 60.0, 101.0))
    await asyncio.sleep(0)
    cache.forget(100.0)
    disk.gate.set()
    assert await reading is None
    assert len(cache) == 0
    disk.kept = entry(b"a", at=100.5).kept
    assert await cache.find(b"a", 60.0, 101.0) == disk.kept
    cache.forget(99.0)  # heard of late
    assert await cache.find(b"a", 60.0, 101.0) == disk.kept
