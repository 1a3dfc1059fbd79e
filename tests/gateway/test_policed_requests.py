"""What a policy makes of its keys' requests, and what it lets nothing be lost of; from TOML to the upstream's bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from tests.support.client import Received, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.upstream import ScriptedUpstream, chat_answer
from tests.support.written import snapshot

USER = {"role": "user", "content": "hi"}
CHAT = {"model": "c", "messages": [{"role": "system", "content": "Old."}, USER]}
MESSAGES = {"model": "c", "max_tokens": 9, "messages": [USER]}


@asynccontextmanager
async def under(
    policy: str, *, targets: str = '"p/thinks"', formats: str = '"openai-chat"'
) -> AsyncIterator[tuple[RunningGateway, ScriptedUpstream]]:
    """A gateway with a key ``ruled`` of a policy, and keys ``free`` and ``other`` without one."""
    keys = "".join(
        f'[keys.{name}]\nsha256 = "{sha256(name.encode()).hexdigest()}"\n{more}'
        for name, more in (("ruled", 'policy = "strict"\n'), ("free", ""), ("other", ""))
    )
    async with ScriptedUpstream(default=chat_answer("Hello.")) as upstream:
        text = (
            f'[providers.p]\nbase_url = "{upstream.url}/v1"\nformats = [{formats}]\nauth = "none"\n'
            '[providers.p.models.thinks]\ncapabilities = ["thinking"]\n[providers.p.models.plain]\n'
            f'[combos.c]\nstrategy = "round-robin"\ntargets = [{targets}]\n[policies.strict]\n{policy}{keys}'
        )
        async with running(snapshot(text)) as gateway:
            yield gateway, upstream


async def ask(
    gateway: RunningGateway,
    body: dict[str, Any],
    key: str = "ruled",
    path: str = "/v1/chat/completions",
    **headers: str,
) -> Received:
    return await fetch(f"{gateway.url}{path}", body, headers={"authorization": f"Bearer {key}", **headers})


async def test_a_policy_sets_the_budget_and_the_instructions_of_its_keys_alone() -> None:
    policy = (
        'thinking_budget = { mode = "custom", budget = 1024 }\nsystem_prompt = { mode = "append", text = "New." }\n'
    )
    async with under(policy) as (gateway, upstream):
        for key in ("ruled", "free"):
            assert (await ask(gateway, CHAT, key)).status == 200
    ruled, free = (each.json() for each in upstream.requests)
    assert ruled == {
        "model": "thinks",
        "messages": [CHAT["messages"][0], {"role": "system", "content": "New."}, USER],
        "reasoning_effort": "low",
    }
    assert free == CHAT | {"model": "thinks"}


async def test_a_policy_that_says_nothing_of_a_request_leaves_its_bytes_alone() -> None:
    async with under('thinking_budget = { mode = "auto" }\n') as (gateway, upstream):
        body = b'{ "messages" : [{"role":"user","content":"hi"}],"model":"p/plain","x":1.0}'
        answer = await fetch(f"{gateway.url}/v1/chat/completions", body, headers={"authorization": "Bearer ruled"})
    assert answer.status == 200
    assert upstream.requests[0].body == body.replace(b"p/plain", b"plain")


async def test_where_nothing_may_be_lost_a_request_that_would_lose_a_setting_is_refused_with_its_name() -> None:
    async with under('on_loss = "refuse"\n') as (gateway, upstream):
        kept = await ask(gateway, MESSAGES, path="/v1/messages")
        lost = await ask(gateway, MESSAGES | {"top_k": 5}, path="/v1/messages")
        free = await ask(gateway, MESSAGES | {"top_k": 5}, "free", path="/v1/messages")
    assert (kept.status, lost.status, free.status) == (200, 422, 200)
    assert "sampling.top_k" in lost.json()["error"]["message"]
    assert free.headers["x-omniroute-loss"] == "top_k dropped"
    assert len(upstream.requests) == 2


async def test_two_keys_that_name_their_conversations_alike_stay_apart() -> None:
    async with under("", targets='"p/thinks", "p/plain"') as (gateway, upstream):
        for key in ("free", "other", "other", "free", "free"):
            answer = await ask(gateway, CHAT, key, **{"X-Session-Id": "same"})
            assert answer.headers["x-omniroute-session-id"] == "same"
    asked = [each.json()["model"] for each in upstream.requests]
    assert asked == ["thinks", "plain", "plain", "thinks", "thinks"]
