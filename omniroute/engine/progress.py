"""Tells a client that asked for it how far its streamed answer is, in events of our own between the answer's records.

What is counted is what it is called: ``characters`` of text, thoughts and arguments that were sent; ``output_tokens``
only in the last event, and only where the provider reported them.

Always true: an event of ours stands between whole records, never within one, and none stands behind a broken stream.
"""

from collections.abc import Callable

import msgspec

from omniroute.formats.codec import Codec, Watch
from omniroute.formats.stream import Decoder
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Delta
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

INTERVAL = 2.0
"""Seconds between two events, at least: they come with the answer's own records."""


class ProgressWatch:
    """A watch with progress in what it gives out; otherwise as the one that it holds, see ``codec.Watch``."""

    def __init__(self, watch: Watch, codec: Codec, began: float, now: Callable[[], float]) -> None:
        """Count what ``watch`` gives out in the client's ``codec``; ``began`` is of the clock ``now``, in seconds."""
        self._watch = watch
        self._decoder = Decoder(codec.splitter(), codec.reader())
        self._began = began
        self._now = now
        self._last = now()
        self._characters = 0
        self._told = False

    @property
    def started(self) -> bool:
        """As the watch."""
        return self._watch.started

    @property
    def done(self) -> bool:
        """As the watch."""
        return self._watch.done

    @property
    def usage(self) -> Usage | None:
        """As the watch."""
        return self._watch.usage

    @property
    def complaint(self) -> Complaint | None:
        """As the watch."""
        return self._watch.complaint

    @property
    def trouble(self) -> FailureKind | None:
        """As the watch."""
        return self._watch.trouble

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on."""
        return self._count(self._watch.feed(data))

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed."""
        return self._count(self._watch.close())

    def _count(self, ready: bytes) -> bytes:
        """Count what is sent, and tell of it when it is time."""
        for event in self._decoder.feed(ready):
            if isinstance(event, Delta):
                self._characters += len(event.text)
        if self.done:
            return ready + self._event(done=True)
        if self.complaint is None and ready and self._now() - self._last >= INTERVAL:
            self._last = self._now()
            return ready + self._event(done=False)
        return ready

    def _event(self, *, done: bool) -> bytes:
        """Say how far the answer is; the end is said once."""
        if self._told:
            return b""
        self._told = done
        said: dict[str, int | bool] = {
            "characters": self._characters,
            "elapsed_ms": round((self._now() - self._began) * 1000),
            "done": done,
        }
        if done and self.usage is not None:
            said["output_tokens"] = self.usage.output
        return b"event: progress\ndata: " + msgspec.json.encode(said) + b"\n\n"
