"""How long one request waits for its upstream, and for whom.

Always true: one timer a request, not one a chunk. ``expect`` and ``rest`` only write a deadline; the timer looks at
it when it fires and goes on sleeping where it moved. What is cancelled is the request's own task, and ``why`` says
for what reason, so that a time-out, a client that left and a stopping server cannot be mistaken for each other.
"""

import asyncio
import time
from collections.abc import Callable
from enum import Enum


class Why(Enum):
    """Why a request's task was cancelled."""

    LATE = "late"
    GONE = "gone"
    STOPPING = "stopping"


class Patience:
    """Interrupts the current task when an upstream is late, or when nobody waits for the answer any more.

    ``needed`` is asked when the client has left: whether others wait for its answer, for whom the request goes on.
    """

    __slots__ = ("_deadline", "_fires", "_loop", "_owed", "_task", "_timer", "needed", "waited_for", "why")

    def __init__(self) -> None:
        """Guard the current task; nothing is expected yet."""
        task = asyncio.current_task()
        if task is None:
            message = "patience guards a task, and there is none"
            raise RuntimeError(message)
        self._task: asyncio.Task[object] = task
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires = 0.0
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
        if self._timer is None:
            self._set(deadline)
        elif self._fires > deadline:
            self._timer.cancel()
            self._set(deadline)

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
        """Stop the timer; the request is over."""
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """The timer fired: interrupt, or sleep on until the deadline that is set by now."""
        self._timer = None
        if self._deadline is None:
            return
        if time.monotonic() < self._deadline:
            self._set(self._deadline)
        else:
            self.interrupt(Why.LATE)

    def _set(self, deadline: float) -> None:
        self._fires = deadline
        self._timer = self._loop.call_later(deadline - time.monotonic(), self._look)
