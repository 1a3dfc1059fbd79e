"""Writing parts."""

from typing import Any

import pytest

from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.parts_read import DUMMY, SIGNATURE, Scope, read_part
from omniroute.formats.gemini.parts_write import PartWriter
from omniroute.ir.loss import Weight
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.signatures import pack
from omniroute.names import Format
from tests.formats.gemini import test_parts_read

OWN = Signature(Format.GEMINI, "c2ln")
OTHER = Signature(Format.ANTHROPIC_MESSAGES, "sig")
PNG = Inline("image/png", "AA==")
SAID = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}


RESULTS: list[Any] = [
    {"functionResponse": {"id": "a", "name": "f"}},
    {"functionResponse": {"response": {"output": 1}, "parts": [SAID], "willContinue": True}, "x": 1},
]


@pytest.mark.parametrize(
    "value", [*(each for each, _ in test_parts_read.CASES[1:]), *test_parts_read.NOT_UNDERSTOOD, *RESULTS]
)
def test_a_part_of_this_format_comes_back(value: Any) -> None:
    writer = PartWriter(own=True, client=True)
    part = read_part(value, Scope(Calls()))
    written = writer.write(part, "p")
    assert written is not None
    assert read_part(written, Scope(Calls())) == part
    assert writer.losses == []


FOREIGN: list[tuple[Part, Any, list[str]]] = [
    (Text("a", cache=CacheHint(), extras={"x": 1, "=y": 2}), {"text": "a"}, ["p.cache", "p.extras.x"]),
    (Text("a", OTHER), {"text": "a"}, ["p.signature"]),
    (Text("a", OWN), {"text": "a", SIGNATURE: "c2ln"}, []),
    (Thought("a", OTHER), {"text": "a", "thought": True}, ["p.signature"]),
    (Thought("", OTHER), None, ["p.signature"]),
    (Thought("", OTHER, redacted=True), None, ["p"]),
    (Refusal("no"), {"text": "no"}, ["p"]),
    (Image(PNG, detail="low"), SAID, ["p.detail"]),
    (
        Image(Url("https://example.com/a.PNG?x=1")),
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.PNG?x=1"}},
        [],
    ),
    (
        Image(Url("https://example.com/a")),
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a"}},
        [],
    ),
    (
        Audio(Url("https://example.com/a", "audio/ogg")),
        {"fileData": {"mimeType": "audio/ogg", "fileUri": "https://example.com/a"}},
        [],
    ),
    (Document(Plain("é"), "title"), {"inlineData": {"mimeType": "text/plain", "data": "w6k="}}, ["p.source", "p.name"]),
    (Image(FileRef("file-1")), None, ["p"]),
    (ToolCall("a", "f", '{"b": 1}'), {"functionCall": {"id": "a", "name": "f", "args": {"b": 1}}}, []),
    (ToolCall("a", "f", ""), {"functionCall": {"id": "a", "name": "f", "args": {}}}, []),
    (ToolCall("a", "f", "[1]"), {"functionCall": {"id": "a", "name": "f", "args": {"input": "[1]"}}}, ["p.arguments"]),
    (
        ToolCall("a", "f", "{}", custom=True, namespace="n"),
        {"functionCall": {"id": "a", "name": "f", "args": {"input": "{}"}}},
        ["p.arguments", "p.custom", "p.namespace"],
    ),
    (
        ToolResult("a", (Text("x"), Text("y", extras={"z": 1})), is_error=True),
        {"functionResponse": {"id": "a", "name": "known", "response": {"error": "x\ny"}}},
        ["p.parts[1].extras.z", "p.parts"],
    ),
    (
        ToolResult("b", (Text("x"), Image(PNG), Opaque(Format.OPENAI_CHAT, {})), name="g"),
        {"functionResponse": {"id": "b", "name": "g", "response": {"output": "x"}, "parts": [SAID]}},
        ["p.parts[2]"],
    ),
    (ToolResult("c"), {"functionResponse": {"id": "c", "name": "c", "response": {"output": ""}}}, []),
    (Opaque(Format.OPENAI_CHAT, {"a": 1}), None, ["p"]),
]


@pytest.mark.parametrize(("part", "expected", "lost"), FOREIGN)
def test_a_part_of_another_format_is_said_and_what_is_not_is_named(part: Part, expected: Any, lost: list[str]) -> None:
    writer = PartWriter(own=False, client=False, names={"a": "known"})
    assert writer.write(part, "p") == expected
    assert [loss.path for loss in writer.losses] == lost


@pytest.mark.parametrize("part", [Image(FileRef("file-1")), Opaque(Format.OPENAI_CHAT, {})])
def test_content_that_cannot_be_said_is_a_loss_of_that_weight(part: Part) -> None:
    writer = PartWriter(own=False, client=False)
    writer.write(part, "p")
    assert [loss.weight for loss in writer.losses] == [Weight.CONTENT]


def test_a_client_keeps_signatures_of_other_formats() -> None:
    writer = PartWriter(own=False, client=True)
    packed = pack(OTHER, Format.GEMINI)
    assert writer.write(Thought("a", OTHER), "p") == {"text": "a", "thought": True, SIGNATURE: packed}
    assert writer.write(Thought("", OTHER, redacted=True), "p") == {"thought": True, SIGNATURE: packed}
    assert writer.write(ToolCall("a", "f", signature=OTHER), "p") == {
        "functionCall": {"id": "a", "name": "f", "args": {}},
        SIGNATURE: packed,
    }
    assert writer.losses == []


def test_what_may_not_stand_in_a_result_stands_behind_it() -> None:
    writer = PartWriter(own=False, client=False)
    sound = Audio(Inline("audio/wav", "AA=="))
    said = writer.write(ToolResult("a", (sound, Image(Url("https://example.com/a.png"))), name="f"), "p")
    assert said == {"functionResponse": {"id": "a", "name": "f", "response": {"output": ""}}}
    assert [next(iter(each)) for each in writer.behind] == ["inlineData", "fileData"]
    assert [loss.path for loss in writer.losses] == ["p.parts[0]", "p.parts[1]"]


def test_members_of_the_candidate_are_not_the_parts() -> None:
    writer = PartWriter(own=True, client=True)
    extras = {"candidate.groundingMetadata": {}, "x": 1, f"={SIGNATURE}": DUMMY}
    assert writer.write(Text("a", extras=extras), "p") == {"text": "a", "x": 1, SIGNATURE: DUMMY}
