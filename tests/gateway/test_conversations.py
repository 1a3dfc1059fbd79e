"""A conversation stays with who answered it, whether its client names it or not; from TOML to the upstreams."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.client import fetch
from tests.support.corpus import NEEDS_TRAFFIC
from tests.support.gateway import RunningGateway, running
from tests.support.turns import turns
from tests.support.upstream import ScriptedUpstream, chat_answer
from tests.support.written import snapshot

USER, ANSWER = {"role": "user", "content": "Sort this."}, {"role": "assistant", "content": "Done."}
LATER = [USER, ANSWER, {"role": "user", "content": "Thanks."}]
KEEPS = 'capabilities = ["tools", "cache_hints"]'


@asynccontextmanager
async def shared_out(model: str = KEEPS, more: str = "") -> AsyncIterator[tuple[RunningGateway, ScriptedUpstream]]:
    """A gateway whose combo ``c`` takes turns among three models of one upstream."""
    async with ScriptedUpstream(default=chat_answer("Hello.")) as upstream:
        models = "".join(f"[providers.p.models.m{number}]\n{model}\n" for number in range(3))
        text = (
            f'[providers.p]\nbase_url = "{upstream.url}/v1"\nformats = ["openai-chat"]\nauth = "none"\n{models}'
            f'[combos.c]\nstrategy = "round-robin"\ntargets = ["p/m0", "p/m1", "p/m2"]\n{more}'
        )
        async with running(snapshot(text)) as gateway:
            yield gateway, upstream


async def ask(
    gateway: RunningGateway, messages: list[dict[str, Any]], headers: dict[str, str] | None = None, **more: Any
) -> dict[str, str]:
    body = {"model": "c", "messages": messages, **more}
    answer = await fetch(f"{gateway.url}/v1/chat/completions", body, headers=headers or {})
    assert answer.status == 200, answer.body
    return answer.headers


def models(upstream: ScriptedUpstream) -> list[str]:
    return [each.json()["model"] for each in upstream.requests]


async def test_a_conversation_without_a_name_stays_where_its_prompt_is_kept() -> None:
    async with shared_out() as (gateway, upstream):
        for messages in ([USER], LATER, LATER, LATER):
            headers = await ask(gateway, messages)
            assert "x-omniroute-session-id" not in headers
    assert models(upstream) == ["m0"] * 4


async def test_one_prompt_that_is_sent_again_and_again_is_still_shared_out() -> None:
    async with shared_out() as (gateway, upstream):
        for _ in range(6):
            await ask(gateway, [USER])
    assert Counter(models(upstream)) == {"m0": 2, "m1": 2, "m2": 2}


@pytest.mark.parametrize(
    ("model", "more"),
    [("", ""), (KEEPS, '[resilience]\nsticky = "explicit"\n'), (KEEPS, '[resilience]\nsticky = "off"\n')],
)
async def test_a_conversation_without_a_name_is_shared_out_where_nothing_is_kept_or_it_is_switched_off(
    model: str, more: str
) -> None:
    async with shared_out(model, more) as (gateway, upstream):
        for messages in ([USER], LATER, LATER):
            await ask(gateway, messages)
    assert len(set(models(upstream))) == 3


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"session_id": "s"}, {}), ({"X-OmniRoute-Session": "s"}, {}), ({}, {"prompt_cache_key": "s"})],
)
async def test_a_conversation_that_the_client_names_stays_and_is_named_in_the_answer(
    headers: dict[str, str], body: dict[str, Any]
) -> None:
    async with shared_out("") as (gateway, upstream):
        for _ in range(3):
            told = await ask(gateway, [USER], headers, **body)
            assert told["x-omniroute-session-id"] == "s"
    assert models(upstream) == ["m0"] * 3


async def test_what_is_switched_off_still_names_the_conversation_in_the_answer() -> None:
    async with shared_out(more='[resilience]\nsticky = "off"\n') as (gateway, upstream):
        told = [await ask(gateway, [USER], {"X-Session-Id": "s"}) for _ in range(3)]
    assert {each["x-omniroute-session-id"] for each in told} == {"s"}
    assert len(set(models(upstream))) == 3


@NEEDS_TRAFFIC
async def test_a_recorded_agent_without_a_name_for_its_conversation_stays() -> None:
    first, second = (turn.body for turn in turns("continue"))
    other = json.loads(json.dumps(first).replace("hello.txt", "other.txt"))
    async with shared_out() as (gateway, upstream):
        for body in (first, other, second, second):
            await ask(gateway, body["messages"], tools=body["tools"])
    assert models(upstream) == ["m0", "m1", "m0", "m0"]
