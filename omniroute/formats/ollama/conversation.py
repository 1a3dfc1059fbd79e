"""Reads the messages of a request.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat): a message has one string,
``content``, and beside it ``images`` (base64), ``thinking`` and ``tool_calls``. Ids of calls came with version 0.12.10;
without them a result tells its call by ``tool_name`` and by its order.

Always true: every call has an id, unique in the conversation, and every result the id of a call where one waits for it.
An id that was made up is marked by an empty ``=id`` (``=tool_call_id``), and is not written back.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.jsontext import dumps
from omniroute.formats.ollama.media import media_type
from omniroute.ir.parts import Extras, Image, Inline, Part, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import Message, Pin, Role

# literal tables
_ROLES = {each.value: each for each in Role}
_SAID = frozenset({"role", "content", "images", "thinking", "tool_calls"})
_TOLD = frozenset({"role", "content", "images", "tool_name", "tool_call_id"})


def read_messages(messages: Sequence[object]) -> tuple[tuple[Message, ...], tuple[Pin, ...]]:
    """Read a conversation, and what in it only servers of this format know.

    Raises:
        Malformed: a message cannot be understood.
    """
    conversation = _Conversation(messages)
    read = tuple(conversation.message(message, f"messages[{place}]") for place, message in enumerate(messages))
    return read, tuple(conversation.pins)


class _Conversation:
    """What was read of a conversation: its calls, and those that wait for their results."""

    def __init__(self, messages: Sequence[object]) -> None:
        """Begin before the first message; ids that are given are not to be made up."""
        self.pins: list[Pin] = []
        self._ids = {call["id"] for message in messages for call in _calls(message)}
        self._waiting: list[tuple[str, str]] = []
        self._made = 0

    def message(self, message: object, path: str) -> Message:
        """Read one message."""
        if not isinstance(message, dict):
            raise Malformed(f'"{path}" must be an object', path)
        word = message.get("role")
        if not isinstance(word, str):
            raise Malformed(f'"{path}.role" must be a string', f"{path}.role")
        if word == "tool":
            return Message(Role.USER, (self._result(message, path),), _others(message, _TOLD))
        parts = (*_thought(message, path), *_shown(message, path), *self._called(message, path))
        extras = dict(_others(message, _SAID) or {})
        role = _ROLES.get(word)
        if role is None:
            extras["=role"] = word
            self.pins.append(Pin(f"role: {word}", "only some of its models know this role"))
        return Message(role or Role.SYSTEM, parts, extras or None)

    def _called(self, message: Mapping[str, Any], path: str) -> list[ToolCall]:
        """Read the calls of a message."""
        calls = message.get("tool_calls")
        if calls is not None and not isinstance(calls, list):
            raise Malformed(f'"{path}.tool_calls" must be an array', f"{path}.tool_calls")
        return [self._call(call, f"{path}.tool_calls[{place}]") for place, call in enumerate(calls or ())]

    def _call(self, call: object, path: str) -> ToolCall:
        """Read a call."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Malformed(f'"{path}" must be an object with a "function" that has a "name"', path)
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, dict):
            raise Malformed(f'"{path}.function.arguments" must be an object', f"{path}.function.arguments")
        given = _string(call, "id", path)
        read = ToolCall(
            id=given or self._make_up(),
            name=function["name"],
            arguments="" if arguments is None else dumps(arguments).decode(),
            extras=call_extras(call, function, made=not given),
        )
        self._waiting.append((read.id, read.name))
        return read

    def _make_up(self) -> str:
        """Make up an id."""
        while (made := f"call_{self._made}") in self._ids:
            self._made += 1
        self._ids.add(made)
        return made

    def _result(self, message: Mapping[str, Any], path: str) -> ToolResult:
        """Read a tool's answer."""
        name = _string(message, "tool_name", path)
        given = _string(message, "tool_call_id", path)
        return ToolResult(
            id=self._answered(given, name),
            parts=tuple(_shown(message, path)),
            name=name or None,
            extras=None if given else {"=tool_call_id": ""},
        )

    def _answered(self, given: str, name: str) -> str:
        """Find the call that a result belongs to: by its id, else the first that waits, of the same tool if any."""
        found = [call for call in self._waiting if call[0] == given or (not given and call[1] == name)]
        if not found and not given:
            found = self._waiting[:1]
        if found:
            self._waiting.remove(found[0])
            return found[0][0]
        return given or self._make_up()


def call_extras(call: Mapping[str, Any], function: Mapping[str, Any], *, made: bool) -> Extras | None:
    """Give what of a call is not modelled; ``made`` says that its id was made up.

    What says again what it is (``type``) or where it stands (``index``) is no loss for another format.
    """
    extras: dict[str, Any] = {"=id": ""} if made else {}
    for name, value in call.items():
        if name not in {"id", "function"} and value is not None:
            extras["=type" if name == "type" else name] = value
    for name, value in function.items():
        if name not in {"name", "arguments"} and value is not None:
            extras["=function.index" if name == "index" else f"function.{name}"] = value
    return extras or None


def _calls(message: object) -> Iterator[Mapping[str, Any]]:
    """Give the calls of a message that have an id."""
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            yield call


def _others(message: Mapping[str, Any], known: frozenset[str]) -> Extras | None:
    """Give the members that are not modelled."""
    return {name: value for name, value in message.items() if name not in known and value is not None} or None


def _thought(message: Mapping[str, Any], path: str) -> list[Part]:
    """Read what was thought."""
    thinking = _string(message, "thinking", path)
    return [Thought(thinking)] if thinking else []


def _shown(message: Mapping[str, Any], path: str) -> list[Part]:
    """Read images and words; a model sees the images first (Ollama puts them before the message's words)."""
    images = message.get("images")
    if images is None:
        images = []
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        raise Malformed(f'"{path}.images" must be an array of base64 strings', f"{path}.images")
    parts: list[Part] = [Image(Inline(media_type(each), each)) for each in images]
    content = _string(message, "content", path)
    return [*parts, Text(content)] if content else parts


def _string(message: Mapping[str, Any], name: str, path: str) -> str:
    """Read a string; nothing and null are an empty one."""
    value = message.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f'"{path}.{name}" must be a string', f"{path}.{name}")
    return value
