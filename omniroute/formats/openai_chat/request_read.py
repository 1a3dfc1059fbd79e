"""Reads a Chat Completions request.

Source: OpenAI API reference, "Create chat completion" (https://platform.openai.com/docs/api-reference/chat/create).

Always true: a member that is not understood, by its name or by the kind of its value, is in ``extras`` under its own
name; what asks for something to be done that no other format can do, is a pin as well.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.jsontext import loads
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.members import members, take_bool, take_int, take_number, take_text
from omniroute.formats.openai_chat.messages_read import Messages
from omniroute.formats.openai_chat.output import read_output
from omniroute.formats.openai_chat.thinking import read_thinking
from omniroute.formats.openai_chat.tools import read_choice, read_tools, tool_pins
from omniroute.ir.parts import Opaque
from omniroute.ir.request import GenerateRequest, Pin, Sampling, Tool, ToolChoice

LIMITS = ("max_completion_tokens", "max_tokens")
"""Where the longest output is said; the first is the one that counts."""
NUMBERS = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty")
# literal table: members that only a provider of this format can serve, and why
_PINNED = {
    "functions": "functions, the forerunners of tools, have calls without ids",
    "function_call": "functions, the forerunners of tools, have calls without ids",
    "plugins": "they are run by the provider",
    "data_sources": "they are searched by the provider",
}
_SEARCHES = ("web_search_options", "search_parameters")


def read_request(asked: Asked) -> GenerateRequest:
    """Read a whole request.

    Raises:
        Malformed: a message or a tool cannot be understood.
    """
    body = loads(asked.body)
    if not isinstance(body, dict):
        raise Malformed("the request body is nested too deeply")
    left = members(body)
    for name in ("model", "stream"):
        left.pop(name, None)
    messages = Messages()
    for message in left.pop("messages", ()):
        messages.add(message)
    tools = read_tools(left.pop("tools")) if left.get("tools") else ()
    _restate(left)
    pins = (*messages.pins, *tool_pins(tools, left.get("tool_choice")), *_pins(left, tools))
    stop = _stop(left)
    choice = _choice(left)
    return GenerateRequest(
        format=OWN,
        model=asked.model,
        messages=tuple(messages.read),
        tools=tools,
        tool_choice=choice,
        parallel_tools=take_bool(left, "parallel_tool_calls"),
        sampling=Sampling(**{name: take_number(left, name) for name in NUMBERS}, seed=take_int(left, "seed")),
        output=read_output(left),
        thinking=read_thinking(left),
        stop=stop,
        max_output=_limit(left),
        stream=asked.stream,
        usage_asked=asked.usage_asked,
        end_user=take_text(left, "user"),
        pins=pins,
        extras=left or None,
    )


def _choice(left: dict[str, Any]) -> ToolChoice | None:
    """Take the choice between tools."""
    choice = read_choice(left.get("tool_choice"))
    if choice is not None:
        del left["tool_choice"]
    return choice


def _limit(left: dict[str, Any]) -> int | None:
    """Take the longest output, and remember where it was said."""
    found = {name: value for name in LIMITS if (value := take_int(left, name)) is not None}
    if "max_tokens" in found:
        left |= {f"={name}": value for name, value in found.items()}
    return next(iter(found.values()), None)


def _stop(left: dict[str, Any]) -> tuple[str, ...]:
    """Take stop sequences: one, or an array of them."""
    stop = left.get("stop")
    if isinstance(stop, str):
        left["=stop"] = left.pop("stop")
        return (stop,)
    if isinstance(stop, list) and all(isinstance(each, str) for each in stop):
        return tuple(left.pop("stop"))
    return ()


def _restate(left: dict[str, Any]) -> None:
    """Mark what only says what would be so without it, or how a stream is written, which is no loss elsewhere."""
    options = left.pop("stream_options", None)
    if isinstance(options, dict):
        options = {name: each for name, each in options.items() if name != "include_usage"}
    if options:
        left["=stream_options"] = options
    for name, value in (("tools", []), ("n", 1), ("modalities", ["text"]), ("logprobs", False), ("store", False)):
        if left.get(name) == value:
            left[f"={name}"] = left.pop(name)


def _pins(left: Mapping[str, Any], tools: tuple[Tool | Opaque, ...]) -> tuple[Pin, ...]:
    """Give the pins of a request's own members."""
    pins = [Pin(name, why) for name, why in _PINNED.items() if left.get(name)]
    if left.get("n", 1) != 1:
        pins.append(Pin("n", "several answers to one request"))
    if left.get("store") is True:
        pins.append(Pin("store", "the answer is to be kept by the provider"))
    if left.get("modalities"):
        pins.append(Pin("modalities", "answers that are more than text"))
    if not any(isinstance(tool, Tool) for tool in tools):
        pins += [Pin(name, "the search is made by the provider") for name in _SEARCHES if left.get(name) is not None]
    return tuple(pins)
