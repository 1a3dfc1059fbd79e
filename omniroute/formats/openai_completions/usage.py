"""Reads and writes the tokens of an answer.

Source: OpenAI API reference, "The completion object"
(https://platform.openai.com/docs/api-reference/completions/object): ``prompt_tokens`` count all that was sent, cached
or not, and ``completion_tokens`` include reasoning.
"""

from collections.abc import Mapping

from omniroute.ir.usage import Usage

_MOST_TOKENS = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6), and no answer has so many tokens."""


def read_usage(value: object) -> Usage | None:
    """Bring reported usage into the convention of ``ir.usage``; None where it tells nothing."""
    if not isinstance(value, dict):
        return None
    prompt = _count(value.get("prompt_tokens"))
    output = _count(value.get("completion_tokens"))
    if prompt is None and output is None:
        return None
    cached = min(_detail(value, "prompt_tokens_details", "cached_tokens"), prompt or 0)
    reasoning = min(_detail(value, "completion_tokens_details", "reasoning_tokens"), output or 0)
    return Usage(
        input=(prompt or 0) - cached,
        output=output or 0,
        cache_read=cached,
        reasoning=reasoning,
        audio_in=min(_detail(value, "prompt_tokens_details", "audio_tokens"), (prompt or 0) - cached),
        audio_out=min(_detail(value, "completion_tokens_details", "audio_tokens"), output or 0),
    )


def write_usage(usage: Usage) -> dict[str, object]:
    """Write usage; details only where there are any."""
    written: dict[str, object] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
    }
    sent = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_in}
    said = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_out}
    for group, details in (("prompt_tokens_details", sent), ("completion_tokens_details", said)):
        if told := {name: tokens for name, tokens in details.items() if tokens}:
            written[group] = told
    return written


def _detail(value: Mapping[str, object], group: str, name: str) -> int:
    """Read a number out of a group of details; 0 where there is none."""
    details = value.get(group)
    return (_count(details.get(name)) or 0) if isinstance(details, dict) else 0


def _count(value: object) -> int | None:
    """Read a number of tokens; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None
