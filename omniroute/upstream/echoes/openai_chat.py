"""The echo in openai-chat.

Source: https://platform.openai.com/docs/api-reference/chat.
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
    echo,
    joined,
    record,
    whole,
)

DONE = b"data: [DONE]\n\n"


class StreamOptions(msgspec.Struct):
    """What a client wants of a stream."""

    include_usage: bool | None = False


class _Message(msgspec.Struct):
    role: str
    content: str | list[Part] | None = None

    def turn(self) -> Turn:
        text = joined(self.content)
        return Turn(text, text if self.role == "user" else None)


class _Chat(msgspec.Struct):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None


def chat(call: Call) -> Played:
    """Answer ``/chat/completions``, whole or as a stream."""
    try:
        asked = msgspec.json.decode(call.body, type=_Chat)
    except UNREADABLE as error:
        return refused(error)
    said = echo([message.turn() for message in asked.messages], asked.max_tokens, asked.max_completion_tokens)
    base = {"id": f"chatcmpl-echo-{call.number}", "created": call.now, "model": asked.model}
    if asked.stream:
        return Played(200, EVENTS, _stream(said, base, tells_usage=wants_usage(asked.stream_options)))
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(said)}
    return whole({**base, "object": "chat.completion", "choices": [choice], "usage": usage(said)})


def finish(said: Said) -> str:
    """Say why the answer ended."""
    return "length" if said.cut else "stop"


def usage(*answers: Said) -> dict[str, int]:
    """Write the account of the answers to one request."""
    read, written = sum(said.read for said in answers), sum(said.written for said in answers)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def wants_usage(options: StreamOptions | None) -> bool:
    """Whether a stream is to end with its usage."""
    return options is not None and bool(options.include_usage)


def refused(reason: object) -> Played:
    """Refuse a request that cannot be read."""
    return error(400, f"The echo cannot read this request: {reason}")


def error(status: int, message: str) -> Played:
    """Answer in the shape of https://platform.openai.com/docs/guides/error-codes."""
    said = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return whole({"error": said}, status)


def no_such_path(_: Call) -> Played:
    """Answer a request that the echo has no format for."""
    return error(404, "The echo does not answer at this path.")


def _stream(said: Said, base: dict[str, Any], *, tells_usage: bool) -> Iterator[bytes]:
    """Give the records of https://platform.openai.com/docs/api-reference/chat-streaming/streaming, one at a time."""
    base = {**base, "object": "chat.completion.chunk"}
    unused = {"usage": None} if tells_usage else {}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return record({**base, "choices": [choice], **unused})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for word in said.words:
        yield chunk({"content": word})
    yield chunk({}, finish(said))
    if tells_usage:
        yield record({**base, "choices": [], "usage": usage(said)})
    yield DONE
