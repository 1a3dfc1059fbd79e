"""A request made up of what it needs: for playing a request through of which nobody has the body.

Always true: it is written by the codec of the client's format and read like any other, so whether it fits another
format is found by what ``serve`` finds it by.
"""

from collections.abc import Mapping

import msgspec

from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Codec, Place, Terms
from omniroute.formats.translate import Translation, dress
from omniroute.ir.facts import Facts
from omniroute.ir.parts import Audio, Document, Image, Inline, Part, Text
from omniroute.ir.request import GenerateRequest, Message, OutputSpec, Role, Thinking, Tool
from omniroute.names import Capability
from omniroute.routing.plan import Fitting

WORDS = "Hello!"
_SCHEMA = {"type": "object", "properties": {}}

# literal table: what in a message needs a capability
PARTS: Mapping[Capability, Part] = {
    Capability.IMAGES: Image(Inline("image/png", "iVBORw0KGgo=")),
    Capability.DOCUMENTS: Document(Inline("application/pdf", "JVBERi0xLjQ=")),
    Capability.AUDIO_IN: Audio(Inline("audio/wav", "UklGRg==")),
}


def sample_of(facts: Facts) -> Asked:
    """Make a request with these needs, in its client's format, which is one of ``CODECS``."""
    codec = CODECS[facts.format]
    return codec.ask(_body(codec, facts), Place(facts.asked, facts.stream))


def fitting_of(facts: Facts) -> Fitting:
    """Say how such a request fits formats other than its client's."""
    return Translation(CODECS[facts.format], sample_of(facts)).fit


def _body(codec: Codec, facts: Facts) -> bytes:
    """Write a request in its client's format; one that only clients speak says words and nothing else."""
    if codec.render_request is None:
        return msgspec.json.encode({"model": facts.asked, "prompt": WORDS})
    return dress(codec)(codec.render_request(_request(facts)).body, Terms(facts.asked))


def _request(facts: Facts) -> GenerateRequest:
    """Make a request up."""
    needs = facts.needs
    parts = (Text(WORDS), *(part for need, part in PARTS.items() if need in needs))
    return GenerateRequest(
        format=facts.format,
        model=facts.asked,
        messages=(Message(Role.USER, parts),),
        tools=(Tool("look_up", "Looks something up.", _SCHEMA),) if Capability.TOOLS in needs else (),
        output=OutputSpec(_SCHEMA, "answer") if Capability.JSON_SCHEMA in needs else None,
        thinking=Thinking(enabled=True) if Capability.THINKING in needs else None,
        stream=facts.stream,
    )
