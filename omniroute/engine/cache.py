"""The exact cache: answers by the digest of all that shaped them, in memory, and on disk where there is one.

Always true: an answer is given only to the caller for whom it was made, only while it is young enough, and never after
the cache was emptied since. A miss costs no statement and no thread: what is on disk is known in memory.
"""

from collections.abc import Iterable
from hashlib import sha256
from math import inf

import msgspec

from omniroute.config.policy import ExactCache
from omniroute.config.snapshot import Target
from omniroute.engine.recording import Recording
from omniroute.limits.lru import Lru
from omniroute.storage.recordings import Entry, Kept, Recordings


class Exact:
    """The cache of this process; times are Unix seconds.

    ``flights`` are the answers that are being made, by the key under which they may be kept.
    """

    __slots__ = ("_forgotten", "_kept", "_store", "_ttl", "flights", "hits", "misses")

    def __init__(self, store: Recordings | None = None) -> None:
        """Start empty, over what is on disk."""
        self._kept: Lru[Kept] = Lru(0, 0)
        self._store = store
        self.flights: dict[bytes, Recording] = {}
        self._ttl = 0.0
        self._forgotten = -inf
        self.hits = self.misses = 0

    def __len__(self) -> int:
        """Count the answers in memory."""
        return len(self._kept)

    @property
    def stored(self) -> int:
        """Count the answers on disk."""
        return len(self._store.index) if self._store is not None else 0

    def bound(self, bounds: ExactCache, now: float) -> None:
        """Keep no more than a configuration says, from now on."""
        self._ttl = bounds.ttl
        self._kept.bound(bounds.max_entries, bounds.max_bytes, now)
        if self._store is not None:
            self._store.bound(bounds.max_entries, bounds.max_bytes)

    async def find(self, key: bytes, ttl: float, now: float) -> Kept | None:
        """Find an answer that is no older than ``ttl`` seconds."""
        kept = self._kept.get(key, now)
        if kept is None and self._store is not None and key in self._store.index:
            read = await self._store.read(key)
            if read is not None and read.at > self._forgotten:  # else the cache was emptied while it was read
                kept = read
                self._kept.put(key, kept, kept.size, kept.at + self._ttl, now)
        return kept if kept is not None and now < kept.at + ttl else None

    def flight(self, key: bytes) -> Recording | None:
        """Give the answer that is being made, if it can still be joined."""
        recording = self.flights.get(key)
        return recording if recording is not None and recording.open else None

    def lead(self, key: bytes, recording: Recording) -> None:
        """Note that an answer is being made, unless one is already."""
        if self.flight(key) is None:
            self.flights[key] = recording

    def end(self, entry: Entry | None, key: bytes, recording: Recording, now: float) -> None:
        """Note that this is over, and keep what came of it."""
        if self.flights.get(key) is recording:
            del self.flights[key]
        if entry is not None:
            self._kept.put(key, entry.kept, entry.kept.size, entry.until, now)
            if self._store is not None:
                self._store.put(entry)

    async def clear(self, now: float) -> int:
        """Forget everything, on disk and in other processes too; gives how many answers there were."""
        there = self.forget(now)
        return max(there, await self._store.clear(now)) if self._store is not None else there

    def forget(self, until: float) -> int:
        """Forget what was complete by then; gives how many answers were in memory, which are read again at need."""
        there = len(self._kept)
        self._kept.clear()
        self._forgotten = max(self._forgotten, until)
        return there


def route(targets: Iterable[Target]) -> bytes:
    """Give what of some targets shapes an answer, as 32 bytes: where they are, what they speak, what is asked of them.

    Their order does not matter, and neither do prices, limits and time-outs.
    """
    said = sorted(
        (
            each.id,
            each.provider.base_url,
            each.provider.formats,
            each.provider.headers,
            each.model.name,
            each.model.max_output,
            sorted(each.model.capabilities),
        )
        for each in {each.id: each for each in targets}.values()
    )
    return sha256(msgspec.json.encode(said)).digest()
