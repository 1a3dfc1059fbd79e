"""When to look at the configuration files: on events, on a signal, and by a slow poll in any case.

File events get lost in ordinary situations (a queue that overflows, a directory that is replaced, a network file
system), so an event is a hint to look and nothing more, and the poll alone is enough to notice every change.

Always true: after every time the watch is set up, the files are looked at, so that nothing falls between two watches.
A change that only the poll has found, while events were thought to arrive, is taken as proof that they do not, and
the watch is set up again. One look at a time: whatever happens while one runs causes exactly one more.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
from watchfiles import Change, awatch

from omniroute.engine.files import is_config_name
from omniroute.engine.places import Places
from omniroute.engine.reload import Reloader
from omniroute.names import ReloadResult, Trigger
from omniroute.observe.events import WatcherMoved

_BY_WEIGHT = (Trigger.POLL, Trigger.WATCHER, Trigger.FILE, Trigger.SIGNAL)
"""Of several reasons for one look, the last in this order is told."""


_NEWS = frozenset(ReloadResult) - {ReloadResult.UNSTABLE, ReloadResult.ERROR}
"""Results that say the files had changed; the others come again as long as their cause lasts."""

Events = Callable[..., AsyncGenerator[set[tuple[Change, str]], None]]
"""Something that is called as ``watchfiles.awatch`` is, and gives what that gives."""


class Watcher:
    """Has the files looked at whenever they may have changed; its timings are the reloader's."""

    def __init__(self, reloader: Reloader, events: Events = awatch) -> None:
        """Watch for this reloader, which has started."""
        self._reloader = reloader
        self._events = events
        self._timing = reloader.timing
        self._pending: Trigger | None = None
        self._nudged = asyncio.Event()
        self._rebuild = asyncio.Event()
        self._watched: Places | None = None
        self._set_ups = 0
        self._told: bool | None = None

    def nudge(self, trigger: Trigger) -> None:
        """Ask for a look. To be called on the event loop, as signal handlers that were added to it are."""
        if self._pending is None or _BY_WEIGHT.index(trigger) > _BY_WEIGHT.index(self._pending):
            self._pending = trigger
        self._nudged.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Watch and look until ``stop`` is set; a look that is under way is finished first."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(stop))
            tasks.create_task(self._look(stop))
            await stop.wait()
            self._nudged.set()
            self._rebuild.set()

    async def _look(self, stop: asyncio.Event) -> None:
        """Wait for a nudge or the poll, then for quiet, then have a look; for ever."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            if not await _set_within(self._nudged, self._reloader.holder.current.snapshot.reload.poll):
                self._tell(last_poll_at=self._reloader.clock.now_micros())
            deadline = loop.time() + self._timing.longest
            await self._quiet(deadline, stop)
            if stop.is_set():
                return
            trigger, self._pending = self._pending or Trigger.POLL, None
            self._nudged.clear()
            result = await self._reloader.look(trigger, max(0.0, deadline - loop.time()))
            deaf = trigger is Trigger.POLL and result in _NEWS and self._reloader.watcher.up
            if deaf or self._watched != (self._reloader.places if self._wants_events() else None):
                self._rebuild.set()

    async def _quiet(self, deadline: float, stop: asyncio.Event) -> None:
        """Wait until nothing has happened for a while, at most until ``deadline``."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            self._nudged.clear()
            left = min(self._timing.quiet, deadline - loop.time())
            if left <= 0 or not await _set_within(self._nudged, left):
                return

    async def _listen(self, stop: asyncio.Event) -> None:
        """Keep a watch up, and set it up again whenever it fails or should be another."""
        failures = 0
        while not stop.is_set():
            self._rebuild.clear()
            if not self._wants_events():
                self._watched = None
                self._move(up=False, reason="events are switched off by `reload.watch`; the poll goes on")
                await self._rebuild.wait()
                continue
            try:
                self._watched = await self._reloader.survey()
                await self._hear(self._watched)
            except (OSError, RuntimeError, ExceptionGroup) as fault:  # awatch raises from within a task group
                failures = 1 if self._reloader.watcher.up else failures + 1
                self._move(up=False, reason=f"{_words(fault)}; the poll goes on")
                wait = self._timing.retry * 2.0 ** min(failures - 1, 30)
                await _set_within(self._rebuild, min(wait, self._timing.retry_longest))

    async def _hear(self, watched: Places) -> None:
        """Turn events into nudges until the watch is to be set up again.

        Raises:
            OSError: a directory is gone or cannot be watched.
            RuntimeError: the watch broke, alone or in a group.
        """
        paths = [path for path, _ in watched.directories]
        step = round(self._timing.step * 1000)
        batches = self._events(
            *paths,
            watch_filter=None,
            recursive=False,
            step=step,
            debounce=4 * step,
            rust_timeout=round(self._timing.tick * 1000),
            yield_on_timeout=True,
            stop_event=self._rebuild,
        )
        first = True
        async with aclosing(batches):
            async for changes in batches:
                if first:
                    self._arrive(len(paths))
                    first = False
                if any(watched.concerns(path, is_config_name) for _, path in changes):
                    self._tell(last_event_at=self._reloader.clock.now_micros())
                    self.nudge(Trigger.FILE)
                deleted = next((path for kind, path in changes if kind is Change.deleted and path in paths), None)
                gone = deleted or await asyncio.to_thread(watched.vanished)
                if gone is not None:
                    message = f"the directory {gone} was removed or replaced"
                    raise FileNotFoundError(message)

    def _arrive(self, directories: int) -> None:
        """The watch is set up: what changed before it was, is looked for now."""
        if self._set_ups:
            self._tell(rebuilds=self._set_ups)
        self._set_ups += 1
        self._move(up=True, reason=f"watching {directories} director{'y' if directories == 1 else 'ies'}")
        self.nudge(Trigger.WATCHER)

    def _wants_events(self) -> bool:
        return self._reloader.holder.current.snapshot.reload.watch

    def _tell(self, **changed: Any) -> None:
        self._reloader.watcher = msgspec.structs.replace(self._reloader.watcher, **changed)

    def _move(self, *, up: bool, reason: str) -> None:
        """Note whether events arrive, and report it where that is news."""
        self._tell(up=up, mode="events+poll" if self._wants_events() else "poll")
        if up is not self._told:
            self._told = up
            self._reloader.report(WatcherMoved(self._reloader.clock.now_micros(), up, reason))


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, and say whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _words(fault: Exception) -> str:
    """What a fault says; of a group, what its first says."""
    while isinstance(fault, ExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault) or type(fault).__name__
