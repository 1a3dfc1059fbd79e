"""The echo in openai-responses, with its token counter. What a request asks to be kept or run is ignored.

Source: https://platform.openai.com/docs/api-reference/responses.
"""

from collections.abc import Iterator
from typing import Any

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
    record,
    whole,
)
from omniroute.upstream.echoes.openai_chat import refused

_TEXTS = frozenset({"input_text", "output_text", "text"})

# literal table: settings that an answer repeats, each with the documented default
_SETTINGS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}


class _Part(Part):
    def words(self) -> str:
        return self.text if self.type in _TEXTS else f"[{self.type}]"


class _Item(msgspec.Struct):
    """A message, what a tool gave, or anything else."""

    type: str = "message"
    role: str | None = None
    content: str | list[_Part] | None = None
    output: Any = None

    def turn(self) -> Turn:
        if self.role is not None:
            text = _joined(self.content)
            return Turn(text, text if self.role == "user" else None)
        return Turn(self.output if isinstance(self.output, str) else f"[{self.type}]")


class _Response(msgspec.Struct):
    model: str
    input: str | list[_Item] = ""
    instructions: str | None = None
    stream: bool | None = False
    max_output_tokens: Limit | None = None

    def turns(self) -> list[Turn]:
        system = [Turn(self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*system, Turn(self.input, self.input)]
        return system + [item.turn() for item in self.input]


def response(call: Call) -> Played:
    """Answer ``/responses``, whole or as a stream."""
    try:
        asked = msgspec.json.decode(call.body, type=_Response)
        settings: dict[str, Any] = msgspec.json.decode(call.body)
    except UNREADABLE as error:
        return refused(error)
    said = echo(asked.turns(), asked.max_output_tokens)
    given = {name: settings[name] for name in _SETTINGS if settings.get(name) is not None}
    base = {
        "id": f"resp_echo_{call.number}",
        "object": "response",
        "created_at": call.now,
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        **_SETTINGS,
        **given,
    }
    item = f"msg_echo_{call.number}"
    if asked.stream:
        return Played(200, EVENTS, _stream(said, base, item))
    return whole(_ended(said, base, item))


def input_tokens(call: Call) -> Played:
    """Answer ``/responses/input_tokens``."""
    try:
        asked = msgspec.json.decode(call.body, type=_Response)
    except UNREADABLE as error:
        return refused(error)
    return whole({"object": "response.input_tokens", "input_tokens": count(asked.turns())})


def _joined(content: str | list[_Part] | None) -> str:
    return content if isinstance(content, str) else " ".join(part.words() for part in content or ())


def _ended(said: Said, base: dict[str, Any], item: str) -> dict[str, Any]:
    """Write the whole answer."""
    usage = {
        "input_tokens": said.read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said.written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.read + said.written,
    }
    details = {"reason": "max_output_tokens"} if said.cut else None
    output = [_message(said, item)]
    return {**base, "status": _status(said), "incomplete_details": details, "output": output, "usage": usage}


def _message(said: Said, item: str) -> dict[str, Any]:
    return {
        "id": item,
        "type": "message",
        "role": "assistant",
        "status": _status(said),
        "content": [_part(said.text)],
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _status(said: Said) -> str:
    return "incomplete" if said.cut else "completed"


def _stream(said: Said, base: dict[str, Any], item: str) -> Iterator[bytes]:
    """Give the records of https://platform.openai.com/docs/api-reference/responses-streaming, one at a time."""
    for number, (kind, more) in enumerate(_events(said, base, item)):
        yield record({"type": f"response.{kind}", "sequence_number": number, **more}, named=True)


def _events(said: Said, base: dict[str, Any], item: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each event's kind, and what it holds beside its number."""
    begun = {"response": {**base, "status": "in_progress", "output": [], "usage": None}}
    place: dict[str, Any] = {"item_id": item, "output_index": 0, "content_index": 0}
    message = {"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    yield "created", begun
    yield "in_progress", begun
    yield "output_item.added", {"output_index": 0, "item": message}
    yield "content_part.added", {**place, "part": _part("")}
    for word in said.words:
        yield "output_text.delta", {**place, "delta": word, "logprobs": []}
    yield "output_text.done", {**place, "text": said.text, "logprobs": []}
    yield "content_part.done", {**place, "part": _part(said.text)}
    yield "output_item.done", {"output_index": 0, "item": _message(said, item)}
    yield _status(said), {"response": _ended(said, base, item)}
