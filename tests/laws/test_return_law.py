"""Laws 4 and 5: what is read and written again is the same JSON, as each format holds it to be; no input changes."""

import copy
import importlib
import json
from typing import Any

import msgspec
import pytest

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec
from tests.support.corpus import NEEDS_TRAFFIC, Sample, answers, clients, having, own, recorded
from tests.support.passages import answered, dressed, read_request

BOTH_WAYS = [codec for codec in CODECS.values() if codec.render_request is not None]
every_codec = pytest.mark.parametrize("codec", BOTH_WAYS, ids=lambda codec: codec.format)


def canonical(codec: Codec) -> Any:
    """Give the module that knows which JSON a format holds to be the same."""
    return importlib.import_module(f"tests.support.canonical.{codec.format.replace('-', '_')}")


def asked_for(sample: Sample) -> bytes:
    """Give the request of a sample, or one that might have brought its answer."""
    found = next(each for each in own() if each.format is sample.format and each.request is not None)
    request = sample.request or found.request
    assert request is not None
    return request


@every_codec
def test_every_format_that_upstreams_speak_has_samples(codec: Codec) -> None:
    ours = [sample for sample in own() if sample.format is codec.format]
    assert [sample for sample in ours if sample.request]
    assert [sample for sample in ours if sample.response]
    assert [sample for sample in ours if sample.stream]


@NEEDS_TRAFFIC
def test_recorded_traffic_and_clients_are_tried() -> None:
    assert recorded()
    assert clients()


@pytest.mark.parametrize("sample", [each for each in having("request") if each.codec in BOTH_WAYS], ids=str)
def test_a_request_returns(sample: Sample) -> None:
    codec = sample.codec
    assert sample.request is not None
    request = read_request(codec, sample.request, sample.place)
    body, losses = dressed(codec, request, request.model)
    same = canonical(codec).request
    assert same(json.loads(body)) == same(json.loads(sample.request))
    assert losses == ()


@pytest.mark.parametrize("sample", answers(), ids=str)
def test_an_answer_returns(sample: Sample) -> None:
    codec = sample.codec
    assert sample.response is not None
    request = read_request(codec, asked_for(sample), sample.place)
    response = codec.read_response(sample.response)
    _, said = answered(response, codec, request)
    same = canonical(codec).response
    assert same(json.loads(said.body)) == same(json.loads(sample.response))
    assert said.losses == ()


@pytest.mark.parametrize("sample", having("request"), ids=str)
def test_reading_and_writing_a_request_changes_nothing_and_is_the_same_twice(sample: Sample) -> None:
    assert sample.request is not None
    request = read_request(sample.codec, sample.request, sample.place)
    assert request == read_request(sample.codec, sample.request, sample.place)
    before = copy.deepcopy(request)
    for codec in BOTH_WAYS:
        assert codec.render_request is not None
        once, twice = codec.render_request(request), codec.render_request(request)
        assert once == twice
        assert msgspec.json.encode(once.body) == msgspec.json.encode(twice.body)
        assert request == before


@pytest.mark.parametrize("sample", answers(), ids=str)
def test_reading_and_writing_an_answer_changes_nothing_and_is_the_same_twice(sample: Sample) -> None:
    assert sample.response is not None
    request = read_request(sample.codec, asked_for(sample), sample.place)
    response = sample.codec.read_response(sample.response)
    assert response == sample.codec.read_response(sample.response)
    before = copy.deepcopy(response)
    for codec in CODECS.values():
        assert answered(response, codec, request) == answered(response, codec, request)
        assert response == before
