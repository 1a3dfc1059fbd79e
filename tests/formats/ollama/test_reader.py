"""A stream's lines become events."""

import json
from typing import Any

import pytest

from omniroute.formats.framing import Record
from omniroute.formats.ollama.reader import OllamaReader, watch
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent
from omniroute.ir.parts import Image, Inline, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.ollama.samples import expected, own


def take(reader: OllamaReader, value: Any) -> list[Event]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(reader.take(Record(data + b"\n", data)))


def said(**message: Any) -> dict[str, Any]:
    return {"model": "m", "created_at": "1970-01-01T00:00:01Z", "message": message, "done": False}


def begun() -> OllamaReader:
    reader = OllamaReader()
    assert take(reader, said(content="")) == [Begin(None, "m", 1)]
    return reader


def test_words_come_as_they_come() -> None:
    reader = begun()
    assert take(reader, said(thinking="a")) == [PartStart(0, Thought()), Delta(0, "a")]
    assert take(reader, said(thinking="b", content="")) == [Delta(0, "b")]
    assert take(reader, said(content="c")) == [PartStop(0), PartStart(1, Text()), Delta(1, "c")]
    assert take(reader, said(content="d")) == [Delta(1, "d")]
    last = {**said(content=""), "done": True, "done_reason": "length", "eval_count": 4}
    assert take(reader, last) == [PartStop(1), Spent(Usage(output=4)), Finished(Finish.LENGTH), End()]


def test_calls_and_images_come_whole() -> None:
    reader = begun()
    call = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
    events = take(reader, said(content="x", images=["/9j/4AAQSkZJRgAB"], tool_calls=[call]))
    assert events == [
        PartStart(0, Image(Inline("image/jpeg", "/9j/4AAQSkZJRgAB"))),
        PartStop(0),
        PartStart(1, Text()),
        Delta(1, "x"),
        PartStop(1),
        PartStart(2, ToolCall("c", "f")),
        Delta(2, '{"a":1}'),
        PartStop(2),
    ]
    assert take(reader, {"done": True}) == [Finished(Finish.TOOLS), End()]


def test_a_call_without_arguments_has_no_more_to_say() -> None:
    events = take(begun(), said(tool_calls=[{"id": "c", "function": {"name": "f"}}]))
    assert events == [PartStart(0, ToolCall("c", "f")), PartStop(0)]


def test_calls_of_several_lines_have_ids_of_their_own() -> None:
    reader = begun()
    calls = [take(reader, said(tool_calls=[{"function": {"name": "f"}}]))[0] for _ in range(2)]
    ids = [event.part.id for event in calls if isinstance(event, PartStart) and isinstance(event.part, ToolCall)]
    assert len(set(ids)) == 2


def test_what_no_event_says_is_kept() -> None:
    events = take(begun(), {**said(content="a", mood="calm"), "logprobs": [1]})
    assert events[0] == Raw(Format.OLLAMA, {"logprobs": [1], "message": {"mood": "calm"}})


def test_lines_of_generate_are_read() -> None:
    reader = OllamaReader()
    events = take(reader, {"model": "m", "response": "a", "thinking": "t", "done": False})
    assert events == [
        Begin(None, "m"),
        *(PartStart(0, Thought()), Delta(0, "t"), PartStop(0)),
        *(PartStart(1, Text()), Delta(1, "a")),
    ]


@pytest.mark.parametrize(
    ("line", "trouble"),
    [(b"[]", FailureKind.MALFORMED), (b"{", FailureKind.MALFORMED), (b'{"error": "no"}', None)],
)
def test_a_line_that_is_none_or_an_error_is_a_fault(line: bytes, trouble: FailureKind | None) -> None:
    (fault,) = take(OllamaReader(), line)
    assert isinstance(fault, Fault)
    assert fault.trouble is trouble


def test_an_error_is_the_upstreams_own() -> None:
    assert take(OllamaReader(), {"error": "no"}) == [Fault(Complaint(message="no"))]


def test_an_empty_line_says_nothing() -> None:
    assert take(OllamaReader(), b"") == []


def test_without_its_last_line_a_stream_was_cut() -> None:
    (fault,) = begun().end()
    assert isinstance(fault, Fault)
    assert fault.trouble is FailureKind.CUT


@pytest.mark.parametrize("sample", own("stream.ndjson"), ids=lambda sample: sample.name)
def test_a_watch_learns_what_is_expected(sample: Any) -> None:
    wanted = expected(sample.name)
    watched = watch(True)
    watched.feed(sample.body)
    watched.close()
    usage = None if wanted["usage"] is None else Usage(**wanted["usage"])
    assert (watched.usage, watched.done) == (usage, wanted["done"])
    complaint = wanted["complaint"]
    assert watched.complaint == (None if complaint is None else Complaint(**complaint))
    assert watched.trouble == wanted["trouble"]
    assert watched.started
