"""Streams, read."""

from typing import Any

import pytest

from omniroute.formats.framing import Record
from omniroute.formats.openai_responses import CODEC
from omniroute.formats.openai_responses.reader import ResponsesReader, watch
from omniroute.formats.openai_responses.response import read_response
from omniroute.formats.openai_responses.wire import OWN
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Opaque, Refusal, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.formats.openai_responses.exchange import OWN as SAMPLES
from tests.formats.openai_responses.exchange import decoded, record, sample
from tests.support.difference import response_differences

STREAMS = sorted(path.parent.name for path in SAMPLES.glob("*/stream.sse"))
BOTH = [case for case in STREAMS if (SAMPLES / case / "response.json").exists()]
DONE = record("response.completed", response={"id": "r", "status": "completed", "output": []})
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": ""}


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_obeys_the_grammar_wherever_it_is_cut(case: str) -> None:
    body = sample(case, "stream.sse")
    events = decoded(body)
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
    assert isinstance(events[-1], End | Fault)
    assert decoded(*(body[start : start + 97] for start in range(0, len(body), 97))) == events


@pytest.mark.parametrize("case", BOTH)
def test_a_streamed_answer_is_the_one_that_comes_whole(case: str) -> None:
    whole, folded = read_response(sample(case, "response.json")), fold(OWN, decoded(sample(case, "stream.sse")))
    assert (folded.id, folded.model, folded.created) == (whole.id, whole.model, whole.created)
    assert (folded.finish, folded.usage) == (whole.finish, whole.usage)
    assert response_differences(whole, folded, ()) == []


def said(events: list[Event]) -> list[Any]:
    """Give the parts, and how the stream ended."""
    response = fold(OWN, events)
    parts = [getattr(part, "text", getattr(part, "arguments", None)) for part in response.parts]
    return [*parts, type(events[-1])]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([record("response.output_text.delta", delta="a"), record("response.output_text.delta", delta="b"), DONE],
         ["ab", End]),
        ([record("response.output_text.done", text="a"), DONE], ["a", End]),
        ([record("response.refusal.delta", delta="a"), record("response.refusal.done", refusal="ab"), DONE],
         ["ab", End]),
        ([record("response.reasoning_text.delta", delta="a"), DONE], ["a", End]),
        ([record("response.reasoning_summary_text.delta", delta="a", summary_index=0),
          record("response.reasoning_summary_text.delta", delta="", summary_index=1),
          record("response.reasoning_summary_text.delta", delta="b", summary_index=1),
          record("response.reasoning_summary_text.delta", delta="c", summary_index=1), DONE], ["a\n\nbc", End]),
        ([record("response.function_call_arguments.delta", delta="{}"),
          record("response.function_call_arguments.done", arguments="{}"),
          record("response.output_item.done", item={**CALL, "arguments": "{}"}), DONE], ["{}", End]),
        ([record("response.output_item.added", item={**CALL, "arguments": "{}"}),
          record("response.function_call_arguments.delta", delta="{"),
          record("response.function_call_arguments.done", arguments="{}"), DONE], ["{}", End]),
        ([record("response.output_item.added", item=CALL),
          record("response.output_item.done", item={**CALL, "arguments": "{}"}),
          record("response.function_call_arguments.done", item_id="fc_1", arguments="{}"), DONE], ["{}", End]),
        ([record("response.output_item.added", output_index=0, item={**CALL, "type": "custom_tool_call"}),
          record("response.custom_tool_call_input.delta", output_index=0, delta="x"),
          record("response.custom_tool_call_input.done", output_index=0, input="xy"), DONE], ["xy", End]),
        ([record("response.output_text.delta", delta="a"), record("response.output_text.done", text="b"), DONE],
         ["a", End]),
        ([record("response.output_item.added", item=7), record("response.output_item.done", item=None), DONE], [End]),
        ([b"data: [DONE]\n\n", b": comment\n\n"], [Fault]),
    ],
)  # fmt: skip
def test_what_servers_leave_out_is_understood_and_nothing_is_said_twice(
    records: list[bytes], expected: list[Any]
) -> None:
    assert said(decoded(*records)) == expected


def test_items_at_a_place_that_was_used_are_others() -> None:
    events = decoded(
        record("response.output_item.done", output_index=0, item={**CALL, "arguments": "1"}),
        record("response.output_item.added", output_index=0, item={**CALL, "id": "fc_2", "call_id": "d"}),
        record("response.function_call_arguments.delta", item_id="fc_2", delta="2"),
        record("response.completed", response={"output": [{**CALL, "arguments": "1"}, {**CALL, "id": "fc_2"}]}),
    )
    assert said(events) == ["1", "2", End]


def test_an_item_that_is_added_twice_is_one() -> None:
    added = record("response.output_item.added", output_index=0, item=CALL)
    assert said(decoded(added, added, record("response.function_call_arguments.delta", delta="1"), DONE)) == ["1", End]


def test_the_finished_answer_says_what_no_event_said() -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}, {**CALL, "arguments": "{}"}, 7]
    usage = {"input_tokens": 1, "output_tokens": 2}
    events = decoded(record("response.completed", response={"id": "r", "model": "m", "output": output, "usage": usage}))
    assert events[0] == Begin("r", "m")
    assert said(events) == ["a", "{}", End]
    assert events[-3:] == [Spent(Usage(1, 2)), Finished(Finish.TOOLS), End()]


def test_an_item_that_the_finished_answer_names_otherwise_is_not_said_again() -> None:
    events = decoded(
        record("response.output_item.done", output_index=5, item={**CALL, "arguments": "1"}),
        record("response.completed", response={"output": [{**CALL, "id": "other", "arguments": "1"}]}),
    )
    assert said(events) == ["1", End]


def test_who_answers_is_said_once() -> None:
    told: dict[str, Any] = {"id": "r", "model": "m", "created_at": 5}
    begun = record("response.created", response=told)
    assert decoded(begun, begun, record("response.in_progress", response={"id": "x"}), DONE)[:2] == [
        Begin("r", "m", 5),
        Finished(Finish.STOP),
    ]


@pytest.mark.parametrize(
    ("event", "status", "reason", "finish"),
    [
        ("response.completed", None, None, Finish.STOP),
        ("response.completed", "in_progress", None, Finish.STOP),
        ("response.completed", "incomplete", "content_filter", Finish.REFUSED),
        ("response.incomplete", None, "max_output_tokens", Finish.LENGTH),
        ("response.incomplete", "incomplete", None, Finish.OTHER),
    ],
)
def test_an_end_is_read(event: str, status: str | None, reason: str | None, finish: Finish) -> None:
    told: dict[str, Any] = {"status": status, "incomplete_details": {"reason": reason}, "output": []}
    assert decoded(record(event, response=told))[-2] == Finished(finish)


@pytest.mark.parametrize(
    ("data", "message", "trouble"),
    [
        (record("error", message="no", code="c"), "no", None),
        (record("error", error={"message": "no", "code": "c"}), "no", None),
        (b'event: error\ndata: {"message":"no","code":"c"}\n\n', "no", None),
        (b'data: {"error":{"message":"no","code":"c"}}\n\n', "no", None),
        (b"event: error\ndata: no\n\n", "no", None),
        (record("response.failed", response={"error": {"message": "no", "code": "c"}}), "no", None),
        (
            record("response.completed", response={"status": "failed", "error": {"message": "no", "code": "c"}}),
            "no",
            None,
        ),
        (record("response.failed"), "the answer is failed, and says no more", None),
        (b"data: 7\n\n", "a record of the stream is not a JSON object", FailureKind.MALFORMED),
        (b"data: {\n\n", "a record of the stream is not a JSON object", FailureKind.MALFORMED),
        (b"", "the stream ended before the answer was complete", FailureKind.CUT),
        (
            record("response.output_text.delta", delta="a"),
            "the stream ended before the answer was complete",
            FailureKind.CUT,
        ),
    ],
)
def test_a_stream_that_fails_says_why(data: bytes, message: str, trouble: FailureKind | None) -> None:
    fault = decoded(data)[-1]
    assert isinstance(fault, Fault)
    assert (fault.complaint.message, fault.trouble) == (message, trouble)
    assert fault.complaint.type is None


def test_progress_of_the_providers_own_tools_is_raw() -> None:
    events = decoded(sample("web-search", "stream.sse"))
    raw = [event.json["type"] for event in events if isinstance(event, Raw)]
    assert raw[:3] == [f"response.web_search_call.{step}" for step in ("in_progress", "searching", "completed")]
    assert [type(event.part) for event in events if isinstance(event, PartStart)] == [Thought, Opaque, Text]


def test_members_of_other_kinds_count_as_absent() -> None:
    told = (
        b'data: {"type":"response.output_text.delta","output_index":"0","item_id":7,"delta":"a\\ud83d","part":[]}\n\n'
    )
    assert decoded(told)[1:3] == [PartStart(0, Text(extras={"=item": {}})), Delta(0, "a?")]
    assert ResponsesReader().take(Record(b"", b"{}")) == (Begin(), Raw(OWN, {}))


def test_an_error_member_that_says_nothing_is_no_error() -> None:
    assert isinstance(decoded(b'data: {"type":"keepalive","error":null}\n\n')[1], Raw)


def test_a_watch_learns_what_translation_learns() -> None:
    body = sample("tools-parallel", "stream.sse")
    follower = watch(True)
    assert follower.feed(body) + follower.close() == body
    assert (follower.started, follower.done) == (True, True)
    assert follower.usage == fold(OWN, decoded(body)).usage
    assert CODEC.watch is watch


def test_parts_close_in_the_end_whatever_was_left_open() -> None:
    events = decoded(
        record("response.refusal.delta", delta="no"),
        record("response.output_item.added", output_index=1, item=CALL),
        DONE,
    )
    assert PartStart(0, Refusal(extras={"=item": {}})) in events
    assert sum(isinstance(event, PartStop) for event in events) == 2
    assert isinstance(fold(OWN, events).parts[1], ToolCall)
