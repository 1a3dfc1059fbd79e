"""What the stream encoder has open."""

import json
from typing import Any

import pytest

from omniroute.formats.framing import Splitter
from omniroute.formats.openai_responses.content import opaque
from omniroute.formats.openai_responses.items import call_item, thought_item
from omniroute.formats.openai_responses.spoken import Call, Content, Message, Open, Reasoning, Stream
from omniroute.ir.parts import Refusal, Text, Thought, ToolCall


def told(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(record.data) for record in Splitter().feed(data)]


def opened(kind: str, stream: Stream) -> Open:
    message = Message(stream, "msg_1", {})
    message.begin()
    call = ToolCall("c", "f", custom=kind == "custom")
    made: dict[str, Open] = {
        "text": Content(message, Text()),
        "refusal": Content(message, Refusal()),
        "call": Call(stream, call, call_item(call, {}, "fc_1")),
        "custom": Call(stream, call, call_item(call, {}, "ctc_1")),
        "reasoning": Reasoning(stream, Thought(), thought_item(Thought(), {}, "rs_1")),
    }
    return made[kind]


@pytest.mark.parametrize("kind", ["text", "refusal", "call", "custom", "reasoning"])
def test_what_begins_ends_with_all_of_its_words(kind: str) -> None:
    part = opened(kind, Stream())
    begun = told(part.begin())
    assert begun[0]["type"].endswith(".added")
    assert part.more("") == b""
    words = [each["delta"] for word in ("a", "b") for each in told(part.more(word)) if "delta" in each]
    assert words == ["a", "b"]
    ended = told(part.end())
    assert all(each["type"].endswith(".done") for each in ended)
    assert "ab" in json.dumps(ended[0])
    assert "ab" in json.dumps(ended[-1])


def test_reasoning_that_shows_nothing_has_no_summary() -> None:
    stream = Stream()
    part = opened("reasoning", stream)
    part.begin()
    assert [each["type"] for each in told(part.end())] == ["response.output_item.done"]
    assert stream.items[0]["summary"] == []


def test_a_part_that_comes_whole_is_added_and_done() -> None:
    stream = Stream()
    message = Message(stream, "msg_1", {"id": "msg_own", "phase": "commentary"})
    message.begin()
    part = Content(message, opaque({"type": "new"}))
    assert [each["part"] for each in told(part.begin() + part.end())] == [{"type": "new"}, {"type": "new"}]
    assert told(message.end("incomplete"))[0]["item"] == {
        "type": "message",
        "id": "msg_own",
        "status": "incomplete",
        "role": "assistant",
        "phase": "commentary",
        "content": [{"type": "new"}],
    }


def test_annotations_are_counted() -> None:
    message = Message(Stream(), "msg_1", {})
    part = Content(message, Text())
    assert [told(part.annotate(each))[0]["annotation_index"] for each in "ab"] == [0, 1]


def test_events_and_items_are_counted() -> None:
    stream = Stream()
    records = told(stream.whole({"type": "a"}) + stream.whole({"type": "b"}))
    assert [each["sequence_number"] for each in records] == [0, 1, 2, 3]
    assert [each["output_index"] for each in records] == [0, 0, 1, 1]
    assert stream.items == [{"type": "a"}, {"type": "b"}]
