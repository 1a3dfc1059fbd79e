"""Events become records, and end as the format documents."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import Context
from omniroute.formats.framing import Splitter
from omniroute.formats.openai_completions.encoder import CompletionsEncoder
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import Format

HEAD = {"id": "req-1", "object": "text_completion", "created": 1_700_000_000, "model": "upstream"}


def begun(*, usage_asked: bool = False, begin: Begin = Begin()) -> CompletionsEncoder:  # noqa: B008 - frozen
    asked = GenerateRequest(Format.OPENAI_COMPLETIONS, "m", (), usage_asked=usage_asked)
    encoder = CompletionsEncoder(Context(asked, "req-1", "upstream", 1_700_000_000_123_456))
    assert encoder.feed(begin) == b""
    return encoder


def records(encoder: CompletionsEncoder, *events: Event) -> list[Any]:
    body = b"".join(map(encoder.feed, events))
    found = [record.data for record in Splitter().feed(body)]
    return [each.decode() if each == b"[DONE]" else json.loads(each) for each in found]


def texts(encoder: CompletionsEncoder, *events: Event) -> list[str]:
    return [record["choices"][0]["text"] for record in records(encoder, *events)]


def test_words_are_said_as_they_come() -> None:
    (record,) = records(begun(), PartStart(0, Text()), Delta(0, ""), Delta(0, "a"), PartStop(0))
    assert record == {**HEAD, "choices": [{"text": "a", "index": 0, "logprobs": None, "finish_reason": None}]}
    assert texts(begun(), PartStart(0, Text("b")), PartStop(0), PartStart(1, Refusal()), Delta(1, "c")) == ["b", "c"]


def test_what_is_not_words_is_named() -> None:
    encoder = begun()
    thought = (PartStart(0, Thought()), Delta(0, "hm"), Sign(0, Signature(Format.GEMINI, "s")), PartStop(0))
    assert texts(encoder, *thought, PartStart(1, ToolCall("c", "f")), Delta(1, "{}"), PartStop(1)) == []
    assert [loss.path for loss in encoder.losses] == ["parts[0]", "parts[0].signature", "parts[1]"]


def test_of_parts_that_are_open_at_once_one_is_said_after_the_other() -> None:
    events = (PartStart(0, Text()), PartStart(1, Text()), Delta(1, "b"), PartStop(1), Delta(0, "a"), PartStop(0))
    assert texts(begun(), *events) == ["a", "b"]


@pytest.mark.parametrize(
    ("finish", "reason", "lost"),
    [
        (Finish.STOP, "stop", []),
        (Finish.LENGTH, "length", []),
        (Finish.REFUSED, "content_filter", []),
        (Finish.TOOLS, "stop", ["finish"]),
    ],
)
def test_the_end_is_said_with_its_reason(finish: Finish, reason: str, lost: list[str]) -> None:
    encoder = begun(begin=Begin("i", "n", 0))
    last, done = records(encoder, Spent(Usage(1, 2)), Finished(finish), End())
    choice = {"text": "", "index": 0, "logprobs": None, "finish_reason": reason}
    assert last == {"id": "i", "object": "text_completion", "created": 0, "model": "n", "choices": [choice]}
    assert done == "[DONE]"
    assert [loss.path for loss in encoder.losses] == lost


def test_usage_is_said_last_where_the_client_asked_for_it() -> None:
    last, usage, done = records(begun(usage_asked=True), Finished(Finish.STOP), Spent(Usage(1, 2)), End())
    assert last["usage"] is None
    reported = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert usage == {**HEAD, "choices": [], "usage": reported}
    assert done == "[DONE]"
    assert len(records(begun(usage_asked=True), Finished(Finish.STOP), End())) == 2


def test_what_only_this_format_knows_is_said_with_the_next_record() -> None:
    encoder = begun()
    other = {"text": "b", "index": 1, "finish_reason": None}
    kept = {"choices": [{"index": 0, "logprobs": {}}, other], "system_fingerprint": "fp"}
    (record,) = records(encoder, Raw(Format.OPENAI_COMPLETIONS, kept), PartStart(0, Text("a")))
    assert record["system_fingerprint"] == "fp"
    assert record["choices"] == [{"text": "a", "index": 0, "logprobs": {}, "finish_reason": None}, other]
    odd = (
        Raw(Format.OPENAI_COMPLETIONS, {"choices": 7}),
        Raw(Format.OPENAI_COMPLETIONS, 7),
        Raw(Format.GEMINI, {"x": 1}),
    )
    (record,) = records(begun(), *odd, PartStart(0, Text("a")))
    assert set(record) == {*HEAD, "choices"}
