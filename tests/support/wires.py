"""Where each wire format is spoken, and what of a request in it a scripted upstream looks at.

Like ``tests.support.answers``, this is written after the providers' documentation and knows nothing of the codecs.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from omniroute.names import Format
from tests.support.peer import Recorded

UPSTREAMS = (
    Format.OPENAI_CHAT,
    Format.OPENAI_RESPONSES,
    Format.ANTHROPIC_MESSAGES,
    Format.GEMINI,
    Format.OLLAMA,
)
"""The formats that any client can be translated to."""

CLIENTS = (*UPSTREAMS, Format.OPENAI_COMPLETIONS)
"""The formats that clients ask for answers in."""

# literal tables
ROOT: dict[Format, str] = {
    Format.OPENAI_CHAT: "/v1",
    Format.OPENAI_RESPONSES: "/v1",
    Format.OPENAI_COMPLETIONS: "/v1",
    Format.ANTHROPIC_MESSAGES: "",
    Format.GEMINI: "/v1beta",
    Format.OLLAMA: "",
}
"""What a provider's base URL ends with."""

PATH: dict[Format, str] = {
    Format.OPENAI_CHAT: "/v1/chat/completions",
    Format.OPENAI_RESPONSES: "/v1/responses",
    Format.OPENAI_COMPLETIONS: "/v1/completions",
    Format.ANTHROPIC_MESSAGES: "/v1/messages",
    Format.OLLAMA: "/api/chat",
}
"""Where a model is asked; Gemini's path names it."""


def path_of(wire: Format, model: str, *, stream: bool) -> str:
    """Where this model is asked, with its query."""
    if wire is not Format.GEMINI:
        return PATH[wire]
    return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")


def streams(wire: Format, asked: Recorded) -> bool:
    """Whether a request asks for a stream; each format's own documented default where it does not say."""
    if wire is Format.GEMINI:
        return ":streamGenerateContent" in asked.path
    return bool(asked.json().get("stream", wire is Format.OLLAMA))


def results(wire: Format, body: dict[str, Any]) -> list[str]:
    """The words of every tool result in a request, in order."""
    return [words(each) for each in RESULTS[wire](body)]


def words(content: Any) -> str:
    """The words of a content: a text, text parts, or any JSON as it is written."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "".join(part["text"] for part in content)
    return json.dumps(content)


def tool_messages(body: dict[str, Any]) -> Iterator[Any]:
    yield from (each["content"] for each in body["messages"] if each["role"] == "tool")


def output_items(body: dict[str, Any]) -> Iterator[Any]:
    items = body["input"] if isinstance(body["input"], list) else []
    yield from (each["output"] for each in items if each.get("type", "").endswith("_call_output"))


def result_blocks(body: dict[str, Any]) -> Iterator[Any]:
    contents = (each["content"] for each in body["messages"] if isinstance(each["content"], list))
    yield from (block.get("content", "") for part in contents for block in part if block["type"] == "tool_result")


def function_responses(body: dict[str, Any]) -> Iterator[Any]:
    parts = (part for each in body["contents"] for part in each["parts"])
    yield from (part["functionResponse"]["response"] for part in parts if "functionResponse" in part)


RESULTS: dict[Format, Callable[[dict[str, Any]], Iterator[Any]]] = {
    Format.OPENAI_CHAT: tool_messages,
    Format.OPENAI_RESPONSES: output_items,
    Format.ANTHROPIC_MESSAGES: result_blocks,
    Format.GEMINI: function_responses,
    Format.OLLAMA: tool_messages,
}


def tools(wire: Format, body: dict[str, Any]) -> set[str]:
    """The names of the tools that a request offers for the client to run."""
    return set(TOOLS[wire](body))


def functions(body: dict[str, Any]) -> Iterator[str]:
    yield from (each["function"]["name"] for each in body.get("tools") or ())


def flat_tools(body: dict[str, Any]) -> Iterator[str]:
    for each in body.get("tools") or ():
        if "tools" in each:  # a namespace
            yield from flat_tools(each)
        elif "name" in each:
            yield each["name"]


def declarations(body: dict[str, Any]) -> Iterator[str]:
    yield from (one["name"] for each in body.get("tools") or () for one in each.get("functionDeclarations", ()))


TOOLS: dict[Format, Callable[[dict[str, Any]], Iterator[str]]] = {
    Format.OPENAI_CHAT: functions,
    Format.OPENAI_RESPONSES: flat_tools,
    Format.ANTHROPIC_MESSAGES: flat_tools,
    Format.GEMINI: declarations,
    Format.OLLAMA: functions,
}
