"""What stands between the pieces of a stream: server-sent events, or the brackets and commas of one JSON array.

``streamGenerateContent`` gives events with ``alt=sse`` and an array without it, whose elements come as they are made.

Always true: what an array's pieces make, with its beginning and its end, is one JSON text.
"""

from typing import Protocol

from omniroute.formats.framing import Record, Splitter
from omniroute.formats.gemini.reader import GeminiReader
from omniroute.formats.stream import RecordWatch

_BETWEEN = b"\n,\r\n"


class Framing(Protocol):
    """Frames the pieces of one stream."""

    def begin(self, envelope: bytes) -> bytes:
        """Give what opens a stream, of which only the ``envelope`` is known yet."""
        ...

    def piece(self, data: bytes) -> bytes:
        """Frame a piece, which is a JSON object."""
        ...

    def end(self) -> bytes:
        """Give what ends a stream whose answer is complete."""
        ...


class Events:
    """Server-sent events; see ``Framing``."""

    def begin(self, envelope: bytes) -> bytes:
        """Open with nothing."""
        return b""

    def piece(self, data: bytes) -> bytes:
        """Make a piece an event."""
        return b"data: " + data + b"\r\n\r\n"

    def end(self) -> bytes:
        """End with nothing."""
        return b""


class Array:
    """The elements of one JSON array; see ``Framing``. An error that follows is the array's last element."""

    def __init__(self) -> None:
        """Begin before the first element."""
        self._before = b"["

    def begin(self, envelope: bytes) -> bytes:
        """Open with an element, so that an error that comes before words is an element behind it."""
        return self.piece(envelope)

    def piece(self, data: bytes) -> bytes:
        """Make a piece an element."""
        before, self._before = self._before, _BETWEEN
        return before + data

    def end(self) -> bytes:
        """Close the array."""
        return b"\n]\n"


class ArrayWatch(RecordWatch):
    """Passes an upstream's events on as the elements of an array; the bytes of each piece's JSON are kept."""

    def __init__(self, hide_usage: bool) -> None:  # noqa: FBT001 - the shape that codec.Codec gives it
        """Begin; usage stands in records of the answer, and is never hidden."""
        super().__init__(Splitter(), GeminiReader())
        self._framing = Array()

    def close(self) -> bytes:
        """Take the end of input; close the array where the answer is complete."""
        passed = super().close()
        return passed + self._framing.end() if self.done else passed

    def _take(self, record: Record, passed: list[bytes]) -> None:
        """Learn from a record, and pass on what it says."""
        whole: list[bytes] = []
        super()._take(record, whole)
        if whole and record.data.startswith(b"{"):
            passed.append(self._framing.piece(record.data))
