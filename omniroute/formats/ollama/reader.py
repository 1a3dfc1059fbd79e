"""Reads a streamed answer.

Source: Ollama API reference, "Streaming" (https://docs.ollama.com/api/streaming): lines of JSON, each with more of the
message; thoughts and words in pieces, a call whole; the last, with ``done``, tells why and what was used. An error is a
line with ``error``. Lines of ``/api/generate`` are read as well.

Always true: parts begin when their first piece comes, and end when one of another kind does; so a reader of one part
after the other never waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Lines, Record
from omniroute.formats.jsontext import loads
from omniroute.formats.ollama.answer_parts import answer_calls, answer_images, message_of, others_of, word
from omniroute.formats.ollama.metrics import finish_of, read_usage, seconds_of
from omniroute.formats.stream import RecordWatch
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent
from omniroute.ir.parts import Part, Text, Thought, ToolCall
from omniroute.names import FailureKind, Format

_NOT_JSON = Fault(Complaint(message="a line of the stream is not a JSON object"), FailureKind.MALFORMED)
_CUT = Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT)

# literal table: where words stand in a message, and the part that they are
_WORDS: tuple[tuple[str, Part], ...] = (("thinking", Thought()), ("content", Text()))


def watch(_hide_usage: bool) -> RecordWatch:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Follow a stream; usage stands in the last line, which is never left out."""
    return RecordWatch(Lines(), OllamaReader())


class OllamaReader:
    """Reads one stream; see ``codec.Reader``."""

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self._seed: object = None
        self._begun = False
        self._open = ""
        self._next = 0
        self._calls = 0

    def take(self, record: Record) -> Sequence[Event]:
        """Read a line."""
        if not record.data:
            return ()
        value = loads(record.data)
        if not isinstance(value, dict):
            return (_NOT_JSON,)
        if value.get("error"):
            return (Fault(read_error(record.data)),)
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            self._seed = value.get("created_at")
            events.append(Begin(None, word(value, "model") or None, seconds_of(self._seed)))
        self._say(value, message_of(value) or {}, events)
        if value.get("done") is True:
            self._finish(value, events)
        return events

    def end(self) -> Sequence[Event]:
        """Take the end of input: without its last line no answer is complete."""
        return (_CUT,)

    def _say(self, record: Mapping[str, Any], message: Mapping[str, Any], events: list[Event]) -> None:
        """Read what a line adds to the message."""
        top, inner = others_of(record, message)
        if inner:
            top["message"] = inner
        if top:
            events.append(Raw(Format.OLLAMA, top))
        for name, part in _WORDS:
            if text := word(message, name):
                self._more(name, part, text, events)
            if name == "thinking" and "images" in message:
                self._whole(answer_images(message), events)
        if "tool_calls" in message:
            calls = answer_calls(message, self._seed, self._calls)
            self._calls += len(calls)
            self._whole(calls, events)

    def _more(self, name: str, part: Part, text: str, events: list[Event]) -> None:
        """Read a piece of words."""
        if self._open != name:
            self._stop(events)
            self._open = name
            events.append(PartStart(self._next, part))
            self._next += 1
        events.append(Delta(self._next - 1, text))

    def _whole(self, parts: Sequence[Part], events: list[Event]) -> None:
        """Read parts that come whole."""
        for part in parts:
            self._stop(events)
            at = self._next
            self._next += 1
            if isinstance(part, ToolCall):
                events.append(PartStart(at, ToolCall(part.id, part.name, extras=part.extras)))
                if part.arguments:
                    events.append(Delta(at, part.arguments))
            else:
                events.append(PartStart(at, part))
            events.append(PartStop(at))

    def _stop(self, events: list[Event]) -> None:
        """End the words that are open."""
        if self._open:
            self._open = ""
            events.append(PartStop(self._next - 1))

    def _finish(self, record: Mapping[str, Any], events: list[Event]) -> None:
        """Read the last line."""
        self._stop(events)
        usage = read_usage(record)
        if usage is not None:
            events.append(Spent(usage))
        events += (Finished(finish_of(record.get("done_reason"), called=self._calls > 0)), End())
