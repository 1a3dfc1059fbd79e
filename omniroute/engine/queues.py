"""Places at targets that answer only so many requests at once, and the lines of those that wait for one.

Always true: no more requests have a place than the target and its provider allow, as the snapshot says by which each
came; a place that is left is given to whoever has waited longest of those that can have it; whoever leaves the line,
for whatever reason, has no place, or has given it back.
"""

import asyncio
from collections import deque
from collections.abc import Iterator

from omniroute.config.snapshot import Target
from omniroute.routing.plan import is_full

LONGEST_LINE = 10
"""How many may wait for each place: more would only wait in vain."""


class _Waiter:
    """A request in line; ``place`` becomes true when it has its place, and false when its time is over."""

    __slots__ = ("place", "target")

    def __init__(self, target: Target, place: asyncio.Future[bool]) -> None:
        self.target = target
        self.place = place


class Queues:
    """The places of this process; ``seated`` counts those taken, by provider name and target id, and is for reading.

    Targets without a limit (``Target.limited``) have no places here, and are not to be asked for.
    """

    __slots__ = ("_lines", "seated")

    def __init__(self) -> None:
        """Begin with every place free."""
        self.seated: dict[str, int] = {}
        self._lines: dict[str, deque[_Waiter]] = {}

    def room(self, target: Target) -> bool:
        """Say whether a request would have a place at once: nobody waits for the same."""
        if is_full(target, self.seated):
            return False
        line = self._lines.get(target.provider.name, ())
        return not any(each.target.id == target.id and not each.place.done() for each in line)

    def enter(self, target: Target) -> bool:
        """Take a place, if there is one at once; it is to be given back by ``leave``."""
        if not self.room(target):
            return False
        self._sit(target)
        return True

    async def wait(self, target: Target, seconds: float) -> bool:
        """Take a place, or wait for one; true where it was given, and is to be given back by ``leave``.

        False after so many seconds, or at once where the line is too long already.

        Raises:
            asyncio.CancelledError: as ever; then no place is taken.
        """
        if self.enter(target):
            return True
        line = self._lines.setdefault(target.provider.name, deque())
        if len(line) >= LONGEST_LINE * min(limit for _, limit in _limits(target)):
            return False
        loop = asyncio.get_running_loop()
        waiter = _Waiter(target, loop.create_future())
        line.append(waiter)
        timer = loop.call_later(seconds, _over, waiter)
        try:
            return await waiter.place
        except asyncio.CancelledError:
            if not waiter.place.cancelled() and waiter.place.result():
                self.leave(target)  # the place was given in the same moment
            raise
        finally:
            timer.cancel()
            self._out(waiter, line)

    def leave(self, target: Target) -> None:
        """Give a place back; whoever has waited longest and can have it gets it."""
        for name, _ in _limits(target):
            left = self.seated[name] - 1
            if left:
                self.seated[name] = left
            else:
                del self.seated[name]
        for each in tuple(self._lines.get(target.provider.name, ())):
            if not each.place.done() and not is_full(each.target, self.seated):
                self._sit(each.target)
                each.place.set_result(True)

    def _sit(self, target: Target) -> None:
        """Count a place as taken."""
        for name, _ in _limits(target):
            self.seated[name] = self.seated.get(name, 0) + 1

    def _out(self, waiter: _Waiter, line: deque[_Waiter]) -> None:
        """Take a request out of its line; a line of nobody is forgotten."""
        line.remove(waiter)
        name = waiter.target.provider.name
        if not line and self._lines.get(name) is line:
            del self._lines[name]


def _limits(target: Target) -> Iterator[tuple[str, int]]:
    """Give the limits that hold for a target, each with the name by which it is counted."""
    if target.provider.max_concurrent is not None:
        yield target.provider.name, target.provider.max_concurrent
    if target.model.max_concurrent is not None:
        yield target.id, target.model.max_concurrent


def _over(waiter: _Waiter) -> None:
    """End a request's waiting."""
    if not waiter.place.done():
        waiter.place.set_result(False)
