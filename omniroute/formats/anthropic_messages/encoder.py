"""Writes a streamed answer.

Source: Anthropic's guide "Streaming messages" (https://platform.claude.com/docs/en/build-with-claude/streaming).

Always true: blocks stand one behind the other, counted from 0. Parts that are open at the same time wait for their
turn; a block begins with the first that is known of its content. ``message_start`` waits for the event behind
``Begin``, which may be the usage it tells; usage that is known later stands in ``message_delta``, all told.
"""

from collections import deque
from typing import Any

import msgspec

from omniroute.formats.anthropic_messages.blocks_read import OWN, Block
from omniroute.formats.anthropic_messages.blocks_write import FOREIGN
from omniroute.formats.anthropic_messages.parts_write import AS_TEXT, NO_OTHER, UNSAID, carrier, signed, unsaid_of_call
from omniroute.formats.anthropic_messages.response import write_finish
from omniroute.formats.anthropic_messages.usage import write_usage
from omniroute.formats.anthropic_messages.values import encode
from omniroute.formats.codec import Context
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.loss import RESTATED, Loss, Weight, approximated, dropped
from omniroute.ir.parts import Extras, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage

# literal table: members of this format's own that a part of an answer may have beside what the IR models
OWN_EXTRAS = frozenset({"citations", "caller", "toolset_name"})

_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
_CLOSE = b"}}\n\n"
_STRING = msgspec.json.Encoder()

PartEvent = PartStart | Delta | Sign | PartStop


class MessagesEncoder:
    """Writes one stream; see ``codec.Encoder``, whose every word holds here."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing sent."""
        self.losses: list[Loss] = []
        self._context = context
        self._begin: Begin | None = None
        self._usage: Usage | None = None
        self._turn = 0
        self._held: dict[int, list[PartEvent]] = {}
        self._index = 0
        self._part: Part | None = None
        self._signature: Signature | None = None
        self._head: bytes | None = None
        self._free: list[str] | None = None
        self._finished: Finished | None = None
        self._more: dict[str, Any] = {}

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it, which may be none."""
        if self._head is not None and isinstance(event, Delta) and event.at == self._turn and event.text:
            return b"%b%b%b" % (self._head, _string(event.text), _CLOSE)
        if isinstance(event, Begin):
            self._begin = event
            return b""
        if isinstance(event, Spent):
            self._usage = event.usage
        return self._start() + self._behind(event)

    def _behind(self, event: Event) -> bytes:
        """Say an event that stands behind ``message_start``."""
        match event:
            case PartStart() | Delta() | Sign() | PartStop():
                return self._take(event)
            case Raw():
                return self._raw(event)
            case Finished():
                self._finished = event
                return b""
            case End():
                return self._end()
            case _:
                return b""

    def _start(self) -> bytes:
        """Write ``message_start``, once."""
        begin, self._begin = self._begin, None
        if begin is None:
            return b""
        message: dict[str, Any] = {
            "id": begin.id or self._context.id,
            "type": "message",
            "role": "assistant",
            "model": begin.model or self._context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return _record({"type": "message_start", "message": message})

    def _end(self) -> bytes:
        """Write why the answer ended, and what it used."""
        finished, more = self._finished, self._more.pop("delta", {})
        if finished is not None and finished.finish is Finish.OTHER and "stop_reason" not in more:
            self.losses.append(approximated("finish", NO_OTHER))
        delta = {
            "stop_reason": write_finish(finished.finish, finished.stop_sequence) if finished else None,
            "stop_sequence": finished.stop_sequence if finished else None,
            **more,
        }
        last = {"type": "message_delta", "delta": delta, "usage": write_usage(self._usage), **self._more}
        return _record(last) + _record({"type": "message_stop"})

    def _raw(self, event: Raw) -> bytes:
        """Write what only this format knows: members of ``message_delta``, a change of the open block, a record."""
        if event.format is not OWN or not isinstance(event.json, dict):
            return b""
        kind = event.json.get("type")
        if kind == "message_delta":
            self._more |= event.json
            return b""
        if kind != "content_block_delta":
            return _record(event.json)
        return _record({**event.json, "index": self._index}) if self._head is not None else b""

    def _take(self, event: PartEvent) -> bytes:
        """Say a part's event, and whatever waited for it; or let it wait for its turn."""
        if event.at != self._turn:
            self._held.setdefault(event.at, []).append(event)
            return b""
        said = []
        waiting = deque([event])
        while waiting:
            turn = self._turn
            said.append(self._say(waiting.popleft()))
            if self._turn != turn:
                waiting.extend(self._held.pop(self._turn, ()))
        return b"".join(said)

    def _say(self, event: PartEvent) -> bytes:
        """Say an event of the part whose turn it is."""
        match event:
            case PartStart(part=part):
                self._part = part
                self._signature = getattr(part, "signature", None)
                self._free = [] if isinstance(part, ToolCall) and part.custom else None
                return self._words(getattr(part, "arguments", "") or getattr(part, "text", ""))
            case Delta(text=text):
                return self._words(text)
            case Sign(signature=signature):
                self._sign(signature)
                return b""
            case PartStop():
                return self._freed() + self._stop()

    def _words(self, text: str) -> bytes:
        """Say more of the open part."""
        if self._free is not None:
            self._free.append(text)
            return b""
        if not text:
            return b""
        opening = b"" if self._head is not None else self._open()
        return b"" if self._head is None else b"%b%b%b%b" % (opening, self._head, _string(text), _CLOSE)

    def _freed(self) -> bytes:
        """Say free text that a tool was called with, which is known now, as the one member of an object."""
        if self._free is None:
            return b""
        text, self._free = "".join(self._free), None
        why = 'no JSON object: sent whole, as text, under "input"'
        self.losses.append(approximated(f"parts[{self._turn}].arguments", why))
        return self._words(encode({"input": text}).decode())

    def _sign(self, signature: Signature) -> None:
        """Keep a signature for the place where it is said."""
        if self._head is not None and not isinstance(self._part, Thought):
            why = "it came behind the beginning of what it signs"
            self.losses.append(dropped(f"parts[{self._turn}].signature", why))
            return
        self._signature = signature

    def _open(self) -> bytes:
        """Begin the open part's block, behind an empty thought where its signature has no other place."""
        part, path = self._part, f"parts[{self._turn}]"
        carried = b""
        if isinstance(part, Text | ToolCall) and self._signature is not None:
            carried = self._whole(carrier(self._signature))
        block: Block
        match part:
            case Text():
                block, word = {"type": "text", "text": ""}, (b"text_delta", b"text")
            case Refusal():
                self.losses.append(approximated(path, AS_TEXT))
                block, word = {"type": "text", "text": ""}, (b"text_delta", b"text")
            case Thought():
                block, word = {"type": "thinking", "thinking": "", "signature": ""}, (b"thinking_delta", b"thinking")
            case ToolCall(id=identifier, name=name):
                self.losses += unsaid_of_call(part, path)
                block = {"type": "tool_use", "id": identifier, "name": name, "input": {}}
                word = (b"input_json_delta", b"partial_json")
            case _:
                return b""
        self._head = _DELTA % (self._index, *word)
        return carried + self._begin_block(self._with_extras(block, part.extras, path))

    def _with_extras(self, block: Block, extras: Extras | None, path: str) -> Block:
        """Put back what is this format's own."""
        for name, value in (extras or {}).items():
            if name.removeprefix(RESTATED) in OWN_EXTRAS:
                block[name.removeprefix(RESTATED)] = value
            elif not name.startswith(RESTATED):
                self.losses.append(dropped(f"{path}.extras.{name}", FOREIGN))
        return block

    def _stop(self) -> bytes:
        """Complete the open part, with its signature where it is a thought, and give the turn to the next."""
        part = self._part
        said = b"" if self._head is not None else self._unsaid(part)
        if self._head is not None:
            if isinstance(part, Thought) and self._signature is not None:
                said += self._signed(self._signature)
            said += self._end_block()
        self._turn += 1
        self._part = self._signature = self._head = None
        return said

    def _unsaid(self, part: Part | None) -> bytes:
        """Say a part of which no words came; one that says nothing is left out."""
        match part:
            case Thought(redacted=True):
                data = signed(self._signature)
                return self._whole({"type": "redacted_thinking", "data": data}) if data else b""
            case ToolCall() | Thought() | Text() if isinstance(part, ToolCall) or self._signature or part.extras:
                return self._open()
            case Text() | Refusal() | Thought():
                return b""
            case Opaque(format=wire, json=json) if wire is OWN and isinstance(json, dict):
                return self._whole(json)
            case _:
                self.losses.append(dropped(f"parts[{self._turn}]", UNSAID, weight=Weight.CONTENT))
                return b""

    def _whole(self, block: Block) -> bytes:
        """Say a block whose content is known; input and signatures come as changes, as clients expect."""
        said = dict(block)
        change: dict[str, Any] | None = None
        if isinstance(block.get("input"), dict) and block["input"]:
            said["input"] = {}
            change = {"type": "input_json_delta", "partial_json": encode(block["input"]).decode()}
        elif block.get("type") == "thinking":
            said["signature"] = ""
            change = {"type": "signature_delta", "signature": block["signature"]}
        opening = self._begin_block(said)
        changed = b"" if change is None else self._change(change)
        return opening + changed + self._end_block()

    def _signed(self, signature: Signature) -> bytes:
        """Sign the open block."""
        return self._change({"type": "signature_delta", "signature": signed(signature)})

    def _begin_block(self, block: Block) -> bytes:
        """Begin a block."""
        return _record({"type": "content_block_start", "index": self._index, "content_block": block})

    def _change(self, delta: dict[str, Any]) -> bytes:
        """Change the block that has begun."""
        return _record({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _end_block(self) -> bytes:
        """End the block that has begun."""
        ended = _record({"type": "content_block_stop", "index": self._index})
        self._index += 1
        return ended


def _string(text: str) -> bytes:
    """Write a JSON string."""
    try:
        return _STRING.encode(text)
    except UnicodeEncodeError:
        return encode(text)


def _record(value: dict[str, Any]) -> bytes:
    """Write a record, named as its data is."""
    return b"event: %b\ndata: %b\n\n" % (str(value.get("type")).encode("utf-8", "replace"), encode(value))
