"""Writes a streamed Chat Completions answer.

Source: OpenAI API reference, "The chat completion chunk object"
(https://platform.openai.com/docs/api-reference/chat/streaming).

Always true: what the chunks say, put together, is what ``response_write`` says of the whole answer. Words stand in one
place for the whole answer, so a part that begins while words of another are still coming waits for their end; calls
are numbered, and may come side by side. Why the answer ended is said at its very end: that completes it for clients.
"""

from typing import Any

from omniroute.formats.codec import Context
from omniroute.formats.jsontext import dumps
from omniroute.formats.openai_chat.assistant import FOR_ALL, TAKEN, THOUGHTS, write_signature
from omniroute.formats.openai_chat.content import OWN, write_part
from omniroute.formats.openai_chat.finish import write_finish
from omniroute.formats.openai_chat.members import Writing
from omniroute.formats.openai_chat.response_write import render_usage
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.loss import Loss, approximated, dropped
from omniroute.ir.parts import Image, Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.usage import Usage
from omniroute.names import Format

_AFTER = b'},"finish_reason":null}]}\n\n'
_DONE = b"data: [DONE]\n\n"


class ChatEncoder:
    """Writes one stream; see ``codec.Encoder``."""

    def __init__(self, context: Context) -> None:
        """Begin before the first event."""
        self.losses: list[Loss] = []
        self._context = context
        self._head = b""
        self._before = b""
        self._ended = b""
        self._signature = b""
        self._around: dict[int, tuple[bytes, bytes]] = {}
        self._first: set[int] = set()
        self._words: int | None = None
        self._waiting: dict[int, list[Event]] = {}
        self._parts: dict[int, Part] = {}
        self._numbers: dict[int, int] = {}
        self._thought = False
        self._signed: int | None = None
        self._texts: set[int] = set()
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it."""
        if type(event) is Delta and not self._waiting and not self._first:
            if not event.text:
                return b""
            before, after = self._around[event.at]
            return before + dumps(event.text) + after
        match event:
            case PartStart(at=at) if self._words is not None:
                self._waiting[at] = [event]
            case PartStart(at=at) | Delta(at=at) | Sign(at=at) | PartStop(at=at):
                if at not in self._waiting:
                    return self._of_part(event)
                self._waiting[at].append(event)
            case _:
                return self._of_answer(event)
        return b""

    def _of_answer(self, event: Event) -> bytes:
        """Say something that belongs to no part."""
        match event:
            case Begin():
                return self._begin(event)
            case Spent(usage=usage):
                self._usage = usage
            case Finished(finish=finish, stop_sequence=stop):
                if stop is not None:
                    self.losses.append(dropped("stop_sequence", "this format does not say which one came"))
                writing = Writing(own=False)
                word = write_finish(finish, writing)
                self.losses.extend(writing.losses)
                self._ended = self._before + b'},"finish_reason":' + dumps(word) + b"}]}\n\n"
            case Raw(format=format_, json=json):
                return self._raw(format_, json)
            case End():
                if self._signed is not None and self._texts != {self._signed}:
                    self.losses.append(approximated(f"parts[{self._signed}].signature", FOR_ALL))
                return self._signature + self._ended + self._last() + _DONE
            case _:
                pass
        return b""

    def _begin(self, event: Begin) -> bytes:
        """Begin with the role."""
        created = self._context.now // 1_000_000 if event.created is None else event.created
        head = {
            "id": event.id or self._context.id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": event.model or self._context.model,
        }
        self._head = b"data: " + dumps(head)[:-1]
        self._before = self._head + b',"choices":[{"index":0,"delta":{'
        return self._before + b'"role":"assistant","content":""' + _AFTER

    def _raw(self, format_: Format, json: Any) -> bytes:
        """Say again what only this format knows."""
        if format_ is OWN and isinstance(json, dict):
            return self._head + b"," + dumps(json)[1:] + b"\n\n"
        loss = dropped("extras", "an event that only its own format knows")
        if loss not in self.losses:
            self.losses.append(loss)
        return b""

    def _last(self) -> bytes:
        """Say what was used, to a client that asked for it."""
        if self._usage is None or not self._context.request.usage_asked:
            return b""
        return self._head + b',"choices":[],"usage":' + dumps(render_usage(self._usage)) + b"}\n\n"

    def _of_part(self, event: Event) -> bytes:
        """Say something of a part whose turn it is."""
        match event:
            case PartStart(at=at, part=part):
                return self._start(at, part)
            case Delta(at=at, text=text) if text:
                return self._say(at, text)
            case Sign(at=at, signature=signature):
                return self._sign(at, signature)
            case PartStop(at=at):
                return self._stop(at)
            case _:
                return b""

    def _start(self, at: int, part: Part) -> bytes:
        """Begin a part."""
        self._parts[at] = part
        writing = Writing(own=False)
        writing.extras(getattr(part, "extras", None), f"parts[{at}]")
        said = b""
        match part:
            case Text(text=text, signature=signature):
                said = self._speak(at, "content", text) + self._sign(at, signature)
            case Thought(text=text, signature=signature):
                said = self._speak(at, THOUGHTS[0], text) + self._sign(at, signature)
            case Refusal(text=text):
                said = self._speak(at, "refusal", text)
            case ToolCall():
                said = self._call(at, part)
            case Image():
                image = write_part(part, writing, f"parts[{at}]")
                said = b"" if image is None else self._delta({"images": [image]})
            case _:
                writing.refuse(f"parts[{at}]", "this format has no such part in an answer")
        self.losses.extend(writing.losses)
        return said

    def _speak(self, at: int, name: str, text: str) -> bytes:
        """Begin a part of words."""
        self._words = at
        self._around[at] = (self._before + b'"' + name.encode() + b'":', _AFTER)
        self._first.add(at)
        return self._say(at, text) if text else b""

    def _say(self, at: int, text: str) -> bytes:
        """Say more of a part; thoughts are told apart by an empty line."""
        said = b""
        if at in self._first:
            self._first.remove(at)
            part = self._parts[at]
            if isinstance(part, Text):
                self._texts.add(at)
            elif isinstance(part, Thought):
                said = self._delta({THOUGHTS[0]: "\n\n"}) if self._thought else b""
                self._thought = True
        before, after = self._around[at]
        return said + before + dumps(text) + after

    def _call(self, at: int, call: ToolCall) -> bytes:
        """Begin a call."""
        number = self._numbers[at] = len(self._numbers)
        kind, words = ("custom", "input") if call.custom else ("function", "arguments")
        told: dict[str, Any] = {"index": number, "id": call.id, "type": kind}
        told[kind] = {"name": call.name, words: call.arguments}
        if call.signature is not None:
            told["extra_content"] = write_signature(call.signature)
        before = f'"tool_calls":[{{"index":{number},"{kind}":{{"{words}":'.encode()
        self._around[at] = (self._before + before, b"}}]" + _AFTER)
        if not call.custom and not call.arguments:
            self._first.add(at)
        return self._delta({"tool_calls": [told]})

    def _sign(self, at: int, signature: Signature | None) -> bytes:
        """Say the signature of a part, where this format has a place for it."""
        part = self._parts[at]
        if signature is None:
            return b""
        if isinstance(part, ToolCall):
            signed = {"index": self._numbers[at], "extra_content": write_signature(signature)}
            return self._delta({"tool_calls": [signed]})
        if isinstance(part, Text) and signature.format is Format.GEMINI:
            if self._signed not in {None, at}:
                self.losses.append(dropped(f"parts[{self._signed}].signature", TAKEN))
            self._signed, self._signature = at, self._delta({"extra_content": write_signature(signature)})
            return b""
        self.losses.append(dropped(f"parts[{at}].signature", "this format has no place for it"))
        return b""

    def _stop(self, at: int) -> bytes:
        """End a part; what waited for it has its turn."""
        said = b""
        call = self._parts.pop(at)
        if at in self._first and isinstance(call, ToolCall):
            before, after = self._around[at]
            said = before + b'"{}"' + after
        self._first.discard(at)
        if at == self._words:
            self._words = None
            said += self._release()
        return said

    def _release(self) -> bytes:
        """Say what waited, up to the next words that are not at their end."""
        said = b""
        while self._waiting and self._words is None:
            at = next(iter(self._waiting))
            for event in self._waiting.pop(at):
                said += self._of_part(event)
        return said

    def _delta(self, delta: dict[str, Any]) -> bytes:
        """Write a chunk."""
        return self._before + dumps(delta)[1:-1] + _AFTER
