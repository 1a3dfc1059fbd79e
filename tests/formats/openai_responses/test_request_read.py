"""Requests, read."""

import json
from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Place
from omniroute.formats.openai_responses import CODEC
from omniroute.formats.openai_responses.wire import OWN
from omniroute.ir.parts import Opaque, Signature, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import Message, Role
from tests.formats.openai_responses.exchange import OWN as SAMPLES
from tests.formats.openai_responses.exchange import read, write
from tests.support.canonical import openai_responses as canonical

CASES = sorted(path.parent.name for path in SAMPLES.glob("*/request.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_sample_comes_back(case: str) -> None:
    body = json.loads((SAMPLES / case / "request.json").read_text("utf-8"))
    request = read(**body)
    again, losses = write(request)
    assert canonical.request({"model": request.model, **again}) == canonical.request(body)
    assert losses == ()


def test_what_the_model_said_in_one_turn_is_one_message() -> None:
    request = read(
        input=[
            {"role": "user", "content": "a"},
            {"type": "reasoning", "summary": [], "encrypted_content": "s"},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "name": "g", "input": "x"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"type": "custom_tool_call_output", "output": None, "name": "g"},
            {"role": "assistant", "content": "d"},
            {"role": "assistant", "content": "e"},
        ]
    )
    assert request.messages == (
        Message(Role.USER, (Text("a"),)),
        Message(
            Role.ASSISTANT,
            (
                Thought(signature=Signature(OWN, "s")),
                Text("b"),
                ToolCall("c", "f", "{}"),
                ToolCall("call_4", "g", "x", custom=True),
            ),
            {"=id": "msg_1", "=type": "message"},
        ),
        Message(Role.USER, (ToolResult("c", (Text("1"),)),)),
        Message(Role.USER, (ToolResult("call_6", name="g", custom=True),)),
        Message(Role.ASSISTANT, (Text("d"),)),
        Message(Role.ASSISTANT, (Text("e"),)),
    )


def test_a_message_without_content_is_a_message() -> None:
    items: list[Any] = [{"role": "assistant", "content": []}, {"role": "user", "content": []}]
    request = read(input=items)
    assert [message.parts for message in request.messages] == [(), ()]
    assert write(request)[0]["input"] == items


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "web_search_call"}, Role.ASSISTANT),
        ({"type": "computer_call_output"}, Role.USER),
        ({"type": "mcp_approval_response"}, Role.USER),
        ({"type": "additional_tools", "role": "developer"}, Role.DEVELOPER),
        ({"type": "dream", "role": "sheep"}, Role.ASSISTANT),
        ({"id": "msg_1"}, Role.ASSISTANT),
    ],
)
def test_an_item_that_is_not_understood_stands_in_a_fitting_turn(item: dict[str, Any], role: Role) -> None:
    request = read(input=[item])
    assert request.messages == (Message(role, (Opaque(OWN, item),)),)


@pytest.mark.parametrize(
    ("items", "pins"),
    [
        ([{"type": "item_reference", "id": "i"}, {"id": "j"}], ["item_reference"]),
        ([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}], ["file_id"]),
        ([{"role": "user", "content": [{"type": "input_image", "image_url": "u", "file_id": "f"}]}], ["file_id"]),
        (
            [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_file", "file_id": "f"}]}],
            ["file_id"],
        ),
        ([{"role": "user", "content": [{"type": "input_file", "file_url": "u"}, {"x": 1}]}], []),
    ],
)
def test_what_only_the_provider_has_binds_a_request(items: list[Any], pins: list[str]) -> None:
    assert [pin.feature for pin in read(input=items).pins] == pins


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"input": 7}, '"input" must be a string or an array'),
        ({"input": ["hi"]}, r"input\[0\] must be an object"),
        ({"input": [{"role": "tool", "content": "x"}]}, r"input\[0\].role must be user"),
        ({"input": [{"role": ["user"], "content": "x"}]}, r"input\[0\].role must be user"),
        ({"input": [{"role": "user", "content": 7}]}, r"input\[0\].content must be a string or an array"),
        (
            {"input": [{"type": "function_call_output", "output": {}}]},
            r"input\[0\].output must be a string or an array",
        ),
        ({"instructions": ["x"]}, '"instructions" must be a string'),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(members: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(**members)


def test_a_request_without_input_has_no_messages() -> None:
    request = read(previous_response_id="r")
    assert request.messages == ()
    assert "input" not in write(request)[0]
    assert write(read(input=[], instructions="x"))[0] == {"instructions": "x"}


def test_a_body_that_is_nested_too_deeply_is_refused() -> None:
    asked = CODEC.ask(b'{"model":"m"}', Place())
    for body in (b'{"model":"m","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"[]"):
        with pytest.raises(Malformed, match="not a JSON object"):
            CODEC.read_request(type(asked)("m", False, True, body, ()))
