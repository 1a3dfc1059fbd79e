"""Combos that tell instructions of their own and leave tools out: from TOML to the bytes that reach the upstream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from omniroute.names import Format
from tests.support.client import fetch
from tests.support.gateway import RunningGateway, running
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream, json_answer
from tests.support.written import snapshot

SHELL = {"name": "shell", "parameters": {"type": "object", "properties": {}}}
READ = {"name": "read", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": SHELL}, {"type": "function", "function": READ}]
USER = {"role": "user", "content": "hi"}


@asynccontextmanager
async def before(
    combo: str, *, wire: Format = Format.OPENAI_CHAT, models: str = ""
) -> AsyncIterator[tuple[RunningGateway, ScriptedUpstream]]:
    """A gateway whose combo ``c`` has one target and what ``combo`` says."""
    base = "" if wire is Format.ANTHROPIC_MESSAGES else "/v1"
    async with ScriptedUpstream(default=chat_answer("Hello.")) as upstream:
        text = (
            f'[providers.p]\nbase_url = "{upstream.url}{base}"\nformats = ["{wire}"]\nauth = "none"\n{models}'
            f'[combos.c]\ntargets = ["p/m"]\n{combo}[combos.outer]\ntargets = ["c"]\n'
        )
        async with running(snapshot(text)) as gateway:
            yield gateway, upstream


TOLD = 'system_message = "Be brief."\ntool_filter = "^read$"\n'


async def asked(gateway: RunningGateway, path: str, body: dict[str, Any]) -> dict[str, str]:
    answer = await fetch(f"{gateway.url}{path}", {"model": "c", **body})
    assert answer.status == 200, answer.body
    return answer.headers


async def test_a_request_in_the_providers_own_format_is_shaped_and_its_answer_is_the_upstreams_bytes() -> None:
    body = {"messages": [{"role": "system", "content": "Old."}, USER], "tools": TOOLS, "tool_choice": "auto", "x": 1.0}
    async with before(TOLD) as (gateway, upstream):
        answer = await fetch(f"{gateway.url}/v1/chat/completions", {"model": "c", **body})
        [row] = await gateway.ended()
    [sent] = upstream.requests
    assert sent.json() == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, USER],
        "tools": TOOLS[1:],
        "tool_choice": "auto",
        "x": 1.0,
    }
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    assert "x-omniroute-loss" not in answer.headers
    assert row.losses == ""


async def test_a_stream_of_a_shaped_request_shows_no_usage_that_was_not_asked_for() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    async with before(TOLD) as (gateway, upstream):
        upstream.then(chat_stream(["Hel", "lo."], usage))
        answer = await fetch(f"{gateway.url}/v1/chat/completions", {"model": "c", "messages": [USER], "stream": True})
        [row] = await gateway.ended()
    assert (answer.text, b'"prompt_tokens"' in answer.body) == ("Hello.", False)
    assert upstream.requests[0].json()["stream_options"] == {"include_usage": True}
    assert (row.input_tokens, row.output_tokens) == (3, 2)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/messages",
            {
                "max_tokens": 9,
                "system": "Old.",
                "messages": [USER],
                "tools": [{"name": each["name"], "input_schema": each["parameters"]} for each in (SHELL, READ)],
                "tool_choice": {"type": "tool", "name": "shell"},
            },
        ),
        (
            "/v1/responses",
            {
                "instructions": "Old.",
                "input": [{"role": "developer", "content": "Older."}, USER],
                "tools": [{"type": "function", **each} for each in (SHELL, READ)],
                "tool_choice": {"type": "function", "name": "shell"},
            },
        ),
    ],
)
async def test_a_request_of_another_format_is_shaped_before_it_is_translated(path: str, body: dict[str, Any]) -> None:
    async with before(TOLD) as (gateway, upstream):
        headers = await asked(gateway, path, body)
    sent = upstream.requests[0].json()
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, USER]
    assert [each["function"]["name"] for each in sent["tools"]] == ["read"]
    assert sent["tool_choice"] == "auto"
    assert "tools" not in headers.get("x-omniroute-loss", "")


async def test_the_outermost_combo_says_what_is_made_of_a_request() -> None:
    async with before(TOLD) as (gateway, upstream):
        await fetch(f"{gateway.url}/v1/chat/completions", {"model": "outer", "messages": [USER], "tools": TOOLS})
    sent = upstream.requests[0].json()
    assert (sent["messages"], sent["tools"]) == ([USER], TOOLS)


async def test_a_model_that_can_call_no_tools_serves_where_all_are_left_out() -> None:
    models = '[providers.p.models.m]\ncapabilities = ["images"]\n'
    body = {"model": "c", "messages": [USER], "tools": TOOLS, "tool_choice": "required"}
    async with before('tool_filter = "^$"\n', models=models) as (gateway, upstream):
        served = await fetch(f"{gateway.url}/v1/chat/completions", body)
        refused = await fetch(f"{gateway.url}/v1/chat/completions", {**body, "model": "outer"})
    assert (served.status, refused.status) == (200, 422)
    assert [each.json() for each in upstream.requests] == [{"model": "m", "messages": [USER]}]


async def test_a_completion_cannot_be_told_instructions_in_its_own_format() -> None:
    async with before(TOLD, wire=Format.OPENAI_COMPLETIONS) as (gateway, upstream):
        answer = await fetch(f"{gateway.url}/v1/completions", {"model": "c", "prompt": "def f("})
    assert (answer.status, upstream.requests) == (422, [])
    assert "openai-completions has no place for a system message" in answer.json()["error"]["message"]


async def test_what_is_counted_is_the_request_as_it_is_shaped() -> None:
    body = {"model": "c", "system": "Old.", "messages": [USER], "tools": [{"name": "shell", "input_schema": {}}]}
    async with before(TOLD, wire=Format.ANTHROPIC_MESSAGES) as (gateway, upstream):
        upstream.then(json_answer({"input_tokens": 7}))
        answer = await fetch(f"{gateway.url}/v1/messages/count_tokens", body)
    assert answer.json() == {"input_tokens": 7}
    assert upstream.requests[0].json() == {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
