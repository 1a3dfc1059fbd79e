"""Tools, and the choice between them."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.openai_chat.content import OWN
from omniroute.ir.parts import CacheHint, Opaque
from omniroute.ir.request import Tool, ToolChoice, ToolMode
from omniroute.names import Format
from tests.formats.openai_chat.passage import foreign, read, returned, user

F = {"type": "function", "function": {"name": "f"}}
GRAMMAR = {"syntax": "lark", "definition": "start: x"}


@pytest.mark.parametrize(
    ("tool", "known"),
    [
        (F, Tool("f")),
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}, "strict": False}},
            Tool("f", "d", {}, False),
        ),
        (
            {"type": "function", "new": 1, "function": {"name": "f", "more": 2, "strict": "very", "description": 3}},
            Tool("f", extras={"new": 1, "function": {"more": 2, "strict": "very", "description": 3}}),
        ),
        ({**F, "cache_control": {"type": "ephemeral"}}, Tool("f", cache=CacheHint())),
        ({"type": "custom", "custom": {"name": "c"}}, Tool("c", custom=True)),
        (
            {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": GRAMMAR}, "n": 1}},
            Tool("c", custom=True, grammar=GRAMMAR, extras={"custom": {"n": 1}}),
        ),
        (
            {"type": "custom", "custom": {"name": "c", "description": "d", "format": {"type": "text"}}},
            Tool(
                *("c", "d"),
                custom=True,
                extras={"=custom": {"name": "c", "description": "d", "format": {"type": "text"}}},
            ),
        ),
        (
            {"type": "custom", "custom": {"name": "c", "format": {"type": "new"}}},
            Tool("c", custom=True, extras={"custom": {"format": {"type": "new"}}}),
        ),
        ({"type": "browser", "x": 1}, Opaque(OWN, {"type": "browser", "x": 1})),
    ],
)
def test_a_tool_is_read_and_put_back(tool: Any, known: Tool | Opaque) -> None:
    assert read(tools=[tool]).tools == (known,)
    assert returned(tools=[tool])["tools"] == [tool]


def test_a_tool_without_a_type_is_a_function() -> None:
    assert returned(tools=[{"function": {"name": "f"}}])["tools"] == [F]


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ("f", "tools"),
        ([7], "tools[0]"),
        ([F, {"type": "function"}], "tools[1].function"),
        ([{"type": "custom", "custom": {"name": 7}}], "tools[0].custom"),
    ],
)
def test_what_is_no_tool_is_refused(tools: Any, param: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(tools=tools)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("choice", "known"),
    [
        ("auto", ToolChoice(ToolMode.AUTO)),
        ("none", ToolChoice(ToolMode.NONE)),
        ("required", ToolChoice(ToolMode.REQUIRED)),
        ("any", ToolChoice(ToolMode.REQUIRED, extras={"=mode": "any"})),
        ("sometimes", None),
        (7, None),
        ({"type": "new"}, None),
        ({"type": "new", "new": {}}, None),
        ({"type": ["function"]}, None),
        ({"type": "function", "function": {}}, None),
        (F, ToolChoice(ToolMode.NAMED, "f")),
        ({"type": "custom", "custom": {"name": "c"}}, ToolChoice(ToolMode.NAMED, "c", custom=True)),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "odd"}}, None),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}},
            ToolChoice(ToolMode.REQUIRED, extras={"allowed_tools": {"mode": "required", "tools": [F]}}),
        ),
    ],
)
def test_a_choice_is_read_and_put_back(choice: Any, known: ToolChoice | None) -> None:
    assert read(tool_choice=choice).tool_choice == known
    assert returned(tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize(
    ("tools", "choice", "pins"),
    [
        ([{"type": "browser"}], None, ["tools: browser"]),
        ([{"type": "web_search"}], None, ["tools: web_search"]),
        ([F, {"type": "web_search"}], "auto", []),
        ([F, {"type": "web_search"}], {"type": "web_search"}, ["tools: web_search"]),
        ([F, {"type": "browser"}], None, ["tools: browser"]),
    ],
)
def test_a_tool_that_the_provider_runs_binds_the_request(tools: Any, choice: Any, pins: list[str]) -> None:
    assert [pin.feature for pin in read(tools=tools, tool_choice=choice).pins] == pins


def test_tools_of_another_format_lose_what_this_one_has_no_place_for() -> None:
    tools = (Tool("f", cache=CacheHint(), extras={"x": 1}), Opaque(Format.GEMINI, {}))
    body, losses = foreign(user(), tools=tools, tool_choice=ToolChoice(ToolMode.NAMED, "f", extras={"y": 1}))
    assert body["tools"] == [F]
    assert body["tool_choice"] == F
    assert [path for path, _, _ in losses] == [
        "tools[0].extras.x",
        "tools[0].cache",
        "tools[1]",
        "tool_choice.extras.y",
    ]
