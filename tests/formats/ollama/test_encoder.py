"""Events become lines, of which exactly the last is done."""

import json
from typing import Any

import ollama
import pytest

from omniroute.formats.codec import Context
from omniroute.formats.ollama.encoder import OllamaEncoder
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Image, Inline, Opaque, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import Format

CONTEXT = Context(GenerateRequest(Format.OLLAMA, "m", ()), "req-1", "llama3", 1773480413_589793)
HEAD = {"model": "llama3", "created_at": "2026-03-14T09:26:53.589793Z"}
PNG = "iVBORw0KGgoAAAAN"


def begun(begin: Begin = Begin()) -> OllamaEncoder:  # noqa: B008 - frozen
    encoder = OllamaEncoder(CONTEXT)
    assert encoder.feed(begin) == b""
    return encoder


def lines(encoder: OllamaEncoder, *events: Event) -> list[Any]:
    found = [json.loads(line) for event in events for line in encoder.feed(event).splitlines()]
    for line in found:
        ollama.ChatResponse(**line)
    return found


def messages(encoder: OllamaEncoder, *events: Event) -> list[Any]:
    found = lines(encoder, *events)
    return [{name: value for name, value in line["message"].items() if name != "role"} for line in found]


def test_words_are_said_as_they_come() -> None:
    encoder = begun()
    assert lines(encoder, PartStart(0, Text()), Delta(0, ""), Delta(0, "a")) == [
        {**HEAD, "message": {"role": "assistant", "content": "a"}, "done": False}
    ]
    assert messages(encoder, PartStop(0), PartStart(1, Thought()), Delta(1, "t")) == [{"content": "", "thinking": "t"}]


def test_words_that_a_part_begins_with_are_said() -> None:
    assert messages(begun(), PartStart(0, Text("a")), PartStop(0), PartStart(1, Thought("t"))) == [
        {"content": "a"},
        {"content": "", "thinking": "t"},
    ]


def test_a_refusal_is_said_as_words() -> None:
    encoder = begun()
    assert messages(encoder, PartStart(0, Refusal()), Delta(0, "no"), PartStop(0)) == [{"content": "no"}]
    assert [loss.path for loss in encoder.losses] == ["parts[0]"]


def test_a_call_is_said_when_it_is_whole() -> None:
    encoder = begun()
    start = PartStart(0, ToolCall("c", "f", '{"a"', extras={"x": 1}))
    assert messages(encoder, start, Delta(0, ": 1"), Delta(0, "}")) == []
    function = {"name": "f", "arguments": {"a": 1}, "index": 0}
    assert messages(encoder, PartStop(0)) == [{"content": "", "tool_calls": [{"id": "c", "function": function}]}]
    assert [loss.path for loss in encoder.losses] == ["parts[0].extras.x"]
    (second,) = messages(encoder, PartStart(1, ToolCall("d", "g")), PartStop(1))
    assert second["tool_calls"] == [{"id": "d", "function": {"name": "g", "arguments": {}, "index": 1}}]


def test_of_parts_that_are_open_at_once_one_is_said_after_the_other() -> None:
    encoder = begun()
    assert messages(
        encoder,
        *(PartStart(0, Text()), PartStart(1, Text()), Delta(1, "b"), Delta(0, "a"), PartStop(1), Delta(0, "a")),
        PartStop(0),
    ) == [{"content": "a"}, {"content": "a"}, {"content": "b"}]


def test_what_cannot_be_said_is_named() -> None:
    encoder = begun()
    assert messages(encoder, PartStart(0, Image(Inline("image/png", PNG))), PartStop(0)) == []
    hidden = Thought(signature=Signature(Format.GEMINI, "s"), redacted=True)
    events = (PartStart(1, Opaque(Format.GEMINI, {})), PartStop(1), PartStart(2, hidden), Delta(2, "x"), PartStop(2))
    assert messages(encoder, *events) == []
    assert [loss.path for loss in encoder.losses] == ["parts[0]", "parts[1]", "parts[2].signature", "parts[2]"]


def test_a_signature_is_named() -> None:
    encoder = begun()
    lines(encoder, PartStart(0, Thought()), Sign(0, Signature(Format.GEMINI, "s")))
    assert [loss.path for loss in encoder.losses] == ["parts[0].signature"]


@pytest.mark.parametrize(
    ("finish", "reason", "lost"),
    [(Finish.STOP, "stop", []), (Finish.LENGTH, "length", []), (Finish.REFUSED, "stop", ["finish"])],
)
def test_the_last_line_tells_why_and_what_was_used(finish: Finish, reason: str, lost: list[str]) -> None:
    encoder = begun(Begin("id", "model", 0))
    assert lines(encoder, Finished(finish), Spent(Usage(1, 2, 3)), End()) == [
        {
            "model": "model",
            "created_at": "1970-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": reason,
            "prompt_eval_count": 4,
            "eval_count": 2,
        }
    ]
    assert [loss.path for loss in encoder.losses] == lost


def test_usage_that_nobody_reported_is_not_said() -> None:
    (last,) = lines(begun(Begin(created=10**15)), Finished(Finish.STOP), End())
    assert set(last) == {"model", "created_at", "message", "done", "done_reason"}
    assert last["created_at"] == HEAD["created_at"]


def test_what_only_this_format_knows_is_said_with_the_next_line() -> None:
    encoder = begun()
    raw = Raw(Format.OLLAMA, {"remote_model": "r", "message": {"mood": "calm"}, "done": True})
    (line, last) = lines(encoder, raw, PartStart(0, Text("a")), PartStop(0), Finished(Finish.STOP), End())
    assert (line["remote_model"], line["message"]["mood"], line["done"]) == ("r", "calm", False)
    assert "remote_model" not in last
    odd = (Raw(Format.OLLAMA, {"message": "x"}), Raw(Format.OLLAMA, 7), Raw(Format.GEMINI, {"x": 1}))
    (line,) = lines(begun(), *odd, PartStart(0, Text("a")))
    assert set(line) == {"model", "created_at", "message", "done"}
