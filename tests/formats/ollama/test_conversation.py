"""A conversation is read: words, images, calls, and which result belongs to which call."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.ollama.conversation import read_messages
from omniroute.ir.parts import Image, Inline, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import Message, Role


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {}}, **more}


def called(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls)}


def told(**more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": "x", **more}


def read(*messages: Any) -> tuple[Message, ...]:
    return read_messages(messages)[0]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": "hi"}, Message(Role.USER, (Text("hi"),))),
        ({"role": "system", "content": "hi"}, Message(Role.SYSTEM, (Text("hi"),))),
        ({"role": "developer", "content": "hi"}, Message(Role.DEVELOPER, (Text("hi"),))),
        ({"role": "user", "content": None, "images": None, "name": "ann"}, Message(Role.USER, (), {"name": "ann"})),
        (
            {"role": "assistant", "content": "a", "thinking": "t", "more": None},
            Message(Role.ASSISTANT, (Thought("t"), Text("a"))),
        ),
        (
            {"role": "user", "content": "see", "images": ["iVBORw0KGgoAAAAN"]},
            Message(Role.USER, (Image(Inline("image/png", "iVBORw0KGgoAAAAN")), Text("see"))),
        ),
    ],
)
def test_a_message_is_read(message: dict[str, Any], expected: Message) -> None:
    assert read(message) == (expected,)


def test_a_role_that_only_some_models_know_binds_the_request() -> None:
    (message,), pins = read_messages([{"role": "control", "content": "thinking"}])
    assert message == Message(Role.SYSTEM, (Text("thinking"),), {"=role": "control"})
    assert [pin.feature for pin in pins] == ["role: control"]


def test_a_call_keeps_what_is_not_modelled_and_its_arguments_as_text() -> None:
    function = {"name": "f", "arguments": {"é": [1, None]}, "index": 0, "x": 1, "y": None}
    ((part,),) = [each.parts for each in read(called({"id": "a", "type": "function", "function": function, "z": 2}))]
    assert part == ToolCall(
        "a", "f", '{"é":[1,null]}', extras={"=type": "function", "z": 2, "=function.index": 0, "function.x": 1}
    )


def test_ids_are_made_up_and_differ_from_those_that_are_given() -> None:
    first, second = read(called(call("f"), call("f")), called(call("g", id="call_0"), {"function": {"name": "h"}}))
    ids = [part.id for message in (first, second) for part in message.parts if isinstance(part, ToolCall)]
    assert ids == ["call_1", "call_2", "call_0", "call_3"]
    assert second.parts[1] == ToolCall("call_3", "h", "", extras={"=id": ""})


def answered(*messages: dict[str, Any]) -> list[tuple[str, str | None]]:
    results = [part for message in read(*messages) for part in message.parts if isinstance(part, ToolResult)]
    return [(result.id, result.name) for result in results]


def test_a_result_belongs_to_the_call_of_its_id() -> None:
    calls = called(call("f", id="a"), call("f", id="b"))
    assert answered(calls, told(tool_call_id="b"), told(tool_call_id="a", tool_name="f")) == [("b", None), ("a", "f")]
    assert answered(calls, told(tool_call_id="z")) == [("z", None)]


def test_without_ids_a_result_belongs_to_the_first_waiting_call_of_its_tool() -> None:
    calls = called(call("f"), call("g"), call("f"))
    results = [told(tool_name="g"), told(tool_name="f"), told(tool_name="f")]
    assert answered(calls, *results) == [("call_1", "g"), ("call_0", "f"), ("call_2", "f")]


def test_a_result_of_no_known_tool_belongs_to_the_first_waiting_call_or_to_none() -> None:
    assert answered(called(call("f")), told(), told(tool_name="h")) == [("call_0", None), ("call_1", "h")]


def test_a_result_is_what_a_user_says() -> None:
    message = read(told(tool_name="f", images=["R0lGODlhAQABAAAA"], more=1))[0]
    parts = (Image(Inline("image/gif", "R0lGODlhAQABAAAA")), Text("x"))
    result = ToolResult("call_0", parts, name="f", extras={"=tool_call_id": ""})
    assert message == Message(Role.USER, (result,), {"more": 1})


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("hi", "messages[0]"),
        ({"content": "hi"}, "messages[0].role"),
        ({"role": "user", "content": ["hi"]}, "messages[0].content"),
        ({"role": "user", "images": "abc"}, "messages[0].images"),
        ({"role": "user", "images": [1]}, "messages[0].images"),
        ({"role": "assistant", "thinking": 1}, "messages[0].thinking"),
        ({"role": "assistant", "tool_calls": {}}, "messages[0].tool_calls"),
        ({"role": "assistant", "tool_calls": ["f"]}, "messages[0].tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": 1}}]}, "messages[0].tool_calls[0]"),
        (called({"id": 1, "function": {"name": "f"}}), "messages[0].tool_calls[0].id"),
        (called({"function": {"name": "f", "arguments": "{}"}}), "messages[0].tool_calls[0].function.arguments"),
        ({"role": "tool", "tool_name": 1}, "messages[0].tool_name"),
        ({"role": "tool", "tool_call_id": []}, "messages[0].tool_call_id"),
    ],
)
def test_what_cannot_be_understood_is_malformed_and_named(message: Any, param: str) -> None:
    with pytest.raises(Malformed, match=r"must be an? ") as raised:
        read(message)
    assert raised.value.param == param
    assert param in raised.value.message
