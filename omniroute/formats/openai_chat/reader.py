"""Reads a streamed Chat Completions answer into events.

Source: OpenAI API reference, "The chat completion chunk object"
(https://platform.openai.com/docs/api-reference/chat/streaming).

Always true: the stream is complete, broken or cut exactly where ``stream.ChatWatch`` finds it so. The first choice is
the answer. Its parts, of which calls may be open side by side, stay open until another kind follows or the stream ends,
because servers say more behind a finish reason, and say that more than once.
"""

from collections.abc import Mapping, Sequence

import msgspec

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record
from omniroute.formats.openai_chat import chunk as wire
from omniroute.formats.openai_chat.assistant import THOUGHTS, made_up, read_signature
from omniroute.formats.openai_chat.content import OWN, read_image
from omniroute.formats.openai_chat.finish import read_finish
from omniroute.formats.openai_chat.members import members, text
from omniroute.formats.openai_chat.response import read_model, read_usage
from omniroute.formats.openai_chat.stream import CUT, MALFORMED
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Part, Refusal, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

_DONE = b"[DONE]"
_ERROR = b"error"
_FUNCTION = -1
"""The number of the one call of a function, which has none; tools came later, and are numbered from 0."""


class _Call:
    """A call that is being made: it begins once its name is known, and until then holds its arguments back."""

    __slots__ = ("at", "held", "id")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.id: str | None = None
        self.at: int | None = None
        self.held: list[str] = []


class ChatReader:
    """Reads one stream; see ``codec.Reader``."""

    __slots__ = (
        *("_begun", "_calls", "_created", "_finish", "_finished", "_id", "_kind", "_model", "_next", "_numbered"),
        *("_place", "_seen", "_stop", "_usage"),
    )

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self._begun = False
        self._id: str | None = None
        self._model: str | None = None
        self._created: int | None = None
        self._next = 0
        self._place = 0
        self._kind: type[Text | Thought | Refusal] | None = None
        self._calls: list[_Call] = []
        self._numbered: dict[int, _Call] = {}
        self._finish: str | None = None
        self._stop: str | None = None
        self._usage: Usage | None = None
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record."""
        data = record.data
        if record.event == _ERROR:
            return (Fault(read_error(data)),)
        if not data:
            return ()
        if data.startswith(_DONE):
            return self._end()
        chunk = wire.read_chunk(data)
        if chunk is None:
            return (Fault(Complaint(message=MALFORMED), FailureKind.MALFORMED),)
        if chunk.error or chunk.object == "error":
            return (Fault(read_error(data)),)
        return self._read(chunk)

    def end(self) -> Sequence[Event]:
        """Take the end of input: the answer is complete where every choice seen has its finish reason."""
        if self._finished and self._finished == self._seen:
            return self._end()
        return (Fault(Complaint(message=CUT), FailureKind.CUT),)

    def _read(self, chunk: wire.Chunk) -> list[Event]:
        """Read a chunk."""
        events: list[Event] = []
        if not self._begun:
            self._meet(chunk, events)
        for position, choice in enumerate(chunk.choices or ()):
            index = position if choice.index is None else choice.index
            self._seen.add(index)
            if choice.finish_reason:
                self._finished.add(index)
            if index:
                self._begin(events)
                events.append(Raw(OWN, {"choices": [msgspec.to_builtins(choice)]}))
            else:
                self._choice(choice, events)
        if chunk.usage is not None:
            usage = read_usage(chunk.usage)
            if usage is not None and usage != self._usage:
                self._usage = usage
                self._begin(events)
                events.append(Spent(usage))
        return events

    def _meet(self, chunk: wire.Chunk, events: list[Event]) -> None:
        """Learn who answers; some servers say it only behind a first record that means nothing."""
        self._id = self._id or chunk.id
        self._created = self._created or chunk.created
        self._model = self._model or read_model(chunk.model)
        if self._model:
            self._begin(events)

    def _begin(self, events: list[Event]) -> None:
        """Begin, at the latest where there is something to say."""
        if not self._begun:
            self._begun = True
            events.append(Begin(self._id or None, self._model, self._created))

    def _choice(self, choice: wire.Choice, events: list[Event]) -> None:
        """Read the answer's choice."""
        if choice.delta is not None:
            self._delta(choice.delta, events)
        if choice.finish_reason:
            self._finish = choice.finish_reason
            self._stop = text(choice.stop_reason)
        if choice.logprobs:
            self._raw({"logprobs": choice.logprobs}, events)

    def _delta(self, delta: wire.Delta, events: list[Event]) -> None:
        """Read what is often there."""
        if delta.reasoning_content or delta.reasoning:
            self._think(delta, events)
        if delta.content:
            self._say(Text, delta.content, events)
        if delta.refusal:
            self._say(Refusal, delta.refusal, events)
        for call in delta.tool_calls or ():
            self._call(call, events)
        self._more(delta, events)

    def _more(self, delta: wire.Delta, events: list[Event]) -> None:
        """Read what is rarely there."""
        if delta.function_call is not None:
            self._call(wire.Call(index=_FUNCTION, function=delta.function_call), events)
        if delta.images:
            self._images(delta.images, events)
        if delta.extra_content is not None:
            signature = read_signature(delta.extra_content)
            if signature is not None and self._kind is not Text:
                self._speak(Text(), events)
            if signature is not None:
                events.append(Sign(self._place, signature))
        for name, value in (("annotations", delta.annotations), ("audio", delta.audio)):
            if value:
                self._raw({"delta": {name: value}}, events)

    def _raw(self, choice: Mapping[str, object], events: list[Event]) -> None:
        """Give what only this format knows."""
        self._begin(events)
        events.append(Raw(OWN, {"choices": [{"index": 0, "delta": {}} | dict(choice)]}))

    def _think(self, delta: wire.Delta, events: list[Event]) -> None:
        """Read thoughts, which may stand under two names; the first one that is there counts."""
        words = delta.reasoning_content or delta.reasoning or ""
        if self._kind is not Thought:
            names = [name for name in THOUGHTS if getattr(delta, name) == words]
            self._speak(Thought(extras=None if names == [THOUGHTS[0]] else {"=names": names}), events)
        events.append(Delta(self._place, words))

    def _say(self, kind: type[Text | Refusal], words: str, events: list[Event]) -> None:
        """Read words."""
        if self._kind is not kind:
            self._speak(kind(), events)
        events.append(Delta(self._place, words))

    def _speak(self, part: Text | Thought | Refusal, events: list[Event]) -> None:
        """Begin a part of words."""
        self._place = self._start(part, events)
        self._kind = type(part)

    def _start(self, part: Part, events: list[Event]) -> int:
        """Begin a part, which ends the words before it; give its place."""
        self._begin(events)
        if self._kind is not None:
            self._kind = None
            events.append(PartStop(self._place))
        at = self._next
        self._next += 1
        events.append(PartStart(at, part))
        return at

    def _images(self, images: object, events: list[Event]) -> None:
        """Read pictures, which come whole."""
        for each in images if isinstance(images, list) else ():
            picture = read_image(members(each)) if isinstance(each, Mapping) else None
            if picture is not None:
                events.append(PartStop(self._start(picture, events)))

    def _call(self, call: wire.Call, events: list[Event]) -> None:
        """Read a piece of a call."""
        function, custom = call.function, call.custom
        free = custom is not None and bool(custom.name or custom.input)
        name, words = (function.name, function.arguments) if function is not None else (None, None)
        if custom is not None and free:
            name, words = custom.name, custom.input
        known = self._find(call, name)
        if known.at is None and name:
            known.at = self._start(self._called(known, call, name, free=free), events)
            events.extend(Delta(known.at, held) for held in known.held)
        if words and known.at is not None:
            events.append(Delta(known.at, words))
        elif words:
            known.held.append(words)

    def _called(self, known: _Call, call: wire.Call, name: str, *, free: bool) -> ToolCall:
        """Give what is known of a call at its beginning."""
        extras: dict[str, object] = {} if known.id else {"=id": known.id}
        if call.index == _FUNCTION:
            extras = {"=function_call": True}
        signature = read_signature(call.extra_content)
        if signature is not None:
            extras["=extra_content"] = call.extra_content
        id_ = known.id or made_up(self._id or self._created or "", self._calls.index(known))
        return ToolCall(id_, name, custom=free, signature=signature, extras=extras or None)

    def _find(self, call: wire.Call, name: str | None) -> _Call:
        """Find the call that a piece belongs to, or begin to know another.

        Servers number calls, or tell them apart by their ids or names alone, or give each the same number; some say id
        and name again with every piece.
        """
        found: _Call | None = None
        if call.index is not None:
            found = self._numbered.get(call.index)
            if found is not None and found.id and call.id and call.id != found.id and name:
                found = None
        elif call.id:
            found = next((each for each in self._calls if each.id == call.id), None)
        elif self._calls and not name:
            found = self._calls[-1]
        if found is None:
            found = _Call()
            self._calls.append(found)
            if call.index is not None:
                self._numbered[call.index] = found
        found.id = found.id or call.id
        return found

    def _end(self) -> list[Event]:
        """Close what is open, and end."""
        events: list[Event] = []
        self._begin(events)
        made = [known.at for known in self._calls if known.at is not None]
        events.extend(PartStop(at) for at in sorted(made if self._kind is None else [*made, self._place]))
        finish = read_finish(self._finish, calls=bool(made))
        return [*events, Finished(finish or Finish.OTHER, self._stop), End()]
