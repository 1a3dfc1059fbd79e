"""A mapping that holds so many entries, so many bytes, and each for so long.

Always true: after every call there are at most ``most`` entries of at most ``most_bytes`` together, and what had to
go was asked for least recently, or was out of date. Nothing is given after its time.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Lru(Generic[Value]):
    """Values by key; times are in seconds of whatever clock the caller has, sizes in bytes, as the caller counts."""

    __slots__ = ("_entries", "_most", "_most_bytes", "size")

    def __init__(self, most: int, most_bytes: int) -> None:
        """Start empty."""
        self._entries: OrderedDict[bytes, tuple[Value, int, float]] = OrderedDict()
        self._most = most
        self._most_bytes = most_bytes
        self.size = 0

    def __len__(self) -> int:
        """Count what is held, be it out of date."""
        return len(self._entries)

    def get(self, key: bytes, now: float) -> Value | None:
        """Find a value that is still good at ``now``."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[2] <= now:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: bytes, value: Value, size: int, until: float, now: float) -> None:
        """Hold a value until ``until``, in place of what the key had; one that would not fit is not held."""
        self.drop(key)
        if size > self._most_bytes or until <= now:
            return
        self._entries[key] = (value, size, until)
        self.size += size
        self._shrink(now)

    def drop(self, key: bytes) -> None:
        """Let go of an entry, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry[1]

    def clear(self) -> None:
        """Let go of everything."""
        self._entries.clear()
        self.size = 0

    def bound(self, most: int, most_bytes: int, now: float) -> None:
        """Hold no more than this from now on."""
        if (most, most_bytes) != (self._most, self._most_bytes):
            self._most, self._most_bytes = most, most_bytes
            self._shrink(now)

    def sweep(self, now: float) -> None:
        """Let go of all that is out of date; looks at every entry."""
        for key in [key for key, entry in self._entries.items() if entry[2] <= now]:
            self.drop(key)

    def _shrink(self, now: float) -> None:
        """Let go of the oldest while there are too many, or while they are out of date."""
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if len(self._entries) <= self._most and self.size <= self._most_bytes and entry[2] > now:
                return
            self.drop(key)
