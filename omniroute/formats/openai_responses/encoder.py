"""Writes a streamed answer as Responses events.

Source: OpenAI API reference, "Streaming events" (https://platform.openai.com/docs/api-reference/responses-streaming).

Always true:

1. ``sequence_number`` counts every event from 0; ``output_index`` counts items in the order in which they are added.
2. One item is open at a time: parts that come in between wait for their turn, since clients take a delta to be of the
   item that was added last.
3. What is added is done: every item, content part and summary part that is begun is ended, with all of its text.
4. The last event is ``response.completed`` or ``response.incomplete``, written at ``End``, with all items as they were
   done, and with the usage.
"""

from typing import Any

from omniroute.formats.codec import Context
from omniroute.formats.openai_responses.content import ITEM
from omniroute.formats.openai_responses.envelope import Envelope, ending, finish_of
from omniroute.formats.openai_responses.items import call_item, own_item, thought_item
from omniroute.formats.openai_responses.output import (
    carrier,
    image_item,
    is_content,
    item_id,
    message_of,
    same_message,
)
from omniroute.formats.openai_responses.spoken import Call, Content, Message, Open, Reasoning, Stream
from omniroute.formats.openai_responses.wire import OWN, WHY, Saying, members, put_back
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.loss import Loss, approximated, dropped, foreign
from omniroute.ir.parts import Image, Part, Refusal, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage

_ANNOTATION = "response.output_text.annotation.added"
_EVENTS = dropped("events", "only its own format knows an event of the stream")


class ResponsesEncoder:
    """Writes one stream; see ``codec.Encoder``, whose every word holds here."""

    def __init__(self, context: Context) -> None:
        """Begin an answer to the request in ``context``."""
        self._say = Saying(OWN)
        self.losses: list[Loss] = self._say.losses
        self._answer = context.id
        self._envelope = Envelope(context)
        self._stream = Stream()
        self._message: Message | None = None
        self._open: Open | None = None
        self._parts: list[Part] = []
        self._usage: Usage | None = None
        self._finish = Finish.STOP
        self._turn = 0
        self._waiting: dict[int, list[Event]] = {}

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it, which may be none."""
        match event:
            case Delta(at=at) | PartStart(at=at) | PartStop(at=at) | Sign(at=at):
                return self._in_turn(at, event)
            case Spent(usage=usage):
                self._usage = usage
                return b""
            case Raw():
                return self._raw(event)
            case Begin() | Finished() | End():
                return self._frame(event)
            case _:
                return b""

    def _frame(self, event: Begin | Finished | End) -> bytes:
        """Say what stands around the parts."""
        if isinstance(event, Finished):
            return self._finished(event)
        if isinstance(event, Begin):
            self._envelope.begin(event.id, event.model, event.created)
            begun = {"response": self._envelope.write("in_progress", [])}
            return self._stream.say("response.created", begun) + self._stream.say("response.in_progress", begun)
        status, details = ending(self._finish, self._parts)
        whole = self._envelope.write(status, self._stream.items, self._usage, details)
        return self._stream.say(f"response.{status}", {"response": whole})

    def _finished(self, event: Finished) -> bytes:
        """Note how the answer ended, and end the message that is open."""
        self._finish = event.finish
        status, details = ending(event.finish, self._parts)
        if finish_of(status, details, self._parts) is not event.finish:
            self.losses.append(approximated("finish", f"the Responses format says {status}"))
        if event.stop_sequence is not None:
            self._say.drop("stop_sequence")
        return self._end_message(status)

    def _end_message(self, status: str = "completed") -> bytes:
        """End the message that is open, if one is."""
        message, self._message = self._message, None
        return b"" if message is None else message.end(status)

    def _raw(self, event: Raw) -> bytes:
        """Say an annotation of the text that is open; progress of tools that the provider runs is passed over."""
        if event.format is not OWN:
            if _EVENTS not in self.losses:
                self.losses.append(_EVENTS)
            return b""
        told = members(event.json)
        if told.get("type") == _ANNOTATION and isinstance(self._open, Content):
            return self._open.annotate(told.get("annotation"))
        return b""

    def _in_turn(self, at: int, event: Event) -> bytes:
        """Say an event of a part, or let it wait until the parts before it are complete."""
        if at != self._turn:
            self._waiting.setdefault(at, []).append(event)
            return b""
        written = self._say_part(event)
        if not isinstance(event, PartStop):
            return written
        self._turn += 1
        pieces = [written]
        while waiting := self._waiting.pop(self._turn, None):
            pieces.extend(self._say_part(each) for each in waiting)
            if not isinstance(waiting[-1], PartStop):
                break
            self._turn += 1
        return b"".join(pieces)

    def _say_part(self, event: Event) -> bytes:
        """Say an event of the part whose turn it is."""
        match event:
            case Delta(text=words):
                return self._open.more(words) if self._open is not None else b""
            case PartStart(at=at, part=part):
                return self._start(part, f"parts[{at}]")
            case Sign(at=at, signature=signature):
                if isinstance(self._open, Reasoning):
                    self._open.signature = signature
                else:
                    self._say.drop(f"parts[{at}].signature", "it came after what it signs had been sent")
                return b""
            case _:
                done, self._open = self._open, None
                return b"" if done is None else done.end()

    def _start(self, part: Part, path: str) -> bytes:
        """Begin a part."""
        before = b""
        self._parts.append(part)
        signature = None if isinstance(part, Thought) else getattr(part, "signature", None)
        if signature is not None and signature.format is not OWN:
            before = self._end_message()
            before += self._stream.whole(carrier(signature, self._answer, len(self._stream.items)))
        extras = getattr(part, "extras", None) or {}
        if ITEM in extras:
            return before + self._begin_part(part, put_back(extras, (ITEM,)), path)
        self.losses.extend(foreign(extras, path, WHY))
        if getattr(part, "cache", None) is not None:
            self._say.drop(f"{path}.cache")
        return before + self._begin_part(part, {}, path)

    def _begin_part(self, part: Part, extras: dict[str, Any], path: str) -> bytes:
        """Add the item or the content part that a part is."""
        if is_content(part):
            return self._begin_content(part)
        before = self._end_message()
        made = item_id(part, self._answer, len(self._stream.items))
        match part:
            case ToolCall():
                self._open = Call(self._stream, part, call_item(part, extras, made))
                return before + self._open.begin() + self._open.more(part.arguments)
            case Thought():
                item = thought_item(Thought(), extras, made)
                self._open = Reasoning(self._stream, part, item)
                return before + self._open.begin() + self._open.more(part.text)
            case Image():
                whole = image_item(part, made, path, self._say)
            case _:
                whole = own_item(part)
        if whole is None:
            self._say.lose(path, "an answer of the Responses format cannot say such a part")
            return before
        return before + self._stream.whole(whole)

    def _begin_content(self, part: Part) -> bytes:
        """Add a content part, to the message that is open if that is the one that it stands in."""
        told = message_of(part)
        before = b""
        if self._message is None or not same_message(told, self._message.told):
            before = self._end_message()
            self._message = Message(self._stream, item_id(None, self._answer, len(self._stream.items)), told)
            before += self._message.begin()
        self._open = Content(self._message, part)
        words = part.text if isinstance(part, Text | Refusal) else ""
        return before + self._open.begin() + self._open.more(words)
