"""Follows a streamed Chat Completions answer while its bytes are passed on.

Source: OpenAI API reference, "The chat completion chunk object"
(https://platform.openai.com/docs/api-reference/chat/streaming): records of ``data: {chunk}``, of which the last, where
usage was asked for, has no choices; then ``data: [DONE]``. Errors come as a record with a top-level ``error``, in some
servers named ``event: error``.

Always true: records are passed on as they came or not at all. A record that cannot be read or that is an error is
not passed on, nor is anything behind it or behind ``[DONE]``.
"""

from typing import Any

import msgspec

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record, Splitter
from omniroute.formats.openai_chat.response import loads, read_usage
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

_DONE = b"[DONE]"
_ERROR = b"error"
_LAST_RECORD = b"data: [DONE]\n\n"
MALFORMED = "a record of the stream is not a JSON object"
CUT = "the stream ended before the answer was complete"


class _Choice(msgspec.Struct, gc=False):
    """What is read of a choice."""

    index: int | None = None
    finish_reason: str | None = None
    delta: dict[str, Any] | None = None


class _Chunk(msgspec.Struct, gc=False):
    """What is read of a record."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: str | None = None


_DECODER = msgspec.json.Decoder(_Chunk)


class ChatSplitter(Splitter):
    """Cuts a stream into records as any splitter of events does, but for what is left at the end of input."""

    def close(self) -> Record | None:
        """Give what no empty line had ended, where that is complete all the same."""
        last = super().close()
        return last if last is not None and _says(last) else None


class ChatWatch:
    """Follows one stream; see ``codec.Watch``, whose every word holds here.

    The answer is complete with ``[DONE]``, or where the stream ends and every choice seen has its finish reason: then
    the ``[DONE]`` that is missing is added, because clients wait for it.
    """

    def __init__(self, hide_usage: bool) -> None:  # noqa: FBT001 - the shape that codec.Codec gives it
        """Begin; ``hide_usage`` leaves out the record that has usage and no choices."""
        self.started = False
        self.done = False
        self.usage: Usage | None = None
        self.complaint: Complaint | None = None
        self.trouble: FailureKind | None = None
        self._hide_usage = hide_usage
        self._splitter = ChatSplitter()
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on: whole records only."""
        if self._ended():
            return b""
        passed: list[bytes] = []
        for record in self._splitter.feed(data):
            if self._take(record):
                passed.append(record.raw)
            if self._ended():
                return b"".join(passed)
        if self._splitter.too_long:
            self._fail(FailureKind.MALFORMED, "a record of the stream is longer than the gateway takes")
        return b"".join(passed)

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed.

        A record that lacks only its empty line is passed on with it; one that ends in the middle is dropped.
        """
        if self._ended():
            return b""
        last = self._splitter.close()
        passed = last.raw if last is not None and self._take(last) else b""
        if self._ended():
            return passed
        if self._finished and self._finished == self._seen:
            self.done = True
            return passed + _LAST_RECORD
        self._fail(FailureKind.CUT, CUT)
        return passed

    def _ended(self) -> bool:
        """Say whether nothing that comes can matter any more."""
        return self.done or self.complaint is not None

    def _fail(self, trouble: FailureKind, message: str) -> None:
        """Complain ourselves."""
        self.trouble = trouble
        self.complaint = Complaint(message=message)

    def _take(self, record: Record) -> bool:
        """Learn from a record; say whether it is passed on."""
        data = record.data
        if record.event == _ERROR:
            self.complaint = read_error(data)
            return False
        if not data:
            return True
        if data.startswith(_DONE):
            self.done = True
            return True
        chunk = _decode(data)
        if chunk is None:
            self._fail(FailureKind.MALFORMED, MALFORMED)
            return False
        if chunk.error or chunk.object == "error":
            self.complaint = read_error(data)
            return False
        return self._learn(chunk)

    def _learn(self, chunk: _Chunk) -> bool:
        """Learn from a chunk; say whether it is passed on."""
        for position, choice in enumerate(chunk.choices or ()):
            self._follow(position if choice.index is None else choice.index, choice)
        if chunk.usage is None:
            return True
        self.usage = read_usage(chunk.usage) or self.usage
        return bool(chunk.choices) or not self._hide_usage

    def _follow(self, index: int, choice: _Choice) -> None:
        """Learn whether a choice has begun to mean something, and whether it is finished."""
        self._seen.add(index)
        if choice.finish_reason:
            self._finished.add(index)
            self.started = True
        elif not self.started and choice.delta:
            self.started = any(value and name != "role" for name, value in choice.delta.items())


def _says(record: Record) -> bool:
    """Say whether a record without its empty line is complete all the same."""
    if record.event == _ERROR:
        return bool(record.data)
    return record.data.startswith(_DONE) or isinstance(loads(record.data), dict)


def _decode(data: bytes) -> _Chunk | None:
    """Read a record's data; members of a kind that is not documented count as absent, not as malformed."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = loads(data)
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    return _Chunk(
        choices=[_choice(each) for each in choices if isinstance(each, dict)] if isinstance(choices, list) else None,
        usage=value.get("usage"),
        error=value.get("error"),
        object=_text(value.get("object")),
    )


def _choice(value: dict[str, Any]) -> _Choice:
    """Read a choice whose members are of unexpected kinds."""
    index, reason, delta = value.get("index"), value.get("finish_reason"), value.get("delta")
    return _Choice(
        index=index if isinstance(index, int) else None,
        finish_reason=str(reason) if reason else None,
        delta=delta if isinstance(delta, dict) else None,
    )


def _text(value: object) -> str | None:
    """Give a string; of anything else, nothing."""
    return value if isinstance(value, str) else None
