"""Law 6: what is read in one format, written in another and read there differs only where a loss says so."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec
from omniroute.ir.request import GenerateRequest
from omniroute.names import Format
from tests.support.corpus import Sample, answers, having, own
from tests.support.difference import request_differences, response_differences
from tests.support.ir_values import WIRES, requests, responses
from tests.support.laws import often
from tests.support.passages import answered, passed, read_request

UPSTREAMS = [codec for codec in CODECS.values() if codec.render_request is not None]
every_upstream = pytest.mark.parametrize("codec", UPSTREAMS, ids=lambda codec: codec.format)
every_client = pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.format)
ASKED = GenerateRequest(Format.OPENAI_CHAT, "a-model", ())


def others(codec: Codec) -> list[Format]:
    return [wire for wire in WIRES if wire is not codec.format]


SENT = [(sample, codec) for sample in having("request") for codec in UPSTREAMS if codec is not sample.codec]
GIVEN = [(sample, codec) for sample in answers() for codec in CODECS.values() if codec is not sample.codec]


def ids(pairs: list[tuple[Sample, Codec]]) -> list[str]:
    return [f"{sample}-to-{codec.format}" for sample, codec in pairs]


@pytest.mark.parametrize(("sample", "codec"), SENT, ids=ids(SENT))
def test_a_request_differs_only_where_a_loss_says_so(sample: Sample, codec: Codec) -> None:
    assert sample.request is not None
    request = read_request(sample.codec, sample.request, sample.place)
    before, after, losses = passed(request, codec)
    if not request.pins:  # a request that is bound to its format is never sent as another
        assert request_differences(before, after, losses) == []


@pytest.mark.parametrize(("sample", "codec"), GIVEN, ids=ids(GIVEN))
def test_an_answer_differs_only_where_a_loss_says_so(sample: Sample, codec: Codec) -> None:
    assert sample.response is not None
    response = sample.codec.read_response(sample.response)
    after, said = answered(response, codec, ASKED)
    assert response_differences(response, after, said.losses) == []


@every_upstream
@given(st.data())
@settings(max_examples=often(100), deadline=None)
def test_any_request_differs_only_where_a_loss_says_so(codec: Codec, data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(others(codec)).flatmap(requests))
    copied = copy.deepcopy(request)
    before, after, losses = passed(request, codec)
    assert request_differences(before, after, losses) == []
    assert request == copied


@every_client
@given(st.data())
@settings(max_examples=often(100), deadline=None)
def test_any_answer_differs_only_where_a_loss_says_so(codec: Codec, data: st.DataObject) -> None:
    response = data.draw(st.sampled_from(others(codec)).flatmap(responses))
    copied = copy.deepcopy(response)
    after, said = answered(response, codec, ASKED)
    assert response_differences(response, after, said.losses) == []
    assert response == copied


@every_upstream
@given(st.data())
@settings(max_examples=often(50), deadline=None)
def test_a_request_of_the_same_format_loses_nothing(codec: Codec, data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(others(codec)).flatmap(requests))
    _, read, _ = passed(request, codec)
    _, again, losses = passed(read, codec)
    assert losses == ()
    assert again == read


def test_every_codec_is_tried_with_samples_of_every_other() -> None:
    assert {sample.format for sample in own() if sample.request} == set(CODECS)
