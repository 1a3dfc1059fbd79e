"""A conversation is written."""

from typing import Any

import pytest

from omniroute.ir.parts import CacheHint, Image, Opaque, Text, ToolCall, ToolResult, Url
from omniroute.ir.request import Message, Role
from omniroute.names import Format
from tests.formats.openai_chat.passage import HI, assistant, foreign, returned, user

PICTURE = Image(Url("https://a/b"))
SHOWN = {"type": "image_url", "image_url": {"url": "https://a/b"}}


def result(id_: str, content: str = "") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "developer", "content": "a", "name": "n"}, HI],
        [HI, {"role": "assistant", "content": "", "new": 1}],
        [HI, {"role": "tool", "tool_call_id": "i", "name": "f", "content": [{"type": "text", "text": "a"}, SHOWN]}],
        [HI, {"role": "tool", "tool_call_id": "i", "content": "a", "cache_control": {"type": "ephemeral"}}],
        [HI, {"role": "function", "name": "f", "content": "a"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "name": "n"}],
    ],
)
def test_a_conversation_of_this_format_is_put_back(messages: list[Any]) -> None:
    assert returned(*messages)["messages"] == messages


def test_instructions_stand_before_the_conversation_as_one_text() -> None:
    later = Message(Role.DEVELOPER, (Text("c"),), {"x": 1})
    body, losses = foreign(user(Text("hi")), later, system=(Text("a"), Text("b"), PICTURE))
    assert [(each["role"], each["content"]) for each in body["messages"]] == [
        ("system", "a\n\nb"),
        ("user", "hi"),
        ("system", "c"),
    ]
    assert losses == [("system[2]", "dropped", "content"), ("messages[1].extras.x", "dropped", "setting")]


def test_instructions_of_which_nothing_is_left_are_left_out() -> None:
    assert foreign(user(Text("hi")), system=(PICTURE,))[0]["messages"] == [HI]


def test_results_stand_directly_behind_their_calls_and_pictures_behind_them() -> None:
    calls = assistant(ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))
    shown = user(Text("see"), ToolResult("a", (Text("x"), PICTURE)), ToolResult("b"))
    body, losses = foreign(calls, shown)
    assert body["messages"][1:] == [
        result("a", "x"),
        result("b"),
        {"role": "user", "content": [SHOWN, {"type": "text", "text": "see"}]},
    ]
    assert losses == [("messages[1].parts[1].parts[1]", "approximated", "setting")]


def test_pictures_wait_for_the_last_of_the_results() -> None:
    first, second = user(ToolResult("a", (PICTURE,))), user(ToolResult("b", (Text("y"),)))
    late = {"role": "user", "content": [SHOWN]}
    assert foreign(first, second)[0]["messages"] == [result("a"), result("b", "y"), late]
    body, _ = foreign(first, second, user(PICTURE))
    assert body["messages"][2:] == [{"role": "user", "content": [SHOWN, SHOWN]}]
    body, _ = foreign(first, assistant(Text("z")))
    assert body["messages"] == [result("a"), late, {"role": "assistant", "content": "z"}]
    body, _ = foreign(first, user(Opaque(Format.GEMINI, {})))
    assert body["messages"] == [result("a"), late]


def test_an_error_and_a_hint_at_a_result_are_losses() -> None:
    failed = ToolResult("a", (Text("no"), Opaque(Format.GEMINI, {})), "f", is_error=True, cache=CacheHint())
    body, losses = foreign(user(failed))
    assert body["messages"] == [result("a", "no")]
    assert losses == [
        ("messages[0].parts[0].parts[1]", "dropped", "content"),
        ("messages[0].parts[0].is_error", "approximated", "setting"),
        ("messages[0].parts[0].cache", "dropped", "setting"),
    ]


def test_messages_without_anything_are_left_out() -> None:
    assert foreign(user(), assistant(), user(Text("")))[0]["messages"] == [{"role": "user", "content": ""}]
