"""Counts of tokens: a provider's own where it has a counter, else an estimate that is marked as one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from omniroute.engine.count import TELLING
from omniroute.ir.estimate import AROUND
from omniroute.names import FailureKind, Format, Outcome
from omniroute.routing.failure import MEANING
from tests.support.client import Received, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import Script, ScriptedUpstream, error_answer, json_answer

BASES = {Format.OPENAI_CHAT: "/v1", Format.OPENAI_RESPONSES: "/v1", Format.GEMINI: "/v1beta"}
WORDS = "x" * 40
MESSAGES = {"model": "c", "messages": [{"role": "user", "content": WORDS}]}
ESTIMATED = 10 + AROUND


@asynccontextmanager
async def before(
    *wires: Format, default: Script | None = None
) -> AsyncIterator[tuple[RunningGateway, list[ScriptedUpstream]]]:
    """A gateway whose combo ``c`` has one target for each of these formats."""
    async with AsyncExitStack() as stack:
        upstreams, targets = [], []
        for number, wire in enumerate(wires):
            scripted = ScriptedUpstream() if default is None else ScriptedUpstream(default=default)
            upstream = await stack.enter_async_context(scripted)
            made = provider(f"p{number}", upstream.url + BASES.get(wire, ""), formats=(wire,))
            upstreams.append(upstream)
            targets.append(target(made, "m"))
        config = snapshot(*(each.provider for each in targets), combos=[combo("c", *targets)])
        yield await stack.enter_async_context(running(config)), upstreams


async def counted(
    gateway: RunningGateway, path: str = "/v1/messages/count_tokens", body: object = MESSAGES
) -> Received:
    return await fetch(f"{gateway.url}{path}", body)


async def test_a_provider_of_the_clients_format_is_asked_with_the_clients_own_bytes() -> None:
    body: dict[str, Any] = {**MESSAGES, "new_field": {"kept": [1.0]}}
    async with before(Format.ANTHROPIC_MESSAGES, default=json_answer({"input_tokens": 21})) as (gateway, [upstream]):
        answer = await counted(gateway, body=body)
        [row] = await gateway.ended()
    assert (answer.status, answer.json(), answer.headers["x-omniroute-count"]) == (
        200,
        {"input_tokens": 21},
        "provider",
    )
    [request] = upstream.requests
    assert (request.path, request.json()) == ("/v1/messages/count_tokens", {**body, "model": "m"})
    assert (row.outcome, row.target, row.input_tokens, row.asked) == (Outcome.OK, "p0/m", None, "c")


async def test_a_provider_of_another_format_that_can_count_is_asked_in_its_own() -> None:
    async with before(Format.GEMINI, default=json_answer({"totalTokens": 7})) as (gateway, [upstream]):
        answer = await counted(gateway)
    assert (answer.json(), answer.headers["x-omniroute-count"]) == ({"input_tokens": 7}, "provider")
    assert upstream.requests[0].path == "/v1beta/models/m:countTokens"
    assert WORDS in upstream.requests[0].body.decode()


@pytest.mark.parametrize("contents", [{"contents": [{"parts": [{"text": WORDS}]}]}, None])
async def test_geminis_two_shapes_of_a_count_are_understood(contents: dict[str, Any] | None) -> None:
    plain = {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    body = contents or {"generateContentRequest": {"model": "models/c", **plain}}
    async with before(Format.ANTHROPIC_MESSAGES, default=json_answer({"input_tokens": 3})) as (gateway, [upstream]):
        answer = await counted(gateway, "/v1beta/models/c:countTokens", body)
    assert (answer.status, answer.json()["totalTokens"]) == (200, 3)
    assert WORDS in upstream.requests[0].body.decode()
    async with before(Format.GEMINI, default=json_answer({"totalTokens": 4})) as (gateway, [upstream]):
        answer = await counted(gateway, "/v1beta/models/c:countTokens", body)
    assert answer.json()["totalTokens"] == 4
    whole = {"model": "models/m", "contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    assert upstream.requests[0].json() == (body if contents else {"generateContentRequest": whole})


async def test_where_nobody_can_count_there_is_an_estimate_that_says_so() -> None:
    async with before(Format.OPENAI_CHAT) as (gateway, [upstream]):
        answer = await counted(gateway)
        [row] = await gateway.ended()
    assert (answer.json(), answer.headers["x-omniroute-count"]) == ({"input_tokens": ESTIMATED}, "estimate")
    assert upstream.requests == []
    assert (row.outcome, row.status, row.target) == (Outcome.OK, 200, "")


async def test_the_next_counter_is_asked_where_the_first_fails_and_then_there_is_an_estimate() -> None:
    async with before(Format.ANTHROPIC_MESSAGES, Format.ANTHROPIC_MESSAGES) as (gateway, [first, second]):
        first.then(error_answer("busy", 529), error_answer("busy", 529))
        second.then(json_answer({"input_tokens": 5}), json_answer({"no": "count"}))
        assert (await counted(gateway)).json() == {"input_tokens": 5}
        estimate = await counted(gateway)
        rows = await gateway.ended(2)
    assert (estimate.status, estimate.headers["x-omniroute-count"]) == (200, "estimate")
    assert [each.failure for each in rows[0].attempts] == [FailureKind.BUSY, None]
    assert [each.failure for each in rows[1].attempts] == [FailureKind.MALFORMED]


async def test_what_is_the_requests_own_fault_is_told_and_not_hidden_behind_an_estimate() -> None:
    refusal = error_answer("messages: too odd", 400)
    async with before(Format.ANTHROPIC_MESSAGES, default=refusal) as (gateway, _):
        answer = await counted(gateway)
    assert (answer.status, answer.json()["type"]) == (400, "error")
    assert "too odd" in answer.json()["error"]["message"]


async def test_a_count_of_what_is_no_request_is_refused() -> None:
    async with before(Format.OPENAI_CHAT) as (gateway, _):
        assert (await counted(gateway, body={"messages": []})).status == 400
        assert (await counted(gateway, body={"model": "unknown", "messages": []})).status == 404


def test_only_failures_that_stop_a_request_are_told() -> None:
    assert {kind for kind in FailureKind if not MEANING[kind].moves} <= TELLING
