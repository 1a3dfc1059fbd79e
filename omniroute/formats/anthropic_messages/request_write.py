"""Writes a request of any format as a Messages request.

Source: Anthropic API reference, "Create a Message" (https://platform.claude.com/docs/en/api/messages/create): turns of
one role that follow each other are one turn, the results of a turn's calls open the next one, and ``max_tokens`` is
required.

Always true: a request of this very format is written as it was read; of any other, what is not said is among the
losses.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.anthropic_messages.blocks_read import OWN, Block
from omniroute.formats.anthropic_messages.blocks_write import FOREIGN, BlockWriter
from omniroute.formats.anthropic_messages.settings import (
    LEAST_BUDGET,
    fit_thinking,
    write_output,
    write_sampling,
    write_stop,
    write_thinking,
)
from omniroute.formats.anthropic_messages.values import encode, restate
from omniroute.formats.codec import Rendered, Terms
from omniroute.ir.loss import Weight, approximated, dropped, foreign
from omniroute.ir.parts import Opaque, Part, Refusal, Text
from omniroute.ir.request import GenerateRequest, Message, Role, Tool, ToolChoice, ToolMode, leading_system

USUAL_OUTPUT = 8_192
"""``max_tokens`` where neither the client nor the configuration says one: what every model of the family can give."""

_NO_ARGUMENTS = {"type": "object", "properties": {}}
_FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
_MODES = {ToolMode.AUTO: "auto", ToolMode.REQUIRED: "any", ToolMode.NAMED: "tool", ToolMode.NONE: "none"}
_THINKS = frozenset({"thinking", "redacted_thinking"})
_PARALLEL = "disable_parallel_tool_use"


def render_request(request: GenerateRequest) -> Rendered:
    """Write a request; ``dress`` adds what depends on its target."""
    own = request.format is OWN
    writer = BlockWriter(own=own)
    losses = writer.losses
    body: dict[str, Any] = {}
    if own:
        _restate_messages(body, request, writer)
    else:
        _write_messages(body, request, writer)
    _write_tools(body, request, writer)
    write_output(body, request.output, losses, own=own)
    own_words = own and not (request.thinking is not None and request.thinking.ruled)
    write_thinking(body, request, losses, own=own_words)
    if not own_words:
        _mend_thinking(body, writer)
    write_sampling(body, request.sampling, losses, own=own_words)
    write_stop(body, request.stop, losses, own=own)
    if request.max_output is not None:
        body["max_tokens"] = request.max_output
    if request.stream:
        body["stream"] = True
    if request.end_user is not None:
        body["metadata"] = {"user_id": request.end_user}
    if own:
        _restate_extras(body, request)
    else:
        losses += foreign(request.extras, "", FOREIGN)
    return Rendered(body, tuple(losses))


def dress(body: Mapping[str, Any], terms: Terms) -> bytes:
    """Make the body that is sent: ``model``, and ``max_tokens`` where the client set none.

    A thinking budget must be less than ``max_tokens``: where the limit is ours it gives way, where it is the model's
    the budget does, since more than that the model cannot think anyway. How to think is said as the model takes it.
    """
    sent = fit_thinking({"model": terms.model, **body}, terms.thinking)
    if sent.get("max_tokens") is None:
        sent["max_tokens"] = terms.max_output or USUAL_OUTPUT
        thinking = sent.get("thinking")
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        if isinstance(thinking, dict) and isinstance(budget, int) and budget >= sent["max_tokens"]:
            if terms.max_output is None:
                sent["max_tokens"] = budget + USUAL_OUTPUT
            else:
                sent["thinking"] = {**thinking, "budget_tokens": max(terms.max_output // 2, LEAST_BUDGET)}
    return encode(sent)


def _restate_messages(body: dict[str, Any], request: GenerateRequest, writer: BlockWriter) -> None:
    """Write the conversation turn by turn, as it was."""
    if system := writer.blocks(request.system, "system"):
        body["system"] = system
    body["messages"] = []
    for place, message in enumerate(request.messages):
        content = writer.blocks(message.parts, f"messages[{place}].parts")
        turn = {"role": _role(message.role), "content": content}
        restate(turn, message.extras)
        body["messages"].append(turn)


def _role(role: Role) -> str:
    """Name a role."""
    return "system" if role is Role.DEVELOPER else role.value


def _write_messages(body: dict[str, Any], request: GenerateRequest, writer: BlockWriter) -> None:
    """Write the conversation of another format: the instructions apart, and the roles in turns."""
    _, messages = leading_system(request)
    first = len(request.messages) - len(messages)
    instructions = _instructions(request.system, "system", writer)
    for place, message in enumerate(request.messages[:first]):
        instructions += _instructions(message.parts, f"messages[{place}].parts", writer)
        writer.losses += foreign(message.extras, f"messages[{place}]", FOREIGN)
    turns: list[tuple[str, list[Block]]] = []
    for place, message in enumerate(messages, first):
        _add_turn(turns, message, place, writer)
    if not turns and instructions:
        paths = ["system"] * bool(request.system) + [f"messages[{place}].role" for place in range(first)]
        writer.losses += [
            approximated(path, "the API takes no instructions alone: the user says them") for path in paths
        ]
        turns, instructions = [("user", instructions)], []
    if instructions:
        body["system"] = instructions
    body["messages"] = [{"role": role, "content": _results_first(content)} for role, content in turns]


def _instructions(parts: tuple[Part, ...], path: str, writer: BlockWriter) -> list[Block]:
    """Write instructions, which are text in this format."""
    for place, part in enumerate(parts):
        if not isinstance(part, Text | Refusal):
            why = "instructions are text in this format"
            writer.losses.append(dropped(f"{path}[{place}]", why, weight=Weight.CONTENT))
    return [block for block in writer.blocks(parts, path) if block["type"] == "text"]


def _add_turn(turns: list[tuple[str, list[Block]]], message: Message, place: int, writer: BlockWriter) -> None:
    """Write a message, onto the turn before it where that is the same role's."""
    content = writer.blocks(message.parts, f"messages[{place}].parts")
    writer.losses += foreign(message.extras, f"messages[{place}]", FOREIGN)
    role = "assistant" if message.role is Role.ASSISTANT else "user"
    if message.role in {Role.SYSTEM, Role.DEVELOPER}:
        why = "not every model takes instructions within the conversation: they are said by the user"
        writer.losses.append(approximated(f"messages[{place}].role", why))
    if not content:
        return
    if turns and turns[-1][0] == role:
        turns[-1][1].extend(content)
    else:
        turns.append((role, content))


def _results_first(content: list[Block]) -> list[Block]:
    """Put the results of calls before all else, as the API demands."""
    return sorted(content, key=lambda block: block["type"] != "tool_result")


def _mend_thinking(body: dict[str, Any], writer: BlockWriter) -> None:
    """Turn a thinking budget off in the middle of tool calls that were made without a thought we can send back.

    The API refuses to think on there: the turn that made the calls has to begin with the thought that led to them.
    """
    turns = body["messages"]
    if body.get("thinking", {}).get("type") != "enabled" or len(turns) < 2:
        return
    caller, last = turns[-2], turns[-1]
    results = any(block["type"] == "tool_result" for block in last["content"])
    if results and caller["role"] == "assistant" and not _begins_with_thought(caller["content"]):
        del body["thinking"]
        why = "the calls being answered were made without a thought of this format: the API refuses to think on"
        writer.losses.append(dropped("thinking", why))


def _begins_with_thought(content: list[Block]) -> bool:
    """Say whether a turn begins with a thought."""
    return bool(content) and content[0]["type"] in _THINKS


def _write_tools(body: dict[str, Any], request: GenerateRequest, writer: BlockWriter) -> None:
    """Write the tools, and how they are chosen."""
    tools = [_tool(tool, f"tools[{place}]", writer) for place, tool in enumerate(request.tools)]
    written = [tool for tool in tools if tool is not None]
    if written or (request.format is OWN and request.tools):
        body["tools"] = written
    choice = request.tool_choice
    if not written and request.format is not OWN:
        if choice is not None and choice.mode is not ToolMode.NONE:
            writer.losses.append(dropped("tool_choice", "there is no tool to choose"))
        if request.parallel_tools is not None:
            writer.losses.append(dropped("parallel_tools", "there is no tool to call"))
        return
    if choice is not None or request.parallel_tools is not None:
        body["tool_choice"] = _choice(choice or ToolChoice(ToolMode.AUTO), request, writer)


def _tool(tool: Tool | Opaque, path: str, writer: BlockWriter) -> Block | None:
    """Write a tool; None for one that only another format's providers run."""
    if isinstance(tool, Opaque):
        if tool.format is OWN:
            return dict(tool.json)
        writer.losses.append(dropped(path, f"only providers of {tool.format} run it"))
        return None
    written: Block = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    schema = _schema(tool, path, writer)
    if schema is not None:
        written["input_schema"] = schema
    if tool.strict is not None:
        written["strict"] = tool.strict
    if tool.namespace is not None:
        writer.losses.append(dropped(f"{path}.namespace", "tools have no groups in this format"))
    return writer.finish(written, tool.cache, tool.extras, path)


def _schema(tool: Tool, path: str, writer: BlockWriter) -> Any:
    """Write the schema of a tool's arguments, which the API demands, and demands to be of an object."""
    if writer.own:
        return tool.schema
    if tool.custom:
        writer.losses.append(approximated(f"{path}.custom", 'its free text is asked for under "input"'))
        return _FREE_TEXT
    if tool.schema is None:
        return _NO_ARGUMENTS
    if isinstance(tool.schema, dict) and "type" not in tool.schema:
        return {"type": "object", **tool.schema}
    return tool.schema


def _choice(choice: ToolChoice, request: GenerateRequest, writer: BlockWriter) -> dict[str, Any]:
    """Write how tools are chosen."""
    written: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.name is not None:
        written["name"] = choice.name
    if request.format is OWN:
        restate(written, choice.extras)
    else:
        writer.losses += foreign(choice.extras, "tool_choice", FOREIGN)
    if request.parallel_tools is None:
        return written
    if choice.mode is ToolMode.NONE:
        writer.losses.append(dropped("parallel_tools", "no tool is to be called"))
    else:
        written[_PARALLEL] = not request.parallel_tools
    return written


def _restate_extras(body: dict[str, Any], request: GenerateRequest) -> None:
    """Put back what the IR does not model; members that it models in part are joined."""
    for name, value in (request.extras or {}).items():
        plain = name.removeprefix("=")
        joined = body.get(plain)
        body[plain] = {**value, **joined} if isinstance(joined, dict) and isinstance(value, dict) else value
    if "output_format" in body and "output_config" in body:
        body["output_config"] = {each: value for each, value in body["output_config"].items() if each != "format"}
        if not body["output_config"]:
            del body["output_config"]
