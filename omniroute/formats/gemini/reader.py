"""Reads a streamed answer.

Source: Gemini API reference, "streamGenerateContent" (https://ai.google.dev/api/generate-content): with ``alt=sse``
each record is ``data: {GenerateContentResponse}``, and the stream just ends. An error comes as a record with ``error``,
or as lines of bare JSON.

Always true: the answer is complete where a finish reason was seen, or why the prompt was refused; ``Finished`` waits
for the end of the stream, since records with more of the answer may follow a finish reason.
"""

from collections.abc import Sequence
from typing import Any

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record
from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.finish import read_finish
from omniroute.formats.gemini.partial import PartialCall
from omniroute.formats.gemini.parts_read import SIGNATURE, Scope, read_part
from omniroute.formats.gemini.response import SHOWN, blocked, created, stem, word
from omniroute.formats.gemini.usage import read_usage
from omniroute.formats.gemini.wire import loads, many, members, named, text
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Part, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format

_DONE = b"[DONE]"
_MALFORMED = Fault(Complaint(message="a record of the stream is not a JSON object"), FailureKind.MALFORMED)
_CUT = Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT)
_WORDY = frozenset({"text", "thought", SIGNATURE})


class GeminiReader:
    """Reads one stream; see ``codec.Reader``."""

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self._scope: Scope | None = None
        self._next = 0
        self._open: type[Text | Thought] | None = None
        self._signature: Signature | None = None
        self._partial: PartialCall | None = None
        self._usage: Usage | None = None
        self._reason: object = None
        self._blocked = False
        self._calls = False

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record; one without data says nothing, unless it is an error's bare JSON."""
        data = record.data
        if not data:
            data = record.raw.strip()
            if data[:1] not in {b"{", b"["}:
                return ()
        elif data == _DONE:
            return ()
        value = loads(data)
        if isinstance(value, list) and value and isinstance(value[0], dict) and value[0].get("error"):
            return (Fault(read_error(data)),)
        if not isinstance(value, dict):
            return (_MALFORMED,)
        if value.get("error"):
            return (Fault(read_error(data)),)
        return self._chunk(named(value), data)

    def end(self) -> Sequence[Event]:
        """Take the end of input, which is all that ends a stream."""
        if self._reason is None and not self._blocked:
            return (_CUT,)
        events: list[Event] = []
        self._close(events)
        self._whole_partial(events)
        finish = Finish.REFUSED if self._reason is None else read_finish(self._reason, calls=self._calls)
        return (*events, Finished(finish), End())

    def _chunk(self, chunk: dict[str, Any], data: bytes) -> list[Event]:
        """Read one piece of the answer."""
        events: list[Event] = []
        scope = self._scope
        if scope is None:
            response_id = word(chunk.get("responseId"))
            scope = self._scope = Scope(Calls(stem(response_id, data)))
            events.append(Begin(response_id, word(chunk.get("modelVersion")), created(chunk.get("createTime"))))
        for place, each in enumerate(many(chunk.get("candidates"))):
            candidate = members(each)
            if candidate.get("index", place) == 0:
                self._candidate(candidate, scope, events)
            else:
                events.append(Raw(Format.GEMINI, {"candidates": [each]}))
        self._blocked = self._blocked or blocked(chunk) is not None
        usage = read_usage(chunk.get("usageMetadata"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(Spent(usage))
        return events

    def _candidate(self, candidate: dict[str, Any], scope: Scope, events: list[Event]) -> None:
        """Read one piece of the candidate that is the answer."""
        for each in many(members(candidate.get("content")).get("parts")):
            part = members(each)
            if part.keys() <= _WORDY and isinstance(part.get("text", part.get("thought") or ""), str):
                self._words(part, scope, events)
            elif "functionCall" in part and self._piece(part, scope, events):
                pass
            else:
                self._close(events)
                self._put(read_part(each, scope), events)
        shown = {name: candidate[name] for name in SHOWN if candidate.get(name)}
        if shown:
            events.append(Raw(Format.GEMINI, {"candidates": [{**shown, "index": 0}]}))
        self._reason = candidate.get("finishReason", self._reason)

    def _words(self, part: dict[str, Any], scope: Scope, events: list[Event]) -> None:
        """Read words, said or thought; a signature without words is that of the words before it."""
        words = part.get("text", "")
        signature = scope.signature(part) if SIGNATURE in part else None
        kind = Thought if part.get("thought") is True else Text
        if not words and signature is None:
            if kind is not self._open:
                self._close(events)
            return
        signed_twice = signature is not None and self._signature not in {None, signature}
        if self._open is None or signed_twice or (kind is not self._open and (words or kind is Thought)):
            self._close(events)
            self._whole_partial(events)
            events.append(PartStart(self._next, kind()))
            self._open = kind
        if words:
            events.append(Delta(self._next, words))
        if signature is not None and signature != self._signature:
            events.append(Sign(self._next, signature))
            self._signature = signature
        if not words:
            self._close(events)

    def _close(self, events: list[Event]) -> None:
        """End the words that are open."""
        if self._open is not None:
            events.append(PartStop(self._next))
            self._next += 1
            self._open = self._signature = None

    def _piece(self, part: dict[str, Any], scope: Scope, events: list[Event]) -> bool:
        """Read a call whose arguments come in pieces; give whether it is one."""
        call = members(part["functionCall"])
        name, going_on = text(call.get("name")), call.get("willContinue") is True
        if name is not None:
            self._whole_partial(events)
            if not going_on and "partialArgs" not in call:
                return False
            self._close(events)
            self._partial = PartialCall(name, text(call.get("id")), scope.signature(part))
        if self._partial is None:
            return False
        self._partial.take(call)
        if not going_on:
            self._whole_partial(events)
        return True

    def _whole_partial(self, events: list[Event]) -> None:
        """Say a call that came in pieces, where there is one."""
        partial, self._partial = self._partial, None
        if partial is not None and self._scope is not None:
            call = self._scope.calls.called(partial.name, partial.given)
            self._put(ToolCall(call, partial.name, partial.arguments(), signature=partial.signature), events)

    def _put(self, part: Part, events: list[Event]) -> None:
        """Say a part that came whole."""
        self._whole_partial(events)
        at = self._next
        self._next += 1
        if isinstance(part, ToolCall):
            self._calls = True
            start = ToolCall(part.id, part.name, signature=part.signature, extras=part.extras)
            events += (PartStart(at, start), Delta(at, part.arguments))
        else:
            events.append(PartStart(at, part))
        events.append(PartStop(at))
