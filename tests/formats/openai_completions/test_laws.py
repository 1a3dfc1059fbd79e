"""The laws of ``formats.codec`` for this format, over our own samples, recorded traffic and made-up values."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.errors import Malformed
from omniroute.formats.codec import Context, Place
from omniroute.formats.openai_completions import CODEC
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event, Fault, fold, unfold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Refusal, Text
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import Format
from tests.formats.openai_completions.samples import (
    NEEDS_TRAFFIC,
    RECORDED,
    Sample,
    answers,
    own,
    requests,
    streams,
)
from tests.support import ir_values
from tests.support.canonical import openai_completions as canonical

ASKED = GenerateRequest(format=Format.OPENAI_COMPLETIONS, model="m", messages=())
CONTEXT = Context(ASKED, "req-1", "upstream-model", 1_700_000_000_123_456)
MODEST = settings(max_examples=100, deadline=None)
FOREIGN_STREAM = "openai-completions-cd67201e3c"
"""A recorded stream of another shape, without choices, that none of this format's clients can read."""


def by_name(samples: Iterable[Sample]) -> Any:
    return pytest.mark.parametrize("sample", list(samples), ids=lambda sample: sample.name)


def decoded(*pieces: bytes) -> list[Event]:
    decoder = Decoder(CODEC.splitter(), CODEC.reader())
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def plain(response: GenerateResponse) -> GenerateResponse:
    return msgspec.structs.replace(response, extras=None)


def words(response: GenerateResponse) -> str:
    return "".join(part.text for part in response.parts if isinstance(part, Text | Refusal))


@by_name(requests())
def test_every_request_is_read(sample: Sample) -> None:
    body = json.loads(sample.body)
    request = CODEC.read_request(CODEC.ask(sample.body, Place()))
    assert request.model == body["model"]
    assert request.messages or request.pins


@by_name(answers())
def test_an_answer_read_and_written_is_the_same(sample: Sample) -> None:
    said = CODEC.render_response(CODEC.read_response(sample.body), CONTEXT)
    assert canonical.response(json.loads(said.body)) == canonical.response(json.loads(sample.body))
    assert said.losses == ()


@by_name(each for each in own("stream.sse") if each.name in {one.name for one in own("response.json")})
def test_a_stream_folds_to_the_whole_answer(sample: Sample) -> None:
    whole = next(each.body for each in own("response.json") if each.name == sample.name)
    assert fold(CODEC.format, decoded(sample.body)) == plain(CODEC.read_response(whole))


@by_name(streams())
def test_a_stream_means_the_same_wherever_it_is_cut(sample: Sample) -> None:
    whole = decoded(sample.body)
    assert decoded(*(bytes([byte]) for byte in sample.body)) == whole
    grammar = Grammar()
    assert [wrong for event in whole if (wrong := grammar.wrong(event))] == []
    assert grammar.state == ("broken" if isinstance(whole[-1], Fault) else "done")


@by_name(each for each in streams() if "error" not in each.name and each.name != FOREIGN_STREAM)
def test_a_stream_read_and_written_is_read_the_same(sample: Sample) -> None:
    events = decoded(sample.body)
    encoder = CODEC.encoder(CONTEXT)
    again = b"".join(map(encoder.feed, events))
    assert again.endswith(b"data: [DONE]\n\n")
    assert fold(CODEC.format, decoded(again)) == fold(CODEC.format, events)


@NEEDS_TRAFFIC
def test_a_recorded_stream_of_another_shape_is_cut() -> None:
    (body,) = [each.body for each in streams() if each.name == FOREIGN_STREAM]
    assert isinstance(decoded(body)[-1], Fault)


@NEEDS_TRAFFIC
def test_recorded_answers_are_read() -> None:
    names = {path.stem for path in RECORDED.glob("*.json")}
    assert names <= {each.name for each in (*answers(), *streams())}


@given(st.binary(max_size=60) | ir_values.json_values.map(lambda value: json.dumps(value).encode()))
@MODEST
def test_arbitrary_bytes_are_malformed_or_complained_of(body: bytes) -> None:
    with suppress(Malformed):
        CODEC.read_request(CODEC.ask(body, Place()))
    assert CODEC.answer(body).complaint is not None
    assert isinstance(decoded(b"data: " + body + b"\n\n")[-1], Fault)


ANY = ir_values.json_values
CHOICES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "index": st.integers(0, 2) | ANY,
            "text": ANY | ir_values.words,
            "finish_reason": ANY | st.just("stop"),
            "logprobs": ANY,
        },
    )
    | ANY,
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {}, optional={"id": ANY, "model": ANY, "created": ANY, "choices": CHOICES | ANY, "usage": ANY, "more": ANY}
)


@given(st.lists(RECORDS, max_size=4), st.booleans())
@MODEST
def test_a_stream_of_odd_records_keeps_to_the_grammar(records: list[Any], done: bool) -> None:
    body = b"".join(b"data: " + json.dumps(record).encode() + b"\n\n" for record in records)
    events = decoded(body, b"data: [DONE]\n\n" * done)
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
    assert grammar.state in {"done", "broken"}
    for record in records:
        whole = json.dumps(record).encode()
        if CODEC.answer(whole).complaint is None:
            json.loads(CODEC.render_response(CODEC.read_response(whole), CONTEXT).body)


@given(
    st.fixed_dictionaries(
        {"model": st.just("m")},
        optional=dict.fromkeys(("prompt", "stop", "seed", "user", "top_p", "n", "echo", "suffix", "max_tokens"), ANY),
    )
)
@MODEST
def test_a_request_of_the_right_form_is_read_or_malformed(body: dict[str, Any]) -> None:
    with suppress(Malformed):
        request = CODEC.read_request(CODEC.ask(json.dumps(body).encode(), Place()))
        assert request.messages or request.pins


@given(ir_values.whole)
@MODEST
def test_an_answer_of_any_format_can_be_written_and_read(response: GenerateResponse) -> None:
    again = CODEC.read_response(CODEC.render_response(response, CONTEXT).body)
    encoder = CODEC.encoder(CONTEXT)
    finished = msgspec.structs.replace(response, finish=response.finish or Finish.STOP)
    streamed = fold(CODEC.format, decoded(b"".join(map(encoder.feed, unfold(finished)))))
    assert words(again) == words(streamed) == words(response)
    assert streamed.usage == again.usage
    if response.usage is not None and again.usage is not None:
        assert (again.usage.prompt, again.usage.output) == (response.usage.prompt, response.usage.output)


@given(ir_values.grammatical)
@MODEST
def test_an_encoder_takes_whatever_the_grammar_allows(events: tuple[Event, ...]) -> None:
    encoder = CODEC.encoder(CONTEXT)
    again = decoded(b"".join(map(encoder.feed, events)))
    assert words(fold(CODEC.format, again)) == words(fold(CODEC.format, events))


@by_name(streams())
def test_a_watch_passes_the_bytes_and_learns_what_translating_learns(sample: Sample) -> None:
    watch = CODEC.watch(False)
    passed = watch.feed(sample.body) + watch.close()
    events = decoded(sample.body)
    assert watch.done is not isinstance(events[-1], Fault)
    assert watch.usage == fold(CODEC.format, events).usage
    assert passed in {sample.body, sample.body + b"data: [DONE]\n\n"} or not watch.done
