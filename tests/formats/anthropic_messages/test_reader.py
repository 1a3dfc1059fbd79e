"""Streams are read into events that the grammar allows, whatever servers add or leave out."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.anthropic_messages import CODEC
from omniroute.formats.anthropic_messages.reader import MessagesReader
from omniroute.formats.anthropic_messages.response import read_response
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Opaque, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.formats.anthropic_messages.samples import NEEDS_TRAFFIC, OWN, decoded, expected, own, record, recorded
from tests.support.laws import often

START = {
    "type": "message_start",
    "message": {"id": "i", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}},
}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
STOP = {"type": "message_stop"}
BEGUN = [Begin("i", "m"), Spent(Usage(3, 1))]


def start(block: Any, index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def read(*values: Any) -> list[Event]:
    """Read records behind ``message_start``; give the events behind those that it means."""
    reader = MessagesReader()
    events = [event for value in (START, *values) for event in reader.take(record(value))]
    assert events[:2] == BEGUN
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
    return events[2:]


@pytest.mark.parametrize(
    ("records", "events"),
    [
        ([{"type": "ping"}], []),
        ([start({"type": "text", "text": ""}), delta("text_delta", text="a"), delta("text_delta", text=""), stop()],
         [PartStart(0, Text()), Delta(0, "a"), PartStop(0)]),
        ([start({"type": "text", "text": "a"}), stop()], [PartStart(0, Text()), Delta(0, "a"), PartStop(0)]),
        ([start({"type": "text", "text": ""}), delta("citations_delta", citation={"x": 1})],
         [PartStart(0, Text()), Raw(OWN, delta("citations_delta", citation={"x": 1}))]),
        ([start({"type": "text", "text": "", "citations": []}), delta("text_delta", text="a"),
          delta("citations_delta", citation={"x": 1}), delta("text_delta", text="b"), stop()],
         [PartStart(0, Text(extras={"citations": [{"x": 1}]})), Delta(0, "ab"), PartStop(0)]),
        ([start({"type": "text"}), delta("text_delta", text="a"), stop()],
         [PartStart(0, Text()), Delta(0, "a"), PartStop(0)]),
        ([start({"type": "thinking", "thinking": "", "signature": ""}), delta("thinking_delta", thinking="a"),
          delta("signature_delta", signature=""), delta("signature_delta", signature="s"), stop()],
         [PartStart(0, Thought()), Delta(0, "a"), Sign(0, Signature(OWN, "s")), PartStop(0)]),
        ([start({"type": "redacted_thinking", "data": "d"}), stop()],
         [PartStart(0, Thought("", Signature(OWN, "d"), redacted=True)), PartStop(0)]),
        ([start({"type": "tool_use", "id": "t", "name": "n", "input": {}}), delta("input_json_delta", partial_json=""),
          delta("input_json_delta", partial_json='{"a"'), delta("input_json_delta", partial_json=":1}"), stop()],
         [PartStart(0, ToolCall("t", "n")), Delta(0, '{"a"'), Delta(0, ":1}"), PartStop(0)]),
        ([start({"type": "tool_use", "id": "t", "name": "n", "input": {}}), stop()],
         [PartStart(0, ToolCall("t", "n")), Delta(0, "{}"), PartStop(0)]),
        ([start({"type": "tool_use", "name": "n", "input": {"a": 1}}), stop()],
         [PartStart(0, ToolCall("toolu_i_0", "n")), Delta(0, '{"a":1}'), PartStop(0)]),
        ([start({"type": "tool_use", "id": "t", "name": ""}), delta("input_json_delta", partial_json="{}"), stop()],
         [PartStart(0, Opaque(OWN, {"type": "tool_use", "id": "t", "name": "", "input": {}})), PartStop(0)]),
        ([start({"type": "server_tool_use", "id": "s", "name": "n", "input": {}}),
          delta("input_json_delta", partial_json='{"q":'), delta("input_json_delta", partial_json="1}"), stop()],
         [PartStart(0, Opaque(OWN, {"type": "server_tool_use", "id": "s", "name": "n", "input": {"q": 1}})),
          PartStop(0)]),
        ([start({"type": "server_tool_use", "input": {}}), delta("input_json_delta", partial_json="{"), stop()],
         [PartStart(0, Opaque(OWN, {"type": "server_tool_use", "input": {}})), PartStop(0)]),
        ([start({"type": "compaction", "content": None}), delta("compaction_delta", content="a", x=None),
          delta("compaction_delta", content="b"), stop()],
         [PartStart(0, Opaque(OWN, {"type": "compaction", "content": "ab"})), PartStop(0)]),
        ([start(7), stop()], []),
        ([delta("text_delta", 4, text="a"), delta("text_delta", 4, text="b"), stop(4)],
         [PartStart(0, Text()), Delta(0, "a"), Delta(0, "b"), PartStop(0)]),
        ([delta("thinking_delta", thinking="a")], [PartStart(0, Thought()), Delta(0, "a")]),
        ([delta("odd_delta", x=1)], [Raw(OWN, delta("odd_delta", x=1))]),
        ([start({"type": "text", "text": ""}), delta("text_delta", text="\ud800")],
         [PartStart(0, Text()), Delta(0, "?")]),
        ([start({"type": "text", "text": ""}, 3), start({"type": "thinking", "thinking": ""}, 3)],
         [PartStart(0, Text()), PartStop(0), PartStart(1, Thought())]),
        ([START], []),
        ([{"type": "news", "x": 1}], [Raw(OWN, {"type": "news", "x": 1})]),
        ([{"type": "message_delta", "delta": {"stop_reason": None}, "usage": None}], []),
    ],
)  # fmt: skip
def test_records_are_read(records: list[Any], events: list[Event]) -> None:
    assert read(*records) == events


def test_an_answer_ends_with_its_reason_and_all_it_used() -> None:
    assert read(END, STOP) == [Spent(Usage(3, 9)), Finished(Finish.STOP), End()]


def test_open_parts_are_closed_before_the_end() -> None:
    events = read(start({"type": "text", "text": ""}), start({"type": "mystery"}, 1), END, STOP)
    assert events[-5:] == [
        PartStop(0),
        PartStart(1, Opaque(OWN, {"type": "mystery"})),
        PartStop(1),
        Finished(Finish.STOP),
        End(),
    ]


def test_what_other_formats_do_not_know_of_the_end_goes_on_raw() -> None:
    value = {**END, "delta": {"stop_reason": "compaction", "container": {"id": "c"}}, "context_management": {"x": 1}}
    raw = {"type": "message_delta", "context_management": {"x": 1}}
    more = {"container": {"id": "c"}, "stop_reason": "compaction"}
    assert read(value, STOP)[0] == Raw(OWN, {**raw, "delta": more})
    assert read(STOP) == [Finished(Finish.OTHER), End()]


def test_a_stream_without_its_beginning_is_read() -> None:
    reader = MessagesReader()
    assert list(reader.take(record(start({"type": "text", "text": ""})))) == [Begin(), PartStart(0, Text())]
    whole = {"type": "message_start", "message": {"content": [{"type": "text", "text": "a"}]}}
    assert list(MessagesReader().take(record(whole))) == [Begin(), PartStart(0, Text()), Delta(0, "a"), PartStop(0)]
    odd = {"type": "message_start", "message": {"content": 7, "usage": 7}}
    assert list(MessagesReader().take(record(odd))) == [Begin()]


@pytest.mark.parametrize(
    ("value", "name", "kind"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "error", "overloaded_error"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "", "overloaded_error"),
        ({"error": {"type": "api_error", "message": "m"}}, "", "api_error"),
        (b"gone", "error", None),
    ],
)
def test_an_error_is_a_fault_of_the_upstreams(value: Any, name: str, kind: str | None) -> None:
    (fault,) = MessagesReader().take(record(value, name))
    assert isinstance(fault, Fault)
    assert (fault.complaint.type, fault.trouble) == (kind, None)


@pytest.mark.parametrize("data", [b"x", b"[]", b"7", b"{"])
def test_a_record_that_is_no_object_is_malformed(data: bytes) -> None:
    (fault,) = MessagesReader().take(record(data))
    assert isinstance(fault, Fault)
    assert fault.trouble is FailureKind.MALFORMED


def test_the_name_of_a_record_counts_where_its_data_has_no_type() -> None:
    reader = MessagesReader()
    reader.take(record(START))
    assert list(reader.take(record({}, "ping"))) == []
    assert list(reader.take(record(b""))) == []
    assert list(reader.take(record({}, "message_stop")))[-1] == End()


def test_an_early_end_is_a_cut_unless_the_reason_was_said() -> None:
    reader = MessagesReader()
    reader.take(record(START))
    (fault,) = reader.end()
    assert isinstance(fault, Fault)
    assert fault.trouble is FailureKind.CUT
    reader.take(record(END))
    assert list(reader.end()) == [Finished(Finish.STOP), End()]


@pytest.mark.parametrize("case", own("stream.sse"), ids=lambda case: case.name)
def test_a_sample_says_what_it_says(case: Any) -> None:
    body = (case / "stream.sse").read_bytes()
    wanted = expected(case)
    watch = CODEC.watch(True)
    relayed = watch.feed(body) + watch.close()
    assert watch.done is wanted["done"]
    assert watch.usage == (wanted["usage"] and Usage(**wanted["usage"]))
    assert watch.trouble == wanted["trouble"]
    assert (None if watch.complaint is None else msgspec.structs.asdict(watch.complaint)) == wanted["complaint"]
    assert body.startswith(relayed)
    assert (relayed == body) is (wanted["complaint"] is None or wanted["trouble"] == "cut")


def spaced(response: GenerateResponse) -> GenerateResponse:
    """Write every call's arguments with the same white space: a stream says them as the model did."""
    parts = [
        msgspec.structs.replace(part, arguments=json.dumps(json.loads(part.arguments)))
        if isinstance(part, ToolCall)
        else part
        for part in response.parts
    ]
    return msgspec.structs.replace(response, parts=tuple(parts))


@pytest.mark.parametrize(
    "case", [case for case in own("stream.sse") if (case / "response.json").exists()], ids=lambda case: case.name
)
def test_a_streamed_sample_folds_into_the_whole_one(case: Any) -> None:
    whole = read_response((case / "response.json").read_bytes())
    folded = fold(OWN, decoded((case / "stream.sse").read_bytes()))
    assert spaced(folded) == spaced(msgspec.structs.replace(whole, extras=None))


STREAMS = [(case / "stream.sse").read_bytes() for case in own("stream.sse")]


@given(st.sampled_from(STREAMS + recorded(stream=True)), st.lists(st.integers(0, 2**16), max_size=6))
@settings(max_examples=often(60), deadline=None)
def test_a_stream_means_the_same_wherever_it_is_cut(body: bytes, places: list[int]) -> None:
    stops = sorted({place % len(body) for place in places} | {0, len(body)})
    pieces = [body[first:last] for first, last in pairwise(stops)]
    assert decoded(*pieces) == decoded(body)


@NEEDS_TRAFFIC
def test_recorded_streams_are_complete_and_obey_the_grammar() -> None:
    for body in recorded(stream=True):
        events = decoded(body)
        grammar = Grammar()
        assert [wrong for event in events if (wrong := grammar.wrong(event))] == []
        assert isinstance(events[-1], End)
        watch = CODEC.watch(False)
        assert body.startswith(watch.feed(body) + watch.close())
        assert watch.done
        assert watch.usage == fold(OWN, events).usage


@given(st.lists(st.binary(max_size=40), max_size=5))
@settings(max_examples=often(50), deadline=None)
def test_no_bytes_crash_the_reader(pieces: list[bytes]) -> None:
    assert isinstance(decoded(*pieces)[-1], Fault)


@pytest.mark.parametrize("citations", [-1, "x", {"a": 1}, True])
def test_citations_that_are_no_list_break_nothing(citations: Any) -> None:
    block = {"type": "a_block_of_tomorrow", "citations": citations}
    said = [START, start(block), delta("citations_delta", citation={"x": 1}), stop(), END, STOP]
    reader = MessagesReader()
    events = [event for each in said for event in reader.take(record(each))]
    assert isinstance(events[-1], End)
