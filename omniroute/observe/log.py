"""The log: a reader of events that writes lines for people, or JSON for programs.

Always true: whoever reports an event does not wait for whoever reads the log. ``note`` compares two numbers and puts
the event in a queue; a thread turns it into words and writes it. Where the stream is so slow that ``MOST_WAITING``
lines wait, further ones are left out, and the log says how many.

Requests that went as they should are told at level ``debug`` only, as are those refused or given up by the client,
who could otherwise fill the disk: the ledger has a row of each, and metrics count them. A request that failed for its
upstreams is a warning. So at the default level, ``info``, an ordinary request costs a comparison and no line.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import tzinfo
from functools import partial
from queue import SimpleQueue
from types import MappingProxyType
from typing import Literal, TextIO, assert_never

from omniroute.names import Outcome, ReloadResult
from omniroute.observe.events import (
    Admitted,
    Audited,
    Event,
    Exchanged,
    Faulted,
    Reloaded,
    Serving,
    Told,
    Troubled,
    WatcherMoved,
)
from omniroute.observe.line import as_json, as_text

Level = Literal["debug", "info", "warning", "error"]
Style = Literal["text", "json"]

MOST_WAITING = 10_000

RANK: Mapping[str, int] = MappingProxyType({"debug": 0, "info": 1, "warning": 2, "error": 3})

# literal table: how loud a request is, by how it ended
REQUESTS: Mapping[Outcome, Level] = MappingProxyType(
    {
        Outcome.OK: "debug",
        Outcome.REFUSED: "debug",
        Outcome.CANCELLED: "debug",
        Outcome.FAILED: "warning",
        Outcome.CUT: "warning",
    }
)

# literal table: how loud a look at the configuration is, by what came of it
RELOADS: Mapping[ReloadResult, Level] = MappingProxyType(
    {
        ReloadResult.APPLIED: "info",
        ReloadResult.UNCHANGED: "info",
        ReloadResult.UNSTABLE: "warning",
        ReloadResult.REJECTED: "error",
        ReloadResult.GUARDED: "error",
        ReloadResult.ERROR: "error",
    }
)


def level_of(event: Told) -> Level:
    """Say how loud an event is."""
    match event:
        case Exchanged():
            return REQUESTS[event.outcome]
        case Reloaded():
            return RELOADS[event.result]
        case WatcherMoved():
            return "info" if event.up else "warning"
        case Serving() | Audited():
            # Refusals as quiet as requests: whoever guesses keys must not fill the log.
            return "debug" if isinstance(event, Audited) and event.action == "key.refused" else "info"
        case Troubled():
            return "warning"
        case Faulted():
            return "error"
        case _:
            assert_never(event)


class Log:
    """Writes events to a stream, from a thread of its own.

    ``note`` may be called before ``start``: the events wait.
    """

    def __init__(self, stream: TextIO, style: Style, level: Level = "info", zone: tzinfo | None = None) -> None:
        """Hold what is needed; ``zone`` is that of the times of day in text, this machine's where it is None."""
        self._stream = stream
        self._line: Callable[[Told, str], str] = as_json if style == "json" else partial(as_text, zone=zone)
        self._threshold = RANK[level]
        self._silent = frozenset(outcome for outcome, loud in REQUESTS.items() if RANK[loud] < RANK[level])
        self._queue: SimpleQueue[tuple[Told, Level] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # The first count is the reporter's, the others are the thread's.
        self._left_out = 0
        self._unwritten = 0
        self._told_missing = 0

    def note(self, event: Event) -> None:
        """Take an event, to be written soon if it is loud enough; never waits."""
        if isinstance(event, Admitted) or (isinstance(event, Exchanged) and event.outcome in self._silent):
            return
        level = level_of(event)
        if RANK[level] < self._threshold:
            return
        if self._queue.qsize() >= MOST_WAITING:
            self._left_out += 1
        else:
            self._queue.put((event, level))

    def start(self) -> None:
        """Begin to write."""
        # A daemon, so that a stream that nobody reads cannot hold the process back at its end.
        self._thread = threading.Thread(target=self._run, name="omniroute-log", daemon=True)
        self._thread.start()

    def close(self, patience: float = 2.0) -> None:
        """Write what is waiting, for ``patience`` seconds at most. The stream stays open: it is its owner's."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            event, level = item
            if not self._write(self._line(event, level)):
                self._unwritten += 1
                continue
            missing = self._left_out + self._unwritten - self._told_missing
            if missing and self._write(self._line(Troubled(event.at, f"{missing} lines are missing here"), "warning")):
                self._told_missing += missing
        with suppress(OSError, ValueError):
            self._stream.flush()

    def _write(self, line: str) -> bool:
        """Write a line; False where the stream does not take it, which the next line that it takes will say."""
        try:
            self._put(line)
        except (OSError, ValueError):
            return False
        return True

    def _put(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
        except UnicodeEncodeError:
            # The stream's encoding is not UTF-8: what it cannot say is escaped.
            self._stream.write(line.encode("ascii", "backslashreplace").decode() + "\n")
        if self._queue.empty():
            self._stream.flush()
