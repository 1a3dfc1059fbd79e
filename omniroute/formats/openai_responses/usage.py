"""Usage, both ways.

Source: OpenAI API reference, "The Response object": ``input_tokens`` count every token sent and ``output_tokens``
every token written, reasoning included.
"""

from typing import Any

from omniroute.formats.openai_responses.wire import members
from omniroute.ir.usage import Usage

_MOST_TOKENS = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6), and no answer has so many tokens."""


def read_usage(value: object) -> Usage | None:
    """Bring reported usage into the convention of ``ir.usage``; None where it tells nothing.

    The classes of input are parted to add up to ``input_tokens``: tokens written to the cache first, because they
    were not there to be read, then tokens read from it.
    """
    told = members(value)
    given, output = _count(told.get("input_tokens")), _count(told.get("output_tokens"))
    if given is None and output is None:
        return None
    given, output = given or 0, output or 0
    details = members(told.get("input_tokens_details"))
    written = min(_count(details.get("cache_write_tokens")) or 0, given)
    read = min(_count(details.get("cached_tokens")) or 0, given - written)
    reasoning = _count(members(told.get("output_tokens_details")).get("reasoning_tokens")) or 0
    return Usage(
        input=given - written - read,
        output=output,
        cache_read=read,
        cache_write=written,
        reasoning=min(reasoning, output),
    )


def render_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Write usage; nothing reported stays nothing."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.output,
    }


def _count(value: object) -> int | None:
    """Read a number of tokens, which some servers write as a float; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None
