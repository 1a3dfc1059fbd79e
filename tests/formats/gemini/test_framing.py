"""Server-sent events and JSON arrays."""

import json

import pytest

from omniroute.formats.gemini import CODEC, CODEC_ARRAY
from omniroute.formats.gemini.framing import Array, ArrayWatch, Events
from omniroute.ir.events import Begin, Delta, End, Finished, PartStart, PartStop
from omniroute.ir.parts import Text
from omniroute.ir.response import Finish
from omniroute.names import FailureKind
from tests.formats.gemini.asking import CONTEXT, VIEW

ONE = b'{ "candidates": [ { "content": { "parts": [ { "text": "a" } ] } } ] }'
TWO = b'{"candidates":[{"finishReason":"STOP"}],"x":1.0}'
STREAM = b": hello\n\ndata: " + ONE + b"\r\n\r\ndata: " + TWO + b"\r\n\r\ndata: [DONE]\n\n"


def test_events_are_records() -> None:
    framing = Events()
    assert (framing.begin(b"{}"), framing.piece(b"{}"), framing.end()) == (b"", b"data: {}\r\n\r\n", b"")


def test_an_array_is_one_json_text() -> None:
    framing = Array()
    body = framing.begin(b'{"a":1}') + framing.piece(b'{"b":2}') + framing.end()
    assert json.loads(body) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_upstreams_events_are_passed_on_as_elements_with_their_bytes_kept(size: int) -> None:
    watch = ArrayWatch(False)
    passed = b"".join(watch.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size)) + watch.close()
    assert json.loads(passed) == [json.loads(ONE), json.loads(TWO)]
    assert ONE in passed
    assert TWO in passed
    assert (watch.started, watch.done, watch.complaint) == (True, True, None)


def test_an_array_that_broke_is_closed_by_the_error() -> None:
    watch = ArrayWatch(False)
    passed = watch.feed(b"data: " + ONE + b"\n\n") + watch.close()
    assert watch.trouble is FailureKind.CUT
    assert json.loads(passed + CODEC_ARRAY.render_error_event(VIEW))[1]["error"]["status"] == "UNAVAILABLE"


def test_an_error_of_the_upstream_is_not_passed_on() -> None:
    watch = ArrayWatch(False)
    assert watch.feed(b'data: {"error":{"message":"no"}}\n\n') + watch.close() == b""
    assert watch.complaint is not None


def test_an_array_is_written_element_by_element_and_can_break_at_any_place() -> None:
    events = (Begin(), PartStart(0, Text()), Delta(0, "a"), PartStop(0), Finished(Finish.STOP), End())
    encoder = CODEC_ARRAY.encoder(CONTEXT)
    pieces = [encoder.feed(event) for event in events]
    texts = [each["candidates"][0]["content"]["parts"][0]["text"] for each in json.loads(b"".join(pieces))[1:]]
    assert texts == ["a", ""]
    for place in range(1, len(pieces)):
        broken = b"".join(pieces[:place]) + CODEC_ARRAY.render_error_event(VIEW)
        assert "error" in json.loads(broken)[-1]


def test_the_two_codecs_differ_in_how_streams_are_framed_alone() -> None:
    assert (CODEC.media, CODEC_ARRAY.media) == ("text/event-stream", "application/json")
    assert CODEC.url is CODEC_ARRAY.url
    assert CODEC.format is CODEC_ARRAY.format
