"""Counts the tokens of a request: the endpoint that does, what it takes, and what it answers.

Source: OpenAI API reference, "Get input token counts"
(https://platform.openai.com/docs/api-reference/responses/input-tokens).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.formats.openai_responses.wire import loads, members

_TAKEN = frozenset(
    {
        *("conversation", "input", "instructions", "parallel_tool_calls", "previous_response_id"),
        *("reasoning", "text", "tool_choice", "tools", "truncation"),
    }
)
"""What the endpoint takes of a request; it refuses what else a request may hold."""


def count_url(_model: str) -> str:
    """Give the path, which is the same for all models."""
    return "/responses/input_tokens"


def count_body(body: Mapping[str, Any], model: str) -> bytes:
    """Write the question: ``body`` is a request of this format, ``model`` the upstream's name for the model."""
    return msgspec.json.encode({"model": model} | {name: body[name] for name in body if name in _TAKEN})


def read_count(body: bytes) -> int | None:
    """Read the answer: how many tokens the request has; None where it does not say."""
    count = members(loads(body)).get("input_tokens")
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def render_count(tokens: int) -> bytes:
    """Write an answer."""
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})
