"""Writes a streamed answer.

Source: Ollama API reference, "Streaming" (https://docs.ollama.com/api/streaming).

Always true: exactly one line has ``done``, and it is the last; a call stands whole in one line; of several parts that
are open at once one is said after the other, because a message has one place for each kind.
"""

from typing import Any

from omniroute.formats.codec import Context
from omniroute.formats.jsontext import dumps
from omniroute.formats.ollama.message import MessageWriter, beside, write_call
from omniroute.formats.ollama.metrics import finish_word, timestamp, write_usage
from omniroute.formats.ollama.response import finish_losses, number_calls
from omniroute.formats.turns import Turns
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.loss import Loss, dropped
from omniroute.ir.parts import Part, Refusal, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import Format


class OllamaEncoder:
    """Writes one stream; see ``codec.Encoder``."""

    def __init__(self, context: Context) -> None:
        """Begin at the beginning of a stream."""
        self.losses: list[Loss] = []
        self._context = context
        self._head: dict[str, Any] = {}
        self._turns = Turns()
        self._slot = ""
        self._call: ToolCall | None = None
        self._arguments: list[str] = []
        self._calls = 0
        self._raw: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._finished = Finished(Finish.STOP)

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it, which may be none."""
        return b"".join(map(self._say, self._turns.take(event)))

    def _say(self, event: Event) -> bytes:
        """Say an event of the part whose turn it is, or of the whole answer."""
        match event:
            case Delta(text=text):
                return self._more(text)
            case PartStart(at=at, part=part):
                return self._start(part, f"parts[{at}]")
            case PartStop(at=at):
                return self._stop(f"parts[{at}]")
            case Sign(at=at):
                self.losses.append(dropped(f"parts[{at}].signature", "Ollama has no place for it"))
            case _:
                return self._about(event)
        return b""

    def _about(self, event: Event) -> bytes:
        """Say what belongs to no part."""
        match event:
            case Begin():
                self._begin(event)
            case Raw(format=Format.OLLAMA, json=dict(more)):
                self._raw |= more
            case Spent(usage=usage):
                self._usage = usage
            case Finished():
                self._finished = event
                self.losses += finish_losses(event.finish, event.stop_sequence)
            case End():
                return self._line({"content": ""}, done=True)
            case _:
                pass
        return b""

    def _begin(self, begin: Begin) -> None:
        """Note what every line repeats; the time is the answer's, since no later one is known here."""
        context = self._context
        created = timestamp(context.now if begin.created is None else begin.created * 1_000_000)
        self._head = {"model": begin.model or context.model, "created_at": created or timestamp(context.now)}

    def _start(self, part: Part, path: str) -> bytes:
        """Begin a part, and say what it begins with; a call waits until it is whole."""
        self._slot = ""
        match part:
            case ToolCall(arguments=arguments):
                self._call = part
                self._arguments = [arguments]
                self.losses += beside(part, path, own=False)
                return b""
            case Thought(redacted=False):
                self._slot = "thinking"
            case Text() | Refusal():
                self._slot = "content"
            case _:
                pass
        writer = MessageWriter(own=False)
        writer.add(part, path)
        self.losses += writer.losses
        members = writer.members()
        return self._line(members) if any(members.values()) else b""

    def _more(self, text: str) -> bytes:
        """Say more of a part; a call's arguments wait until it is whole."""
        if self._call is not None:
            self._arguments.append(text)
        elif text and self._slot:
            return self._line({"content": text} if self._slot == "content" else {"content": "", "thinking": text})
        return b""

    def _stop(self, path: str) -> bytes:
        """End a part; a call is said now."""
        call, self._call = self._call, None
        if call is None:
            return b""
        whole = ToolCall(call.id, call.name, "".join(self._arguments), custom=call.custom)
        written, losses = write_call(whole, path, own=False)
        self.losses += losses
        message: dict[str, Any] = {"content": "", "tool_calls": [written]}
        number_calls(message, self._calls)
        self._calls += 1
        return self._line(message)

    def _line(self, members: dict[str, Any], *, done: bool = False) -> bytes:
        """Write a line, with what servers of this format said beside it."""
        raw, self._raw = self._raw, {}
        inner = raw.pop("message", None)
        beside = inner if isinstance(inner, dict) else {}
        message = {"role": "assistant", **beside, **members}
        line: dict[str, Any] = {**raw, **self._head, "message": message, "done": done}
        if done:
            line |= {"done_reason": finish_word(self._finished.finish), **write_usage(self._usage)}
        return dumps(line) + b"\n"
