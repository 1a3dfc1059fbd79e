"""Writes a conversation.

Always true: the results of a message's calls stand directly behind it, as this format wants them; what they hold
beside text stands in a user's message behind them.
"""

from typing import Any

from omniroute.formats.openai_chat.assistant import Assistant
from omniroute.formats.openai_chat.content import mark_cache, write_content, write_part
from omniroute.formats.openai_chat.members import Writing, members
from omniroute.ir.parts import Opaque, Part, Text, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role

Placed = tuple[str, Part]
"""A part and its path."""


def write_messages(request: GenerateRequest, writing: Writing) -> list[dict[str, Any]]:
    """Write the conversation, with the instructions that have a place of their own elsewhere at its head."""
    messages = Messages(writing)
    if request.system:
        messages.add_parts("system", [(f"system[{at}]", part) for at, part in enumerate(request.system)])
    for place, message in enumerate(request.messages):
        messages.add(message, f"messages[{place}]")
    return messages.done()


class Messages:
    """Writes one message after the other."""

    def __init__(self, writing: Writing) -> None:
        """Begin before the first; losses go to ``writing``."""
        self._writing = writing
        self._written: list[dict[str, Any]] = []
        self._late: list[Any] = []

    def add(self, message: Message, path: str) -> None:
        """Write the next message."""
        parts: list[Placed] = [(f"{path}.parts[{at}]", part) for at, part in enumerate(message.parts)]
        extras = self._writing.extras(message.extras, path) if message.extras else {}
        if message.extras and "=role" in message.extras and self._writing.own:
            self._written += [part.json for _, part in parts if isinstance(part, Opaque)]
        elif message.role is Role.ASSISTANT:
            self._flush()
            assistant = Assistant(self._writing, answer=False)
            for each, part in parts:
                assistant.add(part, each)
            self._said(assistant.message() | extras)
        elif message.role is Role.USER:
            self._user(parts, extras)
        else:
            role = str(message.role) if self._writing.own else "system"
            self.add_parts(role, parts, extras)

    def _said(self, message: dict[str, Any]) -> None:
        """Write an assistant's message, unless nothing is left of it."""
        if self._writing.own or message.keys() - {"role", "content"} or message["content"] is not None:
            self._written.append(message)

    def add_parts(self, role: str, parts: list[Placed], extras: dict[str, Any] | None = None) -> None:
        """Write a message that is nothing but content."""
        self._flush()
        if not self._writing.own:
            for each, part in parts:
                if not isinstance(part, Text):
                    self._writing.refuse(each, "instructions are text alone")
            parts = [(each, part) for each, part in parts if isinstance(part, Text)]
        content = write_content(parts, self._writing)
        if content is not None or self._writing.own:
            self._written.append(_message(role, content, extras))

    def done(self) -> list[dict[str, Any]]:
        """Give what was written."""
        self._flush()
        return self._written

    def _flush(self) -> None:
        """Write what stood beside text in results."""
        if self._late:
            self._written.append({"role": "user", "content": self._late})
            self._late = []

    def _user(self, parts: list[Placed], extras: dict[str, Any]) -> None:
        """Write what a user says: first the results of tools, each a message of its own."""
        said: list[Placed] = []
        for each, part in parts:
            if isinstance(part, ToolResult):
                self._result(part, each)
            else:
                said.append((each, part))
        if not said and (len(parts) > 0 or not self._writing.own):
            return
        content = write_content(said, self._writing)
        if self._late and content is not None:
            content = [*self._late, *([{"type": "text", "text": content}] if isinstance(content, str) else content)]
            self._late = []
        self._flush()
        if content is not None or self._writing.own:
            self._written.append(_message("user", content, extras))

    def _result(self, result: ToolResult, path: str) -> None:
        """Write what a tool answered; pictures and the like wait for the message behind the results."""
        extras = self._writing.extras(result.extras, path)
        parts = [(f"{path}.parts[{at}]", part) for at, part in enumerate(result.parts)]
        if not self._writing.own:
            for each, part in parts:
                self._move(part, each)
            parts = [(each, part) for each, part in parts if isinstance(part, Text)]
        if result.is_error:
            self._writing.approximate(f"{path}.is_error", "this format does not tell an error from another result")
        if result.cache is not None:
            mark_cache(result.cache, extras, self._writing, path)
        message = {
            "role": "tool",
            "tool_call_id": result.id,
            "content": write_content(parts, self._writing) or "",
            "name": result.name if self._writing.own else None,
        }
        self._written.append(members(message | extras))

    def _move(self, part: Part, path: str) -> None:
        """Keep what is no text for the message behind the results."""
        if isinstance(part, Text):
            return
        value = write_part(part, self._writing, path)
        if value is not None:
            self._writing.approximate(path, "a result holds text alone: it stands in the message behind")
            self._late.append(value)


def _message(role: str, content: Any, extras: dict[str, Any] | None) -> dict[str, Any]:
    """Write a message that is nothing but content, which may be None."""
    message = {"role": role} if content is None else {"role": role, "content": content}
    return message | members(extras) if extras else message
