"""Writing the settings of a request of another format."""

from typing import Any

import pytest

from omniroute.formats.gemini.settings_write import write_choice, write_config
from omniroute.ir.request import OutputSpec, Sampling, Thinking, ToolChoice, ToolMode
from tests.formats.gemini.asking import foreign

CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, []),
    ({"sampling": Sampling(temperature=0, top_k=3)}, {"temperature": 0, "topK": 3}, []),
    ({"max_output": 9, "stop": ("a",)}, {"maxOutputTokens": 9, "stopSequences": ["a"]}, []),
    ({"stop": tuple("abcdef")}, {"stopSequences": list("abcde")}, ["stop"]),
    ({"output": OutputSpec()}, {"responseMimeType": "application/json"}, []),
    (
        {"output": OutputSpec({"a": 1}, "n", "d", strict=True, extras={"x": 1})},
        {"responseMimeType": "application/json", "responseJsonSchema": {"a": 1}},
        ["output.extras.x", "output.name", "output.description", "output.strict"],
    ),
    ({"thinking": Thinking()}, {}, []),
    ({"thinking": Thinking(enabled=False, budget=9)}, {"thinkingConfig": {"thinkingBudget": 0}}, []),
    (
        {"thinking": Thinking(enabled=True, visible=True)},
        {"thinkingConfig": {"thinkingBudget": -1, "includeThoughts": True}},
        [],
    ),
    (
        {"thinking": Thinking(budget=2000, extras={"x": 1})},
        {"thinkingConfig": {"thinkingBudget": 2000}},
        ["thinking.extras.x"],
    ),
    (
        {"thinking": Thinking(enabled=True, budget=31_999)},
        {"thinkingConfig": {"thinkingBudget": 24_576}},
        ["thinking.budget"],
    ),
    ({"thinking": Thinking(effort="low")}, {"thinkingConfig": {"thinkingBudget": 1024}}, ["thinking.effort"]),
    ({"thinking": Thinking(effort="max")}, {"thinkingConfig": {"thinkingBudget": 24_576}}, ["thinking.effort"]),
    ({"thinking": Thinking(effort="none")}, {"thinkingConfig": {"thinkingBudget": 0}}, ["thinking.effort"]),
]


@pytest.mark.parametrize(("members", "expected", "lost"), CASES)
def test_settings_are_said_and_what_is_not_is_named(
    members: dict[str, Any], expected: dict[str, Any], lost: list[str]
) -> None:
    config, losses = write_config(foreign(**members), own=False)
    assert config == expected
    assert [loss.path for loss in losses] == lost


@pytest.mark.parametrize(
    ("choice", "expected", "lost"),
    [
        (None, {}, []),
        (ToolChoice(ToolMode.AUTO, extras={"x": 1}), {"mode": "AUTO"}, ["tool_choice.extras.x"]),
        (ToolChoice(ToolMode.NONE), {"mode": "NONE"}, []),
        (ToolChoice(ToolMode.REQUIRED), {"mode": "ANY"}, []),
        (ToolChoice(ToolMode.NAMED, "f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}, []),
    ],
)
def test_the_choice_of_tools_is_said(choice: ToolChoice | None, expected: dict[str, Any], lost: list[str]) -> None:
    config, losses = write_choice(choice, own=False)
    assert config == ({"functionCallingConfig": expected} if expected else {})
    assert [loss.path for loss in losses] == lost
