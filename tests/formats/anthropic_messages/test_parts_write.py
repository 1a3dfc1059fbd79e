"""The parts of an answer are written as blocks; what a reader would miss is told."""

from typing import Any

import pytest

from omniroute.formats.anthropic_messages.parts_write import AnswerWriter
from omniroute.ir.parts import CacheHint, Image, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.signatures import pack
from omniroute.names import Format
from tests.formats.anthropic_messages.samples import OTHER, OWN

OURS = Signature(OWN, "s")
THEIRS = Signature(Format.GEMINI, "s")
CARRIER = {"type": "thinking", "thinking": "", "signature": pack(THEIRS, OWN)}


def tool_use(**members: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "i", "name": "n", "input": {}, **members}


@pytest.mark.parametrize(
    ("part", "blocks", "lost"),
    [
        (Text("a"), [{"type": "text", "text": "a"}], []),
        (Text("", extras={"x": 1}), [], ["parts[0].extras.x"]),
        (Text("a", THEIRS), [CARRIER, {"type": "text", "text": "a"}], []),
        (Refusal("no"), [{"type": "text", "text": "no"}], ["parts[0]"]),
        (Thought("t"), [{"type": "thinking", "thinking": "t", "signature": ""}], []),
        (Thought("t", OURS), [{"type": "thinking", "thinking": "t", "signature": "s"}], []),
        (Thought("", THEIRS), [CARRIER], []),
        (Thought(""), [], []),
        (Thought("", OURS, redacted=True), [{"type": "redacted_thinking", "data": "s"}], []),
        (Thought(redacted=True), [], []),
        (ToolCall("i", "n", '{"a":1}'), [tool_use(input={"a": 1})], []),
        (ToolCall("i", "n", "", signature=THEIRS), [CARRIER, tool_use()], []),
        (
            ToolCall("i", "n", "free", custom=True, namespace="g", cache=CacheHint(), extras={"x": 1}),
            [tool_use(input={"input": "free"})],
            [f"parts[0].{name}" for name in ("namespace", "custom", "cache", "arguments", "extras.x")],
        ),
        (Opaque(OWN, {"type": "x"}), [{"type": "x"}], []),
        (Opaque(OTHER, {"type": "x"}), [], ["parts[0]"]),
        (Image(Url("u")), [], ["parts[0]"]),
    ],
)
def test_a_part_is_written(part: Part, blocks: list[dict[str, Any]], lost: list[str]) -> None:
    writer = AnswerWriter(own=False)
    assert writer.blocks([part]) == blocks
    assert [loss.path for loss in writer.losses] == lost


def test_what_is_this_formats_own_is_put_back() -> None:
    writer = AnswerWriter(own=True)
    parts: list[Part] = [Text("", extras={"citations": []}), ToolCall("i", "n", extras={"=caller": {"type": "direct"}})]
    assert writer.blocks(parts) == [
        {"type": "text", "text": "", "citations": []},
        tool_use(caller={"type": "direct"}),
    ]
    assert writer.losses == []
