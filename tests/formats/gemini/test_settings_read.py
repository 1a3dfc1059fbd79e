"""Reading the settings of a request."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.ir.request import OutputSpec, Sampling, Thinking, ToolChoice, ToolMode
from tests.formats.gemini.asking import read


def config(**members: Any) -> Any:
    return read(generationConfig=members)


def test_sampling_is_read() -> None:
    found = config(temperature=0, topP=0.5, top_k=3.0, presencePenalty=1, frequencyPenalty=-1, seed=7)
    assert found.sampling == Sampling(0, 0.5, 3.0, 1, -1, 7)
    assert found.extras is None


OUTPUTS: list[tuple[dict[str, Any], OutputSpec | None]] = [
    ({}, None),
    ({"responseMimeType": "text/plain"}, None),
    ({"responseMimeType": "text/x.enum", "responseSchema": {"enum": ["a"]}}, None),
    ({"responseMimeType": "application/json"}, OutputSpec()),
    (
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        OutputSpec({"type": "object"}),
    ),
    (
        {"response_mime_type": "application/json", "response_schema": {"type": "OBJECT"}},
        OutputSpec({"type": "object"}, extras={"=responseSchema": {"type": "OBJECT"}}),
    ),
    (
        {"responseJsonSchema": {}, "responseSchema": {"type": "OBJECT"}},
        OutputSpec({}, extras={"=responseMimeType": None, "=responseSchema": {"type": "OBJECT"}}),
    ),
]


@pytest.mark.parametrize(("members", "expected"), OUTPUTS)
def test_structured_output_is_read(members: dict[str, Any], expected: OutputSpec | None) -> None:
    found = config(**members)
    assert found.output == expected
    kept = {} if expected else {f"generationConfig.{name}": value for name, value in members.items()}
    assert (found.extras or {}) == kept


THINKING: list[tuple[dict[str, Any], Thinking | None]] = [
    ({}, None),
    ({"thinkingBudget": 0}, Thinking(enabled=False, budget=0)),
    ({"thinkingBudget": -1}, Thinking(enabled=True, extras={"=thinkingBudget": -1})),
    ({"thinking_budget": 128, "include_thoughts": True}, Thinking(budget=128, visible=True)),
    ({"thinkingLevel": "LOW", "includeThoughts": "x"}, Thinking(effort="low")),
    ({"thinkingLevel": "low"}, Thinking(effort="low", extras={"=thinkingLevel": "low"})),
    (
        {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED", "x": 1},
        Thinking(extras={"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED", "x": 1}),
    ),
]


@pytest.mark.parametrize(("members", "expected"), THINKING)
def test_thinking_is_read(members: dict[str, Any], expected: Thinking | None) -> None:
    assert config(thinkingConfig=members).thinking == expected


CHOICES: list[tuple[dict[str, Any], ToolChoice | None, dict[str, Any]]] = [
    ({}, None, {}),
    ({"functionCallingConfig": {}}, None, {}),
    ({"functionCallingConfig": {"mode": "AUTO"}}, ToolChoice(ToolMode.AUTO), {}),
    ({"functionCallingConfig": {"mode": "any"}}, ToolChoice(ToolMode.REQUIRED, extras={"=mode": "any"}), {}),
    ({"functionCallingConfig": {"mode": "NONE", "x": 1}}, ToolChoice(ToolMode.NONE, extras={"x": 1}), {}),
    ({"functionCallingConfig": {"mode": "VALIDATED"}}, ToolChoice(ToolMode.AUTO, extras={"mode": "VALIDATED"}), {}),
    ({"functionCallingConfig": {"mode": "ANY", "allowed_function_names": ["f"]}}, ToolChoice(ToolMode.NAMED, "f"), {}),
    (
        {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, "retrievalConfig": {}},
        ToolChoice(ToolMode.REQUIRED, extras={"allowedFunctionNames": ["f", "g"]}),
        {"toolConfig.retrievalConfig": {}},
    ),
    (
        {"functionCallingConfig": {"mode": "MODE_UNSPECIFIED"}},
        None,
        {"toolConfig.functionCallingConfig": {"mode": "MODE_UNSPECIFIED"}},
    ),
]


@pytest.mark.parametrize(("members", "expected", "extras"), CHOICES)
def test_the_choice_of_tools_is_read(
    members: dict[str, Any], expected: ToolChoice | None, extras: dict[str, Any]
) -> None:
    found = read(toolConfig=members)
    assert found.tool_choice == expected
    assert (found.extras or {}) == extras


PINS: list[tuple[dict[str, Any], list[str]]] = [
    ({"cachedContent": "cachedContents/a"}, ["cachedContent"]),
    ({"generationConfig": {"candidateCount": 2}}, ["generationConfig.candidateCount"]),
    ({"generationConfig": {"candidateCount": 1}}, []),
    ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, ["generationConfig.responseModalities"]),
    ({"generationConfig": {"responseModalities": ["TEXT"]}}, []),
]


@pytest.mark.parametrize(("members", "pins"), PINS)
def test_what_only_this_formats_providers_can_keep_is_pinned(members: dict[str, Any], pins: list[str]) -> None:
    found = read(**members)
    assert [pin.feature for pin in found.pins] == pins
    assert all(name.startswith("=") for name in found.extras or {}) or pins


@pytest.mark.parametrize(
    "members",
    [
        {"generationConfig": []},
        {"generationConfig": {"temperature": "hot"}},
        {"generationConfig": {"seed": 1.5}},
        {"generationConfig": {"responseMimeType": 3}},
        {"generationConfig": {"stopSequences": [3]}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": 3}}},
        {"toolConfig": {"functionCallingConfig": {"mode": 3}}},
    ],
)
def test_what_cannot_be_understood_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(**members)
