"""Reads one record of a streamed answer.

Source: OpenAI API reference, "The chat completion chunk object"
(https://platform.openai.com/docs/api-reference/chat/streaming).

Always true: members of a kind that is not documented count as absent, not as malformed; reading never raises.
"""

from typing import Any

import msgspec

from omniroute.formats.jsontext import loads
from omniroute.formats.openai_chat.assistant import read_call
from omniroute.formats.openai_chat.content import read_content
from omniroute.formats.openai_chat.members import text
from omniroute.ir.parts import Text, Thought


class Function(msgspec.Struct, gc=False):
    """What is read of a function that is called."""

    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct, gc=False):
    """What is read of a tool for free text that is called."""

    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct, gc=False):
    """What is read of a call."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None


class Delta(msgspec.Struct, gc=False):
    """What is read of a choice's delta."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    images: Any = None
    annotations: Any = None
    audio: Any = None
    extra_content: Any = None


class Choice(msgspec.Struct, gc=False):
    """What is read of a choice."""

    index: int | None = None
    finish_reason: str | None = None
    delta: Delta | None = None
    logprobs: Any = None
    stop_reason: Any = None


class Chunk(msgspec.Struct, gc=False):
    """What is read of a record."""

    choices: list[Choice] | None = None
    usage: Any = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    error: Any = None
    object: str | None = None


_DECODE = msgspec.json.Decoder(Chunk).decode
_TEXTS = ("reasoning_content", "reasoning", "refusal")
_ANY = ("images", "annotations", "audio", "extra_content")


def read_chunk(data: bytes) -> Chunk | None:
    """Read a record's data; None where it is no JSON object."""
    try:
        return _DECODE(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = loads(data)
    if not isinstance(value, dict):
        return None
    choices, created = value.get("choices"), value.get("created")
    return Chunk(
        choices=[_choice(each) for each in choices if isinstance(each, dict)] if isinstance(choices, list) else None,
        usage=value.get("usage"),
        id=text(value.get("id")),
        model=text(value.get("model")),
        created=int(created) if isinstance(created, int | float) and abs(created) < 2**53 else None,
        error=value.get("error"),
        object=text(value.get("object")),
    )


def _choice(value: dict[str, Any]) -> Choice:
    """Read a choice whose members are of unexpected kinds."""
    index, reason, delta = value.get("index"), value.get("finish_reason"), value.get("delta")
    return Choice(
        index=index if isinstance(index, int) else None,
        finish_reason=str(reason) if reason else None,
        delta=_delta(delta) if isinstance(delta, dict) else None,
        logprobs=value.get("logprobs"),
        stop_reason=value.get("stop_reason"),
    )


def _delta(value: dict[str, Any]) -> Delta:
    """Read a delta whose members are of unexpected kinds, such as content in parts."""
    parts = read_content(value.get("content"))
    calls, call = value.get("tool_calls"), value.get("function_call")
    delta = Delta()
    for name in _TEXTS:
        setattr(delta, name, text(value.get(name)))
    for name in _ANY:
        setattr(delta, name, value.get(name))
    delta.content = "".join(part.text for part in parts if isinstance(part, Text)) or None
    thoughts = "".join(part.text for part in parts if isinstance(part, Thought))
    delta.reasoning_content = thoughts or delta.reasoning_content
    if isinstance(calls, list):
        delta.tool_calls = [_call(each) for each in calls if isinstance(each, dict)]
    if isinstance(call, dict):
        delta.function_call = _call({"function": call}).function
    return delta


def _call(value: dict[str, Any]) -> Call:
    """Read a call whose members are of unexpected kinds, such as arguments that are no text."""
    try:
        return msgspec.convert(value, Call)
    except msgspec.ValidationError:
        pass
    index, call = value.get("index"), read_call(value, "")
    found = Call(index=index if isinstance(index, int) else None, id=text(value.get("id")))
    if call is not None and call.custom:
        found.custom = Custom(call.name, call.arguments)
    elif call is not None:
        found.function = Function(call.name, call.arguments)
    return found
