"""Credentials that rest after a refusal, and for how long.

A key is a credential, or a credential for one model of its provider (``routing.view.Lock``). Times are seconds of one
steady clock, and an attempt is known by the time at which it began.

Always true:

1. What an upstream asks for (``Retry-After``, above 0) is kept to, up to a day. Where it asks for nothing, the first
   rest is ``rest``, and each further refusal doubles it, to ``longest``.
2. However many attempts that began before a rest are refused, they count as one refusal (a thundering herd is no
   escalation), until the rest has been over for ``longest``; but a time that one of them is asked to wait is kept to.
3. No refusal makes a rest end earlier.
4. A success forgets the refusals that were counted, and so does quiet: one for each ``longest`` that passes after a
   rest without another. It does not end a rest: that one attempt got through says nothing of room for more.
5. At most ``most`` keys are known; beyond that, those whose rest ends first are forgotten.
"""

from collections.abc import Mapping
from heapq import nsmallest
from math import ceil, inf, log2
from types import MappingProxyType

import msgspec

DAY = 86_400.0
"""What an upstream asks to wait beyond a day is not believed."""

Key = tuple[str, str, str]


class _Past(msgspec.Struct):
    """When the rest of a key began, and how many refusals in a row were counted."""

    since: float
    refusals: int


class Cooldowns:
    """The rests of all credentials; ``until`` is live, read-only, and may hold rests that are over."""

    def __init__(self, rest: float, longest: float, most: int = 4096) -> None:
        """Start with nobody resting.

        Args:
            rest: the seconds of a first rest; above 0.
            longest: the seconds of the longest rest that no upstream asked for.
            most: how many keys are remembered.
        """
        self._rest = min(rest, longest)
        self._longest = longest
        self._doublings = ceil(log2(longest / self._rest))
        self._most = most
        self._until: dict[Key, float] = {}
        self._past: dict[Key, _Past] = {}
        self._sweeps_at = -inf
        self.until: Mapping[Key, float] = MappingProxyType(self._until)

    def refused(self, key: Key, now: float, retry_after: float | None, began: float) -> float:
        """Note that an attempt was refused, and give the time until which its key rests.

        ``retry_after`` is what the upstream asked for, in seconds; ``began`` is when the attempt did. The time may be
        past, where the refusal belongs to a rest that is over.
        """
        asked = now + min(retry_after, DAY) if retry_after is not None and retry_after > 0 else None
        past = self._past.get(key)
        if past is None:
            self._make_room(now)
            past = self._past[key] = _Past(since=-inf, refusals=0)
        until = max(self._until.get(key, -inf), -inf if asked is None else asked)
        if began > past.since:
            past.refusals = min(self._left(key, past, now), self._doublings) + 1
            past.since = now
            if asked is None:
                until = max(until, now + min(self._rest * 2.0 ** (past.refusals - 1), self._longest))
        self._until[key] = until
        return until

    def eased(self, key: Key) -> None:
        """Note a success: the next rest will be a first one."""
        past = self._past.get(key)
        if past is not None:
            past.refusals = 0

    def _left(self, key: Key, past: _Past, now: float) -> int:
        """Give how many refusals still count after the quiet since the rest ended."""
        quiet = max(0.0, now - self._until.get(key, now))
        return max(0, past.refusals - int(quiet / self._longest))

    def _make_room(self, now: float) -> None:
        """Before a key is taken in, forget what no longer matters: every now and then, and where there is no room."""
        full = len(self._until) >= self._most
        if not full and now < self._sweeps_at:
            return
        self._sweeps_at = now + self._longest
        for key in [key for key, past in self._past.items() if self._matters_until(key, past) <= now]:
            self._forget(key)
        if len(self._until) >= self._most:
            for key in nsmallest(self._most // 4 + 1, self._until, key=self._until.__getitem__):
                self._forget(key)

    def _matters_until(self, key: Key, past: _Past) -> float:
        """Give when the refusals of a key are forgotten, and attempts that began before its rest surely over."""
        return self._until[key] + self._longest * max(1, past.refusals)

    def _forget(self, key: Key) -> None:
        """Let a key go."""
        del self._until[key]
        del self._past[key]
