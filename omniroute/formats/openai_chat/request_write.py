"""Writes a Chat Completions request.

Source: OpenAI API reference, "Create chat completion" (https://platform.openai.com/docs/api-reference/chat/create).
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.codec import Rendered, Terms
from omniroute.formats.jsontext import dumps
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.members import Writing, members
from omniroute.formats.openai_chat.messages_write import write_messages
from omniroute.formats.openai_chat.output import write_output
from omniroute.formats.openai_chat.request_read import LIMITS, NUMBERS
from omniroute.formats.openai_chat.thinking import write_thinking
from omniroute.formats.openai_chat.tools import write_choice, write_tools
from omniroute.ir.request import GenerateRequest, Sampling, ToolMode

_UNSET = Sampling()


def render_request(request: GenerateRequest) -> Rendered:
    """Write a request of any format; the model's name and the wish for usage are for ``dress`` to add."""
    writing = Writing(own=request.format is OWN)
    body: dict[str, Any] = {"messages": write_messages(request, writing)}
    body |= _tools(request, writing)
    if request.sampling != _UNSET:
        body |= _sampling(request.sampling, writing)
    if request.output is not None:
        body["response_format"] = write_output(request.output, writing)
    if request.thinking is not None:
        body |= write_thinking(request.thinking, writing)
    if request.stop:
        body["stop"] = list(request.stop)
    body["max_completion_tokens"] = request.max_output
    body["user"] = request.end_user
    extras = writing.extras(request.extras, "")
    if "max_tokens" in extras and "max_completion_tokens" not in extras:
        del body["max_completion_tokens"]
    body |= extras
    if request.stream:
        body["stream"] = True
    return Rendered(members(body), tuple(writing.losses))


def _tools(request: GenerateRequest, writing: Writing) -> dict[str, Any]:
    """Write what is said of tools; without any, servers refuse the rest of it."""
    choice = request.tool_choice
    if not request.tools and choice is None and request.parallel_tools is None:
        return {}
    tools = write_tools(request, writing)
    body: dict[str, Any] = {"tools": tools or None, "parallel_tool_calls": request.parallel_tools}
    if choice is not None:
        body["tool_choice"] = write_choice(choice, writing)
    if tools or writing.own:
        return body
    if choice is not None and choice.mode is not ToolMode.AUTO:
        writing.drop("tool_choice", "there is no tool to be chosen")
    if request.parallel_tools is False:
        writing.drop("parallel_tools", "there is no tool to be called")
    return {}


def _sampling(sampling: Sampling, writing: Writing) -> dict[str, Any]:
    """Write how tokens are drawn; ``top_k`` is not OpenAI's, and only goes where it was said in this format."""
    body: dict[str, Any] = {name: getattr(sampling, name) for name in NUMBERS}
    if body["top_k"] is not None and not writing.own:
        writing.drop("sampling.top_k", "this format has no such setting")
        del body["top_k"]
    return body | {"seed": sampling.seed}


def dress(body: Mapping[str, Any], terms: Terms) -> bytes:
    """Make the body that is sent.

    A limit beyond the longest output of the model is that: the same answers come, and servers refuse more.
    """
    sent: dict[str, Any] = {"model": terms.model, **body}
    options = sent.get("stream_options", {})
    if sent.get("stream") is True and terms.stream_usage and isinstance(options, dict):
        sent["stream_options"] = {**options, "include_usage": True}
    for name in LIMITS:
        limit = sent.get(name)
        if terms.max_output is not None and isinstance(limit, int):
            sent[name] = min(limit, terms.max_output)
    return dumps(sent)
