"""A request's settings, both ways."""

from typing import Any

import pytest

from omniroute.ir.request import OutputSpec, Sampling, Thinking
from tests.formats.openai_responses.exchange import asked, paths, read, write

SCHEMA = {"type": "json_schema", "name": "a", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    "members",
    [
        {"temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 7, "presence_penalty": 1, "frequency_penalty": -0.5},
        {"seed": 7.5, "temperature": "warm", "top_p": True},
        {"max_output_tokens": 5, "parallel_tool_calls": False},
        {"max_output_tokens": 5.5, "parallel_tool_calls": "no"},
        {"text": {"format": {"type": "text"}}},
        {"text": {"format": {"type": "text"}, "verbosity": "low"}},
        {"text": {"verbosity": "low"}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"text": {"format": SCHEMA}},
        {"text": {"format": {**SCHEMA, "description": "d", "strict": True, "x": 1}}},
        {"text": {"format": {"type": "json_schema", "schema": {}, "strict": "odd"}}},
        {"text": {"format": {"type": "json_schema", "name": "a"}}},
        {"text": {"format": {"type": "grammar"}}},
        {"text": "odd"},
        {"reasoning": {"effort": "high", "summary": "detailed", "context": "all_turns"}},
        {"reasoning": {}},
        {"reasoning": {"effort": 7, "summary": 7}},
        {"reasoning": "odd"},
        {"user": "u"},
        {"safety_identifier": "s"},
        {"safety_identifier": "s", "user": "u"},
        {"user": 7},
        {"store": False, "include": ["reasoning.encrypted_content"]},
        {"store": True, "include": []},
        {"include": ["x"], "metadata": {"k": "v"}},
    ],
)
def test_settings_come_back(members: dict[str, Any]) -> None:
    body, losses = write(read(input="hi", **members))
    del body["input"]
    assert body == members
    assert losses == ()


def test_settings_mean_what_they_mean_in_any_format() -> None:
    request = read(
        input="hi",
        text={"format": SCHEMA},
        reasoning={"effort": "low", "summary": "auto"},
        user="u",
        seed=7,
        store=False,
        include=["reasoning.encrypted_content"],
    )
    assert request.output == OutputSpec(schema={"type": "object"}, name="a")
    assert request.thinking == Thinking(effort="low", visible=True, extras={"=summary": "auto"})
    assert request.end_user == "u"
    assert request.sampling == Sampling(seed=7)
    assert set(request.extras or {}) == {"=user", "=store", "=include"}
    assert read(input="hi", safety_identifier="s", user="u").end_user == "s"


@pytest.mark.parametrize(
    ("members", "pins"),
    [
        ({"previous_response_id": "r", "conversation": "c"}, ["previous_response_id", "conversation"]),
        ({"prompt": {"id": "p"}, "context_management": [{}]}, ["prompt", "context_management"]),
        ({"store": True, "background": True}, ["store", "background"]),
        ({"store": False, "background": False, "prompt_cache_key": "k", "client_metadata": {}}, []),
    ],
)
def test_what_is_kept_on_the_server_binds_a_request(members: dict[str, Any], pins: list[str]) -> None:
    assert [pin.feature for pin in read(input="hi", **members).pins] == pins


@pytest.mark.parametrize(
    ("more", "member", "lost"),
    [
        ({"sampling": Sampling(temperature=1, top_k=5)}, ("temperature", 1), ["sampling.top_k dropped setting"]),
        ({"stop": ("x",)}, None, ["stop dropped setting"]),
        ({"end_user": "u"}, ("safety_identifier", "u"), []),
        ({"stream": True}, ("stream", True), []),
        ({"extras": {"logit_bias": {}, "=max_tokens": 1}}, None, ["extras.logit_bias dropped setting"]),
        ({"output": OutputSpec(extras={"x": 1})}, ("text", {"format": {"type": "json_object"}}),
         ["output.extras.x dropped setting"]),
        ({"output": OutputSpec(name="a", strict=True)}, ("text", {"format": {"type": "json_object"}}),
         ["output.name dropped setting", "output.strict dropped setting"]),
        ({"output": OutputSpec(schema={})},
         ("text", {"format": {"type": "json_schema", "name": "output", "schema": {}}}), []),
        ({"thinking": Thinking(enabled=False)}, ("reasoning", {"effort": "none"}), []),
        ({"thinking": Thinking(budget=2000, visible=True)}, ("reasoning", {"effort": "medium", "summary": "auto"}),
         ["thinking.budget approximated setting"]),
        ({"thinking": Thinking(enabled=True)}, ("reasoning", {"effort": "medium"}),
         ["thinking.enabled approximated setting"]),
        ({"thinking": Thinking(effort="low", budget=5)}, ("reasoning", {"effort": "low"}),
         ["thinking.budget dropped setting"]),
        ({"thinking": Thinking(visible=False, extras={"x": 1})}, ("reasoning", {}),
         ["thinking.extras.x dropped setting"]),
    ],
)  # fmt: skip
def test_settings_of_another_format_are_written_or_losses(
    more: dict[str, Any], member: tuple[str, Any] | None, lost: list[str]
) -> None:
    body, losses = write(asked(**more))
    assert paths(losses) == lost
    assert member is None or body[member[0]] == member[1]


def test_nothing_of_another_formats_request_is_stored_and_reasoning_can_be_sent_back() -> None:
    thinking, _ = write(asked(thinking=Thinking(effort="low")))
    plain, _ = write(asked())
    assert (thinking["store"], thinking["include"]) == (False, ["reasoning.encrypted_content"])
    assert plain["store"] is False
    assert "include" not in plain
