"""How many tokens a request has, as far as that can be told without asking its provider: an estimate, and no more.

The rule: one token for every four bytes of UTF-8 in words, names, arguments and schemas (OpenAI's and Anthropic's rule
of thumb for English text, https://help.openai.com/en/articles/4936856; a script that needs more bytes needs more
tokens, too), four for each message and each tool around them, and a fixed number for each picture, sound and document,
whose sizes are not known here. It is never billed.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from omniroute.ir.parts import Audio, Document, Image, Opaque, Part, Plain, Refusal, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Tool

BYTES_PER_TOKEN = 4
AROUND = 4
"""Tokens that frame a message or a tool."""
PICTURE = 1_600
"""Tokens of a picture of the largest size that is not scaled down (Anthropic, "Vision")."""
ATTACHMENT = 3_000
"""Tokens of a sound or a document: a page of a PDF has 1,500 to 3,000 (Anthropic, "PDF support")."""


def estimate(request: GenerateRequest) -> int:
    """Estimate the input tokens of a request; at least 1."""
    texts = 0
    more = AROUND * (len(request.messages) + len(request.tools))
    parts = [*request.system, *(part for message in request.messages for part in message.parts)]
    for part in parts:
        for text in _texts(part):
            texts += len(text.encode("utf-8", "surrogatepass"))
        more += sum(map(_attached, _within(part)))
    texts += sum(map(_tool, request.tools))
    return max(1, -(-texts // BYTES_PER_TOKEN) + more)


def _within(part: Part) -> tuple[Part, ...]:
    """Give the parts of a tool's result, or the part itself."""
    return part.parts if isinstance(part, ToolResult) else (part,)


def _texts(part: Part) -> Iterator[str]:
    """Give the words of a part."""
    for each in _within(part):
        match each:
            case Text(text=text) | Thought(text=text) | Refusal(text=text) | Document(source=Plain(text=text)):
                yield text
            case ToolCall(name=name, arguments=arguments):
                yield name
                yield arguments
            case Opaque(json=value):
                yield _written(value)
            case _:
                pass


def _attached(part: Part) -> int:
    """Give the tokens of what is not words."""
    match part:
        case Image():
            return PICTURE
        case Document(source=Plain()):
            return 0
        case Audio() | Document():
            return ATTACHMENT
        case _:
            return 0


def _tool(tool: Tool | Opaque) -> int:
    """Give the bytes of a tool's description."""
    if isinstance(tool, Opaque):
        return len(_written(tool.json))
    return len(f"{tool.name}{tool.description or ''}".encode("utf-8", "surrogatepass")) + len(_written(tool.schema))


def _written(value: Any) -> str:
    """Write decoded JSON; nothing for nothing."""
    return "" if value is None else msgspec.json.encode(value).decode()
