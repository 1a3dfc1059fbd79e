"""Similar questions through the whole gateway: an upstream answers, and gives embeddings, over real sockets."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from omniroute.config.policy import Caches, CacheUse, ExactCache, Policy, SemanticCache
from omniroute.config.snapshot import Auth, Model, Price
from omniroute.engine.terms import unix_micros
from omniroute.gateway.caching import clear_caches
from omniroute.names import Format
from omniroute.observe.events import Exchanged
from tests.support.embeddings import EMBEDDER, ENVIRON, beside, direction, embedded
from tests.support.gateway import RunningGateway, running
from tests.support.peer import Recorded, Script
from tests.support.snapshots import key, provider, snapshot
from tests.support.upstream import (
    ScriptedUpstream,
    Stall,
    chat_answer,
    chat_stream,
    error_answer,
    json_answer,
    usage_of,
)

RANDOM = Random(11)
EGG = direction(RANDOM, 64)
VECTORS = {
    "How do I boil an egg?": EGG,
    "How to boil an egg": beside(EGG, 0.98, RANDOM),
    "How to fry one": beside(EGG, 0.9, RANDOM),
}
BOIL, AGAIN, FRY = VECTORS
EXACT = ExactCache()
ON = Policy("on", cache=CacheUse(semantic=True))


class House:
    def __init__(self, gateway: RunningGateway, client: httpx.AsyncClient, upstream: ScriptedUpstream) -> None:
        self.gateway = gateway
        self.client = client
        self.upstream = upstream
        self.embedder: Script | None = None
        self.answered = 0

    def respond(self, request: Recorded) -> Script:
        if request.target.endswith("/embeddings"):
            return self.embedder or json_answer(embedded(VECTORS[request.json()["input"]]))
        self.answered += 1
        text = f"answer {self.answered}"
        if request.json().get("stream"):
            return chat_stream([text, "!"], usage_of(9, 3))
        return chat_answer(text, usage_of(9, 3))

    async def ask(
        self, question: str, *, caller: str = "sk-alice", headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        body = {"model": "p/m", "messages": [{"role": "user", "content": question}], **more}
        sent = {"authorization": f"Bearer {caller}", **(headers or {})}
        return await self.client.post("/v1/chat/completions", json=body, headers=sent)

    async def row(self, request: httpx.Response) -> Exchanged:
        id_ = request.headers["x-request-id"]
        await self.gateway.ended()
        return next(each for each in self.gateway.exchanged if each.request_id == id_)


@asynccontextmanager
async def house(exact: ExactCache | None = EXACT, policies: Sequence[Policy | None] = (ON, ON)) -> AsyncIterator[House]:
    async with ScriptedUpstream() as upstream:
        alice, bob = policies
        made = snapshot(
            provider("p", f"{upstream.url}/v1", models=[Model("m", price=Price(input=10**9, output=10**9))]),
            provider(
                "e",
                f"{upstream.url}/v1",
                models=[Model("embed", price=Price(input=20_000_000_000))],
                auth=Auth("bearer"),
                formats=(Format.OPENAI_EMBEDDINGS,),
            ),
            keys=[key("alice", "sk-alice", policy=alice), key("bob", "sk-bob", policy=bob)],
        )
        made = msgspec.structs.replace(made, caches=Caches(exact=exact, semantic=SemanticCache(EMBEDDER)))
        async with running(made, ENVIRON) as gateway, httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
            here = House(gateway, client, upstream)
            upstream.respond = here.respond
            yield here


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("exact", [ExactCache(), None], ids=["beside the exact cache", "alone"])
async def test_a_similar_question_gets_the_answer_that_was_given(exact: ExactCache | None) -> None:
    async with house(exact) as here:
        first, second, near = await here.ask(BOIL), await here.ask(AGAIN), await here.ask(FRY)
        assert [said(each) for each in (first, second, near)] == ["answer 1", "answer 1", "answer 2"]
        told = [
            (each.headers.get("x-omniroute-cache"), each.headers.get("x-omniroute-cache-similarity"))
            for each in (first, second, near)
        ]
        assert told == [("MISS", None), ("HIT", "0.9800"), ("MISS", None)]
        assert second.headers["x-omniroute-target"] == "p/m"
        await here.gateway.ended(6)
        rows = {each.request_id: each for each in here.gateway.exchanged}
        hit = rows[second.headers["x-request-id"]]
        assert (hit.cache, hit.cost_nano, hit.attempts) == ("semantic", 0, ())
        embedding = rows[second.headers["x-request-id"] + "-embedding"]
        assert (embedding.key, embedding.cost_nano, embedding.input_tokens) == ("alice", 80_000, 4)


async def test_what_a_similar_question_got_is_not_kept_as_its_own_answer() -> None:
    """Else it would be given for as long again: it is as old as the answer to the first question."""
    async with house() as here:
        await here.ask(BOIL)
        for _ in range(2):
            again = await here.ask(AGAIN)
            assert again.headers["x-omniroute-cache-similarity"] == "0.9800"


async def test_a_stream_is_answered_by_a_stream() -> None:
    async with house() as here:
        first, second = await here.ask(BOIL, stream=True), await here.ask(AGAIN, stream=True)
        whole = await here.ask(AGAIN)
        assert first.content == second.content
        assert second.headers["x-omniroute-cache"] == "HIT"
        assert second.headers["content-type"].startswith("text/event-stream")
        assert said(whole) == "answer 2"


@pytest.mark.parametrize(
    "more",
    [
        {"seed": 1},
        {"max_tokens": 7},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": AGAIN}]},
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": AGAIN},
            ]
        },
        {"model": "p/n"},
        {"temperature": 0.7},
    ],
)
async def test_what_differs_in_more_than_its_question_gets_none(more: dict[str, Any]) -> None:
    async with house() as here:
        await here.ask(BOIL)
        assert said(await here.ask(AGAIN, **more)) == "answer 2"


async def test_another_key_gets_none() -> None:
    async with house() as here:
        await here.ask(BOIL)
        assert said(await here.ask(AGAIN, caller="sk-bob")) == "answer 2"


@pytest.mark.parametrize("policy", [None, Policy("off")])
async def test_without_a_policy_that_says_so_no_embedding_is_asked_for(policy: Policy | None) -> None:
    async with house(policies=(policy, ON)) as here:
        await here.ask(BOIL)
        assert said(await here.ask(AGAIN)) == "answer 2"
        assert not [each for each in here.upstream.requests if each.target.endswith("/embeddings")]


@pytest.mark.parametrize("headers", [{"x-omniroute-no-cache": "true"}, {"cache-control": "no-store"}])
async def test_who_wants_a_fresh_answer_gets_one(headers: dict[str, str]) -> None:
    async with house() as here:
        await here.ask(BOIL)
        assert said(await here.ask(AGAIN, headers=headers)) == "answer 2"


@pytest.mark.parametrize(
    "script", [error_answer("oh", 500), [Stall()], json_answer({"data": []})], ids=["fails", "stalls", "lies"]
)
async def test_an_embedder_in_trouble_costs_an_answer_nothing_but_time(script: Script) -> None:
    async with house() as here:
        here.embedder = script
        first, second = await here.ask(BOIL), await here.ask(AGAIN)
        assert [said(first), said(second)] == ["answer 1", "answer 2"]
        assert len([each for each in here.upstream.requests if each.target.endswith("/embeddings")]) == 1


async def test_a_failed_answer_is_not_kept() -> None:
    async with house() as here:
        respond = here.upstream.respond
        here.upstream.respond = lambda request: (
            respond(request) if request.target.endswith("/embeddings") else error_answer("oh", 500)
        )  # type: ignore[misc]  # mypy cannot tell what a lambda of two kinds gives
        assert (await here.ask(BOIL)).status_code == 502
        here.upstream.respond = respond
        assert said(await here.ask(AGAIN)) == "answer 1"


async def test_an_idempotency_key_repeats_what_a_similar_question_got() -> None:
    async with house() as here:
        await here.ask(BOIL)
        first, second = [await here.ask(AGAIN, headers={"idempotency-key": "k"}) for _ in range(2)]
        assert first.headers["x-omniroute-cache"] == "HIT"
        assert "x-omniroute-cache" not in second.headers
        assert second.headers["x-omniroute-idempotent"] == "true"
        assert json.loads(first.content) == json.loads(second.content)


async def test_clearing_the_caches_forgets_what_was_said_to_similar_questions() -> None:
    async with house() as here:
        await here.ask(BOIL)
        assert await clear_caches(here.gateway.rt.answers) == {"cleared": 2}
        assert said(await here.ask(AGAIN)) == "answer 2"


async def test_what_another_worker_cleared_is_forgotten_here() -> None:
    async with house() as here:
        await here.ask(BOIL)
        here.gateway.rt.answers.forget(unix_micros() / 1e6)
        assert [said(await here.ask(each)) for each in (AGAIN, BOIL)] == ["answer 2", "answer 2"]
