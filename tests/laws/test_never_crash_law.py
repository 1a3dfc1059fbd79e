"""Law 3: arbitrary bytes and JSON give a ``Malformed`` or a complaint, never another exception."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.errors import Malformed
from omniroute.formats import CODECS
from omniroute.formats.codec import Codec, Place
from omniroute.ir.events import End, Event, Fault
from omniroute.ir.grammar import Grammar
from omniroute.ir.request import GenerateRequest
from omniroute.names import FailureKind, Format
from tests.support.corpus import MODEL, Sample, having, own
from tests.support.ir_values import json_values
from tests.support.laws import often
from tests.support.passages import context, cut, decoded, encoded, read_request

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.format)
ASKED = GenerateRequest(Format.OPENAI_CHAT, "a-model", ())
PLACES = st.lists(st.integers(0, 2**16), max_size=6)
DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 2**20),
        st.integers(0, 30),
        st.binary(max_size=4)
        | st.sampled_from([b"\n\n", b"\r", b"{", b"}", b'"', b"null", b"[]", b"\ndata: ", b"\xff"]),
    ),
    min_size=1,
    max_size=4,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path of everything within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, each in inner for path in paths(each, (*here, key)))]


def planted(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """Put another value at a path."""
    if not path:
        return other
    copied = value.copy()
    copied[path[0]] = planted(value[path[0]], path[1:], other)
    return copied


@st.composite
def mangled(draw: st.DrawFn, body: bytes) -> bytes:
    """Make JSON like a sample's in which some values are of other kinds."""
    value = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        value = planted(
            value, draw(st.sampled_from(paths(value))), draw(json_values | st.sampled_from([0, -1, "", [], {}]))
        )
    return json.dumps(value).encode()


def check_request(codec: Codec, body: bytes, place: Place) -> None:
    try:
        request = read_request(codec, body, place)
    except Malformed:
        return
    for other in CODECS.values():
        if other.render_request is not None:
            assert json.dumps(other.render_request(request).body)


def check_answer(codec: Codec, body: bytes) -> None:
    assert msgspec.json.encode(codec.complain(500, body))
    if codec.answer(body).complaint is not None:
        return
    response = codec.read_response(body)
    for other in CODECS.values():
        assert other.render_response(response, context(ASKED)).body


def check_stream(codec: Codec, body: bytes, places: list[int]) -> None:
    events: list[Event] = decoded(codec, cut(body, places))
    assert events == decoded(codec, [body])
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
    assert isinstance(events[-1], End | Fault)
    if isinstance(events[-1], Fault):
        assert events[-1].trouble in {FailureKind.MALFORMED, FailureKind.CUT, None}
    for other in CODECS.values():
        encoded(other, [event for event in events if not isinstance(event, Fault)], ASKED)


def damaged(body: bytes, damage: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in damage:
        at = place % (len(body) + 1)
        body = body[:at] + instead + body[at + length :]
    return body


@every_codec
@given(
    st.binary(max_size=60) | json_values.map(json.dumps).map(str.encode), st.sampled_from([Place(), Place(MODEL, True)])
)
@settings(max_examples=often(150), deadline=None)
def test_arbitrary_bytes_are_no_request_that_crashes_anything(codec: Codec, body: bytes, place: Place) -> None:
    check_request(codec, body, place)


@every_codec
@given(st.binary(max_size=60) | json_values.map(json.dumps).map(str.encode))
@settings(max_examples=often(150), deadline=None)
def test_arbitrary_bytes_are_no_answer_that_crashes_anything(codec: Codec, body: bytes) -> None:
    check_answer(codec, body)


@every_codec
@given(st.lists(st.binary(max_size=20) | json_values.map(json.dumps).map(str.encode), max_size=4), PLACES)
@settings(max_examples=often(150), deadline=None)
def test_arbitrary_records_are_no_stream_that_crashes_anything(
    codec: Codec, records: list[bytes], places: list[int]
) -> None:
    check_stream(codec, b"".join(b"data: " + record + b"\n\n" for record in records), places)
    check_stream(codec, b"".join(record + b"\n" for record in records), places)


OWN_REQUESTS = [sample for sample in own() if sample.request]
OWN_RESPONSES = [sample for sample in own() if sample.response]


@pytest.mark.parametrize("sample", OWN_REQUESTS, ids=str)
@given(st.data())
@settings(max_examples=often(15), deadline=None)
def test_a_request_with_members_of_other_kinds_crashes_nothing(sample: Sample, data: st.DataObject) -> None:
    assert sample.request is not None
    check_request(sample.codec, data.draw(mangled(sample.request)), sample.place)


@pytest.mark.parametrize("sample", OWN_RESPONSES, ids=str)
@given(st.data())
@settings(max_examples=often(15), deadline=None)
def test_an_answer_with_members_of_other_kinds_crashes_nothing(sample: Sample, data: st.DataObject) -> None:
    assert sample.response is not None
    check_answer(sample.codec, data.draw(mangled(sample.response)))


@pytest.mark.parametrize("sample", having("stream"), ids=str)
@given(DAMAGE, PLACES)
@settings(max_examples=often(8), deadline=None)
def test_a_damaged_stream_crashes_nothing(
    sample: Sample, damage: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    assert sample.stream is not None
    check_stream(sample.codec, damaged(sample.stream[:20_000], damage), places)


OWN_STREAMS = [sample for sample in own() if sample.stream]


@pytest.mark.parametrize("sample", OWN_STREAMS, ids=str)
@given(st.data())
@settings(max_examples=often(10), deadline=None)
def test_a_stream_with_members_of_other_kinds_crashes_nothing(sample: Sample, data: st.DataObject) -> None:
    assert sample.stream is not None
    lines = sample.stream.split(b"\n")
    filled = [at for at, line in enumerate(lines) if b"{" in line]
    at = data.draw(st.sampled_from(filled))
    before, brace, body = lines[at].partition(b"{")
    try:
        lines[at] = before + data.draw(mangled(brace + body.strip()))
    except ValueError:
        return
    check_stream(sample.codec, b"\n".join(lines), [])
