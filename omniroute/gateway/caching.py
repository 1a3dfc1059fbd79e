"""``GET /api/cache/stats``: how many answers are remembered; ``DELETE`` forgets those of the caches.

Always true: nothing of an answer, a request or a caller is told; and what was claimed under an idempotency key stays,
since to forget it would let a request be answered twice.
"""

from typing import Any

from omniroute.config.snapshot import Snapshot
from omniroute.engine.replays import Memory
from omniroute.engine.terms import unix_micros


def cache_stats(memory: Memory, snapshot: Snapshot, now: float) -> dict[str, Any]:
    """Describe the caches in the API's words, in which the exact cache is the semantic one; ready to be JSON.

    Args:
        memory: what is remembered.
        snapshot: the configuration in force.
        now: seconds of the steady clock by which requests are timed.
    """
    exact, bounds = memory.exact, snapshot.caches.exact
    asked = exact.hits + exact.misses
    return {
        "semanticCache": {
            "memorySize": len(exact),
            "memoryMaxSize": bounds.max_entries if bounds is not None else 0,
            "dbSize": exact.stored,
            "hitRate": round(exact.hits / asked, 4) if asked else 0.0,
        },
        "idempotency": {
            "activeKeys": memory.claims.active(now),
            "windowMs": round(snapshot.caches.window * 1000),
        },
    }


async def clear_caches(memory: Memory) -> dict[str, Any]:
    """Forget every answer of the caches, on disk and in the memory of all workers, and say how many there were here."""
    return {"cleared": await memory.clear(unix_micros() / 1e6)}
