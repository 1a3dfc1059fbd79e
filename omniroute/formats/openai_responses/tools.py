"""Tools and the choice among them, both ways.

Source: OpenAI API reference, "Create a model response", ``tools`` and ``tool_choice``: functions, custom tools with a
grammar in ``format``, namespaces of both, and tools that the provider runs, of which each has a type of its own.

Always true: a namespace's own members are in the extras of the first of its tools, as ``namespace``, and tools that
stand next to each other and share a namespace are one namespace again.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.hosted import hosted_pins
from omniroute.formats.openai_responses.wire import OWN, Saying, keep, listed, members, put_back, text, with_extra
from omniroute.ir.parts import Extras, Opaque
from omniroute.ir.request import GenerateRequest, Pin, Tool, ToolChoice, ToolMode

_NAMESPACE = "namespace"
_ALLOWED = "allowed_tools"
_SEARCH = "web_search"
_MODES = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED}
_NAMED = {"function": False, "custom": True}
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


def read_tools(value: Any) -> tuple[Tool | Opaque, ...]:
    """Read a request's ``tools``.

    Raises:
        Malformed: they are no array of objects.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Malformed('"tools" must be an array of objects', "tools")
    return tuple(tool for each in value for tool in _read(each))


def _read(tool: Mapping[str, Any]) -> tuple[Tool | Opaque, ...]:
    """Read one tool, or the tools of a namespace."""
    if tool.get("type") == _NAMESPACE:
        return _read_namespace(tool) or (Opaque(OWN, tool),)
    return (_read_own(tool) or Opaque(OWN, tool),)


def _read_namespace(tool: Mapping[str, Any]) -> tuple[Tool, ...]:
    """Read a namespace; gives nothing where something in it is not understood, or nothing is in it."""
    name = text(tool.get("name"))
    inner = [_read_own(each, name) for each in listed(tool.get("tools")) if isinstance(each, dict)]
    known = [each for each in inner if each is not None]
    if name is None or not known or len(known) < len(listed(tool.get("tools"))):
        return ()
    rest = put_back(keep(tool, ("type", "name", "tools")))
    known[0] = _with(known[0], _NAMESPACE, rest)
    return tuple(known)


def _with(tool: Tool, name: str, value: Any) -> Tool:
    """Give a tool with one more of its extras."""
    said = {field: getattr(tool, field) for field in tool.__struct_fields__}
    return Tool(**(said | {"extras": with_extra(tool.extras, name, value)}))


def _read_own(tool: Mapping[str, Any], namespace: str | None = None) -> Tool | None:
    """Read a tool that the client runs; None where it is none."""
    name, kind, description = text(tool.get("name")), text(tool.get("type")), tool.get("description")
    if name is None or kind not in _NAMED or not isinstance(description, str | None):
        return None
    if kind == "custom":
        extras = keep(tool, ("type", "name", "description", "format"))
        grammar = tool.get("format")
        return Tool(name, description, custom=True, grammar=grammar, namespace=namespace, extras=extras)
    strict = tool.get("strict")
    known = ("type", "name", "description", "parameters", "strict" if isinstance(strict, bool) else "type")
    return Tool(
        name,
        description,
        schema=tool.get("parameters"),
        strict=strict if isinstance(strict, bool) else None,
        namespace=namespace,
        extras=keep(tool, known),
    )


def read_choice(value: Any) -> ToolChoice | None:
    """Read ``tool_choice``; one of a provider's tool keeps its form in extras.

    Raises:
        Malformed: it is neither a word nor an object that the format documents.
    """
    if value is None:
        return None
    if isinstance(value, str) and value in _MODES:
        return ToolChoice(_MODES[value])
    kind = text(members(value).get("type"))
    if kind is None:
        raise Malformed('"tool_choice" must be "auto", "none", "required" or an object with a type', "tool_choice")
    if kind in _NAMED and text(value.get("name")):
        extras = keep(value, ("type", "name"))
        return ToolChoice(ToolMode.NAMED, value["name"], custom=_NAMED[kind], extras=extras)
    if kind == _ALLOWED:
        mode = _MODES.get(str(value.get("mode")), ToolMode.AUTO)
        return ToolChoice(mode, extras={_ALLOWED: value})
    return ToolChoice(ToolMode.REQUIRED, extras={"hosted": value})


def tool_pins(tools: tuple[Tool | Opaque, ...], choice: ToolChoice | None) -> tuple[Pin, ...]:
    """Give the pins of the tools that the provider runs; a namespace with nothing in it is none of them."""
    bound = [tool for tool in tools if not (isinstance(tool, Opaque) and _empty(tool.json))]
    return hosted_pins(bound, _kind, lambda tool: _kind(tool).startswith(_SEARCH), _forced(choice))


def _empty(tool: Mapping[str, Any]) -> bool:
    """Say whether this is a namespace without tools."""
    return tool.get("type") == _NAMESPACE and not tool.get("tools")


def _kind(tool: Opaque) -> str:
    """Name a tool that the provider runs."""
    return text(tool.json.get("type")) or "unnamed"


def _forced(choice: ToolChoice | None) -> str | None:
    """Give the type of the provider's tool that the client insists on: by name, or as the only one that is allowed."""
    if choice is None or choice.mode is not ToolMode.REQUIRED:
        return None
    extras = choice.extras or {}
    allowed = [text(members(tool).get("type")) for tool in listed(members(extras.get(_ALLOWED)).get("tools"))]
    kinds = [text(members(extras.get("hosted")).get("type")), *allowed]
    return next((kind for kind in kinds if kind and kind not in _NAMED), None) if len(allowed) <= 1 else None


def write_tools(request: GenerateRequest, say: Saying) -> list[dict[str, Any]]:
    """Write a request's tools."""
    written: list[dict[str, Any]] = []
    before: Any = None
    for position, tool in enumerate(request.tools):
        path = f"tools[{position}]"
        if isinstance(tool, Opaque):
            before = None
            if tool.format is OWN:
                written.append(dict(tool.json))
            else:
                say.drop(path, "only its own format knows this tool")
            continue
        inner = _write(tool, path, say)
        if tool.namespace is None:
            written.append(inner)
        elif tool.namespace == before and _NAMESPACE not in (tool.extras or {}):
            written[-1]["tools"].append(inner)
        else:
            written.append(_open_namespace(tool, say) | {"tools": [inner]})
        before = tool.namespace
    return written


def _open_namespace(tool: Tool, say: Saying) -> dict[str, Any]:
    """Write a namespace without its tools."""
    rest = members((tool.extras or {}).get(_NAMESPACE)) if say.own else {"description": tool.namespace}
    return {"type": _NAMESPACE, "name": tool.namespace, **rest}


def _write(tool: Tool, path: str, say: Saying) -> dict[str, Any]:
    """Write a tool that the client runs.

    A function without ``strict`` would be taken as strict by OpenAI, unlike in the formats that other clients speak.
    """
    say.drop_cache(tool.cache, path)
    extras: Extras = say.extras(tool.extras, path, (_NAMESPACE,))
    described = {} if tool.description is None else {"description": tool.description}
    if tool.custom:
        form = {} if tool.grammar is None else {"format": tool.grammar}
        return {"type": "custom", "name": tool.name, **described, **form, **extras}
    schema = tool.schema if say.own or tool.schema is not None else _NO_ARGUMENTS
    strict = tool.strict if say.own or tool.strict is not None else False
    function = {"type": "function", "name": tool.name, **described, "parameters": schema, "strict": strict, **extras}
    return {name: value for name, value in function.items() if value is not None}


def write_choice(choice: ToolChoice, say: Saying) -> Any:
    """Write ``tool_choice``."""
    extras = say.extras(choice.extras, "tool_choice")
    form = extras.get(_ALLOWED) or extras.get("hosted")
    if form:
        return form
    if choice.mode is not ToolMode.NAMED:
        return choice.mode.value
    return {"type": "custom" if choice.custom else "function", "name": choice.name, **extras}
