"""Writes a streamed answer.

Source: as for ``reader``. A record has one text, so of several parts that are open at once one is said after the other.

Always true: one record has the reason for the end, usage follows it where the client asked for it, ``[DONE]`` is last.
"""

from typing import Any

from omniroute.formats.codec import Context
from omniroute.formats.jsontext import dumps
from omniroute.formats.openai_completions.choice import OBJECT, finish_losses, finish_word, said
from omniroute.formats.openai_completions.usage import write_usage
from omniroute.formats.turns import Turns
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, Raw, Sign, Spent
from omniroute.ir.loss import Loss, dropped
from omniroute.ir.parts import Part
from omniroute.ir.usage import Usage
from omniroute.names import Format


class CompletionsEncoder:
    """Writes one stream; see ``codec.Encoder``."""

    def __init__(self, context: Context) -> None:
        """Begin at the beginning of a stream."""
        self.losses: list[Loss] = []
        self._context = context
        self._head: dict[str, Any] = {}
        self._turns = Turns()
        self._worded = False
        self._raw: dict[str, Any] = {}
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it, which may be none."""
        return b"".join(map(self._say, self._turns.take(event)))

    def _say(self, event: Event) -> bytes:
        """Say an event of the part whose turn it is, or of the whole answer."""
        match event:
            case Delta(text=text):
                return self._text(text) if text and self._worded else b""
            case PartStart(at=at, part=part):
                return self._start(part, f"parts[{at}]")
            case Sign(at=at):
                self.losses.append(dropped(f"parts[{at}].signature", "a text completion has no place for it"))
            case Finished(finish=finish, stop_sequence=sequence):
                self.losses += finish_losses(finish, sequence)
                return self._text("", finish_word(finish))
            case End():
                return self._end()
            case _:
                self._note(event)
        return b""

    def _note(self, event: Event) -> None:
        """Note what is said later."""
        match event:
            case Begin():
                self._begin(event)
            case Raw(format=Format.OPENAI_COMPLETIONS, json=dict(more)):
                self._raw |= more
            case Spent(usage=usage):
                self._usage = usage
            case _:
                pass

    def _begin(self, begin: Begin) -> None:
        """Note what every record repeats."""
        context = self._context
        self._head = {
            "id": begin.id or context.id,
            "object": OBJECT,
            "created": context.now // 1_000_000 if begin.created is None else begin.created,
            "model": begin.model or context.model,
        }

    def _start(self, part: Part, path: str) -> bytes:
        """Begin a part."""
        text, losses = said(part, path, own=False)
        self.losses += losses
        self._worded = text is not None
        return self._text(text) if text else b""

    def _text(self, text: str, reason: str | None = None) -> bytes:
        """Write a record with more of the text, and what servers of this format said beside it."""
        raw, self._raw = self._raw, {}
        choice: dict[str, Any] = {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
        others: list[Any] = []
        beside = raw.pop("choices", None)
        for each in beside if isinstance(beside, list) else ():
            if isinstance(each, dict) and each.get("index") == 0:
                choice |= {name: value for name, value in each.items() if name not in {"text", "finish_reason"}}
            else:
                others.append(each)
        record: dict[str, Any] = {**raw, **self._head, "choices": [choice, *others]}
        return _record(record | {"usage": None} if self._context.request.usage_asked else record)

    def _end(self) -> bytes:
        """Write what stands behind the answer."""
        last = b"data: [DONE]\n\n"
        if self._usage is None or not self._context.request.usage_asked:
            return last
        return _record({**self._raw, **self._head, "choices": [], "usage": write_usage(self._usage)}) + last


def _record(value: dict[str, Any]) -> bytes:
    """Write a record."""
    return b"data: " + dumps(value) + b"\n\n"
