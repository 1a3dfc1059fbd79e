"""How long one request waits for its upstream, and for whom.

Always true: one timer a client's connection, not one a request or a chunk. ``expect`` and ``rest`` only write a
deadline; the timer looks at it when it fires and goes on sleeping where it moved. What is cancelled is the request's
own task, and ``why`` says for what reason, so that a time-out, a client that left and a stopping server cannot be
mistaken for each other.
"""

import asyncio
import time
from collections.abc import Callable
from enum import Enum
from math import inf


class Why(Enum):
    """Why a request's task was cancelled."""

    LATE = "late"
    GONE = "gone"
    STOPPING = "stopping"


class Alarm:
    """A timer that may be left running for whoever waits next, which costs less than to set another.

    It rings for one at a time, and never later than it was asked to; it may ring before. ``fires`` is when, an instant
    of ``time.monotonic``.
    """

    __slots__ = ("_kept", "_loop", "_rings", "_timer", "fires")

    def __init__(self, loop: asyncio.AbstractEventLoop, *, kept: bool) -> None:
        """Ring on this loop; ``kept`` says that others will wait by it, until ``drop``."""
        self._kept = kept
        self._loop = loop
        self._rings: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.fires = inf

    def take(self, rings: Callable[[], None]) -> bool:
        """Have this called when it rings; False where it is somebody else's now."""
        if self._rings is not None:
            return False
        self._rings = rings
        return True

    def by(self, instant: float) -> None:
        """Ring at this instant, where it would not before."""
        if instant < self.fires:
            self._stop()
            self.fires = instant
            self._timer = self._loop.call_later(instant - time.monotonic(), self._ring)

    def leave(self) -> None:
        """Let whoever comes next have it."""
        self._rings = None
        if not self._kept:
            self._stop()

    def drop(self) -> None:
        """Nobody else will wait by it."""
        self._kept = False
        if self._rings is None:
            self._stop()

    def _ring(self) -> None:
        self._timer = None
        self.fires = inf
        if self._rings is not None:
            self._rings()

    def _stop(self) -> None:
        self.fires = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Patience:
    """Interrupts the current task when an upstream is late, or when nobody waits for the answer any more.

    ``needed`` is asked when the client has left: whether others wait for its answer, for whom the request goes on.
    """

    __slots__ = ("_alarm", "_deadline", "_owed", "_task", "needed", "waited_for", "why")

    def __init__(self, alarm: Alarm | None = None) -> None:
        """Guard the current task; nothing is expected yet. It gets an alarm of its own where this one is not free."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            message = "patience guards a task, and there is none"
            raise RuntimeError(message)
        self._task: asyncio.Task[object] = task
        if alarm is None or not alarm.take(self._look):
            alarm = Alarm(loop, kept=False)
            alarm.take(self._look)
        self._alarm = alarm
        self._deadline: float | None = None
        self._owed = 0
        self.why: Why | None = None
        self.waited_for = ""
        self.needed: Callable[[], bool] | None = None

    def now(self) -> float:
        """Seconds of a steady clock: the system's, since a loop's own may have no more than milliseconds."""
        return time.monotonic()

    def expect(self, deadline: float, what: str) -> None:
        """Interrupt at ``deadline`` (an instant of ``now``), unless something else is expected before."""
        self._deadline = deadline
        self.waited_for = what
        if deadline < self._alarm.fires:
            self._alarm.by(deadline)

    def rest(self) -> None:
        """Expect nothing: what is waited for now is not the upstream's to give."""
        self._deadline = None

    def interrupt(self, why: Why) -> None:
        """Cancel the request's task; the first reason stands."""
        if why is Why.GONE and self.needed is not None and self.needed():
            return
        if self.why is None:
            self.why = why
            self._owed += 1
            self._task.cancel()

    def settle(self) -> None:
        """Take back the interruption, after it was caught and answered."""
        while self._owed:
            self._owed -= 1
            self._task.uncancel()
        self.why = None
        self._deadline = None

    def close(self) -> None:
        """Let go of the alarm; the request is over."""
        self._deadline = None
        self._alarm.leave()

    def _look(self) -> None:
        """The alarm rang: interrupt, or sleep on until the deadline that is set by now."""
        if self._deadline is None:
            return
        if time.monotonic() < self._deadline:
            self._alarm.by(self._deadline)
        else:
            self.interrupt(Why.LATE)
