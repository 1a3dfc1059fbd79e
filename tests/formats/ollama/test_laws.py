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
from omniroute.formats.codec import Context, Place, Terms
from omniroute.formats.ollama import CODEC
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event, Fault, fold, unfold
from omniroute.ir.grammar import Grammar
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import GenerateResponse
from omniroute.names import Format
from tests.formats.ollama.samples import NEEDS_TRAFFIC, RECORDED, Sample, answers, own, requests, streams
from tests.support import ir_values
from tests.support.canonical import ollama as canonical

ASKED = GenerateRequest(format=Format.OLLAMA, model="m", messages=())
CONTEXT = Context(ASKED, "req-1", "upstream-model", 1_700_000_000_123_456)
MODEST = settings(max_examples=100, deadline=None)


def by_name(samples: Iterable[Sample]) -> Any:
    return pytest.mark.parametrize("sample", list(samples), ids=lambda sample: sample.name)


def read(body: bytes) -> GenerateRequest:
    return CODEC.read_request(CODEC.ask(body, Place()))


def written(request: GenerateRequest) -> Any:
    assert CODEC.render_request is not None
    assert CODEC.dress is not None
    return json.loads(CODEC.dress(CODEC.render_request(request).body, Terms(model=request.model)))


def decoded(*pieces: bytes) -> list[Event]:
    decoder = Decoder(CODEC.splitter(), CODEC.reader())
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def plain(response: GenerateResponse) -> GenerateResponse:
    return msgspec.structs.replace(response, extras=None)


@by_name(requests())
def test_a_request_read_and_written_is_the_same(sample: Sample) -> None:
    request = read(sample.body)
    assert canonical.request(written(request)) == canonical.request(json.loads(sample.body))
    assert CODEC.render_request is not None
    assert CODEC.render_request(request).losses == ()


@by_name(answers())
def test_an_answer_read_and_written_is_the_same(sample: Sample) -> None:
    response = CODEC.read_response(sample.body)
    said = CODEC.render_response(response, CONTEXT)
    assert canonical.response(json.loads(said.body)) == canonical.response(json.loads(sample.body))
    assert said.losses == () or sample.name == "load-model"


@by_name(each for each in own("stream.ndjson") if each.name in {one.name for one in own("response.json")})
def test_a_stream_folds_to_the_whole_answer(sample: Sample) -> None:
    whole = next(each.body for each in own("response.json") if each.name == sample.name)
    assert fold(CODEC.format, decoded(sample.body)) == plain(CODEC.read_response(whole))


@by_name(streams())
def test_a_stream_means_the_same_wherever_it_is_cut(sample: Sample) -> None:
    whole = decoded(sample.body)
    assert decoded(*(bytes([byte]) for byte in sample.body)) == whole
    middle = len(sample.body) // 2
    assert decoded(sample.body[:middle], sample.body[middle:]) == whole
    grammar = Grammar()
    assert [wrong for event in whole if (wrong := grammar.wrong(event))] == []
    assert grammar.state == ("broken" if isinstance(whole[-1], Fault) else "done")


@by_name(each for each in streams() if "error" not in each.name and "cut" not in each.name)
def test_a_stream_read_and_written_is_read_the_same(sample: Sample) -> None:
    events = decoded(sample.body)
    encoder = CODEC.encoder(CONTEXT)
    again = b"".join(map(encoder.feed, events))
    said = [{**line, "created_at": ""} for line in map(json.loads, again.splitlines())]
    assert [line["done"] for line in said] == [False] * (len(said) - 1) + [True]
    folded, whole = fold(CODEC.format, decoded(again)), fold(CODEC.format, events)
    assert [type(part) for part in folded.parts] == [type(part) for part in whole.parts]
    assert (folded.finish, folded.usage, folded.model) == (whole.finish, whole.usage, whole.model)


@NEEDS_TRAFFIC
def test_recorded_answers_are_read() -> None:
    names = {path.stem for path in RECORDED.glob("*.json")}
    assert len(names & {each.name for each in (*answers(), *streams())}) == len(names)


@given(st.binary(max_size=60) | ir_values.json_values.map(lambda value: json.dumps(value).encode()))
@MODEST
def test_arbitrary_bytes_are_malformed_or_complained_of(body: bytes) -> None:
    with suppress(Malformed):
        written(read(body))
    if CODEC.answer(body).complaint is None:
        json.loads(CODEC.render_response(CODEC.read_response(body), CONTEXT).body)
    events = decoded(body)
    assert isinstance(events[-1], Fault)


ANY = ir_values.json_values
CALLS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": ANY | st.just("c"),
            "function": ANY | st.fixed_dictionaries({}, optional={"name": st.just("f") | ANY, "arguments": ANY}),
        },
    ),
    max_size=2,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "tool", "other"]) | ANY,
        "content": ir_values.words | ANY,
        "thinking": ir_values.words | ANY,
        "images": ANY,
        "tool_calls": CALLS | ANY,
        "tool_name": ANY,
        "tool_call_id": ANY,
    },
)


@given(
    st.fixed_dictionaries(
        {"model": st.just("m")},
        optional={
            "messages": st.lists(MESSAGES | ANY, max_size=3) | ANY,
            "tools": st.lists(CALLS | ANY, max_size=2),
            "options": st.dictionaries(st.sampled_from(["seed", "stop", "top_k", "num_predict", "x"]), ANY) | ANY,
            "format": ANY,
            "think": ANY,
            "extra": ANY,
        },
    )
)
@MODEST
def test_a_request_of_the_right_form_is_read_or_malformed(body: dict[str, Any]) -> None:
    try:
        request = read(json.dumps(body).encode())
    except Malformed:
        return
    assert canonical.request(written(request)) == canonical.request(body)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "message": MESSAGES | ANY,
                "response": ANY | ir_values.words,
                "done": st.booleans(),
                "done_reason": ANY,
                "created_at": ANY,
                "eval_count": ANY,
                "prompt_eval_count": ANY,
                "more": ANY,
            },
        ),
        max_size=4,
    )
)
@MODEST
def test_a_stream_of_odd_records_keeps_to_the_grammar(records: list[Any]) -> None:
    events = decoded(*(json.dumps(record).encode() + b"\n" for record in records))
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
    assert grammar.state in {"done", "broken"}
    for record in records:
        body = json.dumps(record).encode()
        if CODEC.answer(body).complaint is None:
            json.loads(CODEC.render_response(CODEC.read_response(body), CONTEXT).body)


@given(st.sampled_from(ir_values.WIRES).flatmap(ir_values.requests))
@MODEST
def test_a_request_of_any_format_can_be_written_and_read(request: GenerateRequest) -> None:
    assert CODEC.render_request is not None
    before = msgspec.json.encode(request)
    rendered = CODEC.render_request(request)
    assert msgspec.json.encode(request) == before
    again = read(json.dumps({"model": "m", **rendered.body}).encode())
    assert again.sampling == request.sampling
    assert again.stream is request.stream
    assert (again.stop, again.max_output) == (request.stop, request.max_output)
    assert bool(again.tools) <= bool(request.tools)


@given(ir_values.whole)
@MODEST
def test_an_answer_of_any_format_can_be_written_and_read(response: GenerateResponse) -> None:
    said = CODEC.render_response(response, CONTEXT)
    again = CODEC.read_response(said.body)
    encoder = CODEC.encoder(CONTEXT)
    streamed = fold(CODEC.format, decoded(b"".join(map(encoder.feed, unfold(_finished(response))))))
    assert again.usage == (None if response.usage is None else _counted(response))
    assert streamed.usage == again.usage
    assert streamed.finish == again.finish
    assert _words(streamed) == _words(again)


def _finished(response: GenerateResponse) -> GenerateResponse:
    return msgspec.structs.replace(response, finish=response.finish or CODEC.read_response(b"{}").finish)


def _counted(response: GenerateResponse) -> Any:
    usage = response.usage
    assert usage is not None
    return type(usage)(input=usage.prompt, output=usage.output)


def _words(response: GenerateResponse) -> list[str]:
    """Give the words of each kind of part, put together."""
    kinds: dict[str, list[str]] = {}
    for part in response.parts:
        said = getattr(part, "text", None) or getattr(part, "name", "")
        kinds.setdefault(type(part).__name__, []).append(said)
    return sorted(f"{kind}: {''.join(words)}" for kind, words in kinds.items())


@given(ir_values.grammatical)
@MODEST
def test_an_encoder_takes_whatever_the_grammar_allows(events: tuple[Event, ...]) -> None:
    encoder = CODEC.encoder(CONTEXT)
    lines = [json.loads(line) for line in b"".join(map(encoder.feed, events)).splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert all(line["message"]["role"] == "assistant" for line in lines)
    again = decoded(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert _words(fold(CODEC.format, again)) == _words(
        CODEC.read_response(CODEC.render_response(fold(CODEC.format, events), CONTEXT).body)
    )


@by_name(streams())
def test_a_watch_passes_the_bytes_and_learns_what_translating_learns(sample: Sample) -> None:
    watch = CODEC.watch(True)
    passed = watch.feed(sample.body) + watch.close()
    assert sample.body.startswith(passed)
    events = decoded(sample.body)
    assert watch.done is not isinstance(events[-1], Fault)
    assert watch.usage == fold(CODEC.format, events).usage
    if watch.done:
        assert passed == sample.body
