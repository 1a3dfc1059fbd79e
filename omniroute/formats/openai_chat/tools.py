"""Tools, and the choice between them.

Source: OpenAI API reference, "Create chat completion", ``tools`` and ``tool_choice``
(https://platform.openai.com/docs/api-reference/chat/create). Servers run tools of other types themselves.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.hosted import hosted_pins
from omniroute.formats.openai_chat.content import OWN, mark_cache, read_cache
from omniroute.formats.openai_chat.members import Writing, members, rest, text
from omniroute.ir.parts import Opaque
from omniroute.ir.request import GenerateRequest, Pin, Tool, ToolChoice, ToolMode

# literal table: the word for a choice → what it means; the last is not OpenAI's own
_MODES = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED, "any": ToolMode.REQUIRED}


def read_tools(value: object) -> tuple[Tool | Opaque, ...]:
    """Read the tools.

    Raises:
        Malformed: they are no array of objects.
    """
    if not isinstance(value, list):
        raise Malformed('"tools" must be an array of tools', "tools")
    return tuple(_tool(each, f"tools[{place}]") for place, each in enumerate(value))


def _tool(value: object, place: str) -> Tool | Opaque:
    """Read one tool; one of a type of its server's own is run there."""
    if not isinstance(value, dict):
        raise Malformed(f'"{place}" must be an object', place)
    kind = value.get("type", "function")
    if kind not in ("function", "custom"):
        return Opaque(OWN, dict(value))
    tool = value.get(kind)
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        raise Malformed(f'"{place}.{kind}" must be an object that has a "name"', f"{place}.{kind}")
    extras = rest(value, "type", kind)
    return _function(tool, extras) if kind == "function" else _custom(tool, extras)


def _function(tool: Mapping[str, Any], extras: dict[str, Any]) -> Tool:
    """Read a function."""
    left = rest(tool, "name", "parameters")
    description = left.pop("description") if isinstance(left.get("description"), str) else None
    strict = left.pop("strict") if isinstance(left.get("strict"), bool) else None
    if left:
        extras["function"] = left
    cache = read_cache(extras)
    return Tool(
        *(tool["name"], description, tool.get("parameters"), strict),
        cache=cache,
        extras=extras or None,
    )


def _custom(tool: Mapping[str, Any], extras: dict[str, Any]) -> Tool:
    """Read a tool that takes free text."""
    left = rest(tool, "name")
    description = left.pop("description") if isinstance(left.get("description"), str) else None
    form = left.get("format")
    grammar = form.get("grammar") if isinstance(form, dict) and form.get("type") == "grammar" else None
    if grammar is not None:
        del left["format"]
    elif form == {"type": "text"}:
        extras["=custom"] = dict(tool)
        del left["format"]
    if left:
        extras["custom"] = left
    cache = read_cache(extras)
    return Tool(tool["name"], description, custom=True, grammar=grammar, cache=cache, extras=extras or None)


def write_tools(request: GenerateRequest, writing: Writing) -> list[Any]:
    """Write the tools; of those that a provider runs, only this format's own."""
    written: list[Any] = []
    for place, tool in enumerate(request.tools):
        if isinstance(tool, Tool):
            written.append(_write(tool, writing, f"tools[{place}]"))
        elif tool.format is OWN:
            written.append(tool.json)
        else:
            writing.drop(f"tools[{place}]", "it is run by a provider of another format")
    return written


def _write(tool: Tool, writing: Writing, path: str) -> dict[str, Any]:
    """Write one tool."""
    extras = writing.extras(tool.extras, path)
    if tool.cache is not None:
        mark_cache(tool.cache, extras, writing, path)
    kind = "custom" if tool.custom else "function"
    value: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if tool.custom:
        value["format"] = None if tool.grammar is None else {"type": "grammar", "grammar": tool.grammar}
    else:
        value |= {"parameters": tool.schema, "strict": tool.strict}
    if f"={kind}" not in (tool.extras or ()):
        value |= extras.pop(kind, {})
    return {"type": kind, kind: members(value)} | extras


def read_choice(value: object) -> ToolChoice | None:
    """Read the choice; None where it has a shape that is not known."""
    if isinstance(value, str):
        mode = _MODES.get(value)
        return None if mode is None else ToolChoice(mode, extras={"=mode": value} if value == "any" else None)
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    named = value.get(kind) if isinstance(kind, str) else None
    if not isinstance(named, dict):
        return None
    if kind == "allowed_tools":
        mode = _MODES.get(str(named.get("mode")))
        return None if mode is None else ToolChoice(mode, extras={"allowed_tools": named})
    if kind not in {"function", "custom"} or not isinstance(named.get("name"), str):
        return None
    return ToolChoice(ToolMode.NAMED, named["name"], custom=kind == "custom")


def write_choice(choice: ToolChoice, writing: Writing) -> Any:
    """Write the choice."""
    extras = writing.extras(choice.extras, "tool_choice")
    if "allowed_tools" in extras:
        return {"type": "allowed_tools", "allowed_tools": extras["allowed_tools"]}
    if choice.mode is ToolMode.NAMED:
        kind = "custom" if choice.custom else "function"
        return {"type": kind, kind: {"name": choice.name}}
    return extras.get("mode", str(choice.mode))


def tool_pins(tools: tuple[Tool | Opaque, ...], choice: object) -> tuple[Pin, ...]:
    """Give the pins of tools that a provider runs; ``choice`` is the client's, as it was sent."""
    forced = text(choice.get("type")) if isinstance(choice, dict) else None
    return hosted_pins(tools, _type, lambda tool: "search" in _type(tool), forced)


def _type(tool: Opaque) -> str:
    """Give the type of a tool that a provider runs."""
    return str(tool.json.get("type"))
