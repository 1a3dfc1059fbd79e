"""A model is asked for an embedding: over real sockets, by an upstream that stalls, fails and lies."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest

from omniroute.config.policy import Budget, Policy
from omniroute.engine.embedding import LONGEST_ANSWER, LONGEST_REST, REST, SUFFIX, Embedder
from omniroute.engine.toll import FREE, Toll, Tolls
from omniroute.errors import StorageError
from omniroute.limits.memory import Memory
from omniroute.limits.nearest import unit
from omniroute.limits.port import Held, Purse, Standing
from omniroute.names import Format, Outcome
from omniroute.upstream.client import Client
from tests.support.embeddings import EMBEDDER, SECRET, Hands, direction, embedded, embedding, record_of, recorded
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Reset,
    ScriptedUpstream,
    Stall,
    answer,
    error_answer,
    json_answer,
    refusing_port,
)
from tests.support.waiting import eventually, within

NUMBERS = direction(Random(1), 16)
VECTOR = unit(NUMBERS)


class Clock:
    """A steady clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def asking(toll: Toll = FREE) -> AsyncIterator[Hands]:
    client = Client()
    try:
        yield Hands(client, toll)
    finally:
        await client.aclose()


async def test_a_model_is_asked_in_the_shape_of_openai() -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(json_answer(embedded(NUMBERS)))
        made = embedding(upstream.url)
        found = await Embedder().embed(hands, EMBEDDER, "some text", record_of(made))
        assert found is not None
        assert found.vector == VECTOR
        asked = upstream.requests[0]
        assert (asked.method, asked.target) == ("POST", "/v1/embeddings")
        assert dict(asked.headers)["authorization"] == f"Bearer {SECRET}"
        assert asked.json() == {"model": "embed", "input": "some text", "encoding_format": "float"}


async def test_the_call_is_a_row_of_its_own_which_the_caller_pays() -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(json_answer(embedded(NUMBERS, tokens=500)))
        await Embedder().embed(hands, "embedder", "some text", record_of(embedding(upstream.url)))
    (row,) = hands.rows
    assert row.request_id == f"req_1{SUFFIX}"
    assert (row.format, row.upstream_format) == (Format.OPENAI_EMBEDDINGS, Format.OPENAI_EMBEDDINGS)
    assert (row.asked, row.target, row.credential, row.key) == ("embedder", EMBEDDER, "main", "alice")
    assert (row.status, row.outcome, row.code, row.generation) == (200, Outcome.OK, "", 7)
    assert (row.input_tokens, row.output_tokens, row.cost_nano) == (500, None, 10_000_000)
    assert row.tags == ("team-a",)
    assert [(each.status, each.failure) for each in row.attempts] == [(200, None)]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [({}, None), ({"usage": None}, None), ({"usage": {"total_tokens": 18}}, 18), ({"usage": {}}, None)],
)
async def test_usage_is_what_the_provider_tells(usage: dict[str, object], tokens: int | None) -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(json_answer({**embedded(NUMBERS, tokens=None), **usage}))
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(embedding(upstream.url))) is not None
    (row,) = hands.rows
    assert (row.input_tokens, row.cost_nano) == (tokens, None if tokens is None else tokens * 20_000)


async def test_a_recorded_embedding_is_read() -> None:
    (numbers,) = recorded("54cfb242c8").values()
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(json_answer(embedded(numbers)))
        found = await Embedder().embed(hands, EMBEDDER, "Hello, world!", record_of(embedding(upstream.url)))
        assert found is not None
        assert len(found.vector) == 4 * 128


LIES = {
    "no JSON": answer(b"<html>"),
    "no object": json_answer([1]),
    "no data": json_answer({"object": "list"}),
    "no vectors": json_answer(embedded()),
    "two vectors": json_answer(embedded(NUMBERS, NUMBERS)),
    "an empty vector": json_answer(embedded([])),
    "too few dimensions": json_answer(embedded([1.0, 0.0])),
    "too many dimensions": json_answer(embedded([0.5] * 8_193)),
    "a vector of zeros": json_answer(embedded([0.0] * 16)),
    "not a number": answer(json.dumps(embedded([float("nan")] * 16)).encode()),
    "infinity": answer(json.dumps(embedded(NUMBERS)).replace(str(NUMBERS[3]), "1e999").encode()),
    "words": json_answer({"data": [{"embedding": ["a"] * 16}]}),
    "base64": json_answer({"data": [{"embedding": "AAAA"}]}),
    "negative usage": json_answer({**embedded(NUMBERS), "usage": {"prompt_tokens": -5}}),
    "absurd usage": json_answer({**embedded(NUMBERS), "usage": {"prompt_tokens": 10**15}}),
    "nesting": answer(b'{"data":[{"embedding":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"),
    "too long": answer(b" " * (LONGEST_ANSWER + 1)),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_lies_gives_no_embedding(lie: str) -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(LIES[lie])
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(embedding(upstream.url))) is None
    (row,) = hands.rows
    assert (row.outcome, row.code, row.status) == (Outcome.FAILED, "upstream_malformed", 502)


FAILURES = {
    "upstream_rate_limited": error_answer("slow down", 429),
    "upstream_unavailable": error_answer("oh", 500),
    "upstream_auth": error_answer(f"bad key {SECRET}", 401),
    "upstream_model_not_found": error_answer("no such model", 404),
    "upstream_invalid_request": error_answer("no", 400),
}


@pytest.mark.parametrize("code", FAILURES)
async def test_what_fails_gives_no_embedding(code: str) -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(FAILURES[code])
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(embedding(upstream.url))) is None
    (row,) = hands.rows
    assert (row.outcome, row.code) == (Outcome.FAILED, code)
    assert (row.input_tokens, row.cost_nano) == (None, None)
    (attempt,) = row.attempts
    assert attempt.detail.startswith("HTTP ")
    assert SECRET not in attempt.detail


@pytest.mark.parametrize("script", [[Reset()], [Head(), Chunk(b'{"data":'), Cut()]], ids=["reset", "cut"])
async def test_a_connection_that_breaks_gives_no_embedding(script: list[object]) -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(script)  # type: ignore[arg-type]  # a table of scripts, each of its own kind
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(embedding(upstream.url))) is None
    assert hands.rows[0].code == "upstream_unavailable"


async def test_who_cannot_be_reached_gives_no_embedding() -> None:
    with refusing_port() as port:
        async with asking() as hands:
            made = embedding(f"http://127.0.0.1:{port}")
            assert await Embedder().embed(hands, EMBEDDER, "x", record_of(made)) is None
    assert hands.rows[0].code == "upstream_unavailable"


@pytest.mark.parametrize("script", [[Stall()], [Head(), Chunk(b'{"data":'), Stall()]], ids=["silent", "half"])
async def test_what_stalls_is_waited_for_no_longer_than_its_time(script: list[object]) -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(script)  # type: ignore[arg-type]  # a table of scripts, each of its own kind
        embedder = Embedder(patience=0.05)
        assert await within(embedder.embed(hands, EMBEDDER, "x", record_of(embedding(upstream.url)))) is None
        await eventually(lambda: not upstream.peers)
    assert hands.rows[0].code == "upstream_timeout"


async def test_a_client_that_leaves_takes_the_call_along() -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then([Stall()])
        embedder, record = Embedder(), record_of(embedding(upstream.url))
        task = asyncio.create_task(embedder.embed(hands, EMBEDDER, "x", record))
        await eventually(lambda: upstream.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: not upstream.peers)
        (row,) = hands.rows
        assert (row.outcome, row.status, row.attempts[0].failure) == (Outcome.CANCELLED, 499, None)
        upstream.then(json_answer(embedded(NUMBERS)))
        assert await embedder.embed(hands, EMBEDDER, "x", record) is not None, "it was not the model's fault"


async def test_a_model_that_failed_is_left_alone_for_longer_and_longer() -> None:
    async with ScriptedUpstream(default=error_answer("oh", 500)) as upstream, asking() as hands:
        clock = Clock()
        embedder, record = Embedder(clock), record_of(embedding(upstream.url))

        async def asked() -> int:
            assert await embedder.embed(hands, EMBEDDER, "x", record) is None
            return len(upstream.requests)

        assert await asked() == 1
        clock.now += REST * 0.9
        assert await asked() == 1
        clock.now += REST * 0.2
        assert await asked() == 2
        clock.now += REST * 1.8
        assert await asked() == 2
        clock.now += LONGEST_REST
        assert await asked() == 3
        assert len(hands.rows) == 3, "who was not asked leaves no row"


async def test_a_success_ends_the_doubling() -> None:
    async with ScriptedUpstream(default=error_answer("oh", 500)) as upstream, asking() as hands:
        clock = Clock()
        embedder, record = Embedder(clock), record_of(embedding(upstream.url))
        for _ in range(3):
            await embedder.embed(hands, EMBEDDER, "x", record)
            clock.now += REST * 10
        upstream.then(json_answer(embedded(NUMBERS)))
        assert await embedder.embed(hands, EMBEDDER, "x", record) is not None
        await embedder.embed(hands, EMBEDDER, "x", record)
        clock.now += REST * 1.1
        before = len(upstream.requests)
        await embedder.embed(hands, EMBEDDER, "x", record)
        assert len(upstream.requests) == before + 1


async def test_it_is_left_alone_for_as_long_as_it_asks() -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(error_answer("slow down", 429, (("retry-after", "60"),)))
        clock = Clock()
        embedder, record = Embedder(clock), record_of(embedding(upstream.url))
        for _ in range(3):
            assert await embedder.embed(hands, EMBEDDER, "x", record) is None
            clock.now += 19
        assert len(upstream.requests) == 1


async def test_a_credential_without_a_secret_is_passed_over() -> None:
    async with ScriptedUpstream() as upstream, asking() as hands:
        upstream.then(json_answer(embedded(NUMBERS)))
        made = embedding(upstream.url, credentials=("first", "main"))
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(made)) is not None
        assert hands.rows[0].credential == "main"
        assert await Embedder().embed(hands, EMBEDDER, "x", record_of(made, environ={})) is None
        assert len(upstream.requests) == 1


async def test_a_name_that_means_nothing_gives_no_embedding() -> None:
    async with asking() as hands:
        assert await Embedder().embed(hands, "nobody/knows", "x", record_of(embedding("http://127.0.0.1:9"))) is None
    assert hands.rows == []


async def test_two_models_are_told_apart() -> None:
    async with ScriptedUpstream(default=json_answer(embedded(NUMBERS))) as upstream, asking() as hands:
        made = embedding(upstream.url)
        moved = msgspec.structs.replace(made.providers["e"], base_url=f"{upstream.url}/v2")
        elsewhere = msgspec.structs.replace(made, providers={"e": moved})
        names = [(EMBEDDER, made), ("e/other", made), (EMBEDDER, elsewhere)]
        found = [await Embedder().embed(hands, name, "x", record_of(each)) for name, each in names]
        assert len({each.model for each in found if each is not None}) == 3


# What pays for it.

FOREVER = 0
"""When the one period of a budget began that never ends."""


def budgeted(nano: int, shared: Memory, *, downgrade: str | None = None) -> Toll:
    """The toll of a caller who may spend so much."""
    on_exceed: Any = "block" if downgrade is None else "downgrade"
    budget = Budget("team", nano, "total", on_exceed=on_exceed, downgrade=downgrade)
    return Tolls(shared).of("alice", Policy("paid", budgets=(budget,))).beside()


async def stands(shared: Memory) -> Standing:
    return await shared.standing(Purse("team", FOREVER, None), 0.0)


async def test_a_call_is_paid_from_the_budgets_of_its_caller() -> None:
    shared = Memory()
    async with ScriptedUpstream() as upstream, asking(budgeted(10**9, shared)) as hands:
        upstream.then(json_answer(embedded(NUMBERS, tokens=500)))
        assert await Embedder().embed(hands, EMBEDDER, "some text", record_of(embedding(upstream.url))) is not None
    (row,) = hands.rows
    assert (row.budgets, row.cost_nano) == ((("team", FOREVER),), 10_000_000)
    assert await stands(shared) == Standing(10_000_000, 0)


async def test_while_it_lasts_its_worst_case_is_held_and_no_longer() -> None:
    shared = Memory()
    async with ScriptedUpstream() as upstream, asking(budgeted(10**9, shared)) as hands:
        upstream.then([Stall()])
        record = record_of(embedding(upstream.url))
        task = asyncio.create_task(Embedder().embed(hands, EMBEDDER, "some text", record))
        await eventually(lambda: upstream.requests)
        assert await stands(shared) == Standing(0, len("some text") * 20_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (row,) = hands.rows
    assert (row.budgets, row.cost_nano) == ((("team", FOREVER),), None)
    assert await stands(shared) == Standing(0, 0)


@pytest.mark.parametrize("downgrade", [None, "fast"])
async def test_nobody_is_asked_for_whom_a_budget_has_no_room(downgrade: str | None) -> None:
    shared = Memory()
    async with ScriptedUpstream() as upstream, asking(budgeted(100_000, shared, downgrade=downgrade)) as hands:
        assert await Embedder().embed(hands, EMBEDDER, "some text", record_of(embedding(upstream.url))) is None
        assert upstream.requests == []
    assert hands.rows == []
    assert await stands(shared) == Standing(0, 0)


class Broken(Memory):
    """Something shared that cannot be asked."""

    async def hold(self, request_id: str, purses: Sequence[Purse], amount: int, now: float) -> Held:
        del request_id, purses, amount, now
        message = "the disk is gone"
        raise StorageError(message)


async def test_nobody_is_asked_where_nobody_can_tell_what_is_left() -> None:
    async with ScriptedUpstream() as upstream, asking(budgeted(10**9, Broken())) as hands:
        assert await Embedder().embed(hands, EMBEDDER, "some text", record_of(embedding(upstream.url))) is None
        assert upstream.requests == []
