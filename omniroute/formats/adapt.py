"""Says a client's tools in the terms of a format that has fewer kinds of them, and tells its calls back.

Three things may need it: a tool in a namespace becomes one whose name holds both, a tool that takes free text becomes a
function with one string, a name that the format refuses becomes one that it takes.

Always true: a call to a tool that was said differently reaches the client under the name, in the namespace and with the
input that it knows; every tool that was said differently is a loss, because the model sees it so.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping

import msgspec

from omniroute.formats.codec import ToolRules
from omniroute.ir.events import Delta, Event, PartStart, PartStop
from omniroute.ir.loss import Loss, approximated
from omniroute.ir.parts import Opaque, Part, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Tool, ToolChoice

INPUT = "input"
"""The one member of a function that stands for a tool of free text."""

_SCHEMA = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The tool's whole input, as plain text."}},
    "required": [INPUT],
    "additionalProperties": False,
}
_TAIL = 8
"""Characters of a digest that keep a shortened name unique."""


class Known(msgspec.Struct, frozen=True):
    """What a client calls a tool."""

    name: str
    namespace: str | None
    custom: bool


class Adapted(msgspec.Struct, frozen=True):
    """A request whose tools a format can say; ``names`` are what the client calls those that were said differently."""

    request: GenerateRequest
    names: Mapping[str, Known]
    losses: tuple[Loss, ...]


def adapt(request: GenerateRequest, rules: ToolRules) -> Adapted:
    """Say a request's tools, its calls and its choice of a tool as ``rules`` allow."""
    mentioned = _mentioned(request)
    if not mentioned:
        return Adapted(request, {}, ())
    whole = re.compile(rules.name).fullmatch
    different = [known for known in mentioned if _kind_differs(known, rules) or not whole(known.name)]
    if not different:
        return Adapted(request, {}, ())
    taken = {known.name for known in mentioned.keys() - different}
    said: dict[Known, str] = {}
    for known in different:
        said[known] = _name(known, rules, taken)
        taken.add(said[known])
    losses: list[Loss] = []
    for place, tool in enumerate(request.tools):
        if isinstance(tool, Tool) and _known(tool) in said:
            losses.extend(_losses(tool, f"tools[{place}]", said[_known(tool)], rules))
    spoken = msgspec.structs.replace(
        request,
        tools=tuple(_tool(tool, said, rules) for tool in request.tools),
        messages=tuple(_message(message, said, rules) for message in request.messages),
        tool_choice=_choice(request, said),
    )
    return Adapted(spoken, {name: known for known, name in said.items()}, tuple(losses))


def _known(tool: Tool | ToolCall) -> Known:
    """Give what the client calls a tool."""
    return Known(tool.name, tool.namespace, tool.custom)


def _mentioned(request: GenerateRequest) -> dict[Known, None]:
    """Give every tool that a request offers, and every one that was called before, each once."""
    offered = [_known(tool) for tool in request.tools if isinstance(tool, Tool)]
    called = [_known(part) for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    return dict.fromkeys([*offered, *called])


def _kind_differs(known: Known, rules: ToolRules) -> bool:
    """Whether a tool cannot be said as it is, whatever the letters of its name."""
    if (known.custom and not rules.custom) or (known.namespace is not None and not rules.namespaces):
        return True
    return len(known.name) > rules.longest


def _name(known: Known, rules: ToolRules, taken: set[str]) -> str:
    """Make up a name that the format takes and no other tool has."""
    whole = known.name if known.namespace is None or rules.namespaces else f"{known.namespace}__{known.name}"
    name = whole if re.fullmatch(rules.name, whole) else re.sub(r"[^a-zA-Z0-9_-]", "_", whole)
    if not re.fullmatch(rules.name, name):
        name = f"tool_{name}"
    if len(name) > rules.longest or name in taken:
        digest = hashlib.sha256(repr(known).encode("utf-8", "surrogatepass")).hexdigest()[:_TAIL]
        name = f"{name[: rules.longest - _TAIL - 1]}_{digest}"
    return name


def _losses(tool: Tool, path: str, name: str, rules: ToolRules) -> Iterator[Loss]:
    """Say what of a tool is said differently."""
    if tool.namespace is not None and not rules.namespaces:
        yield approximated(f"{path}.namespace", f"the model is told of it as '{name}'")
    elif tool.name != name:
        yield approximated(f"{path}.name", f"the model is told of it as '{name}'")
    if tool.custom and not rules.custom:
        yield approximated(f"{path}.custom", "it is said as a function with one string")
        if tool.grammar is not None:
            yield approximated(f"{path}.grammar", "the model is told of it, and nothing holds it to it")


def _tool(tool: Tool | Opaque, said: Mapping[Known, str], rules: ToolRules) -> Tool | Opaque:
    """Say a tool."""
    if isinstance(tool, Opaque) or _known(tool) not in said:
        return tool
    spoken = msgspec.structs.replace(tool, name=said[_known(tool)])
    if not rules.namespaces:
        spoken = msgspec.structs.replace(spoken, namespace=None)
    if not tool.custom or rules.custom:
        return spoken
    return msgspec.structs.replace(
        spoken, custom=False, schema=_SCHEMA, grammar=None, description=_described(tool), extras=None
    )


def _described(tool: Tool) -> str | None:
    """Tell the model of a grammar that nothing else can tell it of."""
    if tool.grammar is None:
        return tool.description
    definition = tool.grammar.get("definition") if isinstance(tool.grammar, Mapping) else None
    syntax = definition if isinstance(definition, str) else msgspec.json.encode(tool.grammar).decode()
    words = f"The input must be of this form:\n{syntax}"
    return f"{tool.description}\n\n{words}" if tool.description else words


def _message(message: Message, said: Mapping[Known, str], rules: ToolRules) -> Message:
    """Say the calls of a message, and the results of such calls."""
    if not any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
        return message
    return msgspec.structs.replace(message, parts=tuple(_part(part, said, rules) for part in message.parts))


def _part(part: Part, said: Mapping[Known, str], rules: ToolRules) -> Part:
    """Say one part."""
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, custom=part.custom and rules.custom)
    if not isinstance(part, ToolCall) or _known(part) not in said:
        return part
    free = part.custom and not rules.custom
    return msgspec.structs.replace(
        part,
        name=said[_known(part)],
        namespace=part.namespace if rules.namespaces else None,
        custom=part.custom and rules.custom,
        arguments=msgspec.json.encode({INPUT: part.arguments}).decode() if free else part.arguments,
    )


def _choice(request: GenerateRequest, said: Mapping[Known, str]) -> ToolChoice | None:
    """Say which tool must be called."""
    choice = request.tool_choice
    if choice is None or choice.name is None:
        return choice
    name = next((name for known, name in said.items() if known.name == choice.name), None)
    return choice if name is None else msgspec.structs.replace(choice, name=name, custom=False)


def told_back(part: Part, names: Mapping[str, Known]) -> Part:
    """Tell a call as the client knows the tool; any other part is given back."""
    if not isinstance(part, ToolCall) or part.name not in names:
        return part
    known = names[part.name]
    free = known.custom and not part.custom
    return msgspec.structs.replace(
        part,
        name=known.name,
        namespace=known.namespace,
        custom=known.custom,
        arguments=_freed(part.arguments) if free else part.arguments,
    )


def _freed(arguments: str) -> str:
    """Take the free text out of a function's arguments; what is not of that form stays as it is."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return arguments
    text = value.get(INPUT) if isinstance(value, dict) and len(value) == 1 else None
    return text if isinstance(text, str) else arguments


class Telling:
    """Tells the calls of a stream back; the input of a free-text tool is known once its JSON is complete."""

    def __init__(self, names: Mapping[str, Known]) -> None:
        """Begin at the beginning of a stream."""
        self._names = names
        self._held: dict[int, list[str]] = {}

    def take(self, event: Event) -> tuple[Event, ...]:
        """Take an event; give what the client is to be told, which may be nothing yet."""
        match event:
            case PartStart(at=at, part=ToolCall(name=name) as call) if name in self._names:
                return (PartStart(at, self._start(at, call)),)
            case Delta(at=at, text=text) if at in self._held:
                self._held[at].append(text)
                return ()
            case PartStop(at=at) if at in self._held:
                return (Delta(at, _freed("".join(self._held.pop(at)))), event)
            case _:
                return (event,)

    def _start(self, at: int, call: ToolCall) -> Part:
        """Begin a call; hold its arguments back where they are to become free text."""
        known = self._names[call.name]
        if not known.custom or call.custom:
            return told_back(call, self._names)
        self._held[at] = [call.arguments]
        return told_back(msgspec.structs.replace(call, arguments=""), self._names)
