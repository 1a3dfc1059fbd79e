"""Counting tokens: asking an upstream of this format, and answering a client of it.

Source: Gemini API reference, "countTokens" (https://ai.google.dev/api/tokens): a request has ``contents`` alone, or a
whole ``generateContentRequest``, in which instructions and tools count as well.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.gemini.head import resource
from omniroute.formats.gemini.wire import count, encode, loads, members, named

_WHOLE = "generateContentRequest"


def count_url(model: str) -> str:
    """Give what is appended to a base URL to count tokens for a model."""
    return f"/{resource(model)}:countTokens"


def count_body(body: Mapping[str, Any], model: str) -> bytes:
    """Make a request for counting of the body of one for generating."""
    name = model if "/" in model else f"models/{model}"
    return encode({_WHOLE: {**body, "model": name}})


def read_count(body: bytes) -> int | None:
    """Read how many tokens were counted; None where the answer does not say."""
    return count(members(loads(body)).get("totalTokens"))


def render_count(tokens: int) -> bytes:
    """Write how many tokens were counted."""
    return encode({"totalTokens": tokens})


def read_count_request(body: bytes, model: str) -> bytes:
    """Make a request for generating of a client's request for counting.

    Raises:
        Malformed: it is no JSON object, or what is to be counted is none.
    """
    value = loads(body)
    if not isinstance(value, dict):
        raise Malformed("the request body must be a JSON object")
    asked = named(value)
    whole = asked.get(_WHOLE)
    if whole is None:
        return body
    if not isinstance(whole, dict):
        raise Malformed(f'"{_WHOLE}" must be an object', _WHOLE)
    return encode(whole)
