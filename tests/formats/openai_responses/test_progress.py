"""One item of a streamed answer."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from omniroute.formats.openai_responses.content import ITEM
from omniroute.formats.openai_responses.progress import Item
from omniroute.formats.openai_responses.wire import OWN
from omniroute.ir.events import Delta, PartStart, PartStop, Sign
from omniroute.ir.parts import Opaque, Refusal, Signature, Text, Thought, ToolCall

TEXT = {"type": "output_text", "text": "ab"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}


def item() -> Item:
    places: Callable[[], int] = count().__next__
    return Item(places, "made-up")


def test_a_message_says_what_was_not_said() -> None:
    one = item()
    assert one.begin({"type": "message", "id": "m", "status": "in_progress", "content": []}) == ()
    told = {"id": "m"}
    assert list(one.begin_part(0, {"type": "output_text", "text": ""})) == [PartStart(0, Text(extras={ITEM: told}))]
    assert list(one.begin_part(0, TEXT)) == []
    assert list(one.words(0, "a", "text")) == [Delta(0, "a")]
    assert list(one.words(0, "", "text")) == []
    content = [TEXT, {"type": "refusal", "refusal": "no"}, {"type": "new"}, None]
    assert list(one.finish({"type": "message", "content": content})) == [
        Delta(0, "b"),
        PartStart(1, Refusal(extras={ITEM: told})),
        Delta(1, "no"),
        PartStart(2, Opaque(OWN, {"=part": {"type": "new"}, ITEM: told})),
        PartStop(2),
        PartStop(0),
        PartStop(1),
    ]
    assert one.finished
    assert one.finish({"type": "message", "content": content}) == ()
    assert one.words(0, "more", "text") == ()


def test_a_part_that_is_not_known_waits_until_it_is_whole() -> None:
    assert item().begin_part(0, {"type": "new"}) == ()


def test_a_part_that_begins_with_words_has_said_them() -> None:
    assert list(item().begin_part(0, TEXT))[1:] == [Delta(0, "ab")]


def test_a_message_of_which_nothing_was_said_comes_whole() -> None:
    events = list(item().finish({"type": "message", "id": "m", "content": [TEXT]}))
    assert events == [PartStart(0, Text(extras={ITEM: {"id": "m"}})), Delta(0, "ab"), PartStop(0)]
    empty = {"type": "message", "id": "m", "content": []}
    assert list(item().finish(empty)) == [PartStart(0, Opaque(OWN, empty)), PartStop(0)]
    begun = item()
    begun.words(0, "a", "text")
    assert list(begun.finish({"type": "message", "content": []})) == [PartStop(0)]


def test_a_thought_is_signed_when_it_is_finished() -> None:
    one = item()
    extras = {"=id": "rs_1", ITEM: "rs_1"}
    assert list(one.begin({"type": "reasoning", "id": "rs_1", "encrypted_content": "early"})) == [
        PartStart(0, Thought(extras=extras))
    ]
    assert list(one.thought(("summary", 0), "a")) == [Delta(0, "a")]
    assert list(one.thought(("content", 0), "b")) == [Delta(0, "\n\n"), Delta(0, "b")]
    told = {"type": "reasoning", "summary": [{"text": "a"}], "content": [{"text": "bc"}], "encrypted_content": "s"}
    assert list(one.finish(told)) == [Delta(0, "c"), Sign(0, Signature(OWN, "s")), PartStop(0)]
    assert list(item().finish({"type": "reasoning", "summary": []})) == [PartStart(0, Thought()), PartStop(0)]


def test_a_call_is_said_when_its_tool_is_named() -> None:
    one = item()
    assert one.begin({"type": "function_call"}) == ()
    assert one.arguments("{") == ()
    assert one.whole_arguments("{}") == ()
    call = ToolCall("c", "f", extras={"=id": "fc_1", ITEM: "fc_1"})
    assert list(one.finish(CALL)) == [PartStart(0, call), Delta(0, "{}"), PartStop(0)]


def test_a_call_that_was_begun_twice_is_one() -> None:
    one = item()
    assert list(one.begin({**CALL, "id": None})) == [PartStart(0, ToolCall("c", "f"))]
    assert one.begin(CALL) == ()
    assert list(one.arguments("{")) == [Delta(0, "{")]
    assert list(one.whole_arguments("{}")) == [Delta(0, "}")]
    assert list(one.finish({"type": "function_call"})) == [PartStop(0)]


@pytest.mark.parametrize("told", [{"type": "web_search_call"}, {"type": "function_call"}, {"type": ["x"]}, {}])
def test_what_is_not_understood_comes_whole(told: dict[str, Any]) -> None:
    one = item()
    assert one.begin(told) == ()
    assert list(one.finish(told)) == [PartStart(0, Opaque(OWN, told)), PartStop(0)]
