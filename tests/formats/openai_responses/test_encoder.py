"""Streams, written."""

import json
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from omniroute.formats.framing import Splitter
from omniroute.formats.openai_responses.encoder import ResponsesEncoder
from omniroute.formats.openai_responses.response import render_response
from omniroute.formats.openai_responses.wire import OWN
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import (
    Begin,
    Delta,
    End,
    Event,
    Fault,
    Finished,
    PartStart,
    PartStop,
    Raw,
    Sign,
    Spent,
    fold,
    unfold,
)
from omniroute.ir.parts import CacheHint, Image, Inline, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, context, decoded, encoded, paths, sample
from tests.formats.openai_responses.exchange import OWN as SAMPLES
from tests.support.difference import response_differences

OFFICIAL: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
STREAMS = sorted(path.parent.name for path in SAMPLES.glob("*/stream.sse"))
GEMINI, ANTHROPIC = Signature(Format.GEMINI, "g"), Signature(Format.ANTHROPIC_MESSAGES, "a")
PARTS: tuple[Part, ...] = (
    Thought("hm", ANTHROPIC),
    Text("hi"),
    Text("there", GEMINI),
    Refusal("no"),
    ToolCall("c1", "f", "{}", namespace="n", signature=GEMINI),
    ToolCall("c2", "g", "free", custom=True),
    Thought("", ANTHROPIC, redacted=True),
    Image(Inline("image/png", "aGk=")),
    Opaque(
        OWN,
        {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    ),
    Text(""),
)


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [each["type"].removeprefix("response.") for each in told]


def events(*parts: Event, finish: Finish = Finish.STOP) -> list[Event]:
    return [Begin("r", "m", 1), *parts, Finished(finish), End()]


def test_a_stream_says_what_the_whole_answer_says_and_in_events_that_the_official_types_know() -> None:
    response = GenerateResponse(CHAT, PARTS, Finish.TOOLS, "r", "m", 1, usage=Usage(5, 6, 7, 8, 2))
    told, losses = encoded(*unfold(response))
    for each in told:
        OFFICIAL.validate_python(each)
    whole = render_response(response, context())
    assert told[-1]["type"] == "response.completed"
    assert told[-1]["response"] == json.loads(whole.body)
    assert losses == list(whole.losses)


def test_every_step_of_the_documented_lifecycle_is_told() -> None:
    told, _ = encoded(
        *unfold(GenerateResponse(CHAT, (Thought("t"), Text("a"), ToolCall("c", "f", "{}")), Finish.TOOLS))
    )
    assert kinds(told) == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done"),
        *("output_item.done", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done"),
        *("output_item.done", "completed"),
    ]
    added = [each for each in told if each["type"] == "response.output_item.added"]
    assert [each["output_index"] for each in added] == [0, 1, 2]
    assert {each["item"].get("status") for each in added} == {None, "in_progress"}
    ids = {each["item"]["id"] for each in added}
    assert {each["item_id"] for each in told if "item_id" in each} == ids


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_of_this_format_means_the_same_when_it_is_written_again(case: str) -> None:
    read = decoded(sample(case, "stream.sse"))
    if isinstance(read[-1], Fault):
        read = read[:-1]
    told, losses = encoded(*read)
    assert losses == []
    again = decoded(b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in told))
    before, after = fold(OWN, read), fold(OWN, again)
    if before.finish is not None:
        assert response_differences(before, after, ()) == []
        assert (after.finish, after.usage) == (before.finish, before.usage)


def test_annotations_of_an_open_text_are_told_again_and_other_progress_is_not() -> None:
    told, _ = encoded(*decoded(sample("web-search", "stream.sse")))
    (annotation,) = [each for each in told if each["type"] == "response.output_text.annotation.added"]
    assert annotation["annotation_index"] == 0
    assert told[-1]["response"]["output"][2]["content"][0]["annotations"] == [annotation["annotation"]]
    assert not [each for each in told if "web_search_call" in each["type"]]
    closed, _ = encoded(*events(Raw(OWN, {"type": "response.output_text.annotation.added"}), Raw(OWN, 7)))
    assert kinds(closed) == ["created", "in_progress", "completed"]


def test_parts_that_come_in_between_wait_for_their_turn() -> None:
    told, _ = encoded(
        *events(
            PartStart(0, ToolCall("c", "f")),
            PartStart(1, ToolCall("d", "g")),
            PartStart(2, Text()),
            Delta(1, "1"),
            Delta(2, "t"),
            Delta(0, "0"),
            PartStop(1),
            PartStop(0),
            Delta(2, "u"),
            PartStop(2),
            finish=Finish.TOOLS,
        )
    )
    items = told[-1]["response"]["output"]
    assert [item.get("arguments") for item in items] == ["0", "1", None]
    assert items[2]["content"][0]["text"] == "tu"
    added_and_done = [kind.partition(".")[2] for kind in kinds(told) if kind.startswith("output_item")]
    assert added_and_done == ["added", "done"] * 3


def test_words_that_a_part_begins_with_are_said() -> None:
    parts: list[Part] = [Text("a"), ToolCall("c", "f", "{}"), Thought("t"), Refusal("no")]
    flow = [each for at, part in enumerate(parts) for each in (PartStart(at, part), PartStop(at))]
    told, _ = encoded(*events(*flow, finish=Finish.TOOLS))
    assert [each["delta"] for each in told if "delta" in each] == ["a", "{}", "t", "no"]


@pytest.mark.parametrize(
    ("flow", "lost"),
    [
        ([PartStart(0, Text()), Delta(0, "a"), Sign(0, GEMINI), PartStop(0)], ["parts[0].signature dropped setting"]),
        ([PartStart(0, Text(cache=CacheHint(), extras={"x": 1, "=y": 1})), PartStop(0)],
         ["parts[0].extras.x dropped setting", "parts[0].cache dropped setting"]),
        ([PartStart(0, Image(Url("u"))), Delta(0, "x"), PartStop(0)], ["parts[0] dropped content"]),
        ([Raw(CHAT, {}), Raw(CHAT, {})], ["events dropped setting"]),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_a_loss(flow: list[Event], lost: list[str]) -> None:
    _, losses = encoded(*events(*flow))
    assert paths(losses) == lost


@pytest.mark.parametrize(
    ("finish", "stop", "kind", "status", "lost"),
    [
        (Finish.STOP, None, "completed", "completed", []),
        (Finish.STOP, "x", "completed", "completed", ["stop_sequence dropped setting"]),
        (Finish.LENGTH, None, "incomplete", "incomplete", []),
        (Finish.PAUSE, None, "incomplete", "incomplete", ["finish approximated setting"]),
    ],
)
def test_an_end_is_said_with_the_usage_that_came_last(
    finish: Finish, stop: str | None, kind: str, status: str, lost: list[str]
) -> None:
    flow: list[Event] = [Begin(), PartStart(0, Text()), Delta(0, "a"), PartStop(0), Spent(Usage(1, 1))]
    told, losses = encoded(*flow, Finished(finish, stop), Spent(Usage(2, 3)), End())
    assert told[-1]["type"] == f"response.{kind}"
    assert told[-1]["response"]["status"] == status
    assert told[-1]["response"]["usage"]["total_tokens"] == 5
    assert told[-2]["item"]["status"] == status
    assert paths(losses) == lost


def test_a_signature_is_sealed_into_the_finished_thought() -> None:
    told, _ = encoded(*events(PartStart(0, Thought()), Delta(0, "t"), Sign(0, ANTHROPIC), PartStop(0)))
    (item,) = told[-1]["response"]["output"]
    assert "encrypted_content" not in told[2]["item"]
    assert item["encrypted_content"]


def test_a_fault_is_nothing_that_the_encoder_says() -> None:
    assert ResponsesEncoder(context()).feed(Fault(Complaint())) == b""


def test_each_delta_is_a_record_of_its_own() -> None:
    encoder = ResponsesEncoder(context())
    encoder.feed(Begin())
    encoder.feed(PartStart(0, Text()))
    (record,) = Splitter().feed(encoder.feed(Delta(0, "a")))
    assert record.event == b"response.output_text.delta"
