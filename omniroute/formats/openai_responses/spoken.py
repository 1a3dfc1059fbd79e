"""What the stream encoder has open: a message and its content parts, a call, a piece of reasoning.

Always true: what ``begin`` adds, ``end`` ends, with all the words that ``more`` said.
"""

from typing import Any, Protocol

import msgspec

from omniroute.formats.openai_responses.content import opaque_part
from omniroute.formats.openai_responses.items import ARGUMENTS, sealed
from omniroute.formats.openai_responses.output import message_item, text_part
from omniroute.ir.parts import Part, Refusal, Text, Thought, ToolCall

_ENCODER = msgspec.json.Encoder()


class Stream:
    """Writes events, numbered from 0, and holds the items that are done."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.items: list[dict[str, Any]] = []
        self._number = 0

    def say(self, kind: str, told: dict[str, Any]) -> bytes:
        """Write an event."""
        record = {"type": kind, "sequence_number": self._number, **told}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _ENCODER.encode(record))

    def add(self, item: dict[str, Any]) -> bytes:
        """Write that the next item begins."""
        return self.say("response.output_item.added", {"output_index": len(self.items), "item": item})

    def done(self, item: dict[str, Any]) -> bytes:
        """Write that the item is complete."""
        self.items.append(item)
        return self.say("response.output_item.done", {"output_index": len(self.items) - 1, "item": item})

    def whole(self, item: dict[str, Any]) -> bytes:
        """Write an item that comes whole."""
        return self.add(item) + self.done(item)


class Open(Protocol):
    """Something that was begun and takes words."""

    def begin(self) -> bytes:
        """Write that it begins."""
        ...

    def more(self, words: str) -> bytes:
        """Write more of it."""
        ...

    def end(self) -> bytes:
        """Write that it is complete."""
        ...


class Message:
    """The message item that is open; its content parts come one after the other."""

    def __init__(self, stream: Stream, made: str, told: dict[str, Any]) -> None:
        """Take its id, and the members that it had where it was read."""
        self.told = told
        self.content: list[Any] = []
        self.stream = stream
        self.id: str = told.get("id", made)

    def begin(self) -> bytes:
        """Write that it begins."""
        return self.stream.add(message_item(self.id, [], self.told | {"status": "in_progress"}))

    def end(self, status: str) -> bytes:
        """Write that it is complete, or not."""
        return self.stream.done(message_item(self.id, self.content, self.told | {"status": status}))


class Content:
    """A text or a refusal, or a part that comes whole."""

    def __init__(self, message: Message, part: Part) -> None:
        """Take the part, whose words come later."""
        self._message = message
        self._refuses = isinstance(part, Refusal)
        self._whole = None if isinstance(part, Text | Refusal) else opaque_part(part)
        self._said: list[str] = []
        self._annotations: list[Any] = []
        self._where = {
            "item_id": message.id,
            "output_index": len(message.stream.items),
            "content_index": len(message.content),
        }

    def begin(self) -> bytes:
        """Write that it begins."""
        return self._message.stream.say("response.content_part.added", {**self._where, "part": self._part()})

    def more(self, words: str) -> bytes:
        """Write more words."""
        if not words:
            return b""
        self._said.append(words)
        if self._refuses:
            return self._message.stream.say("response.refusal.delta", {**self._where, "delta": words})
        return self._message.stream.say("response.output_text.delta", {**self._where, "delta": words, "logprobs": []})

    def annotate(self, annotation: Any) -> bytes:
        """Write an annotation of what was said."""
        self._annotations.append(annotation)
        told = {**self._where, "annotation_index": len(self._annotations) - 1, "annotation": annotation}
        return self._message.stream.say("response.output_text.annotation.added", told)

    def end(self) -> bytes:
        """Write that it is complete."""
        say, words = self._message.stream.say, "".join(self._said)
        part = self._part()
        self._message.content.append(part)
        said = b""
        if self._refuses:
            said = say("response.refusal.done", {**self._where, "refusal": words})
        elif self._whole is None:
            said = say("response.output_text.done", {**self._where, "text": words, "logprobs": []})
        return said + say("response.content_part.done", {**self._where, "part": part})

    def _part(self) -> Any:
        """Write the part as far as it is said."""
        if self._whole is not None:
            return self._whole
        words = "".join(self._said)
        if self._refuses:
            return {"type": "refusal", "refusal": words}
        return text_part(words) | {"annotations": self._annotations}


class Call:
    """A call of a tool."""

    def __init__(self, stream: Stream, call: ToolCall, item: dict[str, Any]) -> None:
        """Take its item, without what the tool is given."""
        self._stream = stream
        self._item = item
        self._slot = ARGUMENTS["custom_tool_call" if call.custom else "function_call"]
        self._kind = f"response.{item['type']}_{self._slot}"
        self._said: list[str] = []
        self._where = {"item_id": item["id"], "output_index": len(stream.items)}

    def begin(self) -> bytes:
        """Write that it begins."""
        return self._stream.add(self._item | {"status": "in_progress", self._slot: ""})

    def more(self, words: str) -> bytes:
        """Write more of what the tool is given."""
        if not words:
            return b""
        self._said.append(words)
        return self._stream.say(f"{self._kind}.delta", {**self._where, "delta": words})

    def end(self) -> bytes:
        """Write that it is complete."""
        given = {self._slot: "".join(self._said)}
        done = self._stream.say(f"{self._kind}.done", self._where | given)
        return done + self._stream.done(self._item | {"status": "completed"} | given)


class Reasoning:
    """A thought: a reasoning item whose summary, if anything of it is shown, is one part."""

    def __init__(self, stream: Stream, thought: Thought, item: dict[str, Any]) -> None:
        """Take its item, without words and signature."""
        self.signature = thought.signature
        self._redacted = thought.redacted
        self._stream = stream
        self._item = item
        self._said: list[str] = []
        self._where = {"item_id": item["id"], "output_index": len(stream.items)}
        self._place = {**self._where, "summary_index": 0}

    def begin(self) -> bytes:
        """Write that it begins."""
        return self._stream.add(self._item)

    def more(self, words: str) -> bytes:
        """Write more words; the first of them begin the summary."""
        if not words:
            return b""
        begun = b""
        if not self._said:
            begun = self._stream.say("response.reasoning_summary_part.added", {**self._place, "part": _summary("")})
        self._said.append(words)
        return begun + self._stream.say("response.reasoning_summary_text.delta", {**self._place, "delta": words})

    def end(self) -> bytes:
        """Write that it is complete."""
        said, words, say = b"", "".join(self._said), self._stream.say
        item = dict(self._item)
        if words:
            said = say("response.reasoning_summary_text.done", {**self._place, "text": words})
            said += say("response.reasoning_summary_part.done", {**self._place, "part": _summary(words)})
            item["summary"] = [_summary(words)]
        if self.signature is not None:
            item["encrypted_content"] = sealed(self.signature, redacted=self._redacted)
        return said + self._stream.done(item)


def _summary(words: str) -> dict[str, str]:
    """Write a part of a summary."""
    return {"type": "summary_text", "text": words}
