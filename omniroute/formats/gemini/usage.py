"""Tokens as this format counts them, and as ``ir.usage`` does.

Source: Gemini API reference, "UsageMetadata" (https://ai.google.dev/api/generate-content#UsageMetadata):
``promptTokenCount`` includes ``cachedContentTokenCount``; ``candidatesTokenCount`` excludes ``thoughtsTokenCount``;
``toolUsePromptTokenCount`` are tokens that tools run by the provider put into the prompt, counted beside it.
The ``…TokensDetails`` part a number by modality, of which sound has a price of its own; ``promptTokensDetails`` include
what was cached, as the number that they part does.
"""

from typing import Any

from omniroute.formats.gemini.wire import count, many, members
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
    heard = _sound(said, "promptTokensDetails")
    reheard = min(_sound(said, "cacheTokensDetails"), heard, read)
    return Usage(
        input=sent - read + (tools or 0),
        output=(candidates or 0) + (thoughts or 0),
        cache_read=read,
        reasoning=thoughts or 0,
        audio_in=min(heard - reheard, sent - read) + min(_sound(said, "toolUsePromptTokensDetails"), tools or 0),
        audio_out=min(_sound(said, "candidatesTokensDetails"), candidates or 0),
        audio_cache_read=reheard,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Say usage in this format; tokens written to a cache are part of the prompt."""
    said: dict[str, Any] = {"promptTokenCount": usage.prompt, "candidatesTokenCount": usage.output - usage.reasoning}
    if usage.cache_read:
        said["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        said["thoughtsTokenCount"] = usage.reasoning
    for name, sound, whole in (
        ("promptTokensDetails", usage.audio_in + usage.audio_cache_read, usage.prompt),
        ("cacheTokensDetails", usage.audio_cache_read, usage.cache_read),
        ("candidatesTokensDetails", usage.audio_out, usage.output - usage.reasoning),
    ):
        if sound:
            said[name] = _parted(min(sound, whole), whole)
    said["totalTokenCount"] = usage.prompt + usage.output
    return said


def _sound(said: dict[str, Any], name: str) -> int:
    """Give how many of the tokens that a list parts are of sound."""
    sound = 0
    for part in many(said.get(name)):
        if isinstance(part, dict) and part.get("modality") == "AUDIO":
            sound += count(part.get("tokenCount", part.get("token_count"))) or 0
    return sound


def _parted(sound: int, whole: int) -> list[dict[str, Any]]:
    """Part a number of tokens by modality."""
    parts = (("TEXT", whole - sound), ("AUDIO", sound))
    return [{"modality": modality, "tokenCount": tokens} for modality, tokens in parts if tokens]
