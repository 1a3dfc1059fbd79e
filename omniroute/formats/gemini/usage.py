"""Tokens as this format counts them, and as ``ir.usage`` does.

Source: Gemini API reference, "UsageMetadata" (https://ai.google.dev/api/generate-content#UsageMetadata):
``promptTokenCount`` includes ``cachedContentTokenCount``; ``candidatesTokenCount`` excludes ``thoughtsTokenCount``;
``toolUsePromptTokenCount`` are tokens that tools run by the provider put into the prompt, counted beside it.
"""

from typing import Any

from omniroute.formats.gemini.wire import count, members
from omniroute.ir.usage import Usage


def read_usage(value: object) -> Usage | None:
    """Bring reported usage into the convention of ``ir.usage``; None where it tells nothing."""
    said = members(value)
    prompt, tools = count(said.get("promptTokenCount")), count(said.get("toolUsePromptTokenCount"))
    candidates, thoughts = count(said.get("candidatesTokenCount")), count(said.get("thoughtsTokenCount"))
    if prompt is tools is candidates is thoughts is None:
        return None
    sent = prompt or 0
    read = min(count(said.get("cachedContentTokenCount")) or 0, sent)
    return Usage(
        input=sent - read + (tools or 0),
        output=(candidates or 0) + (thoughts or 0),
        cache_read=read,
        reasoning=thoughts or 0,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Say usage in this format; tokens written to a cache are part of the prompt."""
    said = {"promptTokenCount": usage.prompt, "candidatesTokenCount": usage.output - usage.reasoning}
    if usage.cache_read:
        said["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        said["thoughtsTokenCount"] = usage.reasoning
    said["totalTokenCount"] = usage.prompt + usage.output
    return said
