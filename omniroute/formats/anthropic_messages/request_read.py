"""Reads a Messages request.

Source: Anthropic API reference, "Create a Message" (https://platform.claude.com/docs/en/api/messages/create).

Always true: every member is in the request, modelled or among its ``extras``, under which it is written again.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.blocks_read import OWN, keep_request_inputs, read_blocks
from omniroute.formats.anthropic_messages.values import decode, read_cache, rest
from omniroute.formats.codec import Asked
from omniroute.formats.hosted import hosted_pins
from omniroute.ir.parts import Document, FileRef, Image, Opaque, Part, Text, ToolResult
from omniroute.ir.request import (
    GenerateRequest,
    Message,
    OutputSpec,
    Pin,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
)

_KNOWN = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
    }
)
_MESSAGE = frozenset({"role", "content"})
_TOOL = frozenset({"name", "description", "input_schema", "strict", "cache_control"})
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_MODES = {"auto": ToolMode.AUTO, "any": ToolMode.REQUIRED, "tool": ToolMode.NAMED, "none": ToolMode.NONE}
_PARALLEL = "disable_parallel_tool_use"
_UNSET = Sampling()

# literal table: member → why only providers of this format can serve a request that has it
PINNED = {
    "container": "it names a container at the provider",
    "mcp_servers": "the provider calls these servers itself",
}


def read_request(asked: Asked) -> GenerateRequest:
    """Read a request.

    Raises:
        Malformed: the body is not what this format says.
    """
    body = decode(asked.body)
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise Malformed('"messages" must be an array of messages', "messages")
    keep_request_inputs(asked.body[asked.fields["messages"]], body["messages"])
    extras = rest(body, _KNOWN)
    messages = tuple([_message(each, f"messages[{place}]") for place, each in enumerate(body["messages"])])
    system = read_blocks(body.get("system"), "system")
    tools = _tools(body.get("tools"))
    choice, parallel = _tool_choice(body.get("tool_choice"), extras)
    thinking, output = _output(body, extras)
    return GenerateRequest(
        format=OWN,
        model=asked.model,
        messages=messages,
        system=system,
        tools=tools,
        tool_choice=choice,
        parallel_tools=parallel,
        sampling=_sampling(body),
        output=output,
        thinking=thinking,
        stop=_stop(body.get("stop_sequences")),
        max_output=_whole(body, "max_tokens"),
        stream=asked.stream,
        end_user=_end_user(body.get("metadata"), extras),
        pins=_pins(body, (system, *[message.parts for message in messages]), tools, choice),
        extras=extras or None,
    )


def _message(value: Any, path: str) -> Message:
    """Read a message."""
    if not isinstance(value, dict):
        raise Malformed(f'"{path}" must be an object with a "role" and a "content"', path)
    written = value.get("role")
    role = _ROLES.get(written) if isinstance(written, str) else None
    if role is None:
        raise Malformed(f'"{path}.role" must be "user", "assistant" or "system"', f"{path}.role")
    extras = rest(value, _MESSAGE)
    return Message(role, read_blocks(value.get("content"), f"{path}.content"), extras or None)


def _tools(value: Any) -> tuple[Tool | Opaque, ...]:
    """Read the tools."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed('"tools" must be an array', "tools")
    return tuple([_tool(each, f"tools[{place}]") for place, each in enumerate(value)])


def _tool(value: Any, path: str) -> Tool | Opaque:
    """Read a tool; one with a type other than ``custom`` is defined by the provider, whoever runs it."""
    if not isinstance(value, dict):
        raise Malformed(f'"{path}" must be an object', path)
    if value.get("type") is not None and value["type"] != "custom":
        return Opaque(OWN, value)
    name, description, strict = value.get("name"), value.get("description"), value.get("strict")
    if not isinstance(name, str) or not name:
        raise Malformed(f'"{path}.name" must be a string with something in it', f"{path}.name")
    if not isinstance(description, str | None) or not isinstance(strict, bool | None):
        raise Malformed(f'"{path}.description" must be a string, and "strict" true or false', path)
    extras = rest(value, _TOOL)
    if "type" in extras:
        extras["=type"] = extras.pop("type")
    cache = read_cache(value, extras)
    return Tool(name, description, value.get("input_schema"), strict, cache=cache, extras=extras or None)


def _tool_choice(value: Any, extras: dict[str, Any]) -> tuple[ToolChoice | None, bool | None]:
    """Read ``tool_choice``: the choice, and whether tools may be called in parallel."""
    if value is None:
        return None, None
    kind = value.get("type") if isinstance(value, dict) else None
    mode = _MODES.get(kind) if isinstance(kind, str) else None
    name = value.get("name") if isinstance(value, dict) else None
    if mode is None or not isinstance(name, str | None) or (mode is ToolMode.NAMED) is not bool(name):
        extras["tool_choice"] = value
        return None, None
    more = rest(value, frozenset({"type", "name", _PARALLEL}))
    alone = value.get(_PARALLEL)
    parallel = not alone if isinstance(alone, bool) and mode is not ToolMode.NONE else None
    if parallel is None and alone is not None:
        more[_PARALLEL] = alone
    return ToolChoice(mode, name, extras=more or None), parallel


def _output(body: Mapping[str, Any], extras: dict[str, Any]) -> tuple[Thinking | None, OutputSpec | None]:
    """Read ``thinking`` and ``output_config``, which says how hard to think, and the form of the answer.

    ``output_format`` is where the form stood while it was in beta.
    """
    if "output_config" not in body and "output_format" not in body:
        return _thinking(body.get("thinking"), None, extras), None
    config = body.get("output_config")
    config = dict(config) if isinstance(config, dict) else {}
    written = config.pop("format", None)
    if written is None and body.get("output_format") is not None:
        written = extras["=output_format"] = body["output_format"]
    effort = config.pop("effort", None)
    if not isinstance(effort, str | None):
        config["effort"], effort = effort, None
    output = _spec(written)
    if output is None and written is not None and "=output_format" not in extras:
        config["format"] = written
    if config := rest(config, frozenset()):
        extras["output_config"] = config
    return _thinking(body.get("thinking"), effort, extras), output


def _spec(value: Any) -> OutputSpec | None:
    """Read the form of the answer; None for one that is not known here."""
    if not isinstance(value, dict) or value.get("type") != "json_schema" or value.get("schema") is None:
        return None
    return OutputSpec(value["schema"], extras=rest(value, frozenset({"type", "schema"})) or None)


def _thinking(value: Any, effort: str | None, extras: dict[str, Any]) -> Thinking | None:
    """Read ``thinking``; its own word for the kind is kept, since several mean an outright yes."""
    if not isinstance(value, dict):
        if value is not None:
            extras["thinking"] = value
        return None if effort is None else Thinking(effort=effort)
    more = rest(value, frozenset({"type", "budget_tokens", "display"}))
    kind, budget, display = value.get("type"), value.get("budget_tokens"), value.get("display")
    known = isinstance(kind, str) and kind in {"enabled", "adaptive", "disabled"}
    if kind is not None:
        more["=type" if known else "type"] = kind
    if not isinstance(budget, int | None) or isinstance(budget, bool):
        more["budget_tokens"], budget = budget, None
    visible = {"summarized": True, "omitted": False}.get(display) if isinstance(display, str) else None
    if visible is None and display is not None:
        more["display"] = display
    enabled = kind != "disabled" if known else None
    return Thinking(enabled, effort, budget, visible, more or None)


def _sampling(body: Mapping[str, Any]) -> Sampling:
    """Read how the next token is drawn."""
    if "temperature" not in body and "top_p" not in body and "top_k" not in body:
        return _UNSET
    return Sampling(_number(body, "temperature"), _number(body, "top_p"), _number(body, "top_k"))


def _number(body: Mapping[str, Any], name: str) -> float | int | None:
    """Read a number."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Malformed(f'"{name}" must be a number', name)
    return value


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    """Read a whole number."""
    value = _number(body, name)
    if isinstance(value, float) and not value.is_integer():
        raise Malformed(f'"{name}" must be a whole number', name)
    return None if value is None else int(value)


def _stop(value: Any) -> tuple[str, ...]:
    """Read ``stop_sequences``."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Malformed('"stop_sequences" must be an array of strings', "stop_sequences")
    return tuple(value)


def _end_user(metadata: Any, extras: dict[str, Any]) -> str | None:
    """Read ``metadata``: whom the request is for; the rest of it goes to ``extras``."""
    if metadata is None:
        return None
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(user, str | None):
        extras["metadata"] = metadata
        return None
    if more := rest(metadata, frozenset({"user_id"})):
        extras["metadata"] = more
    return user


def _pins(
    body: Mapping[str, Any],
    spoken: tuple[tuple[Part, ...], ...],
    tools: tuple[Tool | Opaque, ...],
    choice: ToolChoice | None,
) -> tuple[Pin, ...]:
    """Name what only providers of this format can do."""
    pins = [Pin(name, why) for name, why in PINNED.items() if body.get(name)]
    pins += hosted_pins(tools, _hosted_name, _searches, choice.name if choice else None)
    if any(map(_uploaded, [part for parts in spoken for part in parts if not isinstance(part, Text)])):
        pins.append(Pin("file_id", "it names a file that was uploaded to the provider"))
    return tuple(pins)


def _hosted_name(tool: Opaque) -> str:
    """Give what a hosted tool is called: by its name, as calls do, or by its type where it has none."""
    return str(tool.json.get("name") or tool.json.get("mcp_server_name") or tool.json.get("type"))


def _searches(tool: Opaque) -> bool:
    """Whether a hosted tool searches the web."""
    return str(tool.json.get("type")).startswith("web_search_")


def _uploaded(part: Part) -> bool:
    """Whether a part is, or holds, a file that was uploaded to the provider."""
    match part:
        case Image(source=FileRef()) | Document(source=FileRef()):
            return True
        case ToolResult(parts=parts):
            return any(_uploaded(each) for each in parts)
        case Opaque(json=json):
            return isinstance(json, dict) and json.get("type") == "container_upload"
        case _:
            return False
