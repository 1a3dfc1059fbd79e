"""Reading streams."""

import json
from typing import Any

import pytest

from omniroute.formats.framing import Record, Splitter
from omniroute.formats.gemini.reader import GeminiReader
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Image, Inline, Opaque, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format

ONE, TWO = Signature(Format.GEMINI, "b25l"), Signature(Format.GEMINI, "dHdv")


def chunk(*parts: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "responseId": "r", **more}


def events(*chunks: Any) -> list[Event]:
    decoder = Decoder(Splitter(), GeminiReader())
    sent = b"".join(
        b"data: " + (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\r\n\r\n" for each in chunks
    )
    found = decoder.feed(sent) + decoder.close()
    grammar = Grammar()
    assert [wrong for event in found if (wrong := grammar.wrong(event))] == []
    return found


def parts(*chunks: Any) -> tuple[Any, ...]:
    return folded(*chunks, chunk(finish="STOP")).parts


def folded(*chunks: Any) -> GenerateResponse:
    return fold(Format.GEMINI, events(*chunks))


def said(text: str, signature: str | None = None, *, thought: bool = False) -> dict[str, Any]:
    return {"text": text, "thoughtSignature": signature, "thought": thought}


CASES: list[tuple[list[Any], tuple[Any, ...]]] = [
    ([said("a"), said("b")], (Text("ab"),)),
    ([said("a", thought=True), said("b", thought=True), said("c")], (Thought("ab"), Text("c"))),
    ([said("a", "b25l"), said("b")], (Text("ab", ONE),)),
    ([said("a"), said("", "b25l")], (Text("a", ONE),)),
    ([said("a"), said("", "b25l"), said("b")], (Text("a", ONE), Text("b"))),
    ([said("a", "b25l"), said("b", "dHdv")], (Text("a", ONE), Text("b", TWO))),
    ([said("a", "b25l"), said("b", "b25l")], (Text("ab", ONE),)),
    ([said("a", thought=True), said("", "b25l")], (Thought("a", ONE),)),
    ([said("a", thought=True), said(""), said("b", thought=True)], (Thought("a"), Thought("b"))),
    ([said("a"), said("", "b25l", thought=True)], (Text("a"), Thought("", ONE))),
    ([said(""), said("", "b25l")], (Text("", ONE),)),
    ([said("a"), said(""), said("b")], (Text("ab"),)),
    ([said("a"), {"thoughtSignature": "b25l"}], (Text("a", ONE),)),
    ([said("a"), {"text": "b", "x": 1}, said("c")], (Text("a"), Text("b", extras={"x": 1}), Text("c"))),
    ([said("a"), {"text": 3}], (Text("a"), Opaque(Format.GEMINI, {"text": 3}))),
    ([{"inlineData": {"mimeType": "image/png", "data": "AA=="}}], (Image(Inline("image/png", "AA==")),)),
    (
        [
            said("a"),
            {"functionCall": {"id": "1", "name": "f", "args": {"b": 1}}, "thoughtSignature": "b25l"},
            said("c"),
        ],
        (Text("a"), ToolCall("1", "f", '{"b":1}', signature=ONE), Text("c")),
    ),
    ([{"functionCall": {"name": "f"}}], (ToolCall("call_r_0", "f", "{}", extras={"=id": None}),)),
    ([{"functionCall": {}}], (Opaque(Format.GEMINI, {"functionCall": {}}),)),
    (
        [{"functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.a", "numberValue": 1}]}}],
        (ToolCall("call_r_0", "f", '{"a":1}'),),
    ),
    (
        [
            {"functionCall": {"name": "f", "willContinue": True}},
            {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "numberValue": 1}], "willContinue": True}},
            {"functionCall": {"id": "2", "name": "g"}},
            {"functionCall": {"id": "3", "name": "h", "willContinue": True}},
            said("a"),
        ],
        (ToolCall("call_r_0", "f", '{"a":1}'), ToolCall("2", "g", "{}"), ToolCall("3", "h", "{}"), Text("a")),
    ),
    ([{"functionCall": {"id": "3", "name": "h", "willContinue": True}}], (ToolCall("3", "h", "{}"),)),
]


@pytest.mark.parametrize(("sent", "expected"), CASES)
def test_pieces_become_parts(sent: list[Any], expected: tuple[Any, ...]) -> None:
    assert parts(*(chunk(each) for each in sent)) == expected
    assert parts(chunk(*sent)) == expected


def test_a_stream_is_told_event_by_event() -> None:
    assert events(
        chunk(said("a", thought=True), modelVersion="m", usageMetadata={"promptTokenCount": 3}),
        chunk(said("b", "b25l"), finish="STOP", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 1}),
        {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}},
    ) == [
        Begin("r", "m"),
        PartStart(0, Thought()),
        Delta(0, "a"),
        Spent(Usage(3)),
        PartStop(0),
        PartStart(1, Text()),
        Delta(1, "b"),
        Sign(1, ONE),
        Spent(Usage(3, 1)),
        PartStop(1),
        Finished(Finish.STOP),
        End(),
    ]


def test_more_may_follow_a_finish_reason() -> None:
    found = folded(chunk(said("a"), finish="STOP"), chunk(said("b")), chunk({"functionCall": {"name": "f"}}))
    assert (found.finish, len(found.parts)) == (Finish.TOOLS, 2)


def test_a_call_that_ends_in_pieces_is_a_call() -> None:
    found = folded(chunk({"functionCall": {"name": "f", "willContinue": True}}, finish="STOP"))
    assert found.finish is Finish.TOOLS


@pytest.mark.parametrize(
    ("chunks", "finish"),
    [
        ([{"promptFeedback": {"blockReason": "SAFETY"}}], Finish.REFUSED),
        ([chunk(said("a")), {"promptFeedback": {"blockReason": "SAFETY"}}], Finish.REFUSED),
        ([chunk(said("a"), finish="MAX_TOKENS"), b"[DONE]"], Finish.LENGTH),
    ],
)
def test_a_stream_is_complete_with_its_reason(chunks: list[Any], finish: Finish) -> None:
    assert folded(*chunks).finish is finish


def test_what_only_this_format_knows_is_passed_on_as_it_is() -> None:
    found = events(
        {"candidates": [{"index": 1, "content": {"parts": [said("b")]}}]},
        {"candidates": [{"groundingMetadata": {"x": 1}, "citationMetadata": {}, "finishReason": "STOP"}, {"y": 2}]},
    )
    raw = [event.json["candidates"] for event in found if isinstance(event, Raw)]
    assert raw == [
        [{"index": 1, "content": {"parts": [said("b")]}}],
        [{"groundingMetadata": {"x": 1}, "index": 0}],
        [{"y": 2}],
    ]


@pytest.mark.parametrize(
    ("chunks", "message", "trouble"),
    [
        ([], "the stream ended before the answer was complete", FailureKind.CUT),
        ([chunk(said("a"))], "the stream ended before the answer was complete", FailureKind.CUT),
        ([b"nonsense"], "a record of the stream is not a JSON object", FailureKind.MALFORMED),
        ([b"[1]"], "a record of the stream is not a JSON object", FailureKind.MALFORMED),
        ([{"error": {"code": 503, "message": "busy"}}], "busy", None),
        ([[{"error": {"code": 503, "message": "busy"}}]], "busy", None),
    ],
)
def test_a_broken_stream_says_how(chunks: list[Any], message: str, trouble: FailureKind | None) -> None:
    last = events(*chunks)[-1]
    assert isinstance(last, Fault)
    assert (last.complaint.message, last.trouble) == (message, trouble)


def test_an_error_may_come_as_bare_json() -> None:
    raw = json.dumps({"error": {"code": 500, "message": "oh", "status": "INTERNAL"}}, indent=2).encode()
    (fault,) = GeminiReader().take(Record(raw + b"\n\n"))
    assert isinstance(fault, Fault)
    assert (fault.complaint.status, fault.complaint.message, fault.trouble) == (500, "oh", None)


@pytest.mark.parametrize("raw", [b": comment\n\n", b"\r\n", b"id: 3\n\n"])
def test_records_without_data_say_nothing(raw: bytes) -> None:
    assert GeminiReader().take(Record(raw)) == ()
