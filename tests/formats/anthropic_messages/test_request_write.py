"""Requests of any format are written, and those of this one come back as they were."""

import json
from typing import Any

import msgspec
import pytest

from omniroute.formats.anthropic_messages.request_write import dress, render_request
from omniroute.formats.codec import Terms
from omniroute.ir.parts import (
    CacheHint,
    Image,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.request import GenerateRequest, Message, OutputSpec, Role, Thinking, Tool, ToolChoice, ToolMode
from tests.formats.anthropic_messages.samples import NEEDS_TRAFFIC, OTHER, OWN, asked, own, read
from tests.support.canonical.anthropic_messages import request as canonical

NO_ARGUMENTS = {"type": "object", "properties": {}}
WEATHER = Tool("weather", schema={"type": "object"})
HELLO = {"role": "user", "content": [{"type": "text", "text": "hi"}]}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def message(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def write(*messages: Message, **members: Any) -> tuple[dict[str, Any], list[str]]:
    conversation = messages or (message(Role.USER, "hi"),)
    rendered = render_request(GenerateRequest(OTHER, "m", conversation, **members))
    return rendered.body, [loss.path for loss in rendered.losses]


@pytest.mark.parametrize(
    ("messages", "system", "turns", "lost"),
    [
        (
            [message(Role.SYSTEM, "a"), message(Role.DEVELOPER, "b"), message(Role.USER, "hi")],
            [text("s"), text("a"), text("b")],
            [HELLO],
            [],
        ),
        (
            [message(Role.USER, "hi"), message(Role.SYSTEM, "b"), message(Role.ASSISTANT, "c")],
            [text("s")],
            [
                {"role": "user", "content": [text("hi"), text("b")]},
                {"role": "assistant", "content": [text("c")]},
            ],
            ["messages[1].role"],
        ),
        (
            [message(Role.SYSTEM, "a")],
            None,
            [{"role": "user", "content": [text("s"), text("a")]}],
            ["system", "messages[0].role"],
        ),
        (
            [
                message(Role.SYSTEM, Image(Url("u")), Refusal("no")),
                message(Role.USER, "hi"),
                message(Role.ASSISTANT, ""),
            ],
            [text("s"), text("no")],
            [HELLO],
            ["messages[0].parts[0]", "messages[0].parts[1]"],
        ),
    ],
)
def test_instructions_stand_apart_and_roles_take_turns(
    messages: list[Message], system: Any, turns: list[dict[str, Any]], lost: list[str]
) -> None:
    body, losses = write(*messages, system=(Text("s"),))
    assert body.get("system") == system
    assert body["messages"] == turns
    assert losses == lost


def test_results_open_the_turn_that_follows_their_calls() -> None:
    body, losses = write(
        message(Role.ASSISTANT, ToolCall("a", "x"), ToolCall("b", "y")),
        message(Role.USER, "meanwhile"),
        message(Role.USER, ToolResult("a")),
        Message(Role.USER, (ToolResult("b"),), {"name": "n"}),
    )
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_result", "tool_result", "text"]
    assert losses == ["messages[3].extras.name"]


THOUGHT = Thought("t", Signature(OWN, "s"))
CALL, RESULT = ToolCall("a", "x"), ToolResult("a")


@pytest.mark.parametrize(
    ("messages", "thinks"),
    [
        ([message(Role.USER, "hi")], True),
        ([message(Role.USER, "hi"), message(Role.ASSISTANT, THOUGHT, CALL), message(Role.USER, RESULT)], True),
        ([message(Role.USER, "hi"), message(Role.ASSISTANT, CALL), message(Role.USER, RESULT)], False),
        ([message(Role.USER, "hi"), message(Role.ASSISTANT, "a"), message(Role.USER, "b")], True),
    ],
)
def test_a_budget_is_not_said_in_the_middle_of_calls_made_without_a_thought(
    messages: list[Message],
    thinks: bool,
) -> None:
    body, losses = write(*messages, thinking=Thinking(budget=2000))
    assert ("thinking" in body) is thinks
    assert ("thinking" in losses) is not thinks
    assert "thinking" in write(*messages, thinking=Thinking(enabled=True))[0]


@pytest.mark.parametrize(
    ("tool", "written", "lost"),
    [
        (Tool("n"), {"name": "n", "input_schema": NO_ARGUMENTS}, []),
        (
            Tool("n", "d", {"properties": {}}, strict=True, cache=CacheHint(), extras={"x": 1}),
            {
                "name": "n",
                "description": "d",
                "input_schema": NO_ARGUMENTS,
                "strict": True,
                "cache_control": {"type": "ephemeral"},
            },
            ["tools[0].extras.x"],
        ),
        (
            Tool("n", custom=True, namespace="g"),
            {
                "name": "n",
                "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
            },
            ["tools[0].custom", "tools[0].namespace"],
        ),
        (Opaque(OTHER, {"type": "x"}), None, ["tools[0]"]),
        (Opaque(OWN, {"type": "x"}), {"type": "x"}, []),
    ],
)
def test_a_tool_is_written(tool: Tool | Opaque, written: dict[str, Any] | None, lost: list[str]) -> None:
    body, losses = write(tools=(tool,))
    assert body.get("tools") == (None if written is None else [written])
    assert losses == lost


@pytest.mark.parametrize(
    ("choice", "parallel", "written", "lost"),
    [
        (None, None, None, []),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, []),
        (None, True, {"type": "auto", "disable_parallel_tool_use": False}, []),
        (ToolChoice(ToolMode.REQUIRED), None, {"type": "any"}, []),
        (
            ToolChoice(ToolMode.NAMED, "weather", extras={"x": 1}),
            None,
            {"type": "tool", "name": "weather"},
            ["tool_choice.extras.x"],
        ),
        (ToolChoice(ToolMode.NONE), True, {"type": "none"}, ["parallel_tools"]),
    ],
)
def test_the_choice_of_tools_is_written(
    choice: ToolChoice | None,
    parallel: bool | None,
    written: dict[str, Any] | None,
    lost: list[str],
) -> None:
    body, losses = write(tools=(WEATHER,), tool_choice=choice, parallel_tools=parallel)
    assert body.get("tool_choice") == written
    assert losses == lost


@pytest.mark.parametrize(
    ("choice", "parallel", "lost"),
    [
        (ToolChoice(ToolMode.REQUIRED), True, ["tool_choice", "parallel_tools"]),
        (ToolChoice(ToolMode.NONE), None, []),
    ],
)
def test_there_is_no_choice_without_tools(choice: ToolChoice, parallel: bool | None, lost: list[str]) -> None:
    body, losses = write(tool_choice=choice, parallel_tools=parallel)
    assert body == {"messages": [HELLO]}
    assert losses == lost


def test_the_rest_of_a_request_is_written() -> None:
    body, losses = write(
        max_output=7,
        stream=True,
        end_user="u",
        stop=("x",),
        output=OutputSpec({"type": "string"}),
        extras={"n": 2, "=max_tokens": 7},
    )
    assert body == {
        "messages": [HELLO],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}},
        "stop_sequences": ["x"],
        "max_tokens": 7,
        "stream": True,
        "metadata": {"user_id": "u"},
    }
    assert losses == ["extras.n"]


@pytest.mark.parametrize("case", own("request.json"), ids=lambda case: case.name)
def test_a_sample_returns(case: Any) -> None:
    value = json.loads((case / "request.json").read_bytes())
    request = read(value)
    rendered = render_request(request)
    assert rendered.losses == ()
    assert canonical(json.loads(dress(rendered.body, Terms(request.model)))) == canonical(value)


@NEEDS_TRAFFIC
def test_recorded_requests_return() -> None:
    requests = asked()
    assert requests
    for value in requests:
        request = read(value)
        rendered = render_request(request)
        assert rendered.losses == ()
        sent = json.loads(dress(rendered.body, Terms(request.model, 8192)))
        assert canonical(sent) == canonical({"max_tokens": 8192, **value})


def test_a_tool_of_this_format_without_a_schema_is_written_as_it_was() -> None:
    value = {"tools": [{"name": "n"}], "tool_choice": {"type": "none"}}
    assert render_request(read(value)).body["tools"] == [{"name": "n"}]


def test_the_beta_place_of_the_answers_form_is_kept() -> None:
    form = {"type": "json_schema", "schema": {"type": "string"}}
    body = render_request(read({"output_format": form})).body
    assert body["output_format"] == form
    assert "output_config" not in body


def test_a_developer_and_a_dropped_thought_of_this_format() -> None:
    request = msgspec.structs.replace(
        read({}), messages=(message(Role.DEVELOPER, "a"), message(Role.ASSISTANT, Thought("t")))
    )
    rendered = render_request(request)
    assert rendered.body["messages"] == [
        {"role": "system", "content": [text("a")]},
        {"role": "assistant", "content": []},
    ]
    assert [loss.path for loss in rendered.losses] == ["messages[1].parts[0]"]


@pytest.mark.parametrize(
    ("body", "longest", "sent"),
    [
        ({}, None, {"max_tokens": 8192}),
        ({}, 64_000, {"max_tokens": 64_000}),
        ({"max_tokens": 5}, 64_000, {"max_tokens": 5}),
        ({"thinking": {"budget_tokens": 9000}}, None, {"max_tokens": 17_192, "thinking": {"budget_tokens": 9000}}),
        ({"thinking": {"budget_tokens": 9000}}, 9000, {"max_tokens": 9000, "thinking": {"budget_tokens": 4500}}),
        ({"thinking": {"budget_tokens": 9000}}, 1500, {"max_tokens": 1500, "thinking": {"budget_tokens": 1024}}),
        ({"thinking": {"budget_tokens": 4000}}, None, {"max_tokens": 8192, "thinking": {"budget_tokens": 4000}}),
        ({"thinking": {"type": "adaptive"}}, None, {"max_tokens": 8192, "thinking": {"type": "adaptive"}}),
    ],
)
def test_a_body_is_dressed_for_its_target(body: dict[str, Any], longest: int | None, sent: dict[str, Any]) -> None:
    assert json.loads(dress(body, Terms("up", longest))) == {"model": "up", **sent}
