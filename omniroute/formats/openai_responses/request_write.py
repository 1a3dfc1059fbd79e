"""Writes a request of any format as a Responses request.

Source: OpenAI API reference, "Create a model response" (https://platform.openai.com/docs/api-reference/responses/create).

Always true: of a request of another format nothing is stored by the provider. Instructions that open the conversation
are ``instructions`` where they are one text, and else a system message, which holds the parts apart.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.formats.codec import Rendered, Terms
from omniroute.formats.openai_responses.content import INPUT, OUTPUT, opaque_part, plain_or_list, write_content
from omniroute.formats.openai_responses.items import call_item, own_item, request_thought
from omniroute.formats.openai_responses.settings import stateless, write_settings
from omniroute.formats.openai_responses.tools import write_choice, write_tools
from omniroute.formats.openai_responses.wire import Saying
from omniroute.ir.parts import Opaque, Part, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role, leading_system

_OUTPUTS = {False: "function_call_output", True: "custom_tool_call_output"}


def render_request(request: GenerateRequest) -> Rendered:
    """Write a request, without the model's name."""
    say = Saying(request.format)
    body = settings(request, say)
    messages = request.messages
    items: list[dict[str, Any]] = []
    if not say.own:
        system, messages = leading_system(request)
        body |= _instructions(system, items, say)
        stateless(body, thinks=request.thinking is not None)
    skipped = len(request.messages) - len(messages)
    for position, message in enumerate(messages, skipped):
        _Turn(message, f"messages[{position}]", say).write(items)
    if items or request.messages or not say.own:
        body["input"] = items
    return Rendered(body, tuple(say.losses))


def settings(request: GenerateRequest, say: Saying) -> dict[str, Any]:
    """Write everything of a request but what is said and, for other formats, its instructions."""
    body = write_settings(request, say)
    if request.tools:
        body["tools"] = write_tools(request, say)
    if request.tool_choice is not None:
        body["tool_choice"] = write_choice(request.tool_choice, say)
    if say.own and request.system:
        body["instructions"] = _joined(request.system)
    return body


def dress(body: Mapping[str, Any], terms: Terms) -> bytes:
    """Write the body that is sent."""
    return msgspec.json.encode({"model": terms.model, **body})


def _joined(parts: tuple[Part, ...]) -> str:
    """Give the words of instructions as one text."""
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))


def _instructions(system: tuple[Part, ...], items: list[dict[str, Any]], say: Saying) -> dict[str, Any]:
    """Write the instructions of another format: as ``instructions``, or as the first of the items."""
    if not system:
        return {}
    written = [
        part
        for position, each in enumerate(system)
        if (part := write_content(each, f"system[{position}]", say, INPUT)) is not None
    ]
    plain = plain_or_list(written, INPUT)
    if isinstance(plain, str):
        return {"instructions": plain}
    if written:
        items.append({"type": "message", "role": "system", "content": written})
    return {}


class _Turn:
    """Writes one message as items."""

    def __init__(self, message: Message, path: str, say: Saying) -> None:
        """Take the message; ``path`` is where it stands in the IR."""
        self._message = message
        self._path = path
        self._say = say
        self._default = OUTPUT if message.role is Role.ASSISTANT else INPUT
        self._extras = say.extras(message.extras, path)

    def write(self, items: list[dict[str, Any]]) -> None:
        """Write it; content parts next to each other are one message item."""
        run: list[dict[str, Any]] = []
        for position, part in enumerate(self._message.parts):
            path = f"{self._path}.parts[{position}]"
            if isinstance(part, ToolCall | ToolResult | Thought) or (isinstance(part, Opaque) and _is_item(part)):
                self._flush(run, items)
                run = []
                item = self._item(part, path)
                if item is not None:
                    items.append(item)
            elif (written := write_content(part, path, self._say, self._default)) is not None:
                run.append(written)
        self._flush(run, items, empty=not self._message.parts)

    def _flush(self, run: list[dict[str, Any]], items: list[dict[str, Any]], *, empty: bool = False) -> None:
        """Write a message item of what has gathered; the first has the members that the client's had."""
        if not run and not empty:
            return
        content = plain_or_list(run, self._default)
        item: dict[str, Any] = {"role": self._message.role.value, "content": content}
        if not isinstance(content, str) and not self._say.own:
            item["type"] = "message"
        items.append(item | self._extras)
        self._extras = {}

    def _item(self, part: Part, path: str) -> dict[str, Any] | None:
        """Write a part that is an item of its own."""
        match part:
            case ToolCall():
                self._say.drop_cache(part.cache, path)
                if part.signature is not None:
                    self._say.drop(f"{path}.signature")
                return call_item(part, self._say.extras(part.extras, path))
            case ToolResult():
                return self._result(part, path)
            case Thought():
                return request_thought(part, path, self._say)
            case _:
                return own_item(part)

    def _result(self, result: ToolResult, path: str) -> dict[str, Any]:
        """Write what a tool answered."""
        self._say.drop_cache(result.cache, path)
        if result.is_error:
            self._say.drop(f"{path}.is_error", "the Responses format has no flag for it; what the tool said stands")
        parts = [
            written
            for position, part in enumerate(result.parts)
            if (written := write_content(part, f"{path}.parts[{position}]", self._say, INPUT)) is not None
        ]
        output = plain_or_list(parts, INPUT) if parts or self._say.own else ""
        item = {"type": _OUTPUTS[result.custom], "call_id": result.id, "output": output}
        if result.name is not None and self._say.own:
            item["name"] = result.name
        return item | self._say.extras(result.extras, path)


def _is_item(part: Opaque) -> bool:
    """Say whether this is an item of this format, and not a part of a message."""
    return own_item(part) is not None and opaque_part(part) is None
