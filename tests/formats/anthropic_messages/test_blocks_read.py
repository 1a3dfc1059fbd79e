"""Content blocks are read into parts, and nothing of them is lost."""

from typing import Any

import msgspec
import pytest

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.blocks_read import arguments, keep_answer_inputs, read_block, read_blocks
from omniroute.ir.parts import (
    CacheHint,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.signatures import pack
from omniroute.names import Format
from tests.formats.anthropic_messages.samples import OWN, read

GEMINI = Signature(Format.GEMINI, "sig")
WRITTEN = {"type": "content", "content": ["one", {"type": "text", "text": "two"}]}


def text_of(source: dict[str, Any]) -> dict[str, Any]:
    return {"type": "document", "source": source}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "citations": [1], "x": None},
            Text("a", cache=CacheHint(), extras={"citations": [1]}),
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            Image(Inline("image/png", "AA==")),
        ),
        ({"type": "image", "source": {"type": "url", "url": "u"}, "more": 1}, Image(Url("u"), extras={"more": 1})),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, Image(FileRef("f"))),
        (
            {"type": "image", "source": {"type": "url", "url": "u", "x": 1}},
            Image(Url("u"), extras={"=source": {"type": "url", "url": "u", "x": 1}}),
        ),
        (text_of({"type": "text", "media_type": "text/plain", "data": "t"}), Document(Plain("t"))),
        ({**text_of({"type": "url", "url": "u"}), "title": "T"}, Document(Url("u"), "T")),
        (text_of(WRITTEN), Document(Plain("one\n\ntwo"), extras={"=source": WRITTEN})),
        (
            text_of({"type": "content", "content": "t"}),
            Document(Plain("t"), extras={"=source": {"type": "content", "content": "t"}}),
        ),
        (
            {"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}, "caller": {"type": "direct"}},
            ToolCall("i", "n", '{"a":1}', extras={"=caller": {"type": "direct"}}),
        ),
        (
            {"type": "tool_use", "id": "i", "name": "n", "caller": {"type": "code_execution_20250825"}},
            ToolCall("i", "n", "{}", extras={"caller": {"type": "code_execution_20250825"}}),
        ),
        ({"type": "tool_result", "tool_use_id": "i"}, ToolResult("i")),
        (
            {"type": "tool_result", "tool_use_id": "i", "content": "t", "is_error": True},
            ToolResult("i", (Text("t"),), is_error=True),
        ),
        ({"type": "thinking", "thinking": "t", "signature": "s"}, Thought("t", Signature(OWN, "s"))),
        ({"type": "thinking", "thinking": "t", "signature": ""}, Thought("t")),
        ({"type": "thinking", "thinking": "", "signature": pack(GEMINI, OWN)}, Thought("", GEMINI)),
        ({"type": "redacted_thinking", "data": "d"}, Thought("", Signature(OWN, "d"), redacted=True)),
        ({"type": "redacted_thinking", "data": ""}, Thought(redacted=True)),
    ],
)
def test_a_block_is_read(block: dict[str, Any], part: Part) -> None:
    assert read_block(block, "b") == part


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "i"},
        {"type": "image"},
        {"type": "image", "source": {"type": ["url"]}},
        {"type": "image", "source": {"type": "hologram"}},
        {"type": "image", "source": {"type": "url", "url": 7}},
        {"type": "document", "source": "here"},
        {"type": "document", "source": {"type": "content", "content": 7}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}},
        {"type": "document", "source": {"type": "url", "url": "u"}, "title": 7},
    ],
)
def test_a_block_that_is_not_known_is_kept_whole(block: dict[str, Any]) -> None:
    assert read_block(block, "b") == Opaque(OWN, block)


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ("text", "b"),
        ({"text": "a"}, "b.type"),
        ({"type": "text"}, "b.text"),
        ({"type": "tool_use", "id": "", "name": "n"}, "b.id"),
        ({"type": "tool_use", "id": "i", "name": 7}, "b.name"),
        ({"type": "tool_result"}, "b.tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "i", "content": 7}, "b.content"),
        ({"type": "tool_result", "tool_use_id": "i", "content": [7]}, "b.content[0]"),
        ({"type": "thinking"}, "b.thinking"),
        ({"type": "redacted_thinking"}, "b.data"),
    ],
)
def test_a_block_that_is_not_what_its_type_says_is_refused_by_name(block: object, param: str) -> None:
    with pytest.raises(Malformed) as raised:
        read_block(block, "b")
    assert raised.value.param == param


def test_content_is_a_string_or_blocks() -> None:
    assert read_blocks(None, "c") == ()
    assert read_blocks("t", "c") == (Text("t"),)
    assert read_blocks([{"type": "text", "text": "t"}], "c") == (Text("t"),)


def test_a_calls_arguments_stay_as_they_are_written() -> None:
    call = '{"type":"tool_use","id":"i","name":"n","input":{"z" :1.0, "a":1e2}}'
    body = f'{{"content":[{{"type":"text","text":"t"}},{call}]}}'.encode()
    content = msgspec.json.decode(body)["content"]
    keep_answer_inputs(body, content)
    assert read_blocks(content, "c")[1] == ToolCall("i", "n", '{"z" :1.0, "a":1e2}')


@pytest.mark.parametrize("more", [{"role": "user", "content": "t"}, {"role": "user", "content": None}])
def test_arguments_are_read_beside_content_of_other_kinds(more: dict[str, Any]) -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1.5}}]}
    part = read({"messages": [more, call]}).messages[1].parts[0]
    assert isinstance(part, ToolCall)
    assert part.arguments.replace(" ", "") == '{"a":1.5}'


def test_arguments_that_cannot_be_found_again_are_written_anew() -> None:
    content = [{"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}}]
    keep_answer_inputs(b"[", content)
    keep_answer_inputs(b'{"content":"t"}', content)
    assert arguments(content[0]["input"]) == '{"a":1}'
