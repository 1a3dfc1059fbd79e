"""The endpoint that counts a request's tokens.

Source: Anthropic API reference, "Count tokens in a Message"
(https://platform.claude.com/docs/en/api/messages-count-tokens): it takes the members of a request that make its prompt,
and refuses all others.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.anthropic_messages.usage import count
from omniroute.formats.anthropic_messages.values import decode, encode

# literal table
MEMBERS = (
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "context_management",
    "compaction",
    "mcp_servers",
    "speed",
)


def count_url(model: str) -> str:
    """Give the path of the endpoint, which is the same for every model."""
    del model
    return "/v1/messages/count_tokens"


def count_body(body: Mapping[str, Any], model: str) -> bytes:
    """Make, of a request's body, the one to count: ``model`` is the upstream's name for the model."""
    return encode({"model": model, **{name: body[name] for name in MEMBERS if name in body}})


def render_count(tokens: int) -> bytes:
    """Write an answer of this endpoint."""
    return encode({"input_tokens": tokens})


def read_count(body: bytes) -> int | None:
    """Read an answer of this endpoint; None where it holds no count."""
    value = decode(body)
    return count(value.get("input_tokens")) if isinstance(value, dict) else None
