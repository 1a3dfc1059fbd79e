"""Writes a streamed answer.

Source: Gemini API reference, "streamGenerateContent" (https://ai.google.dev/api/generate-content).

Always true:

1. What is written of an answer stands in the order of its parts, whatever the order of their events.
2. Words are written as they come; a call, a picture and what else is one piece, when it is complete.
3. The last piece, and no other, has the finish reason and what was used.
"""

from typing import Any

import msgspec

from omniroute.formats.codec import Context
from omniroute.formats.gemini.finish import finish_losses, write_finish
from omniroute.formats.gemini.framing import Events, Framing
from omniroute.formats.gemini.parts_read import SIGNATURE
from omniroute.formats.gemini.parts_write import PartWriter
from omniroute.formats.gemini.usage import write_usage
from omniroute.formats.gemini.wire import encode
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.loss import Loss, dropped
from omniroute.ir.parts import Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.usage import Usage
from omniroute.names import Format

_OfPart = PartStart | Delta | Sign | PartStop


class GeminiEncoder:
    """Writes one stream; see ``codec.Encoder``."""

    def __init__(self, context: Context, framing: Framing | None = None) -> None:
        """Begin before the first event; ``framing`` says what stands between the pieces."""
        self.losses: list[Loss] = []
        self._framing = framing or Events()
        self._writer = PartWriter(own=False, client=True)
        self._envelope: dict[str, Any] = {"modelVersion": context.model, "responseId": context.id}
        self._turn = 0
        self._waiting: dict[int, list[_OfPart]] = {}
        self._part: Part | None = None
        self._wordy = False
        self._thought = False
        self._shape: dict[str, Any] = {}
        self._arguments: list[str] = []
        self._signature: Signature | None = None
        self._usage: Usage | None = None
        self._finish = ""

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it."""
        match event:
            case PartStart(at=at) | Delta(at=at) | Sign(at=at) | PartStop(at=at):
                return self._of_part(at, event)
            case Begin():
                self._envelope["modelVersion"] = event.model or self._envelope["modelVersion"]
                self._envelope["responseId"] = event.id or self._envelope["responseId"]
                return self._framing.begin(encode(self._envelope))
            case Spent(usage=usage):
                self._usage = usage
            case Finished(finish=finish):
                self._finish = write_finish(finish)
                self.losses.extend(finish_losses(finish))
            case End():
                return self._piece({"text": ""}, last=True) + self._framing.end()
            case Raw():
                return self._raw(event)
            case _:
                pass
        return b""

    def _raw(self, event: Raw) -> bytes:
        """Write what only this format knows."""
        if event.format is Format.GEMINI:
            return self._framing.piece(encode({**event.json, **self._envelope}))
        self.losses.append(dropped("raw", "only its own format knows it"))
        return b""

    def _of_part(self, at: int, event: _OfPart) -> bytes:
        """Write an event of the part whose turn it is; keep others until it is theirs."""
        if at != self._turn:
            self._waiting.setdefault(at, []).append(event)
            return b""
        said = self._write(event)
        while self._turn in self._waiting and self._turn != at:
            at = self._turn
            said += b"".join([self._write(each) for each in self._waiting.pop(at)])
        return said

    def _write(self, event: _OfPart) -> bytes:
        """Write an event of the part whose turn it is."""
        match event:
            case PartStart(part=part):
                return self._start(part)
            case Delta(text=text) if self._wordy:
                return self._piece({**self._shape, "text": text}) if text else b""
            case Delta(text=text):
                self._arguments.append(text)
            case Sign(signature=signature):
                self._signature = signature
            case _:
                said = self._stop()
                self._turn += 1
                return said
        return b""

    def _start(self, part: Part) -> bytes:
        """Begin a part: of words, say those that are there already."""
        self._part = part
        self._arguments.clear()
        self._signature = None
        self._wordy = isinstance(part, Text | Refusal) or (isinstance(part, Thought) and not part.redacted)
        if not isinstance(part, Text | Thought | Refusal) or not self._wordy:
            return b""
        if not isinstance(part, Refusal):
            self._signature = part.signature
        self._shape = self._said(_unsigned(part)) or {"text": "", "thought": True}
        between = self._piece({"text": ""}) if self._thought and isinstance(part, Thought) else b""
        return between + (self._piece(self._shape) if part.text else b"")

    def _stop(self) -> bytes:
        """End a part: say what was kept of it."""
        part, self._part = self._part, None
        if self._wordy:
            return self._end_words()
        if isinstance(part, ToolCall):
            arguments = part.arguments + "".join(self._arguments)
            part = msgspec.structs.replace(part, arguments=arguments, signature=self._signature or part.signature)
        elif isinstance(part, Thought):
            part = msgspec.structs.replace(part, signature=self._signature or part.signature)
        said = None if part is None else self._said(part)
        self._thought = False
        return self._piece(said) if said else b""

    def _end_words(self) -> bytes:
        """End words: say their signature; a thought without one is told from a thought behind it by the next piece."""
        self._thought = self._signature is None and "thought" in self._shape
        if self._signature is None:
            return b""
        signature = self._writer.signature(self._signature, "")
        return self._piece({**self._shape, "text": "", SIGNATURE: signature})

    def _said(self, part: Part) -> dict[str, Any] | None:
        """Write a part, and note what cannot be said of it."""
        said = self._writer.write(part, f"parts[{self._turn}]")
        self.losses.extend(self._writer.losses)
        self._writer.losses.clear()
        return said

    def _piece(self, part: dict[str, Any], *, last: bool = False) -> bytes:
        """Write a piece of the answer."""
        candidate: dict[str, Any] = {"content": {"parts": [part], "role": "model"}, "index": 0}
        piece: dict[str, Any] = {"candidates": [candidate], **self._envelope}
        if last:
            candidate["finishReason"] = self._finish
            if self._usage is not None:
                piece["usageMetadata"] = write_usage(self._usage)
        return self._framing.piece(encode(piece))


def _unsigned(part: Text | Thought | Refusal) -> Text | Thought | Refusal:
    """Give a part without its signature, which is said behind its words."""
    return part if isinstance(part, Refusal) else msgspec.structs.replace(part, signature=None)
