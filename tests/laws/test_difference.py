"""The comparison that the laws stand on finds every difference, and excuses one only by a loss that names it."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.ir.loss import Loss, Weight, approximated, dropped
from omniroute.ir.parts import Image, Inline, Part, Refusal, Signature, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import (
    GenerateRequest,
    Message,
    OutputSpec,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
)
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.signatures import pack
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.support.difference import request_differences, response_differences
from tests.support.ir_values import WIRES, requests, responses
from tests.support.laws import often
from tests.support.normal import is_blank

CHAT, GEMINI, ANTHROPIC = Format.OPENAI_CHAT, Format.GEMINI, Format.ANTHROPIC_MESSAGES
PICTURE = Image(Inline("image/png", "AAAA"))
CALL = ToolCall("call_1", "f", '{"a": 1}')
RESULT = ToolResult("call_1", (Text("3 degrees"),))
BARE = GenerateRequest(CHAT, "m", (Message(Role.USER, (Text("Hello"),)),))
every_request = st.sampled_from(WIRES).flatmap(requests)


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def model(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def asked(*messages: Message, **more: Any) -> GenerateRequest:
    return GenerateRequest(CHAT, "m", messages, **more)


@given(every_request)
@settings(max_examples=often(100), deadline=None)
def test_a_request_does_not_differ_from_itself(request: GenerateRequest) -> None:
    bare = [each for each in request_differences(request, request, ()) if not each.endswith("is lost")]
    assert bare == []


@given(every_request, st.data())
@settings(max_examples=often(100), deadline=None)
def test_a_part_that_vanishes_is_found_unless_a_loss_names_it(request: GenerateRequest, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(request.messages) - 1))
    message = request.messages[number]
    place = data.draw(st.integers(0, len(message.parts) - 1))
    part = message.parts[place]
    assume(not is_blank(part))
    left = replace(message, parts=(*message.parts[:place], *message.parts[place + 1 :]))
    other = replace(request, messages=(*request.messages[:number], left, *request.messages[number + 1 :]), extras=None)
    path = f"messages[{number}].parts[{place}]"
    bare = [each for each in request_differences(request, other, ()) if not each.endswith("is lost")]
    assert bare
    if not isinstance(part, ToolCall):  # its result would be nobody's
        loss = dropped(path, "", weight=Weight.CONTENT), dropped(f"{path}.signature", "")
        named = [each for each in request_differences(request, other, loss) if not each.endswith("is lost")]
        assert named == []


SAME: list[tuple[str, GenerateRequest, GenerateRequest]] = [
    ("system hoisted", asked(Message(Role.DEVELOPER, (Text("Be brief."),)), user(Text("Hi"))),
     asked(user(Text("Hi")), system=(Text("Be brief."),))),
    ("messages merged", asked(user(Text("a")), user(PICTURE)), asked(user(Text("a"), PICTURE))),
    ("texts joined", asked(user(Text("a"), Text("b"))), asked(user(Text("a\n\nb")))),
    ("a text cut", asked(user(Text("a b"))), asked(user(Text("a"), Text("b")))),
    ("blank text", asked(user(Text("a"), Text(" "))), asked(user(Text("a")))),
    ("ids", asked(model(CALL), user(RESULT)),
     asked(model(replace(CALL, id="x")), user(replace(RESULT, id="x", name="f")))),
    ("calls behind words", asked(model(CALL, Text("a"))), asked(model(Text("a"), CALL))),
    ("JSON", asked(model(CALL)), asked(model(replace(CALL, arguments='{"a":1}')))),
    ("a signature in front", asked(model(replace(CALL, signature=Signature(GEMINI, "s")))),
     asked(model(Thought("", Signature(ANTHROPIC, pack(Signature(GEMINI, "s"), ANTHROPIC))), CALL))),
    ("thinking off", asked(thinking=Thinking(enabled=False)), asked(thinking=Thinking(effort="none"))),
    ("any tool", asked(tool_choice=ToolChoice(ToolMode.AUTO)), asked()),
    ("a name that is demanded", asked(output=OutputSpec()), asked(output=OutputSpec(name="answer"))),
    ("the longest output", asked(), asked(max_output=4096)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [each[1:] for each in SAME], ids=[each[0] for each in SAME])
def test_two_ways_of_saying_the_same_do_not_differ(one: GenerateRequest, other: GenerateRequest) -> None:
    assert request_differences(one, other, ()) == []


OTHERS: list[tuple[str, GenerateRequest, GenerateRequest, str]] = [
    ("a word", asked(user(Text("a cat"))), asked(user(Text("a dog"))), "messages[0].parts[0]"),
    ("white space", asked(user(Text(" a "))), asked(user(Text("a"))), "messages[0].parts[0]"),
    ("a role", asked(user(Text("a"))), asked(model(Text("a"))), "messages[0].parts[0]"),
    ("an order", asked(user(Text("a"), PICTURE)), asked(user(PICTURE, Text("a"))), "messages[0].parts[0]"),
    ("a picture", asked(user(PICTURE)), asked(user(replace(PICTURE, source=Inline("image/png", "BBBB")))),
     "messages[0].parts[0].source"),
    ("something new", asked(user(Text("a"))), asked(user(Text("a"), PICTURE)), "new parts"),
    ("a number", asked(model(CALL)), asked(model(replace(CALL, arguments='{"a": 1.5}'))),
     "messages[0].parts[0].arguments"),
    ("a boolean", asked(model(CALL)), asked(model(replace(CALL, arguments='{"a": true}'))),
     "messages[0].parts[0].arguments"),
    ("another call's result", asked(model(CALL, ToolCall("2", "f")), user(replace(RESULT, id="2"))),
     asked(model(CALL, ToolCall("2", "f")), user(RESULT)), "messages[1].parts[0].id"),
    ("an error", asked(model(CALL), user(replace(RESULT, is_error=True))), asked(model(CALL), user(RESULT)),
     "messages[1].parts[0].is_error"),
    ("a result", asked(model(CALL), user(RESULT)), asked(model(CALL), user(replace(RESULT, parts=(Text("4"),)))),
     "messages[1].parts[0].parts[0]"),
    ("a setting", asked(sampling=Sampling(top_k=1)), asked(), "sampling.top_k"),
    ("a setting made up", asked(), asked(sampling=Sampling(temperature=1)), "sampling.temperature"),
    ("a stop", asked(stop=("a", "b")), asked(stop=("a",)), "stop"),
    ("the longest output", asked(max_output=5), asked(), "max_output"),
    ("a form", asked(output=OutputSpec(schema={"type": "object"})), asked(output=OutputSpec()), "output.schema"),
    ("thinking", asked(thinking=Thinking(effort="high")), asked(thinking=Thinking(effort="low")), "thinking.effort"),
    ("a tool", asked(tools=(Tool("f"),)), asked(), "tools"),
    ("a description", asked(tools=(Tool("f", "a"),)), asked(tools=(Tool("f", "b"),)), "tools[0].description"),
    ("a member", asked(extras={"x": 1, "=y": 2}), replace(asked(), format=GEMINI), "extras.x is lost"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "path"), [each[1:] for each in OTHERS], ids=[each[0] for each in OTHERS])
def test_what_differs_is_named(one: GenerateRequest, other: GenerateRequest, path: str) -> None:
    found = request_differences(one, other, ())
    assert len(found) == 1
    assert found[0].startswith(path)


@pytest.mark.parametrize(
    ("one", "other", "losses"),
    [
        (asked(sampling=Sampling(top_k=1)), asked(), [dropped("sampling.top_k", "")]),
        (asked(user(PICTURE)), asked(), [dropped("messages[0]", "", weight=Weight.CONTENT)]),
        (asked(user(Text("a")), Message(Role.SYSTEM, (Text("b"),))), asked(user(Text("a\nb"))),
         [approximated("messages[1].role", "")]),
        (asked(model(Refusal("No."))), asked(model(Text("No."))), [approximated("messages[0].parts[0]", "")]),
        (asked(model(CALL), user(replace(RESULT, parts=(PICTURE,)))),
         asked(model(CALL), user(replace(RESULT, parts=()), PICTURE)),
         [approximated("messages[1].parts[0].parts[0]", "")]),
        (asked(thinking=Thinking(effort="high")), asked(thinking=Thinking(budget=24_576)),
         [approximated("thinking.effort", "")]),
    ],
)  # fmt: skip
def test_a_loss_excuses_what_it_names(one: GenerateRequest, other: GenerateRequest, losses: list[Loss]) -> None:
    assert request_differences(one, other, ()) != []
    assert request_differences(one, other, losses) == []
    assert request_differences(one, other, [replace(each, path="elsewhere") for each in losses]) != []


def test_content_that_is_dropped_as_a_setting_is_named() -> None:
    assert request_differences(asked(user(PICTURE)), asked(), [dropped("messages[0].parts[0]", "")]) == [
        "messages[0].parts[0]: content is dropped as a setting"
    ]


@given(st.sampled_from(WIRES).flatmap(responses))
@settings(max_examples=often(50), deadline=None)
def test_an_answer_does_not_differ_from_itself(response: GenerateResponse) -> None:
    assert response_differences(response, response, ()) == []


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        (GenerateResponse(CHAT, (), Finish.STOP), GenerateResponse(GEMINI, (), Finish.LENGTH), "finish"),
        (GenerateResponse(CHAT, (), model="a"), GenerateResponse(GEMINI, (), model="b"), "model"),
        (GenerateResponse(CHAT, (), usage=Usage(1)), GenerateResponse(GEMINI, ()), "usage"),
        (GenerateResponse(CHAT, ()), GenerateResponse(GEMINI, (), usage=Usage(1)), "usage"),
        (GenerateResponse(CHAT, (), usage=Usage(5, 2, 3)), GenerateResponse(GEMINI, (), usage=Usage(8, 2, 3)), "usage"),
        (
            GenerateResponse(CHAT, (Text("a", extras={"b": 1}),)),
            GenerateResponse(GEMINI, (Text("a"),)),
            "parts[0].extras.b",
        ),
    ],
)
def test_an_answer_that_differs_is_named(one: GenerateResponse, other: GenerateResponse, path: str) -> None:
    found = response_differences(one, other, ())
    assert len(found) == 1
    assert found[0].startswith(path)


def test_a_class_of_tokens_may_be_left_out_and_the_sum_may_not() -> None:
    one = GenerateResponse(CHAT, (), usage=Usage(input=5, output=2, cache_read=3))
    assert response_differences(one, GenerateResponse(GEMINI, (), usage=Usage(input=8, output=2)), ()) == []
    assert response_differences(one, GenerateResponse(GEMINI, (), usage=Usage(input=5, output=2)), ()) != []
