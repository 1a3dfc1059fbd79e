"""The question how many tokens a request has, carried to a counter and back."""

import pytest

from omniroute.errors import Bug
from omniroute.formats import CODECS
from omniroute.formats.codec import Prepared
from omniroute.formats.counting import Counting, counter_of
from omniroute.names import FailureKind, Format

CARRIER = Counting(CODECS[Format.ANTHROPIC_MESSAGES], CODECS[Format.GEMINI], b"{}")


def test_a_count_is_told_in_the_clients_format() -> None:
    assert CARRIER.url("m", stream=False) == "/models/m:countTokens"
    assert CARRIER.prepare() == Prepared(b"{}")
    whole = CARRIER.whole(b'{"totalTokens": 7}')
    assert (whole.body, whole.answered.complaint, whole.answered.usage) == (b'{"input_tokens":7}', None, None)
    assert (CARRIER.losses, CARRIER.told) == ((), (("x-omniroute-count", "provider"),))


@pytest.mark.parametrize("body", [b"", b"null", b'{"totalTokens": "many"}', b'{"totalTokens": -1}', b'{"other": 7}'])
def test_an_answer_without_a_count_is_malformed(body: bytes) -> None:
    assert CARRIER.whole(body).answered.trouble is FailureKind.MALFORMED


def test_a_count_is_never_streamed() -> None:
    with pytest.raises(Bug, match="streamed"):
        CARRIER.watch(Prepared(b"{}"))


def test_a_format_without_a_counter_is_never_asked_for_one() -> None:
    with pytest.raises(Bug, match="ollama has no counter"):
        counter_of(CODECS[Format.OLLAMA])


@pytest.mark.parametrize("wire", [Format.ANTHROPIC_MESSAGES, Format.GEMINI, Format.OPENAI_RESPONSES])
def test_every_counter_reads_what_it_writes(wire: Format) -> None:
    counter = counter_of(CODECS[wire])
    for count in (0, 1, 2**40):
        assert counter.read(counter.render(count)) == count
