"""Tools and the choice among them."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.openai_responses.tools import read_choice, read_tools, tool_pins, write_choice, write_tools
from omniroute.formats.openai_responses.wire import OWN, Saying
from omniroute.ir.parts import CacheHint, Opaque
from omniroute.ir.request import Tool, ToolChoice, ToolMode
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, asked, paths

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "parameters": SCHEMA}
NAMESPACE = {
    "type": "namespace",
    "name": "n",
    "description": "Both.",
    "tools": [FUNCTION, {"type": "custom", "name": "c"}],
}
SEARCH = {"type": "web_search"}


def again(*tools: dict[str, Any]) -> list[dict[str, Any]]:
    return write_tools(asked(wire=OWN, tools=read_tools(list(tools))), Saying(OWN))


@pytest.mark.parametrize(
    "tool",
    [
        FUNCTION,
        {**FUNCTION, "description": "d", "strict": True, "defer_loading": True},
        {"type": "function", "name": "f"},
        {**FUNCTION, "strict": "odd"},
        {"type": "custom", "name": "c", "description": "d", "format": {"type": "text"}, "x": 1},
        NAMESPACE,
        {"type": "namespace", "name": "n", "tools": [FUNCTION]},
        {"type": "namespace", "name": "n", "tools": []},
        {"type": "namespace", "tools": [FUNCTION]},
        {"type": "namespace", "name": "n", "tools": [FUNCTION, SEARCH]},
        SEARCH,
        {"type": "function"},
        {"type": "function", "name": "f", "description": 7},
        {"type": ["function"], "name": "f"},
    ],
)
def test_a_tool_comes_back(tool: dict[str, Any]) -> None:
    assert again(tool) == [tool]


def test_namespaces_are_put_together_again_and_kept_apart() -> None:
    tools: list[dict[str, Any]] = [FUNCTION, NAMESPACE, NAMESPACE, SEARCH, {**NAMESPACE, "name": "m"}, FUNCTION]
    assert again(*tools) == tools
    read = read_tools([NAMESPACE])
    assert [tool.namespace for tool in read if isinstance(tool, Tool)] == ["n", "n"]


@pytest.mark.parametrize("value", ["f", {}, [1]])
def test_tools_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(Malformed, match="tools"):
        read_tools(value)


def test_tools_of_another_format_are_written_as_their_clients_meant_them() -> None:
    say = Saying(CHAT)
    tools = (
        Tool("f", schema=SCHEMA, cache=CacheHint(), extras={"x": 1}),
        Tool("g", "d", strict=True),
        Tool("c", custom=True, grammar={"type": "text"}),
        Tool("a", schema=SCHEMA, namespace="n"),
        Tool("b", schema=SCHEMA, namespace="n"),
        Opaque(Format.GEMINI, {"googleSearch": {}}),
    )
    inner = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in ("a", "b")]
    assert write_tools(asked(tools=tools), say) == [
        {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False},
        {"type": "function", "name": "g", "description": "d", "parameters": {"type": "object", "properties": {}},
         "strict": True},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "namespace", "name": "n", "description": "n", "tools": inner},
    ]  # fmt: skip
    expected = ["tools[0].cache dropped setting", "tools[0].extras.x dropped setting", "tools[5] dropped setting"]
    assert paths(say.losses) == expected


ALLOWED = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("auto", ToolMode.AUTO),
        ("none", ToolMode.NONE),
        ("required", ToolMode.REQUIRED),
        ({"type": "function", "name": "f"}, ToolMode.NAMED),
        ({"type": "custom", "name": "f", "x": 1}, ToolMode.NAMED),
        (ALLOWED, ToolMode.REQUIRED),
        ({**ALLOWED, "mode": "auto"}, ToolMode.AUTO),
        ({**ALLOWED, "mode": ["odd"]}, ToolMode.AUTO),
        ({"type": "file_search"}, ToolMode.REQUIRED),
        ({"type": "function"}, ToolMode.REQUIRED),
    ],
)
def test_a_choice_comes_back(value: Any, mode: ToolMode) -> None:
    choice = read_choice(value)
    assert choice is not None
    assert choice.mode is mode
    assert write_choice(choice, Saying(OWN)) == value


@pytest.mark.parametrize("value", ["some", 7, {}, {"type": []}, []])
def test_a_choice_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(Malformed, match="tool_choice"):
        read_choice(value)


def test_no_choice_is_no_choice() -> None:
    assert read_choice(None) is None
    assert read_tools(None) == ()


def test_a_choice_of_another_format_is_written() -> None:
    say = Saying(CHAT)
    assert write_choice(ToolChoice(ToolMode.NAMED, "f", extras={"x": 1}), say) == {"type": "function", "name": "f"}
    assert paths(say.losses) == ["tool_choice.extras.x dropped setting"]


@pytest.mark.parametrize(
    ("tools", "choice", "pins"),
    [
        ([FUNCTION], None, []),
        ([FUNCTION, SEARCH], "auto", []),
        ([FUNCTION, {"type": "web_search_preview"}], None, []),
        ([FUNCTION, SEARCH], "required", []),
        ([SEARCH], None, ["tools: web_search"]),
        ([FUNCTION, SEARCH], {"type": "web_search"}, ["tools: web_search"]),
        ([FUNCTION, SEARCH], {"type": "allowed_tools", "mode": "required", "tools": [SEARCH]}, ["tools: web_search"]),
        ([FUNCTION, SEARCH], {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]}, []),
        ([FUNCTION, SEARCH], {"type": "allowed_tools", "mode": "required", "tools": [SEARCH, FUNCTION]}, []),
        ([FUNCTION, {"type": "mcp"}, {}], None, ["tools: mcp", "tools: unnamed"]),
        ([FUNCTION, {"type": "namespace", "name": "n", "tools": []}], None, []),
    ],
)
def test_tools_that_the_provider_runs_bind_a_request(tools: Any, choice: Any, pins: list[str]) -> None:
    assert [pin.feature for pin in tool_pins(read_tools(tools), read_choice(choice))] == pins
