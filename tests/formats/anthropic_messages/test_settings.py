"""Settings of other formats are brought within the limits of this one, and every change is told."""

from typing import Any

import pytest

from omniroute.formats.anthropic_messages.settings import (
    closed,
    fit_thinking,
    write_output,
    write_sampling,
    write_stop,
    write_thinking,
)
from omniroute.formats.codec import ThinkingMode
from omniroute.ir.loss import Loss
from omniroute.ir.request import GenerateRequest, OutputSpec, Sampling, Thinking, ToolChoice, ToolMode
from tests.formats.anthropic_messages.samples import OTHER, OWN

ON = {"thinking": {"type": "adaptive"}}
OBJECT = {"type": "object"}
CLOSED = {"type": "object", "additionalProperties": False}
FORCED = ToolChoice(ToolMode.REQUIRED)


def paths(losses: list[Loss]) -> list[str]:
    return [loss.path for loss in losses]


@pytest.mark.parametrize(
    ("thinking", "body", "lost"),
    [
        (None, {}, []),
        (Thinking(), {}, []),
        (Thinking(enabled=True), ON, []),
        (Thinking(enabled=False), {"thinking": {"type": "disabled"}}, []),
        (Thinking(effort="none", visible=True), {"thinking": {"type": "disabled"}}, ["thinking.visible"]),
        (Thinking(budget=0), {"thinking": {"type": "disabled"}}, []),
        (Thinking(effort="high"), {**ON, "output_config": {"effort": "high"}}, []),
        (Thinking(effort="minimal"), {**ON, "output_config": {"effort": "low"}}, ["thinking.effort"]),
        (Thinking(effort="odd"), {**ON, "output_config": {"effort": "medium"}}, ["thinking.effort"]),
        (Thinking(budget=-1), ON, []),
        (Thinking(visible=True), {}, ["thinking.visible"]),
        (Thinking(enabled=True, visible=True), {"thinking": {"type": "adaptive", "display": "summarized"}}, []),
        (
            Thinking(budget=2000, visible=False, extras={"x": 1}),
            {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
            ["thinking.extras.x"],
        ),
        (Thinking(budget=5), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, ["thinking.budget"]),
    ],
)
def test_thinking_is_written(thinking: Thinking | None, body: dict[str, Any], lost: list[str]) -> None:
    written: dict[str, Any] = {}
    losses: list[Loss] = []
    write_thinking(written, GenerateRequest(OTHER, "m", (), thinking=thinking), losses, own=False)
    assert written == body
    assert paths(losses) == lost


@pytest.mark.parametrize(
    ("budget", "longest", "said", "lost"),
    [
        (2000, 4000, 2000, []),
        (4000, 4000, 2000, ["thinking.budget"]),
        (4000, 1500, 1024, ["thinking.budget"]),
        (4000, 1024, None, ["thinking"]),
        (1024, 1025, 1024, []),
    ],
)
def test_a_budget_leaves_room_for_an_answer(budget: int, longest: int, said: int | None, lost: list[str]) -> None:
    written: dict[str, Any] = {}
    losses: list[Loss] = []
    asked = GenerateRequest(OTHER, "m", (), thinking=Thinking(budget=budget), max_output=longest)
    write_thinking(written, asked, losses, own=False)
    assert written == ({} if said is None else {"thinking": {"type": "enabled", "budget_tokens": said}})
    assert paths(losses) == lost


def test_a_budget_gives_way_to_a_tool_that_must_be_called() -> None:
    written: dict[str, Any] = {}
    losses: list[Loss] = []
    asked = GenerateRequest(OTHER, "m", (), thinking=Thinking(effort="low", budget=2000), tool_choice=FORCED)
    write_thinking(written, asked, losses, own=False)
    assert written == {"output_config": {"effort": "low"}}
    assert paths(losses) == ["thinking"]


@pytest.mark.parametrize(
    ("thinking", "body"),
    [
        (Thinking(effort="odd"), {"output_config": {"effort": "odd"}}),
        (
            Thinking(True, None, 5, True, {"=type": "enabled", "x": 1}),
            {"thinking": {"type": "enabled", "budget_tokens": 5, "display": "summarized", "x": 1}},
        ),
        (
            Thinking(True, None, None, False, {"=type": "adaptive"}),
            {"thinking": {"type": "adaptive", "display": "omitted"}},
        ),
    ],
)
def test_thinking_of_this_format_is_written_as_it_was(thinking: Thinking, body: dict[str, Any]) -> None:
    written: dict[str, Any] = {}
    write_thinking(written, GenerateRequest(OWN, "m", (), thinking=thinking), [], own=True)
    assert written == body


@pytest.mark.parametrize(
    ("sampling", "thinks", "said", "lost"),
    [
        (Sampling(), False, {}, []),
        (Sampling(0.5, None, 7), False, {"temperature": 0.5, "top_k": 7}, []),
        (Sampling(1.5), False, {"temperature": 1}, ["temperature"]),
        (Sampling(0.5, 0.9), False, {"temperature": 0.5}, ["top_p"]),
        (Sampling(None, 0.5), False, {"top_p": 0.5}, []),
        (Sampling(1), True, {"temperature": 1}, []),
        (Sampling(0.5, 0.5, 7), True, {"top_p": 0.95}, ["temperature", "top_k", "top_p"]),
        (Sampling(None, 0.97), True, {"top_p": 0.97}, []),
        (Sampling(None, None, None, 1, 0, 7), False, {}, ["presence_penalty", "frequency_penalty", "seed"]),
    ],
)
def test_sampling_is_written(
    sampling: Sampling,
    thinks: bool,
    said: dict[str, Any],
    lost: list[str],
) -> None:
    written: dict[str, Any] = dict(ON) if thinks else {}
    losses: list[Loss] = []
    write_sampling(written, sampling, losses, own=False)
    assert {name: value for name, value in written.items() if name != "thinking"} == said
    assert paths(losses) == [f"sampling.{name}" for name in lost]


def test_sampling_of_this_format_is_written_as_it_was() -> None:
    written: dict[str, Any] = dict(ON)
    write_sampling(written, Sampling(1.5, 0.2, 7), [], own=True)
    assert written == {**ON, "temperature": 1.5, "top_p": 0.2, "top_k": 7}


@pytest.mark.parametrize(
    ("output", "schema", "lost"),
    [
        (None, None, []),
        (OutputSpec(), None, ["output"]),
        (OutputSpec(CLOSED), CLOSED, []),
        (
            OutputSpec(OBJECT, "n", "d", strict=False, extras={"x": 1}),
            CLOSED,
            ["output.extras.x", "output.schema", "output.name", "output.description", "output.strict"],
        ),
    ],
)
def test_the_form_of_the_answer_is_written(output: OutputSpec | None, schema: Any, lost: list[str]) -> None:
    written: dict[str, Any] = {}
    losses: list[Loss] = []
    write_output(written, output, losses, own=False)
    form = {"type": "json_schema", "schema": schema}
    assert written == ({} if schema is None else {"output_config": {"format": form}})
    assert paths(losses) == lost


def test_the_form_of_this_format_is_written_as_it_was() -> None:
    written: dict[str, Any] = {}
    write_output(written, OutputSpec(OBJECT, extras={"x": 1}), [], own=True)
    assert written == {"output_config": {"format": {"type": "json_schema", "schema": OBJECT, "x": 1}}}


def test_every_object_of_a_schema_is_closed_and_values_are_let_be() -> None:
    schema = {
        "properties": {"a": {"type": ["object", "null"]}, "b": {"anyOf": [OBJECT, True]}, "c": {"enum": [OBJECT]}},
        "items": {"type": "string"},
    }
    assert closed(schema) == {
        "properties": {
            "a": {"type": ["object", "null"], "additionalProperties": False},
            "b": {"anyOf": [CLOSED, True]},
            "c": {"enum": [OBJECT]},
        },
        "items": {"type": "string"},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(("own", "said", "lost"), [(False, ["x"], ["stop"]), (True, ["x", "\n"], [])])
def test_stop_sequences_of_white_space_are_refused_by_the_api(own: bool, said: list[str], lost: list[str]) -> None:
    written: dict[str, Any] = {}
    losses: list[Loss] = []
    write_stop(written, ("x", "\n"), losses, own=own)
    assert written == {"stop_sequences": said}
    assert paths(losses) == lost
    write_stop({}, (), losses, own=own)


ADAPTIVE, ENABLED = {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 8192}
FORMAT = {"format": {"type": "json_schema", "schema": {}}}


@pytest.mark.parametrize(
    ("mode", "sent", "said"),
    [
        (None, {"thinking": ADAPTIVE}, {"thinking": ADAPTIVE}),
        (None, {"thinking": ENABLED}, {"thinking": ENABLED}),
        (ThinkingMode.ADAPTIVE, {"thinking": ADAPTIVE}, {"thinking": ADAPTIVE}),
        (
            ThinkingMode.ADAPTIVE,
            {"thinking": {**ENABLED, "display": "omitted"}, "output_config": FORMAT},
            {"thinking": {**ADAPTIVE, "display": "omitted"}, "output_config": {"effort": "medium", **FORMAT}},
        ),
        (ThinkingMode.ADAPTIVE, {"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        (ThinkingMode.TOKENS, {}, {}),
        (ThinkingMode.TOKENS, {"thinking": ENABLED}, {"thinking": ENABLED}),
        (ThinkingMode.TOKENS, {"thinking": ADAPTIVE}, {"thinking": ENABLED}),
        (
            ThinkingMode.TOKENS,
            {"thinking": ADAPTIVE, "output_config": {"effort": "low", **FORMAT}},
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "output_config": FORMAT},
        ),
        (ThinkingMode.TOKENS, {"output_config": {"effort": "medium"}}, {"thinking": ENABLED}),
        (
            ThinkingMode.TOKENS,
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            {"thinking": {"type": "disabled"}},
        ),
        (
            ThinkingMode.TOKENS,
            {"thinking": ADAPTIVE, "max_tokens": 4000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000},
        ),
        (ThinkingMode.TOKENS, {"thinking": ADAPTIVE, "max_tokens": 900}, {"max_tokens": 900}),
        (
            ThinkingMode.TOKENS,
            {"thinking": ADAPTIVE, "tool_choice": {"type": "any"}},
            {"tool_choice": {"type": "any"}},
        ),
    ],
)
def test_thinking_is_asked_for_in_the_way_that_the_model_takes_it(
    mode: ThinkingMode | None, sent: dict[str, Any], said: dict[str, Any]
) -> None:
    assert fit_thinking(sent, mode) == said
