"""The echo in anthropic-messages, with its token counter.

Source: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-count-tokens.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from omniroute.upstream.echoes.core import (
    EVENTS,
    UNREADABLE,
    Call,
    Limit,
    Part,
    Played,
    Said,
    Turn,
    count,
    echo,
    joined,
    record,
    whole,
)

_RESULT = "tool_result"


class _Part(Part):
    content: Any = None

    def words(self) -> str:
        """Give what a tool gave too."""
        return _told(self.content) if self.type == _RESULT else super().words()


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part]

    def turn(self) -> Turn:
        return Turn(joined(self.content), self._said() if self.role == "user" else None)

    def _said(self) -> str | None:
        """Give what a user says, which what a tool gave is not."""
        if isinstance(self.content, str):
            return self.content
        said = [part for part in self.content if part.type != _RESULT]
        return joined(said) if said or not self.content else None


class _Counted(msgspec.Struct):
    """What can be counted."""

    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    system: str | list[Part] | None = None

    def turns(self) -> list[Turn]:
        return [Turn(joined(self.system)), *(message.turn() for message in self.messages)]


class _Asked(_Counted, kw_only=True):
    max_tokens: Limit
    stream: bool | None = False


def messages(call: Call) -> Played:
    """Answer ``/v1/messages``, whole or as a stream."""
    try:
        asked = msgspec.json.decode(call.body, type=_Asked)
    except UNREADABLE as error:
        return _refused(error)
    said = echo(asked.turns(), asked.max_tokens)
    base = {"id": f"msg_echo_{call.number}", "type": "message", "role": "assistant", "model": asked.model}
    if asked.stream:
        return Played(200, EVENTS, _stream(said, base))
    return whole({**base, "content": [{"type": "text", "text": said.text}], **_end(said), "usage": _usage(said)})


def count_tokens(call: Call) -> Played:
    """Answer ``/v1/messages/count_tokens``."""
    try:
        asked = msgspec.json.decode(call.body, type=_Counted)
    except UNREADABLE as error:
        return _refused(error)
    return whole({"input_tokens": count(asked.turns())})


def _told(content: object) -> str:
    """Give what a tool gave: text, or parts."""
    try:
        return joined(msgspec.convert(content, type=str | list[Part] | None))
    except msgspec.ValidationError:
        return f"[{_RESULT}]"


def _end(said: Said) -> dict[str, Any]:
    return {"stop_reason": "max_tokens" if said.cut else "end_turn", "stop_sequence": None}


def _usage(said: Said) -> dict[str, int]:
    return {
        "input_tokens": said.read,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": said.written,
    }


def _stream(said: Said, base: dict[str, Any]) -> Iterator[bytes]:
    """Give the records of https://docs.anthropic.com/en/docs/build-with-claude/streaming, one at a time."""
    for kind, more in _events(said, base):
        yield record({"type": kind, **more}, named=True)


def _events(said: Said, base: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    nothing = {"stop_reason": None, "stop_sequence": None, "usage": {**_usage(said), "output_tokens": 0}}
    yield "message_start", {"message": {**base, "content": [], **nothing}}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield "ping", {}
    for word in said.words:
        yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {"delta": _end(said), "usage": _usage(said)}
    yield "message_stop", {}


def _refused(reason: object) -> Played:
    """Answer in the shape of https://docs.anthropic.com/en/api/errors."""
    message = f"The echo cannot read this request: {reason}"
    return whole({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400)
