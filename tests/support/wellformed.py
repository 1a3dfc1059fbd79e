"""Whether a request is one that a provider's official SDK could have sent: its own request types are the judge.

Members that the types do not know are let be where the types are open (OpenAI, Anthropic, Ollama), and are faults where
they are closed (Google).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from anthropic.types import MessageCreateParams
from google.genai import types
from ollama._types import ChatRequest
from openai.types.chat import CompletionCreateParams
from openai.types.responses import ResponseCreateParams
from pydantic import TypeAdapter, ValidationError

from omniroute.names import Format

GEMINI: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": list[types.SafetySetting],
    "cachedContent": str,
    "labels": dict[str, str],
}


def faults(wire: Format, body: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a request; nothing, if nothing is."""
    return list(CHECKS[wire](body))


def checked(kind: Any) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """Make a check of one type for the whole body."""
    return lambda body: check(kind, body, "")


def check(kind: Any, value: Any, place: str) -> Iterable[str]:
    """Hold a value against a type; lists are read to their ends, since pydantic looks into them only then."""
    try:
        exhaust(adapter(kind).validate_python(value))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            yield f"{place}{'.'.join(map(str, each['loc']))}: {each['msg']}"


def exhaust(value: Any) -> None:
    """Read everything that is within."""
    if isinstance(value, Mapping):
        for each in value.values():
            exhaust(each)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for each in value:
            exhaust(each)


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Give what validates a type."""
    return TypeAdapter(kind)


def check_gemini(body: Mapping[str, Any]) -> Iterable[str]:
    """Hold each member against the SDK's type of it: the SDK has none for the whole body."""
    for name, value in body.items():
        if name not in GEMINI:
            yield f"{name}: no such member"
        else:
            yield from check(GEMINI[name], value, f"{name}.")


CHECKS: dict[Format, Callable[[Mapping[str, Any]], Iterable[str]]] = {
    Format.OPENAI_CHAT: checked(CompletionCreateParams),
    Format.OPENAI_RESPONSES: checked(ResponseCreateParams),
    Format.ANTHROPIC_MESSAGES: checked(MessageCreateParams),
    Format.OLLAMA: checked(ChatRequest),
    Format.GEMINI: check_gemini,
}
