"""A streamed Chat Completions answer is written."""

from typing import Any

import pytest

from omniroute.formats.openai_chat import CODEC
from omniroute.formats.openai_chat.content import OWN
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent, unfold
from omniroute.ir.parts import CacheHint, Image, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.formats.openai_chat.passage import CONTEXT, ELSEWHERE, said, told

BEGIN = Begin("i", "m", 1)
ENDED = [Finished(Finish.STOP), End()]
GEMINI = Signature(Format.GEMINI, "c2ln")
SIGNED = {"google": {"thought_signature": "c2ln"}}
F = ToolCall("a", "f")


def deltas(*events: Event) -> list[Any]:
    """Write an answer's parts; give the deltas between its first and its last chunk."""
    chunks, _ = told([BEGIN, *events, *ENDED])
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert {(each["id"], each["model"], each["created"], each["object"]) for each in chunks} == {
        ("i", "m", 1, "chat.completion.chunk")
    }
    return [each["choices"][0]["delta"] for each in chunks[1:-1]]


def losses(*events: Event) -> list[str]:
    return told([BEGIN, *events, *ENDED])[1]


@pytest.mark.parametrize(
    ("part", "name"), [(Text(), "content"), (Thought(), "reasoning_content"), (Refusal(), "refusal")]
)
def test_words_are_told_as_they_come(part: Part, name: str) -> None:
    events = (PartStart(0, part), Delta(0, "a"), Delta(0, ""), Delta(0, 'é"\n'), PartStop(0))
    assert deltas(*events) == [{name: "a"}, {name: 'é"\n'}]


def test_calls_may_come_side_by_side_and_without_arguments() -> None:
    events = (
        *(PartStart(0, F), PartStart(1, ToolCall("b", "g", custom=True)), Delta(0, "{"), Delta(1, "x"), Delta(0, "}")),
        *(PartStop(1), PartStop(0), PartStart(2, ToolCall("c", "h")), Delta(2, ""), PartStop(2)),
        *(PartStart(3, ToolCall("d", "k", "[]")), PartStop(3)),
    )
    assert [each["tool_calls"][0] for each in deltas(*events)] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": ""}},
        {"index": 0, "function": {"arguments": "{"}},
        {"index": 1, "custom": {"input": "x"}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 2, "id": "c", "type": "function", "function": {"name": "h", "arguments": ""}},
        {"index": 2, "function": {"arguments": "{}"}},
        {"index": 3, "id": "d", "type": "function", "function": {"name": "k", "arguments": "[]"}},
    ]


def test_what_begins_while_words_are_coming_waits_for_their_end() -> None:
    events = (
        *(PartStart(0, Text()), Delta(0, "a"), PartStart(1, F), Delta(1, "{}"), PartStart(2, Text())),
        *(Delta(2, "c"), Delta(0, "b"), PartStop(1), PartStart(3, Thought()), PartStop(0), Delta(2, "d"), PartStop(2)),
        *(Delta(3, "t"), PartStop(3)),
    )
    assert [each.get("content") or each.get("reasoning_content") or "call" for each in deltas(*events)] == [
        *("a", "b", "call", "call", "c", "d", "t")
    ]


def test_thoughts_are_told_apart_by_an_empty_line() -> None:
    parts = (Thought("a"), Thought(), Thought("b"), Text("c"), Text("d"))
    found = deltas(*(event for at, part in enumerate(parts) for event in (PartStart(at, part), PartStop(at))))
    assert "".join(each.get("reasoning_content", "") for each in found) == "a\n\nb"
    assert "".join(each.get("content", "") for each in found) == "cd"


def test_signatures_stand_on_calls_and_at_the_end() -> None:
    call = (PartStart(0, ToolCall("a", "f", "{}", signature=GEMINI)), PartStop(0))
    assert deltas(*call)[0]["tool_calls"][0]["extra_content"] == SIGNED
    later = (PartStart(0, F), Sign(0, GEMINI), Delta(0, "{}"), PartStop(0))
    assert deltas(*later)[1] == {"tool_calls": [{"index": 0, "extra_content": SIGNED}]}
    text = (PartStart(0, Text()), Delta(0, "a"), Sign(0, GEMINI), PartStop(0))
    assert deltas(*text) == [{"content": "a"}, {"extra_content": SIGNED}]
    assert losses(*call) == losses(*later) == losses(*text) == []


def test_a_signature_that_stands_for_more_than_its_text_is_a_loss() -> None:
    first = (PartStart(0, Text(signature=GEMINI)), Delta(0, "a"), PartStop(0))
    second = (PartStart(1, Text("b", GEMINI)), PartStop(1))
    assert losses(*first, *second) == ["parts[0].signature", "parts[1].signature"]
    assert deltas(*first, *second)[-1] == {"extra_content": SIGNED}


@pytest.mark.parametrize(
    ("events", "paths"),
    [
        ((PartStart(0, Thought(signature=Signature(ELSEWHERE, "s"))), PartStop(0)), ["parts[0].signature"]),
        ((PartStart(0, Text()), Sign(0, Signature(ELSEWHERE, "s")), PartStop(0)), ["parts[0].signature"]),
        ((PartStart(0, Text(extras={"x": 1, "=y": 2})), PartStop(0)), ["parts[0].extras.x"]),
        ((PartStart(0, Opaque(Format.GEMINI, {})), PartStop(0)), ["parts[0]"]),
        ((Raw(Format.GEMINI, {}), Raw(Format.GEMINI, {})), ["extras"]),
    ],
)
def test_what_has_no_place_is_a_loss(events: tuple[Event, ...], paths: list[str]) -> None:
    assert losses(*events) == paths


def test_pictures_are_told_whole_and_raw_chunks_again() -> None:
    picture = (PartStart(0, Image(Url("https://a/b"), cache=CacheHint())), PartStop(0))
    assert deltas(*picture) == [{"images": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}]
    uploaded = PartStart(0, Opaque(OWN, 1))
    assert losses(uploaded, PartStop(0)) == ["parts[0]"]
    chunks, found = told([BEGIN, Raw(OWN, {"choices": [{"index": 1, "delta": {}}]}), *ENDED])
    assert chunks[1]["choices"] == [{"index": 1, "delta": {}}]
    assert found == []


@pytest.mark.parametrize(
    ("asked", "usage", "shown"),
    [(True, Usage(3, 2), True), (False, Usage(3, 2), False), (True, None, False)],
)
def test_usage_is_told_to_a_client_that_asked_for_it(asked: bool, usage: Usage | None, shown: bool) -> None:
    spent = [] if usage is None else [Spent(usage)]
    chunks, _ = told([BEGIN, *spent, *ENDED], usage_asked=asked)
    assert (chunks[-1]["choices"] == []) is shown
    if shown:
        assert chunks[-1]["usage"]["total_tokens"] == 5


def test_what_the_upstream_did_not_say_comes_from_the_context() -> None:
    chunks, found = told([Begin(), Finished(Finish.PAUSE, "x"), End()])
    assert (chunks[0]["id"], chunks[0]["model"], chunks[0]["created"]) == ("ours", "up", 5)
    assert found == ["stop_sequence", "finish"]


def test_the_end_is_said_at_the_end() -> None:
    encoder = CODEC.encoder(CONTEXT)
    assert encoder.feed(BEGIN)
    assert encoder.feed(Finished(Finish.STOP)) == b""
    assert encoder.feed(Spent(Usage(1, 1))) == b""
    assert encoder.feed(End()).endswith(b"data: [DONE]\n\n")


def test_half_a_surrogate_pair_is_told() -> None:
    assert deltas(PartStart(0, Text()), Delta(0, "a\ud83d"), PartStop(0)) == [{"content": "a\ud83d"}]


def test_a_stream_tells_what_the_whole_answer_tells() -> None:
    parts = (Thought("a"), Thought("b"), Text("c"), Text("d", GEMINI), Refusal("no"), F)
    answer = GenerateResponse(ELSEWHERE, parts, Finish.TOOLS)
    message = said(answer)[0]["choices"][0]["message"]
    chunks, _ = told(unfold(answer))
    found = [each["choices"][0]["delta"] for each in chunks]
    for name in ("content", "reasoning_content", "refusal"):
        assert "".join(each.get(name) or "" for each in found) == message[name]
    assert [each["extra_content"] for each in found if "extra_content" in each] == [message["extra_content"]]


def test_a_fault_is_not_said_here() -> None:
    assert CODEC.encoder(CONTEXT).feed(Fault(Complaint())) == b""
