"""How much a model is to think."""

from typing import Any

import pytest

from omniroute.ir.request import Thinking
from tests.formats.openai_chat.passage import foreign, read, returned, user


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({}, None),
        ({"reasoning_effort": "low"}, Thinking(effort="low")),
        ({"reasoning_effort": "extreme"}, None),
        ({"reasoning_effort": 3}, None),
        ({"reasoning": {"effort": "high"}}, Thinking(effort="high", extras={"=reasoning": {"effort": "high"}})),
        ({"reasoning": {"effort": "odd"}}, None),
        ({"reasoning": "odd"}, None),
        (
            {"reasoning": {"max_tokens": 9, "enabled": True, "exclude": True, "summary": "auto"}},
            Thinking(
                *(True, None, 9, False),
                extras={
                    "=reasoning": {"max_tokens": 9, "enabled": True, "exclude": True, "summary": "auto"},
                    "reasoning": {"summary": "auto"},
                },
            ),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            Thinking(True, None, 9, extras={"=thinking": {"type": "enabled", "budget_tokens": 9}}),
        ),
        ({"thinking": {"type": "disabled"}}, Thinking(False, extras={"=thinking": {"type": "disabled"}})),
        ({"thinking": {"budget_tokens": 3}}, None),
        ({"thinking": "on"}, None),
        ({"enable_thinking": False}, Thinking(False, extras={"=enable_thinking": False})),
        ({"enable_thinking": "no"}, None),
        (
            {"reasoning_effort": "low", "enable_thinking": True},
            Thinking(True, "low", extras={"=reasoning_effort": "low", "=enable_thinking": True}),
        ),
    ],
)
def test_what_many_servers_call_thinking_is_read_and_put_back(
    fields: dict[str, Any], thinking: Thinking | None
) -> None:
    assert read(**fields).thinking == thinking
    assert {name: value for name, value in returned(**fields).items() if name != "messages"} == fields


@pytest.mark.parametrize(
    ("thinking", "effort", "losses"),
    [
        (Thinking(effort="max"), "max", []),
        (Thinking(True, "low"), "low", []),
        (Thinking(budget=8_000), "medium", ["thinking.budget approximated"]),
        (Thinking(True, budget=30_000, visible=True), "high", ["thinking.budget approximated"]),
        (Thinking(True), "medium", ["thinking.enabled approximated"]),
        (Thinking(False), None, ["thinking.enabled dropped"]),
        (Thinking(budget=0), None, ["thinking.budget dropped"]),
        (Thinking(effort="none"), "none", []),
        (Thinking(visible=False), None, ["thinking.visible dropped"]),
        (Thinking(effort="low", extras={"a": 1}), "low", ["thinking.extras.a dropped"]),
    ],
)
def test_another_formats_wish_is_said_as_an_effort(thinking: Thinking, effort: str | None, losses: list[str]) -> None:
    body, found = foreign(user(), thinking=thinking)
    assert body.get("reasoning_effort") == effort
    assert [f"{path} {kind}" for path, kind, _ in found] == losses
