"""Idempotency keys: who answers under a key, and what was answered under it a moment ago.

Always true:

1. Of the requests that come with one key, one is answered by an upstream; the others get its answer, if they are the
   same request, and are refused if they are not.
2. What is remembered is remembered for ``window`` from when its answer ended, for one caller, and in bounds.
3. An answer that another attempt might better is not remembered: that is what clients repeat a request for.
"""

import msgspec

from omniroute.engine.recording import Fate, Recording
from omniroute.errors import Conflict, Unfit
from omniroute.limits.lru import Lru
from omniroute.names import Outcome
from omniroute.storage.recordings import Kept

MOST = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""What is remembered at most of answers that ended."""

PASSING = frozenset({401, 403, 408, 409, 425, 429})
"""Refusals that say nothing of the request itself, or may be over when it comes again."""


class Past(msgspec.Struct, frozen=True):
    """An answer that was given under a key, and the request that it was given to."""

    fingerprint: bytes
    kept: Kept


class Claims:
    """The keys of this process; times are in seconds of one clock."""

    __slots__ = ("_open", "_past")

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        """Start with none."""
        self._open: dict[bytes, tuple[bytes, Recording]] = {}
        self._past: Lru[Past] = Lru(most, most_bytes)

    def find(self, key: bytes, fingerprint: bytes, now: float) -> Recording | Kept | None:
        """Give the answer that is being given under a key, or was; None where the key is free.

        Raises:
            Conflict: the key came with another request.
        """
        running = self._open.get(key)
        if running is not None and running[1].open:
            check(running[0], fingerprint)
            return running[1]
        past = self._past.get(key, now)
        if past is None:
            return None
        check(past.fingerprint, fingerprint)
        return past.kept

    def begin(self, key: bytes, fingerprint: bytes, recording: Recording) -> None:
        """Note that a key, which is free, is being answered under."""
        self._open[key] = (fingerprint, recording)

    def end(self, key: bytes, recording: Recording, kept: Kept | None, until: float, now: float) -> None:
        """Note that this is over; ``kept`` is remembered until ``until``."""
        running = self._open.get(key)
        if running is not None and running[1] is recording:
            del self._open[key]
            if kept is not None:
                self._past.put(key, Past(running[0], kept), kept.size, until, now)

    def active(self, now: float) -> int:
        """Count the keys that are taken."""
        self._past.sweep(now)
        return len(self._open) + len(self._past)


def check(known: bytes, fingerprint: bytes) -> None:
    """Refuse a key that came with another request.

    Raises:
        Conflict: it did.
    """
    if known != fingerprint:
        message = "this Idempotency-Key came a moment ago with another request: send each request with a key of its own"
        raise Conflict(message)


def repeatable(fate: Fate) -> bool:
    """Whether an answer stands for whoever repeats the request: a good one, or a refusal of what the request says."""
    if fate.outcome is Outcome.OK:
        return True
    return (
        fate.outcome in {Outcome.REFUSED, Outcome.FAILED}
        and 400 <= fate.status < 500
        and fate.status not in PASSING
        and fate.code != Unfit.code
    )
