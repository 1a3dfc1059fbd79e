"""Reads a Responses request into the IR.

Source: OpenAI API reference, "Create a model response" (https://platform.openai.com/docs/api-reference/responses/create).

Always true: items stay in their order. What the model said in one turn, which are items next to each other, is one
message of the IR, which holds at most one message item; the members of that item are the message's extras.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.openai_responses.content import INPUT, OUTPUT, read_content
from omniroute.formats.openai_responses.items import read_turn_item
from omniroute.formats.openai_responses.settings import (
    read_end_user,
    read_output,
    read_sampling,
    read_thinking,
    restate,
    state_pins,
)
from omniroute.formats.openai_responses.tools import read_choice, read_tools, tool_pins
from omniroute.formats.openai_responses.wire import OWN, keep, loads, text, with_extra
from omniroute.ir.parts import Document, Extras, FileRef, Image, Opaque, Part, Text, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Pin, Role

_RESULTS = {"function_call_output": False, "custom_tool_call_output": True}
_ANSWERING = ("_output", "_response")
"""How the types of items end that answer what the model asked for."""
_FILE = Pin("file_id", "the file is kept on the provider's server")
_REFERENCE = Pin("item_reference", "the item is kept on the provider's server")


def read_request(asked: Asked) -> GenerateRequest:
    """Read a request.

    Raises:
        Malformed: something in it cannot be understood.
    """
    body = loads(asked.body)
    if not isinstance(body, dict):
        raise Malformed("the request body is not a JSON object, or is nested too deeply")
    left = {name: value for name, value in body.items() if value is not None}
    for name in ("model", "stream"):
        left.pop(name, None)
    messages = read_input(left.pop("input", None))
    tools, choice = read_tools(left.pop("tools", None)), read_choice(left.pop("tool_choice", None))
    pins = dict.fromkeys((*state_pins(left), *_content_pins(messages), *tool_pins(tools, choice)))
    restate(left)
    return GenerateRequest(
        format=OWN,
        model=asked.model,
        messages=messages,
        system=_instructions(left.pop("instructions", None)),
        tools=tools,
        tool_choice=choice,
        parallel_tools=_take(left, "parallel_tool_calls", bool),
        sampling=read_sampling(left),
        output=read_output(left),
        thinking=read_thinking(left),
        max_output=_take(left, "max_output_tokens", int),
        stream=asked.stream,
        end_user=read_end_user(left),
        pins=tuple(pins),
        extras=left or None,
    )


def _take(left: dict[str, Any], name: str, kind: type) -> Any:
    """Take out a member of exactly this kind; of another kind it stays where it is."""
    return left.pop(name) if type(left.get(name)) is kind else None


def _instructions(value: Any) -> tuple[Part, ...]:
    """Read ``instructions``."""
    if value is None:
        return ()
    if not isinstance(value, str):
        raise Malformed('"instructions" must be a string', "instructions")
    return (Text(value),)


def read_input(value: Any) -> tuple[Message, ...]:
    """Read ``input``: a string, which a user says, or items.

    Raises:
        Malformed: it is neither, or an item is not one.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (Message(Role.USER, (Text(value),)),)
    if not isinstance(value, list):
        raise Malformed('"input" must be a string or an array of items', "input")
    turns = _Turns()
    for position, item in enumerate(value):
        if not isinstance(item, dict):
            raise Malformed(f"input[{position}] must be an object", "input")
        turns.take(item, position)
    return turns.done()


class _Turns:
    """Puts items together into messages."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._messages: list[Message] = []
        self._parts: list[Part] = []
        self._extras: Extras | None = None
        self._spoken = False

    def done(self) -> tuple[Message, ...]:
        """Give the messages."""
        self._close()
        return tuple(self._messages)

    def take(self, item: Mapping[str, Any], position: int) -> None:
        """Take the next item."""
        kind = text(item.get("type"))
        if kind == "message" or (kind is None and "role" in item):
            self._message(item, position)
        elif kind in _RESULTS:
            self._say(Role.USER, (_result(item, position),))
        else:
            part = read_turn_item(item, f"call_{position}", from_client=True)
            role = _role(item) if isinstance(part, Opaque) else Role.ASSISTANT
            if role is Role.ASSISTANT:
                self._parts.append(part)
            else:
                self._say(role, (part,))

    def _message(self, item: Mapping[str, Any], position: int) -> None:
        """Take a message item."""
        try:
            role = Role(item.get("role"))  # type: ignore[arg-type]  # whatever is no role raises
        except ValueError:
            raise Malformed(f"input[{position}].role must be user, assistant, system or developer", "input") from None
        extras: Extras | None = keep(item, ("type", "role", "content"))
        if "type" in item:
            extras = with_extra(extras, "=type", "message")
        parts = _content(item.get("content"), f"input[{position}].content", OUTPUT if role is Role.ASSISTANT else INPUT)
        if role is not Role.ASSISTANT or not parts:
            self._say(role, parts, extras)
            return
        if self._spoken:
            self._close()
        self._spoken, self._extras = True, extras
        self._parts.extend(parts)

    def _say(self, role: Role, parts: tuple[Part, ...], extras: Extras | None = None) -> None:
        """Add a message of its own."""
        self._close()
        self._messages.append(Message(role, parts, extras))

    def _close(self) -> None:
        """End the model's turn."""
        if self._parts:
            self._messages.append(Message(Role.ASSISTANT, tuple(self._parts), self._extras))
        self._parts, self._extras, self._spoken = [], None, False


def _content(value: Any, path: str, default: str) -> tuple[Part, ...]:
    """Read a message's content, or a tool's output: a string or an array of parts."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Text(value),)
    if not isinstance(value, list):
        raise Malformed(f"{path} must be a string or an array of parts", "input")
    return tuple(read_content(part, default) for part in value if part is not None)


def _result(item: Mapping[str, Any], position: int) -> ToolResult:
    """Read what a tool answered."""
    return ToolResult(
        id=text(item.get("call_id")) or text(item.get("id")) or f"call_{position}",
        parts=_content(item.get("output"), f"input[{position}].output", INPUT),
        name=text(item.get("name")),
        custom=_RESULTS[item["type"]],
        extras=keep(item, ("type", "call_id", "output", "name")),
    )


def _role(item: Mapping[str, Any]) -> Role:
    """Say in whose turn an item stands that is not understood: where it names no role, by what it answers."""
    if text(item.get("role")) in set(Role):
        return Role(item["role"])
    return Role.USER if str(item.get("type")).endswith(_ANSWERING) else Role.ASSISTANT


def _content_pins(messages: Iterable[Message]) -> Iterable[Pin]:
    """Give the pins of what is said: files and items that only the provider has."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, Opaque) and part.json.get("type", "item_reference") == "item_reference":
                if "=part" not in part.json:
                    yield _REFERENCE
            elif any(_is_file(inner) for inner in (part, *(part.parts if isinstance(part, ToolResult) else ()))):
                yield _FILE


def _is_file(part: Part) -> bool:
    """Say whether a part is a file that the provider has."""
    if not isinstance(part, Image | Document):
        return False
    return isinstance(part.source, FileRef) or "file_id" in (part.extras or {})
