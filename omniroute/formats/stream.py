"""What every codec does with a stream alike: follow it beside its bytes, or read it into events.

Always true: the watch learns from the very events that translation is made of, so passing bytes through and
translating them find the same usage, the same end and the same failures.
"""

from collections.abc import Sequence

from omniroute.formats.codec import Reader, Splitter
from omniroute.formats.framing import Record
from omniroute.formats.jsontext import loads
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Delta, End, Event, Fault, Spent, means
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

_LAST_WORD = b"[DONE]"
_TOO_LONG = Fault(Complaint(message="a record of the stream is longer than the gateway takes"), FailureKind.MALFORMED)


def _is_whole(record: Record) -> bool:
    """Whether a record that nothing had ended is no JSON that breaks off; of an error, any part is worth reading."""
    data = record.data
    if not data.startswith((b"{", b"[")) or record.event == b"error":
        return True
    return data.startswith(_LAST_WORD) or loads(data) is not None


class Decoder:
    """Bytes in, events out; nothing more after ``End`` or ``Fault``."""

    def __init__(self, splitter: Splitter, reader: Reader) -> None:
        """Begin at the beginning of a stream."""
        self.over = False
        self._splitter = splitter
        self._reader = reader

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the events that they complete."""
        events: list[Event] = []
        if self.over:
            return events
        for record in self._splitter.feed(data):
            self._add(events, self._reader.take(record))
            if self.over:
                return events
        if self._splitter.too_long:
            self._add(events, (_TOO_LONG,))
        return events

    def close(self) -> list[Event]:
        """Take the end of input; give what is left, which ends with ``End`` or ``Fault``."""
        events: list[Event] = []
        if self.over:
            return events
        last = self._splitter.close()
        if last is not None and _is_whole(last):
            self._add(events, self._reader.take(last))
        if not self.over:
            self._add(events, self._reader.end())
        return events

    def _add(self, events: list[Event], more: Sequence[Event]) -> None:
        """Add events, and see whether they are the last."""
        events.extend(more)
        self.over = bool(more) and isinstance(more[-1], End | Fault)


class Learnt:
    """What a watch knows of a stream; see ``codec.Watch``. ``written`` counts the characters of its answer."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.started = False
        self.done = False
        self.usage: Usage | None = None
        self.complaint: Complaint | None = None
        self.trouble: FailureKind | None = None
        self.written = 0

    def over(self) -> bool:
        """Say whether nothing that comes can matter any more."""
        return self.done or self.complaint is not None

    def learn(self, event: Event) -> None:
        """Learn from one event."""
        match event:
            case Delta(text=text):
                self.written += len(text)
                self.started = self.started or bool(text)
            case Spent(usage=usage):
                self.usage = usage
            case End():
                self.done = True
            case Fault(complaint=complaint, trouble=trouble):
                self.complaint, self.trouble = complaint, trouble
            case _:
                self.started = self.started or means(event)


class RecordWatch(Learnt):
    """Passes a stream's records on as they came, and learns from the events that they stand for.

    A record that is an error, or that cannot be read, is not passed on, nor is anything behind it or behind the end.
    """

    def __init__(self, splitter: Splitter, reader: Reader) -> None:
        """Begin at the beginning of a stream."""
        super().__init__()
        self._splitter = splitter
        self._reader = reader

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on: whole records only."""
        passed: list[bytes] = []
        if self.over():
            return b""
        for record in self._splitter.feed(data):
            self._take(record, passed)
            if self.over():
                return b"".join(passed)
        if self._splitter.too_long:
            self.learn(_TOO_LONG)
        return b"".join(passed)

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed.

        A record that lacks only its end is passed on with it; one that ends in the middle is dropped.
        """
        passed: list[bytes] = []
        if self.over():
            return b""
        last = self._splitter.close()
        if last is not None and _is_whole(last):
            self._take(last, passed)
        if not self.over():
            for event in self._reader.end():
                self.learn(event)
        return b"".join(passed)

    def _take(self, record: Record, passed: list[bytes]) -> None:
        """Learn from a record, and pass it on unless it is a fault."""
        for event in self._reader.take(record):
            self.learn(event)
        if self.complaint is None:
            passed.append(record.raw)
