"""Reads a streamed answer.

Source: Anthropic's guide "Streaming messages" (https://platform.claude.com/docs/en/build-with-claude/streaming):
``message_start``, then blocks (``content_block_start``, ``content_block_delta`` …, ``content_block_stop``), then
``message_delta`` with the reason why it ended and the usage, all told, then ``message_stop``; ``ping`` anywhere; errors
as ``error``; other events may be added.

Always true: a block that only this format knows is one ``PartStart``, when it is complete. A text that announces
citations is held until it is complete, because they are in its part and may come behind its words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from omniroute.formats.anthropic_messages.blocks_read import OWN, Block
from omniroute.formats.anthropic_messages.response import made_up_id, read_finish, read_part, read_word, write_finish
from omniroute.formats.anthropic_messages.usage import read_usage
from omniroute.formats.anthropic_messages.values import decode, rest
from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Opaque, Part, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.signatures import unpack
from omniroute.names import FailureKind

_MALFORMED = Fault(Complaint(message="a record of the stream is not a JSON object"), FailureKind.MALFORMED)
_CUT = Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT)
_STATED = frozenset({"type", "delta", "usage"})
_FINISH = frozenset({"stop_reason", "stop_sequence"})
_WORDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_TALKING = frozenset({"text", "thinking"})


class _Change(msgspec.Struct, gc=False):
    """The usual changes of a block."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Usual(msgspec.Struct, gc=False):
    """The usual record."""

    type: str = ""
    index: int = -1
    delta: _Change | None = None


_DECODER = msgspec.json.Decoder(_Usual)


class _Open:
    """A block that is not complete: its place among the parts, None while it is held, and what it is so far.

    ``arguments`` are those that a call began with: they count where no others come, which ``said`` says.
    """

    __slots__ = ("arguments", "at", "block", "json", "said")

    def __init__(self, block: Block) -> None:
        """Begin with what the block began with."""
        self.at: int | None = None
        self.block = block
        self.json: list[str] = []
        self.arguments = ""
        self.said = False


class MessagesReader:
    """Reads one stream; see ``codec.Reader``, whose every word holds here."""

    def __init__(self) -> None:
        """Begin before ``message_start``."""
        self._begun = False
        self._id: str | None = None
        self._open: dict[int, _Open] = {}
        self._next = 0
        self._usage: dict[str, Any] = {}
        self._finished: Finished | None = None
        self._takers: dict[str, Callable[[Mapping[str, Any]], list[Event]]] = {
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._stop,
        }

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record."""
        if not record.data:
            return ()
        try:
            usual = _DECODER.decode(record.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._take_other(record)
        change, opened = usual.delta, self._open.get(usual.index)
        if change is not None and opened is not None and opened.at is not None and change.type in _WORDS:
            text = change.text or change.thinking or change.partial_json
            if text:
                opened.said = True
                return (Delta(opened.at, text),)
        return self._take_other(record)

    def end(self) -> Sequence[Event]:
        """Take the end of input; an answer that said why it ended is complete."""
        return (_CUT,) if self._finished is None else self._stop({})

    def _take_other(self, record: Record) -> Sequence[Event]:
        """Read a record that is not a usual change of an open block."""
        value = decode(record.data)
        if not isinstance(value, dict):
            return (Fault(read_error(record.data)),) if record.event == b"error" else (_MALFORMED,)
        kind = read_word(value.get("type")) or record.event.decode("utf-8", "replace")
        if kind == "error" or record.event == b"error" or (value.get("error") and kind not in self._takers):
            return (Fault(read_error(record.data)),)
        if kind == "ping":
            return ()
        if kind == "message_start":
            return self._start(value)
        begun = () if self._begun else self._start({})
        take = self._takers.get(kind)
        return (*begun, *(take(value) if take else (Raw(OWN, value),)))

    def _start(self, value: Mapping[str, Any]) -> list[Event]:
        """Read ``message_start``."""
        if self._begun:
            return []
        self._begun = True
        message = _members(value.get("message"))
        self._id = read_word(message.get("id"))
        events: list[Event] = [Begin(self._id, read_word(message.get("model")))]
        events += self._spend(message.get("usage"))
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            events += self._block_start({"index": index, "content_block": block})
            events += self._block_stop({"index": index})
        return events

    def _block_start(self, value: Mapping[str, Any]) -> list[Event]:
        """Read ``content_block_start``."""
        block = value.get("content_block")
        events = self._block_stop(value)
        if isinstance(block, dict):
            opened = self._open[_index(value)] = _Open(block)
            part = self._read(block)
            if not isinstance(part, Opaque) and not _announces_citations(block):
                events += self._say(opened, part)
        return events

    def _read(self, block: Block) -> Part:
        """Read a block as it is so far."""
        return read_part(block, made_up_id(self._id, self._next))

    def _say(self, opened: _Open, part: Part) -> list[Event]:
        """Begin a part; what it says already follows, of a call at its end."""
        at = opened.at = self._next
        self._next += 1
        if isinstance(part, ToolCall):
            opened.arguments = part.arguments
            return [PartStart(at, msgspec.structs.replace(part, arguments=""))]
        if isinstance(part, Text | Thought) and part.text:
            return [PartStart(at, msgspec.structs.replace(part, text="")), Delta(at, part.text)]
        return [PartStart(at, part)]

    def _block_delta(self, value: Mapping[str, Any]) -> list[Event]:
        """Read a change that is not usual: of a held block, of an unannounced one, a signature, a citation."""
        index, delta = _index(value), _members(value.get("delta"))
        events: list[Event] = []
        opened = self._open.get(index)
        if opened is None:
            word = _WORDS.get(str(delta.get("type")))
            if word not in _TALKING:
                return [Raw(OWN, dict(value))]
            events = self._block_start({"index": index, "content_block": {"type": word, word: ""}})
            opened = self._open[index]
        if opened.at is None:
            _gather(opened, delta)
            return events
        return events + _changed(opened, opened.at, delta, value)

    def _block_stop(self, value: Mapping[str, Any]) -> list[Event]:
        """Read ``content_block_stop``."""
        opened = self._open.pop(_index(value), None)
        if opened is None:
            return []
        events: list[Event] = []
        at = opened.at
        if at is None:
            at = self._next
            _complete(opened)
            events = self._say(opened, self._read(opened.block))
        if opened.arguments and not opened.said:
            events.append(Delta(at, opened.arguments))
        return [*events, PartStop(at)]

    def _message_delta(self, value: Mapping[str, Any]) -> list[Event]:
        """Read ``message_delta``; what other formats do not know of it goes on raw."""
        delta = _members(value.get("delta"))
        events: list[Event] = []
        raw = rest(value, _STATED)
        more = rest(delta, _FINISH)
        reason, sequence = delta.get("stop_reason"), read_word(delta.get("stop_sequence"))
        finish = read_finish(reason)
        if finish is not None:
            self._finished = Finished(finish, sequence)
            if reason != write_finish(finish, sequence):
                more["stop_reason"] = reason
        if raw or more:
            events.append(Raw(OWN, {"type": "message_delta", **raw, "delta": more}))
        return events + self._spend(value.get("usage"))

    def _stop(self, _value: Mapping[str, Any]) -> list[Event]:
        """Read ``message_stop``: the answer is complete."""
        events: list[Event] = []
        for index in list(self._open):
            events += self._block_stop({"index": index})
        return [*events, self._finished or Finished(Finish.OTHER), End()]

    def _spend(self, usage: object) -> list[Event]:
        """Read usage: each number is all told, and one that is left out stands as it was."""
        self._usage |= rest(_members(usage), frozenset())
        spent = read_usage(self._usage) if usage else None
        return [] if spent is None else [Spent(spent)]


def _members(value: object) -> Mapping[str, Any]:
    """Give an object's members; of anything else, none."""
    return value if isinstance(value, Mapping) else {}


def _index(value: Mapping[str, Any]) -> int:
    """Read a block's index."""
    index = value.get("index")
    return index if isinstance(index, int) else 0


def _announces_citations(block: Block) -> bool:
    """Whether a block is a text that citations will come with."""
    return isinstance(block.get("citations"), list)


def _gather(opened: _Open, delta: Mapping[str, Any]) -> None:
    """Put a change onto a held block: more text of a member that it names, one more citation, more of its input."""
    for name, value in delta.items():
        if name == "partial_json":
            opened.json.append(str(value))
        elif name == "citation":
            before = opened.block.get("citations")
            opened.block["citations"] = [*(before if isinstance(before, list) else ()), value]
        elif name != "type" and value is not None:
            before = opened.block.get(name)
            both = isinstance(before, str) and isinstance(value, str)
            opened.block[name] = f"{before}{value}" if both else value


def _complete(opened: _Open) -> None:
    """Make a held block what it would have been in a whole answer."""
    value = decode("".join(opened.json)) if opened.json else None
    if value is not None:
        opened.block["input"] = value
    if opened.block.get("type") == "text":
        opened.block.setdefault("text", "")


def _changed(opened: _Open, at: int, delta: Mapping[str, Any], value: Mapping[str, Any]) -> list[Event]:
    """Read a change of a block whose part has begun."""
    kind = str(delta.get("type"))
    text = delta.get(_WORDS.get(kind, ""))
    if isinstance(text, str):
        opened.said = opened.said or bool(text)
        return [Delta(at, text)] if text else []
    signature = delta.get("signature")
    if isinstance(signature, str):
        return [Sign(at, unpack(signature, OWN))] if signature else []
    return [Raw(OWN, dict(value))]
