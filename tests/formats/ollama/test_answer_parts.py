"""The parts of an answer's message are read leniently."""

import pytest

from omniroute.formats.ollama.answer_parts import answer_calls, answer_images, message_of, others_of, word
from omniroute.ir.parts import Image, Inline, Opaque, ToolCall
from omniroute.names import Format

MADE = {"=id": ""}


def test_a_message_or_what_stands_in_its_place_is_found() -> None:
    assert message_of({"message": {"content": "a"}}) == {"content": "a"}
    assert message_of({"response": "a", "thinking": "t"}) == {"content": "a", "thinking": "t"}
    assert message_of({"message": "a"}) is None
    assert message_of({"response": 1}) is None


def test_what_is_no_string_is_an_empty_one() -> None:
    assert [word({"a": "x", "b": 1}, name) for name in "abc"] == ["x", "", ""]


def test_images_are_read() -> None:
    assert answer_images({"images": ["/9j/4AAQSkZJRgAB", 7]}) == [Image(Inline("image/jpeg", "/9j/4AAQSkZJRgAB"))]
    assert answer_images({"images": "x"}) == answer_images({}) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"a": 1}, '{"a":1}'), ('{"a": 1}', '{"a": 1}'), (None, ""), ([], "[]")],
)
def test_a_call_is_read(arguments: object, text: str) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
    assert answer_calls({"tool_calls": [call]}, "seed", 0) == [ToolCall("c", "f", text)]


def test_ids_are_made_up_of_the_answer_and_the_place() -> None:
    calls = {"tool_calls": [{"function": {"name": "f"}}, {"function": {"name": "f"}}]}
    ids = [part.id for part in answer_calls(calls, "now", 2) if isinstance(part, ToolCall)]
    assert [part.extras for part in answer_calls(calls, "now", 2) if isinstance(part, ToolCall)] == [MADE, MADE]
    assert [each.rpartition("_")[2] for each in ids] == ["2", "3"]
    later = [part.id for part in answer_calls(calls, "later", 2) if isinstance(part, ToolCall)]
    assert not set(ids) & set(later)
    assert ids == [part.id for part in answer_calls(calls, "now", 2) if isinstance(part, ToolCall)]


@pytest.mark.parametrize("call", ["f", {"function": "f"}, {"function": {"name": ""}}, {"function": {"name": 1}}])
def test_a_call_without_a_name_stays_what_it_is(call: object) -> None:
    assert answer_calls({"tool_calls": [call]}, "seed", 0) == [Opaque(Format.OLLAMA, call)]


def test_calls_that_are_no_array_are_none() -> None:
    assert answer_calls({"tool_calls": "f"}, "seed", 0) == []


def test_what_is_not_modelled_is_found() -> None:
    message = {"role": "assistant", "content": "a", "mood": "calm", "none": None}
    record = {"model": "m", "message": message, "response": "r", "total_duration": 1, "x": None}
    assert others_of(record, message) == ({"response": "r", "total_duration": 1}, {"mood": "calm"})
    generated = {"response": "r", "thinking": "t", "context": [1]}
    assert others_of(generated, message_of(generated) or {}) == ({"context": [1]}, {})
