"""The semantic cache: answers to questions that mean the same, in other words.

It is asked after the exact cache, and only where both the configuration and the caller's policy turn it on. What is
compared, and what has to be the same to the byte, ``formats.likeness`` says.

Invariants:

1. An answer is given only to the caller for whom it was made, who stands in the partition, only while it is young
   enough, which every search asks, and never after the cache was emptied since.
2. What cannot be compared, or not in time, is a miss. Nothing here fails a request.
3. It is in the memory of one process: workers do not share it, and it is empty after a start.
4. A search gives way after each part (``limits.nearest``), on the loop itself: a thread of pure Python would hold the
   interpreter for as long at a time (``sys.getswitchinterval``) as such a part takes.
"""

import asyncio
from math import inf

import msgspec

from omniroute.config.policy import CacheUse
from omniroute.engine.embedding import Embedder, Hands
from omniroute.engine.record import Record
from omniroute.engine.terms import Headers
from omniroute.formats.likeness import Likeness, reworded
from omniroute.formats.sameness import digest
from omniroute.limits.nearest import Nearest
from omniroute.names import Outcome
from omniroute.storage.recordings import Kept

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of answers and vectors that are kept at most."""


class Sought(msgspec.Struct, frozen=True):
    """A question that no answer was similar enough to; its own is to be kept under this."""

    name: bytes
    vector: bytes
    text: str


class Found(msgspec.Struct, frozen=True):
    """An answer to a question that is similar enough; ``similarity`` is a cosine."""

    kept: Kept
    similarity: float

    def told(self, now: float) -> Headers:
        """Give the headers that say so; ``now`` is in Unix seconds."""
        return (
            ("x-omniroute-cache", "HIT"),
            ("x-omniroute-cache-similarity", f"{self.similarity:.4f}"),
            ("age", str(max(0, int(now - self.kept.at)))),
        )


class _Answered(msgspec.Struct, frozen=True):
    """A question's text, and its answer."""

    text: str
    kept: Kept


class Semantic:
    """The cache of this process; times are Unix seconds."""

    __slots__ = ("_embedder", "_forgotten", "_nearest", "hits", "misses")

    def __init__(self, embedder: Embedder | None = None) -> None:
        """Start empty."""
        self._embedder = Embedder() if embedder is None else embedder
        self._nearest: Nearest[_Answered] = Nearest(0, MOST_BYTES)
        self._forgotten = -inf
        self.hits = self.misses = 0

    def __len__(self) -> int:
        """Count the answers."""
        return len(self._nearest)

    async def recalled(
        self, hands: Hands, use: CacheUse, likeness: Likeness, record: Record, now: float
    ) -> Found | Sought | None:
        """Look for the answer to a similar question.

        Args:
            hands: by what an embedding is asked for.
            use: what the caller's policy says.
            likeness: the question, as it is compared; whose it is stands in its partition.
            record: the notes on the request.
            now: when it is.

        Returns:
            The answer; or what its own answer is to be kept under; or None, where this cache is off or the question
            has no embedding.

        Raises:
            asyncio.CancelledError: the client has left.
        """
        cache, nearest = record.live.snapshot.caches.semantic, self._nearest
        if cache is None or not use.semantic:
            return None
        nearest.bound(cache.max_entries, MOST_BYTES)
        nearest.sweep(now - cache.ttl)
        embedding = await self._embedder.embed(hands, cache.embedder, likeness.text, record)
        if embedding is None:
            self.misses += 1
            return None
        name = digest(("semantic", embedding.model), likeness.partition)
        oldest = now - (cache.ttl if use.ttl is None else min(cache.ttl, use.ttl))

        def accepts(answered: _Answered) -> bool:
            return reworded(answered.text, likeness.text)

        search = nearest.search(name, embedding.vector, cache.threshold, oldest, accepts)
        for _ in iter(search.go_on, False):
            await asyncio.sleep(0)
        if search.found is None or search.found.kept.at <= self._forgotten:  # it was emptied during the search
            self.misses += 1
            return Sought(name, embedding.vector, likeness.text)
        self.hits += 1
        return Found(search.found.kept, search.similarity)

    def keep(self, sought: Sought, kept: Kept) -> None:
        """Keep the answer to a question, if it is a good one."""
        if kept.status == 200 and kept.outcome == Outcome.OK.value:
            size = kept.size + len(sought.vector) + len(sought.text)
            self._nearest.put(sought.name, sought.vector, _Answered(sought.text, kept), size, kept.at)

    def forget(self, until: float) -> int:
        """Forget everything that was complete by then, and give how many answers there were."""
        there = len(self._nearest)
        self._nearest.sweep(until)
        self._forgotten = max(self._forgotten, until)
        return there - len(self._nearest)
