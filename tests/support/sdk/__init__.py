"""The official SDKs, driven: one function for each wire format that asks and tells what was heard."""

from collections.abc import Mapping
from typing import Any, Protocol

from omniroute.names import Format
from tests.support.sdk import (
    anthropic_messages,
    gemini,
    ollama_chat,
    openai_chat,
    openai_completions,
    openai_responses,
)
from tests.support.sdk.heard import NONE, Heard, Spent

__all__ = ["ASK", "Ask", "Heard", "Spent", "question"]


class Ask(Protocol):
    """Asks at ``url`` (an origin) what ``body`` says, a request of the format with ``model`` in it in any case."""

    async def __call__(
        self,
        url: str,
        body: dict[str, Any],
        *,
        stream: bool,
        strict: bool,
        retries: int = 0,
        headers: Mapping[str, str] = NONE,
    ) -> Heard: ...


ASK: dict[Format, Ask] = {
    Format.OPENAI_CHAT: openai_chat.ask,
    Format.OPENAI_RESPONSES: openai_responses.ask,
    Format.OPENAI_COMPLETIONS: openai_completions.ask,
    Format.ANTHROPIC_MESSAGES: anthropic_messages.ask,
    Format.GEMINI: gemini.ask,
    Format.OLLAMA: ollama_chat.ask,
}

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CITY = {"city": "Paris"}
SYSTEM, ASKED, AGAIN, RESULT = "Be brief.", "What is the weather in Paris?", "And in Oslo?", "18 degrees, clear."
DESCRIBED = {"name": "weather", "description": "Tells the weather of a city."}
FUNCTION = {"type": "function", "function": {**DESCRIBED, "parameters": SCHEMA}}

# literal table: a conversation with a tool that was called, and one question more
QUESTIONS: dict[Format, dict[str, Any]] = {
    Format.OPENAI_CHAT: {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": ASKED},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_0",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_0", "content": RESULT},
            {"role": "user", "content": AGAIN},
        ],
        "tools": [FUNCTION],
        "max_completion_tokens": 500,
    },
    Format.OPENAI_RESPONSES: {
        "instructions": SYSTEM,
        "input": [
            {"role": "user", "content": ASKED},
            {"type": "function_call", "call_id": "call_0", "name": "weather", "arguments": '{"city": "Paris"}'},
            {"type": "function_call_output", "call_id": "call_0", "output": RESULT},
            {"role": "user", "content": AGAIN},
        ],
        "tools": [{"type": "function", **DESCRIBED, "parameters": SCHEMA, "strict": False}],
        "max_output_tokens": 500,
        "store": False,
    },
    Format.OPENAI_COMPLETIONS: {"prompt": AGAIN, "max_tokens": 500},
    Format.ANTHROPIC_MESSAGES: {
        "system": SYSTEM,
        "messages": [
            {"role": "user", "content": ASKED},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "toolu_0", "name": "weather", "input": CITY}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_0", "content": RESULT},
                    {"type": "text", "text": AGAIN},
                ],
            },
        ],
        "tools": [{**DESCRIBED, "input_schema": SCHEMA}],
        "max_tokens": 500,
    },
    Format.GEMINI: {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [
            {"role": "user", "parts": [{"text": ASKED}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": CITY}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "weather", "response": {"result": RESULT}}}, {"text": AGAIN}],
            },
        ],
        "tools": [{"functionDeclarations": [{**DESCRIBED, "parametersJsonSchema": SCHEMA}]}],
        "generationConfig": {"maxOutputTokens": 500},
    },
    Format.OLLAMA: {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": CITY}}]},
            {"role": "tool", "tool_name": "weather", "content": RESULT},
            {"role": "user", "content": AGAIN},
        ],
        "tools": [FUNCTION],
        "options": {"num_predict": 500},
    },
}


def question(wire: Format, model: str, *, stream: bool) -> dict[str, Any]:
    """A request with a system prompt, a tool, its call and its result; it asks for usage, where a stream must."""
    asks = stream and wire in {Format.OPENAI_CHAT, Format.OPENAI_COMPLETIONS}
    usage = {"stream_options": {"include_usage": True}} if asks else {}
    return {"model": model, **QUESTIONS[wire], **usage}
