"""A whole Chat Completions answer is read."""

import json
from typing import Any

import pytest

from omniroute.formats.openai_chat.response_read import read_response
from omniroute.ir.parts import Refusal, Text, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.formats.openai_chat.passage import said, whole

OWN = Format.OPENAI_CHAT


def test_an_answer_is_read() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    found = whole({"role": "assistant", "content": "a"}, object="chat.completion", created=5, model="m", usage=usage)
    assert found == GenerateResponse(
        *(OWN, (Text("a"),), Finish.STOP, "x", "m", 5), usage=Usage(3, 2), extras={"=usage": usage}
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"choices": 7}', b'{"choices": []}', b'{"choices": [7]}', b'{"choices": [{"message": 7}]}'],
)
def test_what_is_no_answer_crashes_nothing(body: bytes) -> None:
    assert read_response(body).parts == ()


def test_what_is_beside_the_answer_is_put_back() -> None:
    body = {
        "id": "",
        "object": "other",
        "created": 1.5,
        "model": "m",
        "choices": [
            {"index": 3, "message": {"role": "assistant", "content": "a", "new": 1}, "finish_reason": None, "more": 2},
            {"index": 1},
        ],
        "usage": {"odd": 1},
        "provider": "someone",
    }
    choices: Any = body["choices"]
    found = whole(choices[0]["message"], None)
    assert (found.finish, found.id) == (None, "x")
    read = read_response(json.dumps(body).encode())
    assert (read.id, read.created, read.usage) == (None, None, None)
    assert said(read)[0] == body


def test_the_stop_sequence_of_servers_that_say_it_is_read() -> None:
    found = read_response(b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "x"}]}')
    assert (found.finish, found.stop_sequence) == (Finish.STOP, "x")


def test_calls_under_the_word_stop_are_calls() -> None:
    call = {"id": "i", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    found = whole({"tool_calls": [call]}, "stop")
    assert (found.parts, found.finish) == ((ToolCall("i", "f", "{}"),), Finish.TOOLS)
    assert said(found)[0]["choices"][0]["finish_reason"] == "stop"


def test_what_is_said_of_a_text_stands_with_the_last_one() -> None:
    message = {"role": "assistant", "content": "a", "refusal": "b", "annotations": [1]}
    found = whole(message)
    assert found.parts == (Text("a", extras={"annotations": [1]}), Refusal("b"))
    assert said(found)[0]["choices"][0]["message"] == message
    assert whole({"refusal": "b", "annotations": [1]}).parts == (Refusal("b"),)
