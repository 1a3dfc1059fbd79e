"""Requests are read whole, and what cannot be understood is refused by name."""

import json
from typing import Any

import msgspec
import pytest

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.request_read import read_request
from omniroute.formats.codec import Asked
from omniroute.ir.parts import CacheHint, Opaque, Text
from omniroute.ir.request import (
    GenerateRequest,
    Message,
    OutputSpec,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
)
from tests.formats.anthropic_messages.samples import OWN, own, read

SCHEMA = {"type": "object"}
FORM = {"type": "json_schema", "schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch"}
MINE = {"name": "mine", "input_schema": SCHEMA}


def test_a_request_says_only_what_was_said() -> None:
    assert read({}) == GenerateRequest(OWN, "m", (Message(Role.USER, (Text("hi"),)),))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"system": "be kind"}, {"system": (Text("be kind"),)}),
        ({"max_tokens": 7, "stream": True}, {"max_output": 7, "stream": True}),
        ({"max_tokens": 7.0}, {"max_output": 7}),
        ({"temperature": 0.5, "top_p": 1, "top_k": 40}, {"sampling": Sampling(0.5, 1, 40)}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ("a", "b")}),
        ({"metadata": {"user_id": "u"}}, {"end_user": "u"}),
        ({"metadata": {"user_id": "u", "x": 1}}, {"end_user": "u", "extras": {"metadata": {"x": 1}}}),
        ({"metadata": {"user_id": 7}}, {"extras": {"metadata": {"user_id": 7}}}),
        ({"metadata": 7}, {"extras": {"metadata": 7}}),
        ({"tool_choice": {"type": "any"}}, {"tool_choice": ToolChoice(ToolMode.REQUIRED)}),
        ({"tool_choice": {"type": "tool", "name": "n"}}, {"tool_choice": ToolChoice(ToolMode.NAMED, "n")}),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True, "x": 1}},
            {"tool_choice": ToolChoice(ToolMode.AUTO, extras={"x": 1}), "parallel_tools": False},
        ),
        (
            {"tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
            {"tool_choice": ToolChoice(ToolMode.NONE, extras={"disable_parallel_tool_use": True})},
        ),
        ({"tool_choice": {"type": "tool"}}, {"extras": {"tool_choice": {"type": "tool"}}}),
        ({"tool_choice": {"type": ["auto"]}}, {"extras": {"tool_choice": {"type": ["auto"]}}}),
        ({"tool_choice": "auto"}, {"extras": {"tool_choice": "auto"}}),
        ({"output_config": {"format": FORM}}, {"output": OutputSpec(SCHEMA)}),
        ({"output_config": {"format": {**FORM, "x": 1}}}, {"output": OutputSpec(SCHEMA, extras={"x": 1})}),
        ({"output_config": {"format": {"type": "xml"}}}, {"extras": {"output_config": {"format": {"type": "xml"}}}}),
        ({"output_config": {"x": 1}}, {"extras": {"output_config": {"x": 1}}}),
        ({"output_format": FORM}, {"output": OutputSpec(SCHEMA), "extras": {"=output_format": FORM}}),
        ({"output_config": {"effort": "high"}}, {"thinking": Thinking(effort="high")}),
        ({"output_config": {"effort": 7}}, {"extras": {"output_config": {"effort": 7}}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted", "x": 1}},
            {"thinking": Thinking(True, None, 2000, False, {"x": 1, "=type": "enabled"})},
        ),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
            {"thinking": Thinking(True, "max", None, True, {"=type": "adaptive"})},
        ),
        ({"thinking": {"type": "disabled"}}, {"thinking": Thinking(False, extras={"=type": "disabled"})}),
        ({"thinking": {"type": "between_tools"}}, {"thinking": Thinking(extras={"type": "between_tools"})}),
        ({"thinking": {"type": ["x"]}}, {"thinking": Thinking(extras={"type": ["x"]})}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": "many", "display": "loud"}},
            {"thinking": Thinking(True, extras={"=type": "enabled", "budget_tokens": "many", "display": "loud"})},
        ),
        (
            {"thinking": {"budget_tokens": True, "display": [1]}},
            {"thinking": Thinking(extras={"budget_tokens": True, "display": [1]})},
        ),
        ({"thinking": "hard"}, {"extras": {"thinking": "hard"}}),
        ({"service_tier": "auto", "speed": None}, {"extras": {"service_tier": "auto"}}),
    ],
)
def test_a_member_is_read(value: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(value) == msgspec.structs.replace(read({}), **expected)


def test_tools_are_read() -> None:
    tools = [
        {**MINE, "type": "custom", "description": "d", "strict": True, "cache_control": {"type": "ephemeral"}},
        {"name": "bare", "defer_loading": True},
        SEARCH,
    ]
    assert read({"tools": tools}).tools == (
        Tool("mine", "d", SCHEMA, strict=True, cache=CacheHint(), extras={"=type": "custom"}),
        Tool("bare", extras={"defer_loading": True}),
        Opaque(OWN, SEARCH),
    )


def test_a_message_keeps_its_role_and_what_else_it_has() -> None:
    messages = [{"role": "assistant", "content": None}, {"role": "system", "content": "s", "name": "n"}]
    assert read({"messages": messages}).messages == (
        Message(Role.ASSISTANT, ()),
        Message(Role.SYSTEM, (Text("s"),), {"name": "n"}),
    )


@pytest.mark.parametrize(
    ("value", "features"),
    [
        ({}, []),
        ({"container": "c", "mcp_servers": []}, ["container"]),
        ({"mcp_servers": [{"name": "s"}]}, ["mcp_servers"]),
        ({"tools": [SEARCH, MINE]}, []),
        ({"tools": [SEARCH, MINE], "tool_choice": {"type": "tool", "name": "web_search"}}, ["tools: web_search"]),
        ({"tools": [SEARCH]}, ["tools: web_search"]),
        ({"tools": [FETCH, MINE]}, ["tools: web_fetch"]),
        ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}, ["tools: s"]),
        ({"tools": [{"type": 7}]}, ["tools: 7"]),
    ],
)
def test_what_only_this_formats_providers_can_do_is_pinned(value: dict[str, Any], features: list[str]) -> None:
    assert [pin.feature for pin in read(value).pins] == features


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "container_upload", "file_id": "f"},
        {
            "type": "tool_result",
            "tool_use_id": "i",
            "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}],
        },
    ],
)
def test_an_uploaded_file_is_pinned(block: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "t"}, block]}]
    assert [pin.feature for pin in read({"messages": messages}).pins] == ["file_id"]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": 7}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"system": 7}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"name": ""}]}, "tools[0].name"),
        ({"tools": [{"name": "n", "description": 7}]}, "tools[0]"),
        ({"tools": [{"name": "n", "strict": "yes"}]}, "tools[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": True}, "top_k"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [7]}, "stop_sequences"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(value: dict[str, Any], param: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(value)
    assert raised.value.param == param


def test_a_body_that_the_head_did_not_look_into_is_refused() -> None:
    with pytest.raises(Malformed):
        read_request(Asked("m", False, True, b'{"model":"m","messages":[}', ()))


def test_every_sample_is_read() -> None:
    for case in own("request.json"):
        assert read(json.loads((case / "request.json").read_bytes())).messages
