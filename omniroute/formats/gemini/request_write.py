"""Writes a request for an upstream of this format, whichever format it came in.

Source: Gemini API reference, "Generating content" (https://ai.google.dev/api/generate-content), and "Thought
signatures" (https://ai.google.dev/gemini-api/docs/thought-signatures).

Always true: what was read from this format comes back as it was; of any other format, what cannot be said is a loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from omniroute.formats.codec import Rendered, Terms
from omniroute.formats.gemini.parts_read import DUMMY, SIGNATURE
from omniroute.formats.gemini.parts_write import PartWriter, Said
from omniroute.formats.gemini.settings_write import write_choice, write_config
from omniroute.formats.gemini.wire import encode
from omniroute.ir.loss import RESTATED, Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import Opaque, Part, Text, Thought, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role, Tool, leading_system, tool_names
from omniroute.names import Format

_CONFIGS = frozenset({"generationConfig", "toolConfig"})
_WHY = "only its own format knows it"


def render_request(request: GenerateRequest) -> Rendered:
    """Write a request."""
    own = request.format is Format.GEMINI
    writer = PartWriter(own=own, client=False, names=tool_names(request))
    system, messages = leading_system(request)
    shift = len(request.messages) - len(messages)
    body: Said = {"contents": _own_contents(messages, writer) if own else _contents(messages, shift, writer)}
    if system:
        places = [f"system[{place}]" for place in range(len(request.system))]
        opening = enumerate(request.messages[:shift])
        places += [f"messages[{at}].parts[{place}]" for at, each in opening for place in range(len(each.parts))]
        said = _system(tuple(zip(places, system, strict=True)), writer, own=own)
        body["systemInstruction"] = {**(request.extras or {}).get(f"{RESTATED}systemInstruction", {}), "parts": said}
    tools = _tools(request.tools, writer.losses, own=own)
    if tools:
        body["tools"] = tools
    config, losses = write_config(request, own=own)
    choice, choice_losses = write_choice(request.tool_choice, own=own)
    for name, value in (("toolConfig", choice), ("generationConfig", config)):
        if value:
            body[name] = value
    if own:
        _put_back(request.extras or {}, body)
    else:
        writer.losses.extend((*losses, *choice_losses, *_unsaid(request)))
    return Rendered(body, tuple(writer.losses))


def dress(body: Mapping[str, Any], terms: Terms) -> bytes:
    """Make the body that is sent: a wish for more output than the model can give is refused, so it is brought down."""
    config = body.get("generationConfig", {})
    wanted = config.get("maxOutputTokens")
    if terms.max_output is not None and wanted is not None and wanted > terms.max_output:
        return encode({**body, "generationConfig": {**config, "maxOutputTokens": terms.max_output}})
    return encode(body)


def _put_back(extras: Mapping[str, Any], body: Said) -> None:
    """Put what only this format knows where it stood."""
    for name, value in extras.items():
        if name == f"{RESTATED}systemInstruction":
            continue
        outer, dot, inner = name.removeprefix(RESTATED).partition(".")
        if dot and outer in _CONFIGS:
            body.setdefault(outer, {})[inner] = value
        else:
            body[name.removeprefix(RESTATED)] = value


def _unsaid(request: GenerateRequest) -> list[Loss]:
    """Name the settings of another format that have no place here."""
    losses = foreign(request.extras, "", _WHY)
    if request.parallel_tools is False:
        losses.append(dropped("parallel_tools", "Gemini may call several tools at once"))
    if request.end_user is not None:
        losses.append(dropped("end_user", "Gemini has no such setting"))
    return losses


def _system(parts: Sequence[tuple[str, Part]], writer: PartWriter, *, own: bool) -> list[Said]:
    """Write instructions, each with its path: they are text alone."""
    said: list[Said | None] = []
    for path, part in parts:
        if not own and not isinstance(part, Text):
            writer.losses.append(dropped(path, "Gemini's instructions are text", weight=Weight.CONTENT))
            continue
        said.append(writer.write(part, path))
    return [part for part in said if part is not None]


def _own_contents(messages: Sequence[Message], writer: PartWriter) -> list[Said]:
    """Write the conversation of this format as it was."""
    contents = []
    for place, message in enumerate(messages):
        written = (writer.write(part, f"messages[{place}].parts[{at}]") for at, part in enumerate(message.parts))
        extras = message.extras or {}
        role = extras.get(f"{RESTATED}role", "model" if message.role is Role.ASSISTANT else "user")
        more = {name: value for name, value in extras.items() if not name.startswith(RESTATED)}
        contents.append({"role": role, "parts": [said for said in written if said is not None], **more})
    return contents


def _contents(messages: Sequence[Message], shift: int, writer: PartWriter) -> list[Said]:
    """Write a conversation of another format: turns of one speaker that follow each other are one.

    All results of a step must stand in one turn, in the order of its calls.
    """
    contents: list[Said] = []
    for place, message in enumerate(messages, start=shift):
        path = f"messages[{place}]"
        writer.losses.extend(foreign(message.extras, path, _WHY))
        if message.role in {Role.SYSTEM, Role.DEVELOPER}:
            writer.losses.append(approximated(f"{path}.role", "Gemini's instructions stand before the conversation"))
        role = "model" if message.role is Role.ASSISTANT else "user"
        parts = _turn(message.parts, path, writer)
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"].extend(parts)
        elif parts:
            contents.append({"role": role, "parts": parts})
    calls: dict[str, int] = {}
    for content in contents:
        calls = _model_turn(content["parts"]) if content["role"] == "model" else _user_turn(content["parts"], calls)
    return contents


def _turn(parts: Sequence[Part], path: str, writer: PartWriter) -> list[Said]:
    """Write a turn; the signature of an empty thought is that of the part behind it."""
    said: list[Said] = []
    waiting: str | None = None
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        if isinstance(part, Thought) and not part.text and not part.redacted:
            waiting = writer.signature(part.signature, where) or waiting
            continue
        written = writer.write(part, where)
        if written is None:
            continue
        if waiting is not None and not isinstance(part, ToolResult):
            written.setdefault(SIGNATURE, waiting)
            waiting = None
        said.append(written)
    if waiting is not None:
        said.append({"text": "", SIGNATURE: waiting})
    said.extend(writer.behind)
    writer.behind.clear()
    return said


def _model_turn(parts: list[Said]) -> dict[str, int]:
    """Sign the first call of a step where nobody did, and give the places of the calls by their ids."""
    calls = [part for part in parts if "functionCall" in part]
    if calls:
        calls[0].setdefault(SIGNATURE, DUMMY)
    return {part["functionCall"].get("id", ""): place for place, part in enumerate(calls)}


def _user_turn(parts: list[Said], calls: Mapping[str, int]) -> dict[str, int]:
    """Put the results first, in the order of the calls that they answer; no call is open behind them."""

    def place(part: Said) -> int:
        """Give where a part belongs."""
        result = part.get("functionResponse")
        return len(calls) + 1 if result is None else calls.get(result.get("id", ""), len(calls))

    parts.sort(key=place)
    return {}


def _tools(tools: Sequence[Tool | Opaque], losses: list[Loss], *, own: bool) -> list[Said]:
    """Write tools: functions together, and each tool that the provider runs by itself."""
    functions: list[Said] = []
    said: list[Said] = []
    for place, tool in enumerate(tools):
        path = f"tools[{place}]"
        if isinstance(tool, Opaque):
            if tool.format is Format.GEMINI:
                said.append(tool.json)
            else:
                losses.append(dropped(path, "it is run by a provider of another format"))
            continue
        functions.append(_function(tool, own=own))
        if not own:
            losses.extend(_tool_losses(tool, path))
    return [*([{"functionDeclarations": functions}] if functions else ()), *said]


def _function(tool: Tool, *, own: bool) -> Said:
    """Write a function."""
    said: Said = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    extras = (tool.extras or {}) if own else {}
    described = f"{RESTATED}parameters"
    if described in extras:
        said["parameters"] = extras[described]
    elif tool.schema is not None:
        said["parametersJsonSchema"] = tool.schema
    return {**said, **{name: value for name, value in extras.items() if not name.startswith(RESTATED)}}


def _tool_losses(tool: Tool, path: str) -> list[Loss]:
    """Name what cannot be said of a function."""
    losses = foreign(tool.extras, path, _WHY)
    for name in ("strict", "namespace", "grammar", "cache"):
        if getattr(tool, name) is not None:
            losses.append(dropped(f"{path}.{name}", "Gemini's functions have no such setting"))
    return losses
