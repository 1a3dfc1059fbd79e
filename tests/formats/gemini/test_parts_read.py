"""Reading parts."""

from typing import Any

import pytest

from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.parts_read import DUMMY, SIGNATURE, Scope, read_part
from omniroute.ir.parts import (
    Audio,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.signatures import pack
from omniroute.names import Format

OWN = Signature(Format.GEMINI, "c2ln")
OTHER = Signature(Format.ANTHROPIC_MESSAGES, "RXE?~>")
PACKED = pack(OTHER, Format.GEMINI)
KEPT = "https://generativelanguage.googleapis.com/v1beta/files/a"


def read(value: Any) -> Part:
    return read_part(value, Scope(Calls()))


def inline(kind: str, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": "AA==", **more}}


def fetched(kind: str, uri: str) -> dict[str, Any]:
    return {"file_data": {"mime_type": kind, "file_uri": uri}}


CASES: list[tuple[Any, Part]] = [
    ("hi", Text("hi")),
    ({"text": "hi"}, Text("hi")),
    ({"text": "hi", "thought": False, SIGNATURE: "c2ln"}, Text("hi", OWN)),
    ({"text": "hm", "thought": True, "x": 1}, Thought("hm", extras={"x": 1})),
    ({SIGNATURE: "c2ln"}, Text("", OWN, extras={"=text": None})),
    ({"thought": True, SIGNATURE: "c2ln"}, Thought("", OWN, extras={"=text": None})),
    ({"thought": True, SIGNATURE: PACKED}, Thought("", OTHER, redacted=True)),
    ({"text": "hm", "thought": True, SIGNATURE: PACKED.translate(str.maketrans("+/", "-_"))}, Thought("hm", OTHER)),
    (inline("image/png"), Image(Inline("image/png", "AA=="))),
    (
        {**inline("image/png", displayName="a"), SIGNATURE: "c2ln", "thought": True},
        Image(Inline("image/png", "AA=="), signature=OWN, extras={"thought": True, "inlineData": {"displayName": "a"}}),
    ),
    (
        inline("audio/wav", displayName="a"),
        Audio(Inline("audio/wav", "AA=="), extras={"inlineData": {"displayName": "a"}}),
    ),
    (inline("application/pdf", displayName="a"), Document(Inline("application/pdf", "AA=="), "a")),
    (
        inline("text/csv", displayName=3),
        Document(Inline("text/csv", "AA=="), extras={"inlineData": {"displayName": 3}}),
    ),
    ({**inline("text/csv"), SIGNATURE: "c2ln"}, Document(Inline("text/csv", "AA=="), extras={SIGNATURE: "c2ln"})),
    (fetched("image/png", "https://example.com/a"), Image(Url("https://example.com/a", "image/png"))),
    (fetched("application/pdf", KEPT), Document(FileRef(KEPT, "application/pdf"))),
    (fetched("audio/mpeg", "gs://b/a"), Audio(FileRef("gs://b/a", "audio/mpeg"))),
    ({"functionCall": {"name": "f"}}, ToolCall("call_0", "f", "{}", extras={"=id": None})),
    (
        {"function_call": {"id": "a", "name": "f", "args": {"b": 1, "a": None}, "x": 1}, "thought_signature": "c2ln"},
        ToolCall("a", "f", '{"b":1,"a":null}', signature=OWN, extras={"functionCall": {"x": 1}}),
    ),
    (
        {"functionCall": {"id": "a", "name": "f"}, SIGNATURE: DUMMY},
        ToolCall("a", "f", "{}", extras={f"={SIGNATURE}": DUMMY}),
    ),
]

NOT_UNDERSTOOD: list[Any] = [
    {},
    7,
    {"text": 7},
    {"executableCode": {"code": "1"}, SIGNATURE: "c2ln"},
    inline("video/mp4"),
    {"inlineData": {"data": "AA=="}},
    {"inlineData": {"mimeType": "image/png"}},
    fetched("video/mp4", "https://www.youtube.com/watch?v=a"),
    {"fileData": {"fileUri": "https://www.youtube.com/watch?v=a"}},
    {"functionCall": {"args": {}}},
    {"functionCall": {"name": "f", "args": [1]}},
    {"functionResponse": {"name": "f", "response": "x"}},
]


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_a_part_is_read(value: Any, expected: Part) -> None:
    assert read(value) == expected


@pytest.mark.parametrize("value", NOT_UNDERSTOOD)
def test_what_is_not_understood_stays_as_it_is(value: Any) -> None:
    assert read(value) == Opaque(Format.GEMINI, value)


RESULTS: list[tuple[Any, str | None, bool]] = [
    ({"output": "x"}, "x", False),
    ({"output": {"a": [1]}}, '{"a":[1]}', False),
    ({"error": "no"}, "no", True),
    ({"error": None, "output": "x"}, "x", False),
    ({"output": "x", "error": "no"}, '{"output":"x","error":"no"}', True),
    ({"result": "x"}, '{"result":"x"}', False),
    ({}, None, False),
    (None, None, False),
]


@pytest.mark.parametrize(("response", "words", "failed"), RESULTS)
def test_what_a_tool_said_is_its_output_or_its_error_or_all_of_it(
    response: Any, words: str | None, failed: bool
) -> None:
    found = read({"functionResponse": {"id": "a", "name": "f", "response": response}})
    assert isinstance(found, ToolResult)
    assert (found.id, found.name, found.is_error) == ("a", "f", failed)
    assert found.parts == (() if words is None else (Text(words),))
    assert found.extras == {"=response": response}


def test_a_result_without_id_or_name_answers_a_call_all_the_same() -> None:
    scope = Scope(Calls())
    call = read_part({"functionCall": {"name": "f"}}, scope)
    result = read_part({"functionResponse": {"name": "f", "parts": [inline("image/png")], "willContinue": True}}, scope)
    lost = read_part({"functionResponse": {}}, scope)
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert isinstance(lost, ToolResult)
    assert result.id == call.id != lost.id
    assert result.parts == (Image(Inline("image/png", "AA==")),)
    assert result.extras == {"=id": None, "=response": None, "functionResponse": {"willContinue": True}}
    assert lost.extras == {"=id": None, "=name": None, "=response": None}


def test_a_signature_of_another_format_is_noticed() -> None:
    scope = Scope(Calls())
    read_part({"text": "a", SIGNATURE: "c2ln"}, scope)
    read_part({"text": "a", SIGNATURE: PACKED[:12]}, scope)
    assert not scope.foreign
    read_part({"text": "a", SIGNATURE: PACKED}, scope)
    assert scope.foreign
