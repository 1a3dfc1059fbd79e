"""Requests of other formats, written as Responses requests."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import Terms
from omniroute.formats.openai_responses.request_write import dress
from omniroute.formats.openai_responses.wire import OWN
from omniroute.ir.parts import CacheHint, Image, Opaque, Part, Signature, Text, Thought, ToolCall, ToolResult, Url
from omniroute.ir.request import GenerateRequest, Message, Role
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, asked, paths, write

SIGNED = Signature(OWN, "s")

PICTURE = {"type": "input_image", "image_url": "u", "detail": "auto"}


@pytest.mark.parametrize(
    ("role", "parts", "items", "lost"),
    [
        (Role.USER, (Text("a"),), [{"role": "user", "content": "a"}], []),
        (Role.USER, (Text("a"), Image(Url("u"))),
         [{"role": "user", "type": "message",
           "content": [{"type": "input_text", "text": "a"}, PICTURE]}], []),
        (Role.USER, (ToolResult("c", (Text("1"),), "f", is_error=True, cache=CacheHint()), Text("a")),
         [{"type": "function_call_output", "call_id": "c", "output": "1"}, {"role": "user", "content": "a"}],
         ["messages[0].parts[0].cache dropped setting", "messages[0].parts[0].is_error dropped setting"]),
        (Role.USER, (ToolResult("c", (), custom=True),),
         [{"type": "custom_tool_call_output", "call_id": "c", "output": ""}], []),
        (Role.USER, (ToolResult("c", (Thought("x"), Image(Url("u")))),),
         [{"type": "function_call_output", "call_id": "c", "output": [PICTURE]}],
         ["messages[0].parts[0].parts[0] dropped content"]),
        (Role.ASSISTANT, (Thought("t", SIGNED), Text("a"), ToolCall("c", "f", "{}"), Text("b")),
         [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "s"},
          {"role": "assistant", "content": "a"},
          {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
          {"role": "assistant", "content": "b"}], []),
        (Role.ASSISTANT, (Thought("t"), ToolCall("c", "f", signature=Signature(Format.GEMINI, "g"), cache=CacheHint())),
         [{"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}],
         ["messages[0].parts[0] dropped setting", "messages[0].parts[1].cache dropped setting",
          "messages[0].parts[1].signature dropped setting"]),
        (Role.ASSISTANT, (Opaque(Format.GEMINI, {}), Opaque(OWN, {"type": "dream"}), Image(Url("u"))),
         [{"type": "dream"}],
         ["messages[0].parts[0] dropped content", "messages[0].parts[2] dropped content"]),
    ],
)  # fmt: skip
def test_a_turn_is_written_as_items(
    role: Role, parts: tuple[Part, ...], items: list[dict[str, Any]], lost: list[str]
) -> None:
    body, losses = write(asked(*parts, role=role))
    assert body["input"] == items
    assert paths(losses) == lost


def test_the_name_at_a_result_is_said_where_the_client_said_it() -> None:
    result = ToolResult("c", (Text("1"),), "f")
    assert "name" not in write(asked(result))[0]["input"][0]
    assert write(asked(result, wire=OWN))[0]["input"][0]["name"] == "f"


def test_one_text_of_instructions_is_instructions_and_several_are_a_message() -> None:
    one = GenerateRequest(CHAT, "m", (Message(Role.SYSTEM, (Text("a"),)), Message(Role.USER, (Text("b"),))))
    body, _ = write(one)
    assert (body["instructions"], body["input"]) == ("a", [{"role": "user", "content": "b"}])
    body, losses = write(asked(Text("b"), system=(Text("a", cache=CacheHint()), Text("c"))))
    assert "instructions" not in body
    assert body["input"][0] == {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "c"}],
    }
    assert paths(losses) == ["system[0].cache dropped setting"]


def test_instructions_that_cannot_be_said_are_losses() -> None:
    body, losses = write(asked(Text("b"), system=(Opaque(Format.GEMINI, {}),)))
    assert body["input"] == [{"role": "user", "content": "b"}]
    assert paths(losses) == ["system[0] dropped content"]


def test_a_later_instruction_keeps_its_role_and_its_number() -> None:
    messages = (
        Message(Role.SYSTEM, (Text("a"),)),
        Message(Role.USER, (Text("b"),), {"name": "x"}),
        Message(Role.DEVELOPER, (Text("c"),)),
    )
    body, losses = write(GenerateRequest(CHAT, "m", messages))
    assert body["input"][1] == {"role": "developer", "content": "c"}
    assert paths(losses) == ["messages[1].extras.name dropped setting"]


def test_the_models_name_is_the_upstreams() -> None:
    body, _ = write(asked(Text("a")))
    assert json.loads(dress(body, Terms("up")))["model"] == "up"
