"""Vectors that have something behind them: which of a set is nearest to another one.

Vectors are of length 1, kept as 32-bit floats, and belong to sets, which are searched each for itself. The similarity
of two is their cosine, which for such vectors follows from their distance: ``1 - distance² / 2``.

Always true:

1. A search is exact: it finds the nearest of all that the set held when it began, and never one of another set, of
   another number of dimensions, older than was asked, or not accepted. Of several that are equally near, it finds the
   newest.
2. After every call there are at most ``most`` vectors, with at most ``most_bytes`` of what is behind them, and at most
   ``together`` in a set; what had to go was the oldest.
3. ``Search.go_on`` looks at a part of a set at a time, so that whoever waits meanwhile waits no more than about 1 ms.

A distance over the first dimensions alone is never more than that over all of them: most vectors are told apart by
their first ``HEAD`` dimensions, at a seventh of the cost.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import dist, hypot, isfinite, sqrt
from struct import Struct
from typing import Generic, TypeVar

HEAD = 256
"""Dimensions that are looked at first."""
WHOLE = 8
"""What it costs to look at a whole vector of 1,536 dimensions, where looking at its head costs 1."""
ACCEPTING = 24
"""What it costs to ask whether a value is accepted, at most about."""
PART = 256
"""What one part of a search costs."""
TOGETHER = 256
"""Vectors in one set."""
ROUNDING = 1e-6
"""How far apart two vectors may be that are the same, in numbers of 32 bits."""

Value = TypeVar("Value")


def unit(numbers: Iterable[float]) -> bytes | None:
    """Make a vector of length 1 of some numbers, as 32-bit floats; None where they have no direction."""
    given = tuple(numbers)
    length = hypot(*given)
    if not length or not isfinite(length):
        return None
    return array("f", [each / length for each in given]).tobytes()


def _all(value: object) -> bool:
    """Accept whatever is behind a vector."""
    del value
    return True


class _Entry(Generic[Value]):
    """A vector, and what is behind it; ``at`` is when it was put there."""

    __slots__ = ("at", "size", "value", "vector")

    def __init__(self, vector: bytes, value: Value, size: int, at: float) -> None:
        self.vector = vector
        self.value = value
        self.size = size
        self.at = at


class Search(Generic[Value]):
    """One search, made part by part; ``found`` and ``similarity`` are the best so far."""

    __slots__ = ("_accepts", "_entries", "_head", "_limit", "_vector", "found", "similarity")

    def __init__(
        self, vector: bytes, entries: list[_Entry[Value]], threshold: float, accepts: Callable[[Value], bool]
    ) -> None:
        """Search ``entries``, the oldest first, for what is accepted and at least as similar as ``threshold``."""
        self._accepts = accepts
        self._vector = _numbers(len(vector)).unpack(vector)
        self._head = self._vector[:HEAD] if len(self._vector) > HEAD else ()
        self._entries = [each for each in entries if len(each.vector) == len(vector)]
        self._limit = sqrt(max(0.0, 2.0 - 2.0 * threshold)) + ROUNDING
        self.found: Value | None = None
        self.similarity = 0.0

    def go_on(self) -> bool:
        """Look at the next part; False when that was the last."""
        left = PART
        while self._entries and left > 0:
            left -= self._look(self._entries.pop())
        return bool(self._entries)

    def _look(self, entry: _Entry[Value]) -> int:
        """Look at one vector, and give what that cost."""
        vector = entry.vector
        if self._head and dist(self._head, _HEAD.unpack_from(vector)) >= self._limit:
            return 1
        distance = dist(self._vector, _numbers(len(vector)).unpack(vector))
        if distance >= self._limit:
            return WHOLE
        if self._accepts(entry.value):
            self._limit = distance
            self.found = entry.value
            self.similarity = 1.0 - distance * distance / 2.0
        return WHOLE + ACCEPTING


class Nearest(Generic[Value]):
    """The sets, by name; times are in seconds of whatever clock the caller has, sizes in bytes as it counts them."""

    __slots__ = ("_most", "_most_bytes", "_order", "_sets", "_together", "size")

    def __init__(self, most: int, most_bytes: int, together: int = TOGETHER) -> None:
        """Start empty."""
        self._most = most
        self._most_bytes = most_bytes
        self._together = together
        self._sets: dict[bytes, OrderedDict[bytes, _Entry[Value]]] = {}
        self._order: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        """Count the vectors, be they out of date."""
        return len(self._order)

    def put(self, name: bytes, vector: bytes, value: Value, size: int, at: float) -> None:
        """Put a vector into a set, in place of the same one; one that would not fit is not put there."""
        self._drop(name, vector)
        if size > self._most_bytes:
            return
        kept = self._sets.setdefault(name, OrderedDict())
        kept[vector] = _Entry(vector, value, size, at)
        self._order[name, vector] = None
        self.size += size
        if len(kept) > self._together:
            self._drop(name, next(iter(kept)))
        self._shrink()

    def search(
        self, name: bytes, vector: bytes, threshold: float, since: float, accepts: Callable[[Value], bool] = _all
    ) -> Search[Value]:
        """Begin a search of a set, for what was put there after ``since``, is accepted and at least so similar."""
        entries = [each for each in self._sets.get(name, {}).values() if each.at > since]
        return Search(vector, entries, threshold, accepts)

    def bound(self, most: int, most_bytes: int) -> None:
        """Hold no more than this from now on."""
        self._most, self._most_bytes = most, most_bytes
        self._shrink()

    def sweep(self, since: float) -> None:
        """Let go of the oldest, for as long as they were put there at ``since`` or before."""
        while self._order:
            name, vector = next(iter(self._order))
            if self._sets[name][vector].at > since:
                return
            self._drop(name, vector)

    def clear(self) -> None:
        """Let go of everything."""
        self._sets.clear()
        self._order.clear()
        self.size = 0

    def _shrink(self) -> None:
        while len(self._order) > self._most or self.size > self._most_bytes:
            self._drop(*next(iter(self._order)))

    def _drop(self, name: bytes, vector: bytes) -> None:
        """Let go of a vector, if it is there, and of a set that is empty."""
        kept = self._sets.get(name)
        entry = kept.pop(vector, None) if kept is not None else None
        if kept is None or entry is None:
            return
        self.size -= entry.size
        del self._order[name, vector]
        if not kept:
            del self._sets[name]


_HEAD = Struct(f"{HEAD}f")


@lru_cache(maxsize=16)
def _numbers(size: int) -> Struct:
    """Give what reads a vector of so many bytes."""
    return Struct(f"{size // 4}f")
