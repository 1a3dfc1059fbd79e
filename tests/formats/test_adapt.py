"""Tools of kinds that a format lacks are said otherwise, and their calls reach the client as it knows them."""

import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.adapt import INPUT, Known, Telling, adapt, told_back
from omniroute.formats.codec import ToolRules
from omniroute.ir.events import Delta, Event, PartStart, PartStop
from omniroute.ir.parts import Opaque, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role, Tool, ToolChoice, ToolMode
from omniroute.names import Format
from tests.support.laws import often

PLAIN = ToolRules(name="[a-zA-Z0-9_-]+", longest=20)
RICH = ToolRules(name="[a-zA-Z0-9_-]+", longest=20, custom=True, namespaces=True)
PATCH = Tool("patch", "Patches.", custom=True, grammar={"syntax": "lark", "definition": "start: X"}, extras={"a": 1})
CLOSE = Tool("close", namespace="agents", schema={"type": "object"})
RUN = Tool("run", schema={"type": "object"})
SEARCH = Opaque(Format.OPENAI_RESPONSES, {"type": "web_search"})


def request(*tools: Tool | Opaque, parts: tuple[object, ...] = (), choice: ToolChoice | None = None) -> GenerateRequest:
    messages = (Message(Role.USER, (Text("hi"),)), Message(Role.ASSISTANT, parts))  # type: ignore[arg-type]  # parts
    return GenerateRequest(Format.OPENAI_RESPONSES, "m", messages, tools=tools, tool_choice=choice)


def test_a_request_that_can_be_said_is_left_as_it_is() -> None:
    asked = request(RUN, SEARCH, parts=(ToolCall("1", "run", "{}"), ToolResult("1")))
    adapted = adapt(asked, PLAIN)
    assert adapted.request is asked
    assert (adapted.names, adapted.losses) == ({}, ())
    everything = request(PATCH, CLOSE)
    assert adapt(everything, RICH).request is everything


def test_a_tool_in_a_namespace_is_said_under_both_names() -> None:
    call = ToolCall("1", "close", "{}", namespace="agents")
    adapted = adapt(request(RUN, CLOSE, parts=(call,)), PLAIN)
    assert [tool.name for tool in adapted.request.tools if isinstance(tool, Tool)] == ["run", "agents__close"]
    assert adapted.request.messages[1].parts == (ToolCall("1", "agents__close", "{}"),)
    assert [loss.path for loss in adapted.losses] == ["tools[1].namespace"]
    assert told_back(ToolCall("2", "agents__close", "{}"), adapted.names) == ToolCall(
        "2", "close", "{}", namespace="agents"
    )


def test_a_tool_that_takes_free_text_is_said_as_a_function_of_one_string() -> None:
    call = ToolCall("1", "patch", 'say "hi"', custom=True)
    choice = ToolChoice(ToolMode.NAMED, "patch", custom=True)
    adapted = adapt(request(PATCH, parts=(call, ToolResult("1", custom=True)), choice=choice), PLAIN)
    [tool] = adapted.request.tools
    assert isinstance(tool, Tool)
    assert (tool.custom, tool.grammar, tool.extras, tool.schema["required"]) == (False, None, None, [INPUT])
    assert tool.description == "Patches.\n\nThe input must be of this form:\nstart: X"
    said, result = adapted.request.messages[1].parts
    assert isinstance(said, ToolCall)
    assert (said.custom, json.loads(said.arguments)) == (False, {INPUT: 'say "hi"'})
    assert result == ToolResult("1")
    assert adapted.request.tool_choice == ToolChoice(ToolMode.NAMED, "patch")
    assert [loss.path for loss in adapted.losses] == ["tools[0].custom", "tools[0].grammar"]
    assert told_back(said, adapted.names) == call


@pytest.mark.parametrize(
    ("tool", "description"),
    [
        (Tool("t", custom=True), None),
        (Tool("t", "D.", custom=True), "D."),
        (Tool("t", custom=True, grammar={"x": 1}), 'The input must be of this form:\n{"x":1}'),
        (Tool("t", custom=True, grammar="any"), 'The input must be of this form:\n"any"'),
    ],
)
def test_the_model_is_told_of_a_grammar_that_nothing_else_tells_it_of(tool: Tool, description: str | None) -> None:
    [said] = adapt(request(tool), PLAIN).request.tools
    assert isinstance(said, Tool)
    assert said.description == description


def test_arguments_that_are_not_the_one_string_are_given_as_they_are() -> None:
    names = {"patch": Known("patch", None, custom=True)}
    for arguments in ('{"input": 1}', '{"input": "a", "b": 2}', "[]", "{", "\ud800"):
        told = told_back(ToolCall("1", "patch", arguments), names)
        assert told == ToolCall("1", "patch", arguments, custom=True)
    assert told_back(Text("patch"), names) == Text("patch")
    assert told_back(ToolCall("1", "other"), names) == ToolCall("1", "other")


def test_a_name_that_the_format_refuses_is_changed_and_stays_unique() -> None:
    tools = [Tool("a.b"), Tool("a_b"), Tool("x" * 30), Tool("x" * 31), Tool("é")]
    adapted = adapt(request(*tools), PLAIN)
    said = [tool.name for tool in adapted.request.tools if isinstance(tool, Tool)]
    assert len(set(said)) == len(tools)
    assert all(re.fullmatch(PLAIN.name, name) and len(name) <= PLAIN.longest for name in said)
    assert said[1] == "a_b"
    assert [told_back(ToolCall("1", name), adapted.names).name for name in said] == [tool.name for tool in tools]  # type: ignore[union-attr]
    assert {loss.path for loss in adapted.losses} == {
        "tools[0].name",
        "tools[2].name",
        "tools[3].name",
        "tools[4].name",
    }


def test_a_name_that_must_begin_otherwise_gets_a_beginning() -> None:
    rules = ToolRules(name="[a-z_][a-z0-9_]*", longest=20)
    [said] = adapt(request(Tool("1st")), rules).request.tools
    assert isinstance(said, Tool)
    assert said.name == "tool_1st"


def test_a_choice_of_a_tool_that_is_said_as_it_is_stays() -> None:
    choice = ToolChoice(ToolMode.NAMED, "run")
    assert adapt(request(RUN, CLOSE, choice=choice), PLAIN).request.tool_choice is choice
    auto = ToolChoice(ToolMode.AUTO)
    assert adapt(request(RUN, CLOSE, choice=auto), PLAIN).request.tool_choice is auto


def test_a_namespace_stays_where_only_the_kind_is_foreign() -> None:
    rules = ToolRules(name=PLAIN.name, longest=20, namespaces=True)
    call = ToolCall("1", "patch", "x", custom=True, namespace="n")
    adapted = adapt(request(msgspec.structs.replace(PATCH, namespace="n"), parts=(call,)), rules)
    [said] = adapted.request.messages[1].parts
    assert said == ToolCall("1", "patch", '{"input":"x"}', namespace="n")
    assert [loss.path for loss in adapted.losses] == ["tools[0].custom", "tools[0].grammar"]


def told(names: dict[str, Known], *events: Event) -> list[Event]:
    telling = Telling(names)
    return [out for event in events for out in telling.take(event)]


def test_the_free_text_of_a_streamed_call_is_told_when_its_json_is_complete() -> None:
    names = {"patch": Known("patch", None, custom=True), "agents__close": Known("close", "agents", custom=False)}
    assert told(
        names,
        PartStart(0, ToolCall("1", "patch", '{"in')),
        PartStart(1, ToolCall("2", "agents__close")),
        Delta(1, "{}"),
        Delta(0, 'put": "a'),
        Delta(0, 'b"}'),
        PartStop(1),
        PartStop(0),
        PartStart(2, Text()),
        Delta(2, "t"),
        PartStop(2),
    ) == [
        PartStart(0, ToolCall("1", "patch", custom=True)),
        PartStart(1, ToolCall("2", "close", namespace="agents")),
        Delta(1, "{}"),
        PartStop(1),
        Delta(0, "ab"),
        PartStop(0),
        PartStart(2, Text()),
        Delta(2, "t"),
        PartStop(2),
    ]


NAMES = st.text("ab._é-", min_size=1, max_size=24)
TOOLS = st.builds(Tool, name=NAMES, custom=st.booleans(), namespace=st.none() | NAMES)


@given(
    st.lists(TOOLS, max_size=6, unique_by=lambda tool: (tool.name, tool.namespace, tool.custom)), st.text(max_size=9)
)
@settings(max_examples=often(200), deadline=None)
def test_every_call_comes_back_to_the_tool_that_the_client_offered(tools: list[Tool], text: str) -> None:
    calls = tuple(ToolCall(str(at), tool.name, text, tool.custom, tool.namespace) for at, tool in enumerate(tools))
    adapted = adapt(request(*tools, parts=calls), PLAIN)
    said = adapted.request.messages[1].parts
    assert tuple(told_back(part, adapted.names) for part in said) == calls
    names = [part.name for part in said if isinstance(part, ToolCall)]
    assert len(set(names)) == len(tools)
    assert all(re.fullmatch(PLAIN.name, name) and len(name) <= PLAIN.longest for name in names)
