"""Writes a request as one of this format.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat).

Always true: ``stream`` is written, because it is true where it is missing; what cannot be said is among the losses.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from omniroute.formats.codec import Rendered, Terms
from omniroute.formats.jsontext import dumps
from omniroute.formats.ollama.message import WHY, MessageWriter, beside, rank
from omniroute.ir.loss import RESTATED, Loss, approximated, dropped, foreign
from omniroute.ir.parts import Extras, Opaque, Part, ToolResult
from omniroute.ir.request import GenerateRequest, Message, OutputSpec, Role, Thinking, Tool, ToolMode, tool_names
from omniroute.names import Format

_JOINTS = {Role.ASSISTANT: ""}
_JOINT = "\n"
"""What stands between two texts of a message: nothing in an answer, whose parts may end in the middle of a word."""


def render_request(request: GenerateRequest) -> Rendered:
    """Write a request of any format."""
    writer = _Writer(request)
    return Rendered(writer.body(), tuple(writer.losses))


def dress(body: Mapping[str, Any], terms: Terms) -> bytes:
    """Make the body for a target: a missing ``num_predict`` is no limit, so nothing but the model is added."""
    return dumps({"model": terms.model, **body})


def _grouped(message: Message) -> Iterator[list[tuple[int, Part]]]:
    """Give the parts of a message, with their places, as the messages that say them.

    Each result of a tool is one; an assistant begins another where one message would change the order. A user does
    not: images before the words about them are how this format has it, and a turn is one.
    """
    group: list[tuple[int, Part]] = []
    for at, part in enumerate(message.parts):
        before = group[-1][1] if group else part
        turned = message.role is Role.ASSISTANT and rank(part) < rank(before)
        if turned or ToolResult in {type(before), type(part)}:
            yield from filter(None, (group,))
            group = []
        group.append((at, part))
    yield from filter(None, (group,))


class _Writer:
    """Writes one request."""

    def __init__(self, request: GenerateRequest) -> None:
        """Hold the request."""
        self.losses: list[Loss] = []
        self._request = request
        self._own = request.format is Format.OLLAMA
        self._names = tool_names(request)

    def body(self) -> dict[str, Any]:
        """Write all of it."""
        request = self._request
        extras = request.extras or {}
        messages: list[dict[str, Any]] = []
        if request.system:
            messages += self._group(Role.SYSTEM, list(enumerate(request.system)), "system", {"role": "system"})
        for place, message in enumerate(request.messages):
            messages += self._message(message, f"messages[{place}]")
        members = {
            "messages": messages,
            "stream": request.stream,
            "tools": self._tools(),
            "format": self._format(request.output),
            "think": self._think(request.thinking),
            "options": self._options(extras),
        }
        body = {name: value for name, value in members.items() if value is not None}
        self._unsaid()
        if not self._own:
            self.losses += foreign(extras, "", WHY)
            return body
        return body | {name: value for name, value in extras.items() if not name.startswith(("options.", RESTATED))}

    def _message(self, message: Message, path: str) -> list[dict[str, Any]]:
        """Write a message: as several, where that keeps the order of what an assistant said or tools answered."""
        head = {"role": self._role(message)}
        more = message.extras or {} if self._own else {}
        if not self._own:
            self.losses += foreign(message.extras, path, WHY)
        written: list[dict[str, Any]] = []
        for group in _grouped(message):
            at, part = group[0]
            if isinstance(part, ToolResult):
                written.append(self._result(part, f"{path}.parts[{at}]"))
            else:
                written += self._group(message.role, group, f"{path}.parts", head)
        if not message.parts:
            written.append(head | {"content": ""})
        return [each | {name: value for name, value in more.items() if name != "=role"} for each in written]

    def _role(self, message: Message) -> str:
        """Give a role's word; a developer is a system for all but the models that were asked for in this format."""
        own = (message.extras or {}).get("=role") if self._own else None
        if isinstance(own, str):
            return own
        return Role.SYSTEM if message.role is Role.DEVELOPER and not self._own else message.role

    def _group(
        self, role: Role, parts: list[tuple[int, Part]], path: str, head: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Write parts as one message, or as none where nothing of them can be said."""
        writer = MessageWriter(own=self._own, joint=_JOINTS.get(role, _JOINT), asking=True)
        members = self._members(writer, parts, path)
        return [] if writer.empty else [head | members]

    def _members(self, writer: MessageWriter, parts: Iterable[tuple[int, Part]], path: str) -> dict[str, Any]:
        """Write parts as the members of one message."""
        for at, part in parts:
            writer.add(part, f"{path}[{at}]")
        self.losses += writer.losses
        if not writer.ordered:
            self.losses.append(approximated(path, "a message's images stand before its words"))
        return writer.members()

    def _result(self, result: ToolResult, path: str) -> dict[str, Any]:
        """Write the result of a call; that it is an error, only its words can say."""
        self.losses += beside(result, path, own=self._own)
        if result.is_error:
            self.losses.append(dropped(f"{path}.is_error", WHY))
        writer = MessageWriter(own=self._own, joint=_JOINT, asking=True)
        members = {"role": "tool", **self._members(writer, enumerate(result.parts), f"{path}.parts")}
        name = result.name or self._names.get(result.id)
        if name and (result.name or not self._own):
            members["tool_name"] = name
        if not self._own or "=tool_call_id" not in (result.extras or {}):
            members["tool_call_id"] = result.id
        return members

    def _tools(self) -> list[dict[str, Any]] | None:
        """Write the tools; those that must not be called are left out, as there is no other way to say so."""
        request = self._request
        if request.tool_choice is not None and request.tool_choice.mode is ToolMode.NONE and request.tools:
            self.losses.append(approximated("tool_choice", "the tools are left out, so that none is called"))
            self.losses.append(approximated("tools", "they are left out, so that none is called"))
            return None
        tools = []
        for place, tool in enumerate(request.tools):
            if isinstance(tool, Opaque):
                self.losses.append(dropped(f"tools[{place}]", f"only a provider of {tool.format} can run it"))
            else:
                tools.append(self._tool(tool, f"tools[{place}]"))
        return tools or None

    def _tool(self, tool: Tool, path: str) -> dict[str, Any]:
        """Write a tool."""
        members = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
        function = {name: value for name, value in members.items() if value is not None}
        written: dict[str, Any] = {"type": "function", "function": function}
        if tool.strict:
            self.losses.append(dropped(f"{path}.strict", "nothing holds the model to the schema"))
        if tool.cache is not None:
            self.losses.append(dropped(f"{path}.cache", WHY))
        if not self._own:
            self.losses += foreign(tool.extras, path, WHY)
            return written
        for name, value in (tool.extras or {}).items():
            place = function if name.startswith("function.") else written
            place[name.removeprefix("function.")] = value
        return written

    def _format(self, output: OutputSpec | None) -> object:
        """Write the form of the answer."""
        if output is None:
            return None
        for name in ("name", "description"):
            if getattr(output, name) is not None:
                self.losses.append(dropped(f"output.{name}", WHY))
        if output.strict:
            self.losses.append(dropped("output.strict", "a schema always holds"))
        self.losses += foreign(output.extras, "output", WHY)
        return "json" if output.schema is None else output.schema

    def _think(self, thinking: Thinking | None) -> bool | str | None:
        """Write how much to think.

        Of an effort or a budget from elsewhere only yes or no is said: most models take nothing else, and their
        server refuses a word (https://docs.ollama.com/capabilities/thinking).
        """
        if thinking is None:
            return None
        if self._own:
            return thinking.effort or thinking.enabled
        self.losses += foreign(thinking.extras, "thinking", WHY)
        if thinking.enabled is False or thinking.effort == "none" or thinking.budget == 0:
            return False
        asked = [name for name in ("effort", "budget") if getattr(thinking, name) is not None]
        for name in asked:
            self.losses.append(approximated(f"thinking.{name}", "Ollama is only told whether to think"))
        if thinking.visible is False:
            self.losses.append(dropped("thinking.visible", "what is thought is always shown"))
        return True if asked else thinking.enabled

    def _options(self, extras: Extras) -> dict[str, Any] | None:
        """Write the options."""
        request = self._request
        options: dict[str, Any] = msgspec.structs.asdict(request.sampling)
        options |= {"stop": list(request.stop) or None, "num_predict": request.max_output}
        if self._own:
            for name, value in extras.items():
                inner = name.removeprefix(RESTATED)
                if inner.startswith("options."):
                    options[inner.removeprefix("options.")] = value
        return {name: value for name, value in options.items() if value is not None} or None

    def _unsaid(self) -> None:
        """Name the settings that have no place here, where they ask for anything but what is always so."""
        request = self._request
        choice = request.tool_choice
        if choice is not None and choice.mode in {ToolMode.REQUIRED, ToolMode.NAMED}:
            self.losses.append(dropped("tool_choice", "the model decides whether it calls a tool"))
        if choice is not None:
            self.losses += foreign(choice.extras, "tool_choice", WHY)
        if request.parallel_tools is False:
            self.losses.append(dropped("parallel_tools", "the model decides how many tools it calls"))
        if request.end_user is not None:
            self.losses.append(dropped("end_user", WHY))
