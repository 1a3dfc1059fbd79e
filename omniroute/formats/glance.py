"""What a request's bytes tell at a glance of what it asks of a model, without reading them.

Always true: what is seen is there, since a member's name cannot stand so within a JSON string, where its quotes are
escaped. It is a glance all the same: the tokens are an estimate, and never billed.
"""

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


class Glance(msgspec.Struct, frozen=True):
    """What was seen: the capabilities that the content needs, and an estimate of its tokens.

    ``input_tokens`` is None where pictures, sounds or documents stand within, whose bytes say nothing of their tokens.
    """

    needs: frozenset[Capability]
    input_tokens: int | None


def glance(asked: Asked) -> Glance:
    """Look at a request."""
    needs = {each for each, marks in MARKS.items() if any(mark in asked.body for mark in marks)}
    tokens = None if needs else len(asked.body) // BYTES_PER_TOKEN
    for field in asked.fields:
        if field.name == TOOLS and asked.body[field.start : field.end] not in {b"null", b"[]"}:
            needs.add(Capability.TOOLS)
    return Glance(frozenset(needs), tokens)


def facts_of(asked: Asked, wire: Format, provider: ProviderName | None = None, session: str | None = None) -> Facts:
    """Give what routing needs to know of a request; ``provider`` and ``session`` are what its path and head say."""
    seen = glance(asked)
    return Facts(
        asked=asked.model,
        format=wire,
        stream=asked.stream,
        provider=provider,
        input_tokens=seen.input_tokens,
        needs=seen.needs,
        session=session,
    )
