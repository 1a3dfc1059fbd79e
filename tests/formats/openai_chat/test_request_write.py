"""A Chat Completions request is written."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import Terms
from omniroute.formats.openai_chat.request_write import dress
from omniroute.ir.parts import Text
from omniroute.ir.request import Sampling, Tool, ToolChoice, ToolMode
from tests.formats.openai_chat.passage import HI, foreign, user

HELLO = user(Text("hi"))


def test_settings_of_another_format_are_written_in_openais_words() -> None:
    body, losses = foreign(
        HELLO,
        sampling=Sampling(0.5, 1, 40, 0.1, -0.1, 7),
        max_output=9,
        stop=("a", "b"),
        end_user="u",
        stream=True,
        extras={"x": 1, "=y": 2},
    )
    assert body == {
        "messages": [HI],
        "temperature": 0.5,
        "top_p": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "seed": 7,
        "stop": ["a", "b"],
        "max_completion_tokens": 9,
        "user": "u",
        "stream": True,
    }
    assert losses == [("sampling.top_k", "dropped", "setting"), ("extras.x", "dropped", "setting")]


@pytest.mark.parametrize(
    ("mode", "parallel", "losses"),
    [
        (None, None, []),
        (ToolMode.AUTO, True, []),
        (ToolMode.REQUIRED, False, ["tool_choice", "parallel_tools"]),
        (ToolMode.NONE, None, ["tool_choice"]),
    ],
)
def test_without_tools_nothing_is_said_of_them(mode: ToolMode | None, parallel: bool | None, losses: list[str]) -> None:
    choice = None if mode is None else ToolChoice(mode)
    body, found = foreign(HELLO, tool_choice=choice, parallel_tools=parallel)
    assert body == {"messages": [HI]}
    assert [path for path, _, _ in found] == losses


def test_with_tools_the_choice_is_said() -> None:
    body, losses = foreign(HELLO, tools=(Tool("f"),), tool_choice=ToolChoice(ToolMode.REQUIRED), parallel_tools=False)
    assert (body["tool_choice"], body["parallel_tool_calls"], losses) == ("required", False, [])


@pytest.mark.parametrize(
    ("body", "terms", "sent"),
    [
        ({}, Terms("m"), {}),
        ({"stream": True}, Terms("m"), {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": True}, Terms("m", stream_usage=False), {"stream": True}),
        (
            {"stream": True, "stream_options": {"x": 1}},
            Terms("m"),
            {"stream": True, "stream_options": {"x": 1, "include_usage": True}},
        ),
        ({"stream": True, "stream_options": [1]}, Terms("m"), {"stream": True, "stream_options": [1]}),
        ({"max_completion_tokens": 9, "max_tokens": 5}, Terms("m", 8), {"max_completion_tokens": 8, "max_tokens": 5}),
        ({"max_completion_tokens": 9}, Terms("m"), {"max_completion_tokens": 9}),
        ({"max_tokens": "many"}, Terms("m", 8), {"max_tokens": "many"}),
    ],
)
def test_a_body_is_dressed_for_its_target(body: dict[str, Any], terms: Terms, sent: dict[str, Any]) -> None:
    assert json.loads(dress(body, terms)) == {"model": "m", **sent}
