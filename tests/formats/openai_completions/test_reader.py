"""A stream's records become events."""

import json
from typing import Any

import pytest

from omniroute.formats.framing import Record
from omniroute.formats.openai_completions.reader import CompletionsReader
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent
from omniroute.ir.parts import Text
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format


def take(reader: CompletionsReader, value: Any, event: bytes = b"") -> list[Event]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(reader.take(Record(b"data: " + data + b"\n\n", data, event)))


def chunk(text: str = "", reason: str | None = None, index: Any = 0, **more: Any) -> dict[str, Any]:
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": reason}
    return {"id": "i", "created": 5, "model": "m", "choices": [choice], **more}


def begun() -> CompletionsReader:
    reader = CompletionsReader()
    assert take(reader, chunk()) == [Begin("i", "m", 5)]
    return reader


def test_words_come_as_they_come() -> None:
    reader = begun()
    assert take(reader, chunk("a")) == [PartStart(0, Text()), Delta(0, "a")]
    assert take(reader, chunk("b", index=None)) == [Delta(0, "b")]
    assert take(reader, chunk("c", "length")) == [Delta(0, "c"), PartStop(0), Finished(Finish.LENGTH)]
    assert take(reader, chunk("late", "stop")) == []
    usage = {"id": "i", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 3}}
    assert take(reader, usage) == [Spent(Usage(1, 3))]
    assert reader.only_usage
    assert take(reader, b"[DONE]") == [End()]
    assert reader.ended
    assert not reader.only_usage


def test_usage_beside_a_choice_is_not_alone() -> None:
    reader = begun()
    events = take(reader, chunk("a", "stop", usage={"prompt_tokens": 1}))
    assert events[-1] == Spent(Usage(1))
    assert not reader.only_usage


def test_other_choices_and_what_no_event_says_are_kept() -> None:
    reader = begun()
    other = {"text": "b", "index": 1, "finish_reason": None}
    first = {"text": "a", "index": 0, "logprobs": {"tokens": ["a"]}}
    events = take(reader, {"choices": [first, other], "system_fingerprint": "fp"})
    kept = [{"index": 0, "logprobs": {"tokens": ["a"]}}, other]
    raw = Raw(Format.OPENAI_COMPLETIONS, {"system_fingerprint": "fp", "choices": kept})
    assert events == [raw, PartStart(0, Text()), Delta(0, "a")]


def test_an_answer_that_never_said_why_it_ended_ended_for_another_reason() -> None:
    reader = begun()
    take(reader, chunk("a"))
    assert take(reader, b"[DONE]") == [PartStop(0), Finished(Finish.OTHER), End()]
    assert take(CompletionsReader(), b"[DONE]") == [Begin(), Finished(Finish.OTHER), End()]


@pytest.mark.parametrize(
    ("chunks", "complete"),
    [
        ([], False),
        ([chunk("a")], False),
        ([chunk("a", "stop")], True),
        ([chunk("a", "stop"), chunk("b", index=1)], False),
        ([chunk("a", "stop"), chunk("b", index=1), chunk("", "stop", 1)], True),
    ],
)
def test_a_stream_without_its_end_is_complete_where_every_choice_is(chunks: list[Any], complete: bool) -> None:
    reader = begun()
    for each in chunks:
        take(reader, each)
    *_, last = reader.end()
    if complete:
        assert last == End()
    else:
        assert isinstance(last, Fault)
        assert last.trouble is FailureKind.CUT
    assert not reader.ended


@pytest.mark.parametrize(
    ("data", "event", "fault"),
    [
        (b'{"error": {"message": "no", "code": "c"}}', b"", Fault(Complaint(code="c", message="no"))),
        (b'{"object": "error", "message": "no"}', b"", Fault(Complaint(message="no"))),
        (b"no", b"error", Fault(Complaint(message="no"))),
    ],
)
def test_an_error_is_the_upstreams_own(data: bytes, event: bytes, fault: Fault) -> None:
    assert take(CompletionsReader(), data, event) == [fault]


@pytest.mark.parametrize("data", [b"[]", b"{", b"text"])
def test_what_is_no_object_is_malformed(data: bytes) -> None:
    (fault,) = take(CompletionsReader(), data)
    assert isinstance(fault, Fault)
    assert fault.trouble is FailureKind.MALFORMED


def test_a_comment_says_nothing() -> None:
    assert take(CompletionsReader(), b"") == []
