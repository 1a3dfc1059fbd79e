"""Writing requests of other formats for an upstream of this one; those of this format are the law of Return's."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import Terms
from omniroute.formats.gemini.parts_read import DUMMY, SIGNATURE
from omniroute.formats.gemini.request_write import dress, render_request
from omniroute.ir.loss import Weight
from omniroute.ir.parts import (
    CacheHint,
    Image,
    Inline,
    Opaque,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)
from omniroute.ir.request import GenerateRequest, Message, Role, Tool
from omniroute.names import Format
from tests.formats.gemini.asking import foreign, model, read, user

OWN = Signature(Format.GEMINI, "c2ln")
OTHER = Signature(Format.ANTHROPIC_MESSAGES, "sig")
PNG = Image(Inline("image/png", "AA=="))


def contents(*messages: Message) -> Any:
    return render_request(foreign(*messages)).body["contents"]


def lost(request: GenerateRequest) -> list[str]:
    return [loss.path for loss in render_request(request).losses]


def test_all_results_of_a_step_stand_in_one_turn_in_the_order_of_its_calls() -> None:
    found = contents(
        user(Text("q")),
        model(Text("a")),
        model(ToolCall("1", "f"), ToolCall("2", "g")),
        user(ToolResult("x", (Text("?"),), name="h")),
        user(Text("and"), ToolResult("2", (Text("two"),))),
        user(ToolResult("1", (Text("one"),))),
    )
    assert [each["role"] for each in found] == ["user", "model", "user"]
    named = [part["functionResponse"]["name"] for part in found[2]["parts"][:3]]
    assert named == ["f", "g", "h"]
    assert found[2]["parts"][3] == {"text": "and"}


def test_the_first_call_of_each_step_is_signed_where_nobody_signed_it() -> None:
    found = contents(
        model(ToolCall("1", "f"), ToolCall("2", "g")),
        user(ToolResult("1"), ToolResult("2")),
        model(ToolCall("3", "f", signature=OWN), ToolCall("4", "f")),
        user(ToolResult("3"), ToolResult("4")),
        model(ToolCall("5", "f", signature=OTHER)),
    )
    signatures = [[part.get(SIGNATURE) for part in each["parts"]] for each in found if each["role"] == "model"]
    assert signatures == [[DUMMY, None], ["c2ln", None], [DUMMY]]


def test_the_signature_of_an_empty_thought_is_that_of_the_part_behind_it() -> None:
    empty = Thought("", OWN)
    assert contents(model(empty, ToolCall("1", "f")))[0]["parts"][0][SIGNATURE] == "c2ln"
    assert contents(model(empty, Text("a")))[0]["parts"] == [{"text": "a", SIGNATURE: "c2ln"}]
    assert contents(model(Text("a"), empty))[0]["parts"] == [{"text": "a"}, {"text": "", SIGNATURE: "c2ln"}]
    signed = Text("a", Signature(Format.GEMINI, "b3du"))
    assert contents(model(empty, signed))[0]["parts"] == [{"text": "a", SIGNATURE: "b3du"}]


def test_a_thought_of_another_format_is_said_without_its_signature() -> None:
    request = foreign(model(Thought("a", OTHER), Thought("", OTHER), Thought("", OTHER, redacted=True), Text("b")))
    assert render_request(request).body["contents"][0]["parts"] == [{"text": "a", "thought": True}, {"text": "b"}]
    assert lost(request) == [
        "messages[0].parts[0].signature",
        "messages[0].parts[1].signature",
        "messages[0].parts[2]",
    ]


def test_instructions_have_a_place_of_their_own_and_later_ones_are_the_users() -> None:
    early, late = Message(Role.DEVELOPER, (Text("b"), PNG)), Message(Role.SYSTEM, (Text("c"),))
    request = foreign(early, user(Text("q")), late, system=(Text("a"), PNG))
    found = render_request(request)
    assert found.body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert found.body["contents"] == [{"role": "user", "parts": [{"text": "q"}, {"text": "c"}]}]
    assert [(loss.path, loss.weight) for loss in found.losses] == [
        ("messages[2].role", Weight.SETTING),
        ("system[1]", Weight.CONTENT),
        ("messages[0].parts[1]", Weight.CONTENT),
    ]


def test_what_stood_in_results_and_may_not_stand_there_is_behind_them() -> None:
    wav = Image(Inline("image/gif", "AA=="))
    found = contents(model(ToolCall("1", "f")), user(ToolResult("1", (Text("a"), wav)), Text("b")))
    assert [next(iter(part)) for part in found[1]["parts"]] == ["functionResponse", "text", "inlineData"]


def test_a_turn_that_says_nothing_is_left_out() -> None:
    assert contents(user(Text("q")), model(Opaque(Format.OPENAI_CHAT, {})), user()) == [
        {"role": "user", "parts": [{"text": "q"}]}
    ]


def test_tools_are_said_and_what_is_not_is_named() -> None:
    request = foreign(
        tools=(
            Tool("f", "d", {"type": "object"}, strict=True, cache=CacheHint(), extras={"x": 1}),
            Opaque(Format.ANTHROPIC_MESSAGES, {"type": "web_search"}),
            Tool("g"),
            Opaque(Format.GEMINI, {"googleSearch": {}}),
        )
    )
    assert render_request(request).body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}},
                {"name": "g"},
            ]
        },
        {"googleSearch": {}},
    ]
    assert lost(request) == ["tools[0].extras.x", "tools[0].strict", "tools[0].cache", "tools[1]"]


def test_settings_without_a_place_are_named() -> None:
    request = foreign(Message(Role.USER, (), {"m": 1}), parallel_tools=False, end_user="u", extras={"x": 1, "=y": 2})
    assert lost(request) == ["messages[0].extras.m", "extras.x", "parallel_tools", "end_user"]
    assert lost(foreign(parallel_tools=True)) == []


def test_what_was_read_of_this_format_is_put_back_where_it_stood() -> None:
    body = {
        "contents": [
            {"role": "function", "parts": [], "x": 1},
            {"role": "model", "parts": [{"thought": True, SIGNATURE: "c2ln"}]},
        ],
        "systemInstruction": {"role": "user", "parts": [{"text": "a"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}, "behavior": "X"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}, "y": 1},
        "generationConfig": {"responseSchema": {"type": "STRING"}, "responseMimeType": "application/json", "z": 1},
        "model": "models/m",
        "safetySettings": [],
        "x.y": 1,
    }
    found = render_request(read(**body))
    assert found.body == body
    assert found.losses == ()


def test_a_form_of_the_answer_without_its_media_type_comes_back_so() -> None:
    body = {"contents": [], "generationConfig": {"responseJsonSchema": {"type": "object"}}}
    assert render_request(read(**body)).body == body


@pytest.mark.parametrize(
    ("wanted", "longest", "sent"), [(100, 50, 50), (10, 50, 10), (100, None, 100), (None, 50, None)]
)
def test_no_more_output_is_asked_for_than_the_model_can_give(
    wanted: int | None, longest: int | None, sent: int | None
) -> None:
    body = render_request(foreign(max_output=wanted)).body
    config = json.loads(dress(body, Terms("m", longest))).get("generationConfig", {})
    assert config.get("maxOutputTokens") == sent
