"""A conversation is read."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.openai_chat.content import OWN
from omniroute.ir.parts import CacheHint, Document, FileRef, Opaque, Part, Text, ToolCall, ToolResult
from omniroute.ir.request import Message, Role
from tests.formats.openai_chat.passage import HI, read

CUSTOM = {"id": "c", "type": "custom", "custom": {"name": "x", "input": ""}}


@pytest.mark.parametrize(
    ("message", "known"),
    [
        ({"role": "system", "content": "a"}, Message(Role.SYSTEM, (Text("a"),))),
        ({"role": "developer", "content": [{"type": "text", "text": "a"}]}, Message(Role.DEVELOPER, (Text("a"),))),
        ({"role": "user", "name": "n", "content": None}, Message(Role.USER, (), {"name": "n"})),
        ({"role": "assistant", "name": "n", "content": "a"}, Message(Role.ASSISTANT, (Text("a"),), {"name": "n"})),
    ],
)
def test_messages_are_read_by_their_roles(message: Any, known: Message) -> None:
    assert read(message).messages == (known,)


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"content": "a"}, ToolResult("i", (Text("a"),))),
        ({"content": ""}, ToolResult("i", extras={"=content": ""})),
        ({"content": None, "name": "f", "new": 1}, ToolResult("i", name="f", extras={"new": 1})),
        ({"name": 7}, ToolResult("i", extras={"name": 7})),
        ({"cache_control": {"type": "ephemeral"}}, ToolResult("i", cache=CacheHint())),
    ],
)
def test_a_result_is_a_part_of_a_users_message(fields: Any, result: Part) -> None:
    request = read(HI, {"role": "tool", "tool_call_id": "i", **fields})
    assert request.messages[1] == Message(Role.USER, (result,))


def test_the_result_of_a_free_text_tool_is_known_by_its_call() -> None:
    request = read({"role": "assistant", "tool_calls": [CUSTOM]}, {"role": "tool", "tool_call_id": "c", "content": "a"})
    assert request.messages[0].parts == (ToolCall("c", "x", "", custom=True),)
    assert request.messages[1].parts == (ToolResult("c", (Text("a"),), custom=True),)


@pytest.mark.parametrize(
    ("message", "param", "words"),
    [
        (7, "messages[1]", "must be an object, and is a number"),
        (None, "messages[1]", "must be an object, and is null"),
        ({"role": "narrator"}, "messages[1].role", "must be system"),
        ({"role": ["user"]}, "messages[1].role", "must be system"),
        ({"content": "a"}, "messages[1].role", "must be system"),
        ({"role": "user", "content": 1.5}, "messages[1].content", "array of parts, and is a number"),
        ({"role": "user", "content": {}}, "messages[1].content", "array of parts, and is an object"),
        ({"role": "tool", "content": "a"}, "messages[1].tool_call_id", "is missing"),
        ({"role": "assistant", "tool_calls": "f"}, "messages[1].tool_calls", "array of calls, and is a string"),
        ({"role": "assistant", "tool_calls": [7]}, "messages[1].tool_calls[0]", "must be a call"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(message: Any, param: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(HI, message)
    assert caught.value.param == param
    assert words in caught.value.message


def test_what_only_this_format_can_do_is_a_pin_once() -> None:
    file = {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}
    result = {"role": "function", "name": "f", "content": "a"}
    request = read(file, file, {"role": "assistant", "audio": {"id": "a"}}, result)
    assert [pin.feature for pin in request.pins] == ["file_id", "audio", "function messages"]
    assert request.messages[0].parts == (Document(FileRef("f")),)
    assert request.messages[3] == Message(Role.USER, (Opaque(OWN, result),), {"=role": "function"})
