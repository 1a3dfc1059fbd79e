"""Reads a streamed answer.

Source: OpenAI API reference, "Create completion", ``stream`` and ``stream_options``
(https://platform.openai.com/docs/api-reference/completions/create): records of ``data: {completion}``, each with more
of the text, of which the last, where usage was asked for, has no choices; then ``data: [DONE]``.

Always true: the choice of index 0 is the answer; others, which a client must have asked for, are ``Raw``. The answer is
complete with ``[DONE]``, or where the stream ends and every choice seen has its reason for the end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record
from omniroute.formats.jsontext import loads
from omniroute.formats.openai_completions.choice import (
    beside_text,
    choices_of,
    finish_of,
    others_of,
    seconds,
    word,
)
from omniroute.formats.openai_completions.usage import read_usage
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent
from omniroute.ir.parts import Text
from omniroute.ir.response import Finish
from omniroute.names import FailureKind, Format

_DONE = b"[DONE]"
_ERROR = b"error"
_NOT_JSON = Fault(Complaint(message="a record of the stream is not a JSON object"), FailureKind.MALFORMED)
_CUT = Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT)


class CompletionsReader:
    """Reads one stream; see ``codec.Reader``.

    ``only_usage`` says of the last record that it had nothing but usage, ``ended`` that the stream said its end.
    """

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self.only_usage = False
        self.ended = False
        self._begun = False
        self._open = False
        self._finished = False
        self._unfinished: set[int] = set()

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record."""
        data = record.data
        self.only_usage = False
        if record.event == _ERROR:
            return (Fault(read_error(data)),)
        if not data:
            return ()
        if data.startswith(_DONE):
            self.ended = True
            return self._end()
        value = loads(data)
        if not isinstance(value, dict):
            return (_NOT_JSON,)
        if value.get("error") or value.get("object") == "error":
            return (Fault(read_error(data)),)
        return self._chunk(value)

    def end(self) -> Sequence[Event]:
        """Take the end of input."""
        return self._end() if self._finished and not self._unfinished else (_CUT,)

    def _end(self) -> list[Event]:
        """End the answer; a server that gave no reason gave no known one."""
        events: list[Event] = []
        if not self._begun:
            events.append(Begin())
        self._finish(Finish.OTHER, events)
        return [*events, End()]

    def _chunk(self, value: Mapping[str, Any]) -> list[Event]:
        """Read a chunk."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(Begin(word(value, "id") or None, word(value, "model") or None, seconds(value)))
        raw = others_of(value)
        choices = choices_of(value)
        beside = [more for choice in choices if (more := self._beside(choice))]
        if beside:
            raw["choices"] = beside
        if raw:
            events.append(Raw(Format.OPENAI_COMPLETIONS, raw))
        for choice in choices:
            self._choice(choice, events)
        if (usage := read_usage(value.get("usage"))) is not None:
            self.only_usage = not choices
            events.append(Spent(usage))
        return events

    def _beside(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """Give what of a choice no event says: of any but the first, all."""
        if _index(choice):
            return dict(choice)
        more = beside_text(choice)
        return {"index": 0, **more} if more else {}

    def _choice(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        """Read a choice."""
        index, text, reason = _index(choice), word(choice, "text"), word(choice, "finish_reason")
        if reason:
            self._unfinished.discard(index)
        else:
            self._unfinished.add(index)
        if index or self._finished:
            return
        if text:
            if not self._open:
                self._open = True
                events.append(PartStart(0, Text()))
            events.append(Delta(0, text))
        if reason:
            self._finish(finish_of(reason), events)

    def _finish(self, finish: Finish, events: list[Event]) -> None:
        """Finish the answer, unless it is."""
        if self._open:
            self._open = False
            events.append(PartStop(0))
        if not self._finished:
            self._finished = True
            events.append(Finished(finish))


def _index(choice: Mapping[str, Any]) -> int:
    """Give which choice it is; the first where it is not said."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0
