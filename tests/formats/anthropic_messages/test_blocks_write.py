"""The parts of a request are written as blocks; what cannot be said is told."""

from typing import Any

import pytest

from omniroute.formats.anthropic_messages.blocks_write import BlockWriter, safe_id, tool_input
from omniroute.ir.loss import Weight
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.names import Format
from tests.formats.anthropic_messages.samples import OTHER, OWN

OURS = Signature(OWN, "s")
THEIRS = Signature(Format.GEMINI, "s")
PNG = Inline("image/png", "AA==")
B64 = {"type": "base64", "media_type": "image/png", "data": "AA=="}
TEXT = {"type": "text", "media_type": "text/plain", "data": "é"}
CACHED = {"type": "ephemeral"}

Case = tuple[Part, dict[str, Any] | None, list[str]]


def write(part: Part, *, own: bool) -> tuple[list[dict[str, Any]], dict[str, Weight]]:
    writer = BlockWriter(own=own)
    blocks = writer.blocks([part], "p")
    return blocks, {loss.path: loss.weight for loss in writer.losses}


@pytest.mark.parametrize(
    ("part", "block", "lost"),
    [
        (Text("a"), {"type": "text", "text": "a"}, []),
        (Text(""), None, []),
        (Text("", cache=CacheHint()), None, ["p[0]"]),
        (Text(" \n"), None, ["p[0]"]),
        (
            Text("a", THEIRS, CacheHint("24h"), {"x": 1, "=y": 2}),
            {"type": "text", "text": "a", "cache_control": CACHED},
            ["p[0].signature", "p[0].extras.x", "p[0].cache"],
        ),
        (
            Text("a", cache=CacheHint("1h")),
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            [],
        ),
        (Refusal("no"), {"type": "text", "text": "no"}, ["p[0]"]),
        (Image(PNG), {"type": "image", "source": B64}, []),
        (
            Image(Inline("image/JPG", "")),
            {"type": "image", "source": {**B64, "media_type": "image/jpeg", "data": ""}},
            [],
        ),
        (Image(Url("u"), "high"), {"type": "image", "source": {"type": "url", "url": "u"}}, ["p[0].detail"]),
        (Document(Plain("é"), "n"), {"type": "document", "source": TEXT, "title": "n"}, []),
        (Document(Plain("é", "text/markdown")), {"type": "document", "source": TEXT}, ["p[0].source"]),
        (Document(Inline("text/csv", "w6k=")), {"type": "document", "source": TEXT}, ["p[0].source"]),
        (
            Document(Inline("application/pdf", "AA==")),
            {"type": "document", "source": {**B64, "media_type": "application/pdf"}},
            [],
        ),
        (
            Document(Url("u", "application/pdf")),
            {"type": "document", "source": {"type": "url", "url": "u"}},
            [],
        ),
        (
            ToolCall("i", "n", '{"a":1}', cache=CacheHint()),
            {"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}, "cache_control": CACHED},
            [],
        ),
        (
            ToolCall("f.n:0", "n", "free", namespace="g", signature=THEIRS),
            {"type": "tool_use", "id": safe_id("f.n:0"), "name": "n", "input": {"input": "free"}},
            ["p[0].signature", "p[0].arguments", "p[0].namespace", "p[0].id"],
        ),
        (ToolResult("i"), {"type": "tool_result", "tool_use_id": "i"}, []),
        (
            ToolResult("i", (Text("t"), Image(PNG), Text("")), is_error=True),
            {
                "type": "tool_result",
                "tool_use_id": "i",
                "content": [{"type": "text", "text": "t"}, {"type": "image", "source": B64}],
                "is_error": True,
            },
            [],
        ),
        (Thought("t", OURS), {"type": "thinking", "thinking": "t", "signature": "s"}, []),
        (Thought("", OURS, redacted=True), {"type": "redacted_thinking", "data": "s"}, []),
        (Thought("t"), None, ["p[0]"]),
        (Thought("t", THEIRS), None, ["p[0].signature", "p[0]"]),
        (Opaque(OWN, {"type": "x"}), {"type": "x"}, []),
    ],
)
def test_a_part_of_another_format_is_written(part: Part, block: dict[str, Any] | None, lost: list[str]) -> None:
    blocks, losses = write(part, own=False)
    assert blocks == ([] if block is None else [block])
    assert list(losses) == lost
    assert set(losses.values()) <= {Weight.SETTING}


@pytest.mark.parametrize(
    ("part", "at"),
    [
        (Image(Inline("image/heic", "")), "p[0]"),
        (Image(FileRef("f")), "p[0]"),
        (Image(Plain("t")), "p[0]"),
        (Audio(Url("u")), "p[0]"),
        (Document(Inline("text/plain", "!")), "p[0]"),
        (Document(Inline("text/plain", "/w==")), "p[0]"),
        (Document(Inline("application/msword", "")), "p[0]"),
        (Document(Url("u", "text/html")), "p[0]"),
        (Document(FileRef("f")), "p[0]"),
        (ToolResult("i", (Audio(PNG),)), "p[0].parts[0]"),
        (ToolResult("i", (Thought("t"),)), "p[0].parts[0]"),
        (Opaque(OTHER, {"type": "x"}), "p[0]"),
        (Opaque(OWN, "odd"), "p[0]"),
    ],
)
def test_content_that_cannot_be_said_makes_a_target_unfit(part: Part, at: str) -> None:
    _, losses = write(part, own=False)
    assert losses == {at: Weight.CONTENT}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text(" "), {"type": "text", "text": " "}),
        (
            Text("a", cache=CacheHint("9d"), extras={"cache_control": {"scope": "x"}, "citations": []}),
            {
                "type": "text",
                "text": "a",
                "citations": [],
                "cache_control": {"type": "ephemeral", "ttl": "9d", "scope": "x"},
            },
        ),
        (
            Text("a", cache=CacheHint(), extras={"cache_control": "odd"}),
            {"type": "text", "text": "a", "cache_control": CACHED},
        ),
        (Image(FileRef("f")), {"type": "image", "source": {"type": "file", "file_id": "f"}}),
        (Image(Inline("image/heic", "")), {"type": "image", "source": {**B64, "media_type": "image/heic", "data": ""}}),
        (Image(Url("u"), extras={"=source": {"x": 1}}), {"type": "image", "source": {"x": 1}}),
        (Document(FileRef("f")), {"type": "document", "source": {"type": "file", "file_id": "f"}}),
        (Document(Plain("é", "text/x")), {"type": "document", "source": {**TEXT, "media_type": "text/x"}}),
        (
            ToolCall("i:", "n", extras={"=caller": {"type": "direct"}}),
            {"type": "tool_use", "id": safe_id("i:"), "name": "n", "input": {}, "caller": {"type": "direct"}},
        ),
    ],
)
def test_a_part_of_this_format_is_written_as_it_was(part: Part, block: dict[str, Any]) -> None:
    assert write(part, own=True)[0] == [block]


@pytest.mark.parametrize("identifier", ["call_1", "toolu-9", "A"])
def test_an_id_that_the_api_takes_stays(identifier: str) -> None:
    assert safe_id(identifier) == identifier


def test_other_ids_are_made_safe_and_stay_apart() -> None:
    made = [safe_id(each) for each in ("a.b", "a:b", "a b", "", "é\ud800")]
    assert len(set(made)) == len(made)
    assert all(safe_id(each) == each for each in made)
    assert safe_id("a.b") == made[0]


@pytest.mark.parametrize(
    ("arguments", "value", "same"),
    [
        ("", {}, True),
        (" ", {}, True),
        ('{"a":[1]}', {"a": [1]}, True),
        ("[1]", {"input": "[1]"}, False),
        ('{"a":', {"input": '{"a":'}, False),
    ],
)
def test_arguments_become_an_object(arguments: str, value: dict[str, Any], same: bool) -> None:
    assert tool_input(arguments) == (value, same)
