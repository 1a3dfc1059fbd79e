"""What a combo or a policy makes of requests: other instructions, fewer tools, more or less thinking.

Always true: this is the will of whoever wrote the configuration, so nothing of it is a loss; all that it does not name
stays as the client said it, and a request that it changes nothing in is given back itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from omniroute.formats.rethink import Rule, rethought
from omniroute.ir.parts import Extras, Opaque, Text
from omniroute.ir.request import GenerateRequest, Message, Pin, Role, Tool, ToolChoice, ToolMode, leading_system

NAMESPACE = "namespace"
"""The extra of a namespace's first tool that holds what is said of the whole namespace (OpenAI Responses)."""
FUNCTIONS, FUNCTION_CALL = "functions", "function_call"
"""The forerunners of tools and of the choice among them (OpenAI Chat), which stay extras of a request."""

_NAMING = ("type", "name", "mcp_server_name")
"""The members of a hosted tool by which its format may call it."""


class Told(msgspec.Struct, frozen=True):
    """What is put before the system prompt, behind it, or in its place."""

    mode: Literal["prepend", "append", "replace"]
    text: str


class Shaping(msgspec.Struct, frozen=True):
    """What is done to a request; None leaves it as it is.

    ``system_message`` takes the place of the system prompt; an empty one takes it away. ``tool_filter`` is a regular
    expression that is searched for in the names of tools; those without it are left out. ``told`` is put into the
    system prompt that is there then, and ``thinking`` says how much to think.
    """

    system_message: str | None = None
    tool_filter: str | None = None
    told: Told | None = None
    thinking: Rule | None = None

    @property
    def tells(self) -> bool:
        """Whether it gives instructions, for which a format must have a place."""
        return bool(self.system_message) or (self.told is not None and bool(self.told.text))

    @property
    def unforced(self) -> "Shaping":
        """The same for a model of which it is not known that it can think: only those that ask for it are told."""
        rule = self.thinking
        if rule is None or rule.mode == "auto" or rule.asked_only:
            return self
        return msgspec.structs.replace(self, thinking=msgspec.structs.replace(rule, asked_only=True))


def shaped(request: GenerateRequest, shaping: Shaping) -> GenerateRequest:
    """Shape a request.

    The system prompt is what stands before the conversation: the format's own place for instructions, and the system
    and developer messages that open it. A choice that names a tool which is left out becomes ``auto``; where no tool
    is left, none is chosen.
    """
    if shaping.system_message is not None:
        request = _instructed(request, shaping.system_message)
    if shaping.told is not None:
        request = _told(request, shaping.told)
    if shaping.tool_filter is not None:
        request = _filtered(request, re.compile(shaping.tool_filter))
    return request if shaping.thinking is None else rethought(request, shaping.thinking)


def tool_name(tool: Tool | Opaque) -> str:
    """Give the name that a filter sees of a tool: of one that the provider runs, its type, as its format calls it."""
    if isinstance(tool, Tool):
        return tool.name
    told = tool.json.get("type") if isinstance(tool.json, Mapping) else None
    return told if isinstance(told, str) else next(iter(tool.json), "")


def _instructed(request: GenerateRequest, message: str) -> GenerateRequest:
    """Put a text in the place of all instructions that stand before the conversation."""
    _, conversation = leading_system(request)
    return msgspec.structs.replace(request, system=(Text(message),) if message else (), messages=conversation)


def _told(request: GenerateRequest, told: Told) -> GenerateRequest:
    """Put a text before all instructions, behind those that stand before the conversation, or in their place."""
    if told.mode == "replace":
        return _instructed(request, told.text)
    if not told.text:
        return request
    if told.mode == "prepend":
        return msgspec.structs.replace(request, system=(Text(told.text), *request.system))
    _, conversation = leading_system(request)
    first = len(request.messages) - len(conversation)
    if first == 0:
        return msgspec.structs.replace(request, system=(*request.system, Text(told.text)))
    said = Message(Role.SYSTEM, (Text(told.text),))
    return msgspec.structs.replace(request, messages=(*request.messages[:first], said, *conversation))


def _filtered(request: GenerateRequest, wanted: re.Pattern[str]) -> GenerateRequest:
    """Leave out the tools whose names do not match."""
    request = _without_functions(request, wanted)
    kept = tuple(_kept(request.tools, wanted))
    if len(kept) == len(request.tools):
        return request
    gone = _names(tool for tool in request.tools if not wanted.search(tool_name(tool))) - _names(kept)
    return msgspec.structs.replace(
        request,
        tools=kept,
        tool_choice=_choice(request.tool_choice, gone) if kept else None,
        parallel_tools=request.parallel_tools if kept else None,
        pins=tuple(pin for pin in request.pins if not _is_of(pin, gone)),
    )


def _kept(tools: Sequence[Tool | Opaque], wanted: re.Pattern[str]) -> Iterator[Tool | Opaque]:
    """Give the tools that match; what is said of a namespace moves on to the first of its tools that is left."""
    told: dict[str, Any] = {}
    for tool in tools:
        matches = wanted.search(tool_name(tool)) is not None
        if not isinstance(tool, Tool) or tool.namespace is None:
            yield from (tool,) if matches else ()
            continue
        extras: Extras = tool.extras or {}
        if not matches:
            told |= {tool.namespace: extras[NAMESPACE]} if NAMESPACE in extras else {}
        elif tool.namespace in told:
            yield msgspec.structs.replace(tool, extras={NAMESPACE: told.pop(tool.namespace), **extras})
        else:
            yield tool


def _names(tools: Iterable[Tool | Opaque]) -> set[str]:
    """Give every name by which these tools may be called."""
    names: set[str] = set()
    for tool in tools:
        names.add(tool_name(tool))
        if isinstance(tool, Opaque) and isinstance(tool.json, Mapping):
            names |= {each for member in _NAMING if isinstance(each := tool.json.get(member), str)}
    return names


def _choice(choice: ToolChoice | None, gone: set[str]) -> ToolChoice | None:
    """Give the choice of a tool, unless it names one that is gone, be it in its format's own words."""
    if choice is None or (choice.name not in gone and gone.isdisjoint(_texts(choice.extras))):
        return choice
    return ToolChoice(ToolMode.AUTO)


def _texts(value: Any) -> Iterator[str]:
    """Give every text in decoded JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _is_of(pin: Pin, gone: set[str]) -> bool:
    """Say whether a pin is there for a hosted tool that is gone (``formats.hosted``)."""
    kind, _, name = pin.feature.partition(": ")
    return kind == "tools" and name in gone


def _without_functions(request: GenerateRequest, wanted: re.Pattern[str]) -> GenerateRequest:
    """Leave out the forerunners of tools whose names do not match."""
    extras = dict(request.extras or {})
    functions = extras.get(FUNCTIONS)
    if not isinstance(functions, list):
        return request
    kept = [each for each in functions if isinstance(each, Mapping) and wanted.search(str(each.get("name")))]
    if len(kept) == len(functions):
        return request
    extras[FUNCTIONS] = kept
    chosen = extras.get(FUNCTION_CALL)
    if isinstance(chosen, Mapping) and all(each.get("name") != chosen.get("name") for each in kept):
        del extras[FUNCTION_CALL]
    pins = request.pins
    if not kept:
        extras = {name: value for name, value in extras.items() if name not in {FUNCTIONS, FUNCTION_CALL}}
        pins = tuple(pin for pin in pins if pin.feature not in {FUNCTIONS, FUNCTION_CALL})
    return msgspec.structs.replace(request, extras=extras or None, pins=pins)
