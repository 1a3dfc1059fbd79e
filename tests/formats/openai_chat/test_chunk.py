"""One record of a streamed answer is read, whatever it holds."""

import json
from typing import Any

import pytest

from omniroute.formats.openai_chat.chunk import Call, Choice, Chunk, Custom, Delta, Function, read_chunk


def read(value: Any) -> Chunk | None:
    return read_chunk(json.dumps(value).encode())


@pytest.mark.parametrize("data", [b"", b"7", b"[]", b'{"a"', b"null"])
def test_what_is_no_object_is_nothing(data: bytes) -> None:
    assert read_chunk(data) is None


def test_a_chunk_is_read() -> None:
    calls = [{"index": 0, "id": "i", "type": "function", "function": {"name": "f", "arguments": "{"}}]
    delta = {"role": "assistant", "content": "a", "tool_calls": calls}
    value = {"id": "x", "model": "m", "created": 1, "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
    call = Call(0, "i", Function("f", "{"))
    assert read(value) == Chunk([Choice(0, "stop", Delta(content="a", tool_calls=[call]))], None, "x", "m", 1)


@pytest.mark.parametrize(
    ("value", "chunk"),
    [
        ({"choices": "none", "id": 7, "created": 1.5, "error": 1}, Chunk(created=1, error=1)),
        ({"choices": [7, {"index": "a", "finish_reason": {"odd": 1}}]}, Chunk([Choice(None, "{'odd': 1}")])),
        ({"choices": [{"index": 1.5, "delta": 7}], "created": "now"}, Chunk([Choice()])),
        ({"choices": [{"delta": {"content": 7, "refusal": [], "audio": 1}}]}, Chunk([Choice(delta=Delta(audio=1))])),
        (
            {
                "choices": [
                    {"delta": {"content": [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "t"}]}}
                ]
            },
            Chunk([Choice(delta=Delta("a", "t"))]),
        ),
        (
            {"choices": [{"delta": {"function_call": {"name": "f", "arguments": {"a": 1}}}}]},
            Chunk([Choice(delta=Delta(function_call=Function("f", '{"a":1}')))]),
        ),
        ({"choices": [{"delta": {"content": 7, "function_call": 7, "tool_calls": 7}}]}, Chunk([Choice(delta=Delta())])),
        (
            {
                "choices": [
                    {
                        "delta": {
                            "tool_calls": [
                                7,
                                {"index": 1, "function": {"arguments": "x"}},
                                {"index": "0", "id": "i", "function": {"name": "f", "arguments": {}}},
                                {"index": 2, "id": 9, "type": "custom", "custom": {"name": "c", "input": []}},
                                {"index": 3, "function": 7},
                            ]
                        }
                    }
                ]
            },
            Chunk(
                [
                    Choice(
                        delta=Delta(
                            tool_calls=[
                                Call(1, function=Function(None, "x")),
                                Call(id="i", function=Function("f", "{}")),
                                Call(2, custom=Custom("c", "[]")),
                                Call(3),
                            ]
                        )
                    )
                ]
            ),
        ),
    ],
)
def test_members_of_other_kinds_count_as_absent(value: Any, chunk: Chunk) -> None:
    assert read(value) == chunk
