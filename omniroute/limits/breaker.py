"""A circuit breaker: whom to leave alone because it fails, and when to try it again.

One breaker stands for one target or one provider. It is closed (everybody may pass), open (nobody), or half-open:
its cooldown is over, and a few probes find out whether it is well again. Times are seconds of one steady clock.

Always true:

1. It opens only where ``failures`` attempts failed within ``window`` seconds, all begun since it last closed.
2. ``admits(now)`` is ``opens_at is None or now >= opens_at``; asking changes nothing.
3. Where only attempts that it admits are begun, at most ``probes`` are begun within any one cooldown. A probe whose
   outcome never comes is forgotten after a cooldown; should it come after all, it still counts.
4. An attempt that began before it last opened, opened again or closed changes nothing, however late it ends.
5. While it is open only an attempt that began since it opened can close it, and only a probe, which began after the
   cooldown, can open it again.
6. The cooldown is doubled for each failed probe, to ten times its base; closing makes it the base again.
7. A success while it is closed changes nothing: what fails now and then among successes is found as well.
8. It holds at most ``failures + probes`` times.
"""

from collections import deque
from math import inf
from typing import Literal

LONGEST = 10.0
"""How many times its base a cooldown grows to at most."""


class Breaker:
    """One circuit breaker; an attempt is known by the time at which it began."""

    def __init__(self, failures: int, window: float, cooldown: float, probes: int) -> None:
        """Start closed.

        Args:
            failures: how many open it; at least 1.
            window: the seconds within which they must fall.
            cooldown: the seconds for which it stays open at first; above 0.
            probes: how many may be under way at once while it is half-open; at least 1.
        """
        self._failures = failures
        self._window = window
        self._probes = probes
        self._base = cooldown
        self._cooldown = cooldown
        self._failed: deque[float] = deque(maxlen=failures)
        self._probing: deque[float] = deque(maxlen=probes)
        self._until: float | None = None
        self._changed = -inf

    @property
    def opens_at(self) -> float | None:
        """When it lets somebody try again: a time that may be past; None where it is closed."""
        if self._until is None or len(self._probing) < self._probes:
            return self._until
        return self._probing[0] + self._cooldown

    def admits(self, now: float) -> bool:
        """Say whether an attempt may begin now."""
        opens_at = self.opens_at
        return opens_at is None or now >= opens_at

    def state(self, now: float) -> Literal["closed", "open", "half-open"]:
        """Name its state; half-open is also where all its probes are under way, so that it admits nobody."""
        if self._until is None:
            return "closed"
        return "half-open" if now >= self._until else "open"

    def began(self, now: float) -> None:
        """Note that an attempt begins, admitted or not: after the cooldown it is a probe."""
        if self._until is not None and now >= self._until:
            self._probing.append(now)

    def failed(self, now: float, began: float) -> None:
        """Note that the attempt which began at ``began`` failed by the upstream's fault."""
        if began <= self._changed:
            return
        if self._until is None:
            self._count(now)
        elif began >= self._until:
            self._cooldown = min(2 * self._cooldown, LONGEST * self._base)
            self._open(now)

    def succeeded(self, now: float, began: float) -> None:
        """Note that the upstream answered the attempt which began at ``began``."""
        if self._until is not None and began > self._changed:
            self._until = None
            self._cooldown = self._base
            self._changed = now

    def _count(self, now: float) -> None:
        """Count a failure while closed, and open where they are too many within the window."""
        self._failed.append(now)
        if len(self._failed) == self._failures and now - self._failed[0] <= self._window:
            self._open(now)

    def _open(self, now: float) -> None:
        """Let nobody through for a cooldown; what was counted has had its effect."""
        self._failed.clear()
        self._probing.clear()
        self._until = now + self._cooldown
        self._changed = now
