"""Reading requests."""

from typing import Any

import msgspec
import pytest

from omniroute.errors import Malformed
from omniroute.formats.gemini.request_read import read_request
from omniroute.ir.parts import Opaque, Signature, Text, Thought, ToolCall
from omniroute.ir.request import Role, Tool
from omniroute.ir.signatures import pack
from omniroute.names import Format
from tests.formats.gemini.asking import asked, model, read, user

PACKED = pack(Signature(Format.ANTHROPIC_MESSAGES, "sig"), Format.GEMINI)


def test_model_and_stream_come_from_the_path() -> None:
    request = read_request(asked({"contents": []}, stream=True))
    assert (request.model, request.stream, request.usage_asked, request.format) == (
        "a-model",
        True,
        True,
        Format.GEMINI,
    )


@pytest.mark.parametrize(
    "contents",
    ["hi", {"parts": "hi"}, [{"parts": {"text": "hi"}}], ["hi"], [{"role": "user", "parts": ["hi"]}]],
)
def test_a_question_may_be_written_shortly(contents: Any) -> None:
    assert read(contents=contents).messages == (user(Text("hi")),)


def test_who_speaks_is_read_and_odd_words_for_it_are_kept() -> None:
    found = read(contents=[{"role": "model"}, {"role": "function", "parts": []}, {"role": [1], "x": 1}]).messages
    assert [message.role for message in found] == [Role.ASSISTANT, Role.USER, Role.USER]
    assert [message.extras for message in found] == [None, {"=role": "function"}, {"=role": [1], "x": 1}]


@pytest.mark.parametrize(
    ("system", "parts", "extras"),
    [
        (None, (), None),
        ("be brief", (Text("be brief"),), None),
        (["a", {"text": "b"}], (Text("a"), Text("b")), None),
        ({"role": "user", "parts": {"text": "a"}}, (Text("a"),), {"=systemInstruction": {"role": "user"}}),
    ],
)
def test_instructions_are_read(system: Any, parts: Any, extras: Any) -> None:
    found = read(system_instruction=system)
    assert (found.system, found.extras) == (parts, extras)


def test_tools_are_read_whatever_their_grouping() -> None:
    described = {"type": "OBJECT"}
    found = read(
        tools=[
            {"functionDeclarations": [{"name": "f", "description": "d", "parameters": described, "behavior": "X"}]},
            {"function_declarations": {"name": "g", "parameters_json_schema": {"a": 1}, "parameters": described}},
            {"google_search": {}, "urlContext": {"x": 1}},
        ]
    )
    assert found.tools == (
        Tool("f", "d", {"type": "object"}, extras={"=parameters": described, "behavior": "X"}),
        Tool("g", None, {"a": 1}, extras={"=parameters": described}),
        Opaque(Format.GEMINI, {"googleSearch": {}}),
        Opaque(Format.GEMINI, {"urlContext": {"x": 1}}),
    )
    assert [pin.feature for pin in found.pins] == ["tools: urlContext"]
    assert [pin.feature for pin in read(tools={"googleSearch": {}}).pins] == ["tools: googleSearch"]


def test_files_that_the_provider_keeps_are_pinned() -> None:
    part = {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a"}}
    assert [pin.feature for pin in read(contents=[{"parts": [part, part, "x"]}]).pins] == ["fileData: gs://b/a"]


def test_what_is_not_modelled_is_kept_under_its_own_name() -> None:
    found = read(model="models/m", safetySettings=[], labels={"a": "b"}, generationConfig={"x": 1}, toolConfig={"y": 2})
    assert found.extras == {
        "=model": "models/m",
        "safetySettings": [],
        "labels": {"a": "b"},
        "generationConfig.x": 1,
        "toolConfig.y": 2,
    }


def test_a_thought_that_a_client_kept_in_pieces_is_joined_with_its_signature() -> None:
    signed = {"text": "", "thought": True, "thoughtSignature": PACKED}
    pieces = [{"text": "a", "thought": True}, {"text": "b", "thought": True}, signed]
    call = {"functionCall": {"id": "1", "name": "f"}}
    whole = (
        Thought("ab", Signature(Format.ANTHROPIC_MESSAGES, "sig")),
        ToolCall("1", "f", "{}"),
    )
    together = [{"role": "model", "parts": [*pieces, call]}]
    apart = [{"role": "model", "parts": [each]} for each in (*pieces, call)]
    for contents in (together, apart):
        found = read(contents=["q", *contents, "r"])
        assert found.messages == (user(Text("q")), model(*whole), user(Text("r")))


def test_thoughts_of_this_format_stay_as_they_are() -> None:
    pieces = [{"text": "a", "thought": True}, {"text": "b", "thought": True}]
    found = read(contents=[{"role": "model", "parts": pieces}])
    assert found.messages == (model(Thought("a"), Thought("b")),)


SIGNED = {"text": "c", "thoughtSignature": "c2ln"}
OWN = Signature(Format.GEMINI, "c2ln")
REDACTED = {"thought": True, "thoughtSignature": PACKED}
CALL = {"functionCall": {"id": "1", "name": "f"}}
TURNS: list[tuple[list[list[Any]], Any]] = [
    ([["a"], ["b"], [{"text": ""}]], [model(Text("ab"))]),
    ([["a"], [SIGNED], ["d"]], [model(Text("ac", OWN), Text("d"))]),
    ([["a"], [CALL], [{"text": ""}], ["b"]], [model(Text("a"), ToolCall("1", "f", "{}"), Text("b"))]),
    ([[{"text": "a", "thought": True}], [{"text": "b", "thought": True}], ["c"]], [model(Thought("ab"), Text("c"))]),
    ([["a"], [{"text": "b", "x": 1}]], [model(Text("a"), Text("b", extras={"x": 1}))]),
    ([[], ["a"], []], [model(Text("a"))]),
    (
        [[{"text": "a", "thought": True}], [REDACTED]],
        [model(Thought("a"), Thought("", Signature(Format.ANTHROPIC_MESSAGES, "sig"), redacted=True))],
    ),
]


@pytest.mark.parametrize(("turns", "expected"), TURNS)
def test_pieces_of_a_stream_that_a_client_kept_as_turns_are_one_turn(turns: list[list[Any]], expected: Any) -> None:
    assert list(read(contents=[{"role": "model", "parts": each} for each in turns]).messages) == expected


def test_turns_that_say_more_than_their_parts_stay_apart() -> None:
    assert (
        len(read(contents=[{"role": "model", "parts": ["a"], "x": 1}, {"role": "model", "parts": ["b"]}]).messages) == 2
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": [3]}, "contents[0]"),
        ({"contents": [{"parts": ["a", 3]}]}, "contents[0].parts[1]"),
        ({"systemInstruction": 3}, "systemInstruction"),
        ({"tools": [3]}, "tools"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools"),
        ({"tools": [{"functionDeclarations": [{"name": 3}]}]}, "tools.functionDeclarations.name"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(members: Any, param: str) -> None:
    with pytest.raises(Malformed) as refused:
        read(**members)
    assert refused.value.param == param


def test_a_body_that_only_looks_like_an_object_is_refused() -> None:
    with pytest.raises(Malformed):
        read_request(asked(b'{"contents":[' + b"[" * 100 + b"]" * 100 + b"]}"))
    with pytest.raises(Malformed):
        read_request(msgspec.structs.replace(asked({"contents": []}), body=b"[]"))
