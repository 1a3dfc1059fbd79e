"""A mapping in bounds: of entries, of bytes and of time."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omniroute.limits.lru import Lru

KEYS = st.integers(0, 8).map(lambda number: bytes([number]))
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 12), st.integers(-2, 9)),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("drop"), KEYS),
    st.tuples(st.just("bound"), st.integers(0, 6), st.integers(0, 30)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("clear")),
    st.tuples(st.just("wait"), st.integers(1, 4)),
)


def test_what_was_asked_for_least_recently_goes_first() -> None:
    lru: Lru[str] = Lru(2, 100)
    lru.put(b"a", "A", 1, 10.0, 0.0)
    lru.put(b"b", "B", 1, 10.0, 0.0)
    assert lru.get(b"a", 0.0) == "A"
    lru.put(b"c", "C", 1, 10.0, 0.0)
    assert [lru.get(key, 0.0) for key in (b"a", b"b", b"c")] == ["A", None, "C"]


def test_nothing_is_given_after_its_time() -> None:
    lru: Lru[str] = Lru(2, 100)
    lru.put(b"a", "A", 5, 10.0, 0.0)
    assert lru.get(b"a", 9.9) == "A"
    assert lru.get(b"a", 10.0) is None
    assert (len(lru), lru.size) == (0, 0)


def test_what_is_too_large_is_not_held_and_what_it_replaces_is_gone() -> None:
    lru: Lru[str] = Lru(2, 10)
    lru.put(b"a", "A", 10, 10.0, 0.0)
    lru.put(b"a", "B", 11, 10.0, 0.0)
    assert (lru.get(b"a", 0.0), lru.size) == (None, 0)


class Pair:
    """A mapping, and all that was put into it."""

    def __init__(self) -> None:
        self.lru: Lru[object] = Lru(4, 20)
        self.put_there: dict[bytes, tuple[object, int, float]] = {}
        self.most, self.most_bytes, self.now = 4, 20, 0.0

    def put(self, key: bytes, size: int, life: int) -> None:
        value = object()
        self.lru.put(key, value, size, self.now + life, self.now)
        self.put_there[key] = (value, size, self.now + life)

    def get(self, key: bytes) -> None:
        found = self.lru.get(key, self.now)
        assert found is None or (found is self.put_there[key][0] and self.put_there[key][2] > self.now)

    def drop(self, key: bytes) -> None:
        self.lru.drop(key)
        assert self.lru.get(key, self.now) is None

    def bound(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.lru.bound(most, most_bytes, self.now)

    def sweep(self) -> None:
        self.lru.sweep(self.now)
        assert all(until > self.now for _, _, until in self.lru._entries.values())

    def clear(self) -> None:
        self.lru.clear()
        assert len(self.lru) == 0

    def wait(self, seconds: int) -> None:
        self.now += seconds


@given(st.lists(STEPS, max_size=60))
def test_it_stays_in_bounds_and_gives_only_what_was_put_and_is_good(steps: list[tuple[Any, ...]]) -> None:
    pair = Pair()
    for name, *arguments in steps:
        getattr(pair, name)(*arguments)
        assert len(pair.lru) <= pair.most
        assert pair.lru.size == sum(pair.put_there[key][1] for key in pair.lru._entries) <= pair.most_bytes


@given(st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=40))
def test_where_there_is_room_nothing_is_lost(puts: list[tuple[bytes, int]]) -> None:
    lru: Lru[int] = Lru(9, 1000)
    for number, (key, size) in enumerate(puts):
        lru.put(key, number, size, 1.0, 0.0)
    last = {key: number for number, (key, _) in enumerate(puts)}
    assert {key: lru.get(key, 0.0) for key in last} == last
