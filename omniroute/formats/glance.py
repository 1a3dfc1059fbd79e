"""What a request's bytes tell at a glance of what it asks of a model, without reading them.

Always true: what is seen is there, since a member's name cannot stand so within a JSON string, where its quotes are
escaped. It is a glance all the same: the tokens are an estimate, and never billed.
"""

import re
from collections.abc import Mapping

import msgspec

from omniroute.formats.codec import Asked
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format, ProviderName

BYTES_PER_TOKEN = 5
"""Of a body, with all that JSON adds to the words; many, so that the estimate is low and what fits is not refused."""

# literal table: what a part of each kind is called in one wire format or another
MARKS: dict[Capability, tuple[bytes, ...]] = {
    Capability.IMAGES: (b'"image_url"', b'"image"', b'"input_image"', b'"images"', b'"image/'),
    Capability.AUDIO_IN: (b'"input_audio"', b'"audio/'),
    Capability.DOCUMENTS: (b'"document"', b'"file"', b'"input_file"', b'"application/pdf"'),
}
TOOLS = "tools"

# literal tables: the fields of each format that bound an answer's tokens, and that say how many answers there are; and
# within which members of them, where they are objects
_CONFIGS = ("generationConfig", "generation_config")
_MOST_OUTPUT: dict[Format, dict[str, tuple[str, ...]]] = {
    Format.OPENAI_CHAT: {"max_completion_tokens": (), "max_tokens": ()},
    Format.OPENAI_RESPONSES: {"max_output_tokens": ()},
    Format.OPENAI_COMPLETIONS: {"max_tokens": ()},
    Format.ANTHROPIC_MESSAGES: {"max_tokens": ()},
    Format.GEMINI: dict.fromkeys(_CONFIGS, ("maxOutputTokens", "max_output_tokens")),
    Format.OLLAMA: {"options": ("num_predict",)},
}
_ANSWERS: dict[Format, dict[str, tuple[str, ...]]] = {
    Format.OPENAI_CHAT: {"n": ()},
    Format.OPENAI_COMPLETIONS: {"n": (), "best_of": ()},
    Format.GEMINI: dict.fromkeys(_CONFIGS, ("candidateCount", "candidate_count")),
}

_LONG = 16
"""Digits of a number that may be more than can be read at once."""
_OF_MARK = {mark: each for each, marks in MARKS.items() for mark in marks}
_ANY = re.compile(b"|".join(map(re.escape, sorted(_OF_MARK, key=len, reverse=True))))
"""All marks in one search: a tenth of the time that one search for each takes."""


class Glance(msgspec.Struct, frozen=True):
    """What was seen: the capabilities that the content needs, and an estimate of its tokens.

    ``input_tokens`` is None where pictures, sounds or documents stand within, whose bytes say nothing of their tokens.
    """

    needs: frozenset[Capability]
    input_tokens: int | None


def glance(asked: Asked) -> Glance:
    """Look at a request."""
    needs: set[Capability] = set()
    found = _ANY.findall(asked.body)
    if found:
        needs.update(map(_OF_MARK.__getitem__, found))
    tokens = None if needs else len(asked.body) // BYTES_PER_TOKEN
    if TOOLS in asked.fields and asked.body[asked.fields[TOOLS]] not in {b"null", b"[]"}:
        needs.add(Capability.TOOLS)
    return Glance(frozenset(needs), tokens)


def facts_of(
    asked: Asked,
    wire: Format,
    provider: ProviderName | None = None,
    session: str | None = None,
    guess: object | None = None,
) -> Facts:
    """Give what routing needs to know of a request.

    ``provider`` is what its path says, ``session`` and ``guess`` are as in ``conversation.Conversation``.
    """
    seen = glance(asked)
    return Facts(
        asked=asked.model,
        format=wire,
        stream=asked.stream,
        provider=provider,
        input_tokens=seen.input_tokens,
        needs=seen.needs,
        session=session,
        guess=guess,
    )


def most_output(asked: Asked, wire: Format) -> int | None:
    """Give the most tokens that a request lets its answer have; None where it does not say.

    Where it says so more than once, the largest counts: nobody knows which of them an upstream heeds.
    """
    said = _said(asked, _MOST_OUTPUT.get(wire, {}))
    return max(said) if said else None


def answers(asked: Asked, wire: Format) -> int:
    """Give how many answers a request asks for: to each of its prompts, where there may be several."""
    prompts = _prompts(asked) if wire is Format.OPENAI_COMPLETIONS else 1
    return prompts * max([1, *_said(asked, _ANSWERS.get(wire, {}))])


def _prompts(asked: Asked) -> int:
    """Count the prompts of a request; numbers are the tokens of one."""
    if "prompt" not in asked.fields:
        return 1
    try:
        read = msgspec.json.decode(asked.body[asked.fields["prompt"]])
    except msgspec.DecodeError:
        return 1
    return max(1, sum(isinstance(each, str | list) for each in read)) if isinstance(read, list) else 1


def _said(asked: Asked, names: Mapping[str, tuple[str, ...]]) -> list[int]:
    """Give the numbers that a request says under these names."""
    found: list[int] = []
    for name, within in names.items():
        if name in asked.fields:
            found += _numbers(asked.body[asked.fields[name]], within)
    return found


def _numbers(value: bytes, within: tuple[str, ...]) -> list[int]:
    """Read a number, or those members of an object that are one."""
    if len(value) < _LONG and value.isdigit():
        return [int(value)]
    try:
        read = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    members = [read.get(name) for name in within] if within and isinstance(read, dict) else [read]
    return [each for each in members if type(each) is int and each >= 0]
