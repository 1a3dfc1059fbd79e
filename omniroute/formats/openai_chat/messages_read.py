"""Reads a conversation.

Source: OpenAI API reference, "Create chat completion", ``messages``
(https://platform.openai.com/docs/api-reference/chat/create).
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.openai_chat.assistant import read_assistant, read_call
from omniroute.formats.openai_chat.content import OWN, read_cache, read_content
from omniroute.formats.openai_chat.members import rest, text
from omniroute.ir.parts import Document, FileRef, Opaque, ToolCall, ToolResult
from omniroute.ir.request import Message, Pin, Role

# literal table
_ROLES = {"system": Role.SYSTEM, "developer": Role.DEVELOPER, "user": Role.USER}
_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


class Messages:
    """Reads one message after the other; ``pins`` are what only this format can do of what they hold."""

    def __init__(self) -> None:
        """Begin before the first."""
        self.read: list[Message] = []
        self.pins: list[Pin] = []
        self._custom: set[str] = set()

    def add(self, message: object) -> None:
        """Read the next message.

        Raises:
            Malformed: it is not understood.
        """
        place = f"messages[{len(self.read)}]"
        if not isinstance(message, dict):
            raise Malformed(f'"{place}" must be an object, and is {_kind(message)}', place)
        content = message.get("content")
        if not isinstance(content, str | list | None):
            name = f"{place}.content"
            raise Malformed(f'"{name}" must be a string or an array of parts, and is {_kind(content)}', name)
        role = message.get("role")
        if role == "assistant":
            self.read.append(self._assistant(message, place))
        elif role == "tool":
            self.read.append(self._result(message, place))
        elif role == "function":
            self._pin("function messages", "their calls have no ids, which every other format needs")
            self.read.append(Message(Role.USER, (Opaque(OWN, dict(message)),), {"=role": "function"}))
        elif isinstance(role, str) and role in _ROLES:
            self.read.append(self._plain(message, _ROLES[role]))
        else:
            known = "system, developer, user, assistant, tool or function"
            raise Malformed(f'"{place}.role" must be {known}', f"{place}.role")

    def _plain(self, message: Mapping[str, Any], role: Role) -> Message:
        """Read what a user or an operator says."""
        parts = tuple(read_content(message.get("content")))
        for part in parts:
            if isinstance(part, Document) and isinstance(part.source, FileRef):
                self._pin("file_id", "the file was uploaded to the provider")
        return Message(role, parts, rest(message, "role", "content") or None)

    def _assistant(self, message: Mapping[str, Any], place: str) -> Message:
        """Read what the assistant said before."""
        calls = message.get("tool_calls")
        if not isinstance(calls, list | None):
            name = f"{place}.tool_calls"
            raise Malformed(f'"{name}" must be an array of calls, and is {_kind(calls)}', name)
        for at, call in enumerate(calls or ()):
            if read_call(call, "") is None:
                name = f"{place}.tool_calls[{at}]"
                raise Malformed(f'"{name}" must be a call with "function", an object that has a "name"', name)
        said = read_assistant(message, len(self.read))
        for part in said.parts:
            if isinstance(part, ToolCall) and part.custom:
                self._custom.add(part.id)
        if "audio" in said.left:
            self._pin("audio", "the provider keeps the answer that it names")
        return Message(Role.ASSISTANT, tuple(said.parts), said.left or None)

    def _result(self, message: Mapping[str, Any], place: str) -> Message:
        """Read what a tool answered."""
        id_ = text(message.get("tool_call_id"))
        if id_ is None:
            name = f"{place}.tool_call_id"
            raise Malformed(f'"{name}" is missing: name the call that this answers', name)
        name_ = text(message.get("name"))
        extras = rest(message, "role", "content", "tool_call_id", *(() if name_ is None else ("name",)))
        cache = read_cache(extras)
        content = message.get("content")
        if content == "":
            extras["=content"] = ""
        parts = tuple(read_content(content or None))
        custom = id_ in self._custom
        result = ToolResult(id_, parts, name=name_, custom=custom, cache=cache, extras=extras or None)
        return Message(Role.USER, (result,))

    def _pin(self, feature: str, why: str) -> None:
        """Bind the request to this format, once for each feature."""
        pin = Pin(feature, why)
        if pin not in self.pins:
            self.pins.append(pin)


def _kind(value: object) -> str:
    """Say what kind of JSON value this is."""
    return _KINDS.get(type(value), "a number")
