"""Calls and reasoning as items."""

from typing import Any

import pytest

from omniroute.formats.openai_responses.items import (
    call_item,
    own_item,
    read_thought,
    read_turn_item,
    request_thought,
    sealed,
    thought_item,
)
from omniroute.formats.openai_responses.wire import OWN, Saying, put_back
from omniroute.ir.parts import Opaque, Signature, Text, Thought, ToolCall
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, paths

ANTHROPIC = Signature(Format.ANTHROPIC_MESSAGES, "abc=")


@pytest.mark.parametrize(
    ("item", "call"),
    [
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, ToolCall("c", "f", "{}")),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n", "id": "i"},
         ToolCall("c", "f", "{}", namespace="n", extras={"=id": "i"})),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x", "caller": {"type": "direct"}},
         ToolCall("c", "f", "x", custom=True, extras={"caller": {"type": "direct"}})),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": {"a": 1}},
         ToolCall("c", "f", '{"a":1}', extras={"=arguments": {"a": 1}})),
    ],
)  # fmt: skip
def test_a_call_is_read_and_written_as_it_was(item: dict[str, Any], call: ToolCall) -> None:
    assert read_turn_item(item, "made-up", from_client=True) == call
    assert call_item(call, put_back(call.extras)) == item


def test_a_call_without_an_id_gets_one() -> None:
    assert read_turn_item({"type": "function_call", "name": "f"}, "made", from_client=True) == ToolCall("made", "f")
    found = read_turn_item({"type": "function_call", "name": "f", "id": "fc_1"}, "made", from_client=True)
    assert isinstance(found, ToolCall)
    assert found.id == "fc_1"


def test_a_call_of_an_answer_is_complete() -> None:
    told = call_item(ToolCall("c", "f", "{}"), {}, "fc_1")
    assert (told["id"], told["status"]) == ("fc_1", "completed")


@pytest.mark.parametrize("item", [{"type": "function_call"}, {"type": "dream"}, {"type": ["x"]}, {}])
def test_an_item_that_is_not_understood_is_kept(item: dict[str, Any]) -> None:
    kept = read_turn_item(item, "made", from_client=True)
    assert kept == Opaque(OWN, item)
    assert own_item(kept) == item


def test_only_an_opaque_of_this_format_is_an_item() -> None:
    assert own_item(Text("a")) is None
    assert own_item(Opaque(Format.GEMINI, {})) is None


SUMMARY = [{"type": "summary_text", "text": "a"}]


@pytest.mark.parametrize(
    ("item", "thought"),
    [
        ({"summary": []}, Thought()),
        ({"summary": SUMMARY, "encrypted_content": "s"}, Thought("a", Signature(OWN, "s"))),
        ({"summary": [*SUMMARY, {"type": "summary_text", "text": "b"}], "id": "r"},
         Thought("a\n\nb", extras={"=id": "r", "=summary": [*SUMMARY, {"type": "summary_text", "text": "b"}]})),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "c"}]},
         Thought("c", extras={"=content": [{"type": "reasoning_text", "text": "c"}], "=summary": []})),
    ],
)  # fmt: skip
def test_reasoning_is_read_and_written_as_it_was(item: dict[str, Any], thought: Thought) -> None:
    item["type"] = "reasoning"
    assert read_turn_item(item, "", from_client=True) == thought
    assert thought_item(thought, put_back(thought.extras)) == item


def test_a_signature_of_another_format_travels_with_a_mark() -> None:
    for redacted in (False, True):
        thought = Thought("", ANTHROPIC, redacted=redacted)
        item = thought_item(thought, {}, "rs_1")
        assert item["id"] == "rs_1"
        assert read_thought(item, from_client=True) == Thought("", ANTHROPIC, redacted=redacted, extras={"=id": "rs_1"})
        signature = Signature(OWN, item["encrypted_content"])
        assert read_thought(item, from_client=False).signature == signature
    assert sealed(Signature(OWN, "s"), redacted=True) == "s"


@pytest.mark.parametrize(
    ("thought", "wire", "told"),
    [
        (Thought("a", Signature(OWN, "s")), CHAT, True),
        (Thought("a"), OWN, True),
        (Thought("a", ANTHROPIC), OWN, False),
        (Thought("a"), CHAT, False),
    ],
)
def test_an_upstream_is_sent_only_reasoning_that_it_takes(thought: Thought, wire: Format, told: bool) -> None:
    say = Saying(wire)
    assert (request_thought(thought, "p", say) is not None) is told
    assert paths(say.losses) == ([] if told else ["p dropped setting"])
