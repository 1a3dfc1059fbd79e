"""Requests that are made up: as a client would write them, with what they need."""

import pytest

from omniroute.engine.sample import fitting_of
from omniroute.formats import CODECS
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format

SPOKEN = [wire for wire, codec in CODECS.items() if codec.render_request is not None]


@pytest.mark.parametrize("wire", CODECS)
@pytest.mark.parametrize("stream", [False, True])
def test_words_fit_every_format_that_requests_are_translated_to(wire: Format, stream: bool) -> None:
    fitting = fitting_of(Facts("house/m", wire, stream))
    assert {other: fitting(other).refused for other in SPOKEN} == dict.fromkeys(SPOKEN)
    own = wire is Format.OPENAI_COMPLETIONS
    assert (fitting(Format.OPENAI_COMPLETIONS).refused is None) is own


@pytest.mark.parametrize("wire", SPOKEN)
def test_whatever_is_needed_every_client_can_ask_for_and_it_is_understood(wire: Format) -> None:
    fitting = fitting_of(Facts("house/m", wire, stream=False, needs=frozenset(Capability)))
    for other in SPOKEN:
        fitting(other)


def test_what_a_format_has_no_place_for_does_not_fit_it() -> None:
    def fits(need: Capability, wire: Format) -> bool:
        facts = Facts("house/m", Format.OPENAI_CHAT, stream=False, needs=frozenset({need}))
        return fitting_of(facts)(wire).refused is None

    assert not fits(Capability.AUDIO_IN, Format.ANTHROPIC_MESSAGES)
    assert not fits(Capability.DOCUMENTS, Format.OLLAMA)
    assert fits(Capability.IMAGES, Format.ANTHROPIC_MESSAGES)
    assert fits(Capability.TOOLS, Format.GEMINI)
    assert fits(Capability.JSON_SCHEMA, Format.OLLAMA)
