"""Laws 7 and 8: a streamed answer is the one that would have come whole, and streams obey the grammar."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest
from omniroute.names import Format
from tests.support.corpus import Sample, having, own
from tests.support.difference import response_differences
from tests.support.ir_values import WIRES, grammatical, streams
from tests.support.laws import often
from tests.support.passages import context, cut, decoded, encoded

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.format)
ASKED = GenerateRequest(Format.OPENAI_CHAT, "a-model", ())
BOTH = [sample for sample in own() if sample.response and sample.stream]


def wrong(events: list[Event]) -> list[str]:
    grammar = Grammar()
    return [each for event in events if (each := grammar.wrong(event))]


@pytest.mark.parametrize("sample", BOTH, ids=str)
def test_a_streamed_answer_is_the_one_that_comes_whole(sample: Sample) -> None:
    assert sample.stream is not None
    assert sample.response is not None
    codec = sample.codec
    events = decoded(codec, [sample.stream])
    assert isinstance(events[-1], End)
    whole, folded = codec.read_response(sample.response), fold(codec.format, events)
    assert (folded.id, folded.model, folded.created) == (whole.id, whole.model, whole.created)
    assert (folded.finish, folded.stop_sequence, folded.usage) == (whole.finish, whole.stop_sequence, whole.usage)
    assert response_differences(whole, folded, ()) == []
    assert response_differences(folded, whole, ()) == []


@every_codec
def test_some_streams_have_a_whole_answer_beside_them(codec: Codec) -> None:
    assert [sample for sample in BOTH if sample.format is codec.format]


@pytest.mark.parametrize("sample", having("stream"), ids=str)
def test_a_stream_obeys_the_grammar(sample: Sample) -> None:
    assert sample.stream is not None
    events = decoded(sample.codec, [sample.stream])
    assert wrong(events) == []
    assert isinstance(events[-1], End | Fault)


@every_codec
@pytest.mark.parametrize("sample", having("stream"), ids=str)
def test_a_stream_can_be_told_in_every_format(sample: Sample, codec: Codec) -> None:
    assert sample.stream is not None
    events = decoded(sample.codec, [sample.stream])
    if isinstance(events[-1], Fault):
        encoded(codec, events[:-1], ASKED)
    else:
        check_telling(codec, sample.codec.format, events)


@every_codec
@given(st.data())
@settings(max_examples=often(100), deadline=None)
def test_whatever_the_grammar_allows_can_be_told(codec: Codec, data: st.DataObject) -> None:
    wire = data.draw(st.sampled_from([wire for wire in WIRES if wire is not codec.format]))
    check_telling(codec, wire, list(data.draw(streams(wire))))


def check_telling(codec: Codec, wire: Format, events: list[Event]) -> None:
    body, losses = encoded(codec, events, ASKED)
    told = decoded(codec, [body])
    assert wrong(told) == []
    assert isinstance(told[-1], End), told[-1]
    assert response_differences(fold(wire, events), fold(codec.format, told), losses) == []


@every_codec
@given(grammatical, st.lists(st.integers(0, 2**16), max_size=8))
@settings(max_examples=often(30), deadline=None)
def test_a_told_stream_means_the_same_wherever_it_is_cut(
    codec: Codec, events: tuple[Event, ...], places: list[int]
) -> None:
    body, losses = encoded(codec, events, ASKED)
    assert decoded(codec, cut(body, places)) == decoded(codec, [body])
    assert encoded(codec, events, ASKED) == (body, losses)


@every_codec
@given(grammatical, st.integers(0, 2**16))
@settings(max_examples=often(50), deadline=None)
def test_a_told_stream_that_breaks_off_before_its_finish_is_a_fault(
    codec: Codec, events: tuple[Event, ...], place: int
) -> None:
    finish = next(at for at, event in enumerate(events) if isinstance(event, Finished))
    body, _ = encoded(codec, events[: place % (finish + 1)], ASKED)
    told = decoded(codec, [body])
    assert wrong(told) == []
    assert isinstance(told[-1], Fault)


@every_codec
def test_words_are_told_as_they_come(codec: Codec) -> None:
    encoder = codec.encoder(context(ASKED))
    encoder.feed(Begin("a", "m", 1))
    encoder.feed(PartStart(0, Text()))
    for word in ("one", "two", "three"):
        assert word.encode() in encoder.feed(Delta(0, word))
