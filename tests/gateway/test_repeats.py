"""Requests that repeat one another, through the gateway and over real sockets: by a key of theirs, or by being alike.

Of each lot one request reaches the upstream and is paid for; whole answers and streams come out byte for byte alike.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from omniroute.names import Format
from tests.gateway.test_assembly import serving as served
from tests.support.client import Received, fetch
from tests.support.paid import CHAT, COST, REQUESTS, USED, Paid, held_back, key, paid, pair_of, saying, shown, written
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream, error_answer, usage_of
from tests.support.waiting import LIMIT, eventually, within

CACHE = "[cache]\nexact = {}\n"
PLENTY = "9 USD"
KEY = {"idempotency-key": "one"}
WORDS = ["Hello", ", ", "world", "."]
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def answering(made: Paid, *, stream: bool) -> None:
    made.upstream.default = chat_stream(WORDS, USED) if stream else chat_answer("".join(WORDS), USED)


# By a key.


@both_ways
async def test_a_request_that_comes_again_with_its_key_gets_the_answer_it_had(tmp_path: Path, stream: bool) -> None:
    async with paid(tmp_path, limit=PLENTY) as made:
        answering(made, stream=stream)
        body = {**CHAT, "stream": stream}
        first, again, other = [await made.ask(body, who, **KEY) for who in ("alice", "alice", "bob")]
        plain = await made.ask(body)
        await made.comes_to(3 * COST)
    assert "x-omniroute-idempotent" not in {**first.headers, **other.headers, **plain.headers}
    assert (again.status, again.headers["x-omniroute-idempotent"], again.complete) == (200, "true", True)
    assert again.body == first.body
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(made.upstream.requests) == 3
    rows = await made.closed()
    assert [(row.cache, row.cost_nano, row.outcome) for row in rows] == [
        ("", COST, "ok"),
        ("idempotency", 0, "ok"),
        ("", COST, "ok"),
        ("", COST, "ok"),
    ]


@both_ways
async def test_of_many_that_come_at_once_with_one_key_one_is_answered_by_the_upstream(
    tmp_path: Path, stream: bool
) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, limit=PLENTY) as made:
        answering(made, stream=stream)
        made.upstream.default = held_back(gate, made.upstream.default)
        body = {**CHAT, "stream": stream}
        asked = [asyncio.create_task(made.ask(body, **KEY)) for _ in range(10)]
        await eventually(lambda: made.upstream.requests)
        await asyncio.sleep(0.2)
        gate.set()
        answers = await within(asyncio.gather(*asked))
        await made.comes_to(COST)
    assert len(made.upstream.requests) == 1
    assert {each.status for each in answers} == {200}
    assert len({each.body for each in answers}) == 1
    assert all(each.complete for each in answers)
    rows = await made.closed()
    assert Counter((row.cache, row.cost_nano) for row in rows) == {("", COST): 1, ("idempotency", 0): 9}


async def test_a_key_with_another_request_is_a_conflict_and_costs_nothing(tmp_path: Path) -> None:
    async with paid(tmp_path, limit=PLENTY) as made:
        assert (await made.ask(**KEY)).status == 200
        conflict = await made.ask(saying("else"), **KEY)
        assert (conflict.status, conflict.json()["error"]["code"]) == (409, "idempotency_conflict")
        await made.comes_to(COST)
    assert len(made.upstream.requests) == 1


async def test_a_key_whose_request_failed_may_try_again(tmp_path: Path) -> None:
    async with paid(tmp_path, limit=PLENTY) as made:
        made.upstream.then(error_answer("overloaded", 503))
        first = await made.ask(**KEY)
        second = await made.ask(**KEY)
        await made.comes_to(COST)
    assert (first.status >= 500, second.status) == (True, 200)


async def test_a_request_that_its_budget_refused_may_come_again_with_its_key_when_there_is_room(tmp_path: Path) -> None:
    async with paid(tmp_path, limit="0 USD") as made:
        assert (await made.ask(**KEY)).status == 429
        made.gateway.write(written(made.upstream, limit=PLENTY))
        await made.generation(2)
        assert (await made.ask(**KEY)).status == 200
        await made.comes_to(COST)


async def test_a_client_that_leaves_does_not_end_the_answer_that_another_waits_for(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, limit=PLENTY) as made:
        made.upstream.default = held_back(gate)
        leader = asyncio.create_task(made.ask(**KEY))
        await eventually(lambda: made.upstream.requests)
        follower = asyncio.create_task(made.ask(**KEY))
        await asyncio.sleep(0.2)
        leader.cancel()
        await asyncio.sleep(0.2)
        gate.set()
        answer = await within(follower)
        await made.comes_to(COST)
    assert (answer.status, answer.headers["x-omniroute-idempotent"]) == (200, "true")
    assert len(made.upstream.requests) == 1


async def test_two_processes_answer_one_key_once(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with (
        ScriptedUpstream(default=held_back(gate)) as upstream,
        pair_of(tmp_path, written(upstream, limit=PLENTY)) as pair,
    ):
        # Until the others have an answer, nothing shows that they wait; so they are given time to come.
        asked = [asyncio.create_task(pair.pay(CHAT, headers=KEY)) for _ in range(20)]
        await eventually(lambda: upstream.requests)
        await asyncio.sleep(0.5)
        gate.set()
        answers = await within(asyncio.gather(*asked))
        await pair.comes_to(COST)
        await eventually(lambda: pair.one("SELECT count(*) FROM usage WHERE outcome = 'ok'") == 20)
        await pair.stop()
    assert [each.status for each in answers] == [200] * 20
    assert len({each.body for each in answers}) == 1
    assert len(upstream.requests) == 1
    pair.holds_true()
    assert pair.one("SELECT count(*) FROM usage WHERE cache = 'idempotency'") == 19


# By being the same.


async def kept(made: Paid, count: int) -> dict[str, Any]:
    """Wait until so many answers are on the disk."""
    async with asyncio.timeout(LIMIT):
        while (stats := (await made.page("/api/cache/stats"))["semanticCache"])["dbSize"] != count:
            await asyncio.sleep(0.02)
    assert isinstance(stats, dict)
    return stats


@pytest.mark.parametrize("wire", REQUESTS)
@both_ways
async def test_the_same_request_is_answered_from_the_cache_in_every_format(
    tmp_path: Path, wire: Format, stream: bool
) -> None:
    async with paid(tmp_path, limit=PLENTY, more=CACHE) as made:
        answering(made, stream=stream)
        first, second = [await made.speak(wire, stream=stream) for _ in range(2)]
        stats = await kept(made, 1)
        await made.comes_to(COST)
    assert [first.headers["x-omniroute-cache"], second.headers["x-omniroute-cache"]] == ["MISS", "HIT"]
    assert (second.status, second.body, second.complete) == (200, first.body, True)
    assert second.headers["x-omniroute-target"] == "house/large"
    assert int(second.headers["age"]) < 60
    assert (stats["memorySize"], stats["hitRate"], len(made.upstream.requests)) == (1, 0.5, 1)


@both_ways
async def test_of_many_that_are_the_same_and_come_at_once_one_is_answered_by_the_upstream(
    tmp_path: Path, stream: bool
) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, more=CACHE) as made:  # with a budget that has room for one
        answering(made, stream=stream)
        made.upstream.default = held_back(gate, made.upstream.default)
        asked = [asyncio.create_task(made.ask({**CHAT, "stream": stream})) for _ in range(10)]
        await eventually(lambda: made.upstream.requests)
        await asyncio.sleep(0.2)
        gate.set()
        answers = await within(asyncio.gather(*asked))
        await made.comes_to(COST)
    assert len(made.upstream.requests) == 1
    assert Counter(each.headers["x-omniroute-cache"] for each in answers) == {"HIT": 9, "MISS": 1}
    assert len({each.body for each in answers}) == 1


async def test_no_caller_is_given_what_was_made_for_another(tmp_path: Path) -> None:
    async with paid(tmp_path, limit=PLENTY, more=CACHE) as made:
        made.upstream.respond = lambda asked: chat_answer(f"secret {len(made.upstream.requests)}", USED)
        answers = [await made.ask(key=who) for who in ("alice", "bob", "free", "alice", "bob", "free")]
    said = [each.json()["choices"][0]["message"]["content"] for each in answers]
    assert said[:3] == said[3:]
    assert len(set(said)) == 3


@pytest.mark.parametrize(
    "headers", [{"cache-control": "no-store"}, {"cache-control": "No-Cache"}, {"x-omniroute-no-cache": "true"}]
)
async def test_who_wants_a_fresh_answer_gets_one(tmp_path: Path, headers: dict[str, str]) -> None:
    async with paid(tmp_path, limit=PLENTY, more=CACHE) as made:
        await made.ask()
        fresh = await made.ask(CHAT, "alice", **headers)
        assert "x-omniroute-cache" not in fresh.headers
        assert (await made.ask()).headers["x-omniroute-cache"] == "HIT"
    assert len(made.upstream.requests) == 2


@pytest.mark.parametrize("body", [{"temperature": 0.7}, {"max_tokens": 999}, {"user": "u"}])
async def test_another_request_is_not_answered_with_this_ones_answer(tmp_path: Path, body: dict[str, Any]) -> None:
    async with paid(tmp_path, limit=PLENTY, more=CACHE) as made:
        await made.ask()
        assert (await made.ask({**CHAT, **body})).headers.get("x-omniroute-cache") != "HIT"
    assert len(made.upstream.requests) == 2


@pytest.mark.parametrize(
    "script",
    [error_answer("no", 500), error_answer("no", 400), chat_stream(["a"], cut=True, done=False)],
    ids=["500", "400", "no stream"],
)
async def test_what_went_wrong_is_not_kept(tmp_path: Path, script: Any) -> None:
    async with paid(tmp_path, limit=PLENTY, more=CACHE) as made:
        made.upstream.then(script)
        await made.ask()
        answer = await made.ask()
    assert (answer.status, answer.headers["x-omniroute-cache"]) == (200, "MISS")


async def test_a_policy_may_do_without_the_cache(tmp_path: Path) -> None:
    policy = 'budgets = ["team"]\ncache = { exact = false }'
    async with paid(tmp_path, policy, CACHE, PLENTY) as made:
        for _ in range(2):
            assert "x-omniroute-cache" not in (await made.ask()).headers
        for expected in ("MISS", "HIT"):
            assert (await made.ask(key="free")).headers["x-omniroute-cache"] == expected


async def test_a_hit_tells_how_the_limits_of_the_asker_stand_now(tmp_path: Path) -> None:
    policy = 'budgets = ["team"]\nrate = { requests_per_minute = 10, tokens_per_minute = 100_000 }'
    more = f'on_exceed = "warn"\nwarn_at = 0.5\n{CACHE}'
    async with paid(tmp_path, policy, more, "0.0015 USD") as made:
        made.upstream.default = chat_answer("Hello.", usage_of(20, 500))
        await made.ask(saying("first"))
        warned = await made.ask()
        assert "x-omniroute-budget-warning" in warned.headers
        made.gateway.write(written(made.upstream, policy, more, PLENTY))
        await made.generation(2)
        hit: Received = await made.ask()
    assert hit.headers["x-omniroute-cache"] == "HIT"
    assert hit.headers["x-ratelimit-remaining-requests"] == "7"
    assert "x-omniroute-budget-warning" not in hit.headers


async def test_answers_outlive_the_gateway_and_can_be_forgotten(tmp_path: Path) -> None:
    more = CACHE + ops()
    async with ScriptedUpstream(default=chat_stream(WORDS, USED)) as upstream:
        text = written(upstream, limit=PLENTY, more=more)
        bodies = []
        for expected in ("MISS", "HIT"):
            async with served(tmp_path, text) as gateway:
                made = Paid(gateway, upstream)
                answer = await made.ask({**CHAT, "stream": True})
                assert answer.headers["x-omniroute-cache"] == expected
                bodies.append(answer.body)
                await kept(made, 1)
                if expected == "HIT":
                    cleared = await made.post("/api/cache/stats", b"", "ops", method="DELETE")
                    assert (cleared.status, cleared.json()["cleared"]) == (200, 1)
                    assert (await kept(made, 0))["memorySize"] == 0
                    assert (await made.ask({**CHAT, "stream": True})).headers["x-omniroute-cache"] == "MISS"
    assert bodies[0] == bodies[1]
    assert len(upstream.requests) == 2


async def test_what_is_forgotten_by_one_process_is_forgotten_by_the_others(tmp_path: Path) -> None:
    seen = "SELECT count(DISTINCT worker) FROM usage WHERE cache = 'exact' AND at > {}"

    async with (
        ScriptedUpstream(default=chat_answer("old", USED)) as upstream,
        pair_of(tmp_path, written(upstream, limit=PLENTY, more=CACHE + ops())) as pair,
    ):

        async def said_by_both(since: int) -> set[bytes]:
            """Ask until both have answered from their caches, and give what they said."""
            said: set[bytes] = set()
            async with asyncio.timeout(LIMIT):
                while pair.one(seen.format(since)) < 2:
                    said |= {each.body for each in await asyncio.gather(*(pair.pay() for _ in range(12)))}
            return said

        [old] = await said_by_both(0)
        upstream.default = chat_answer("new", USED)
        headers = shown("ops", {"connection": "close"})
        cleared = await fetch(f"{pair.gateway.url}/api/cache/stats", b"", headers, "DELETE")
        assert (cleared.status, cleared.json()["cleared"]) == (200, 1)
        async with asyncio.timeout(LIMIT):
            while old in await said_by_both(pair.one("SELECT max(at) FROM usage")):
                await asyncio.sleep(0.05)
        assert old not in await said_by_both(pair.one("SELECT max(at) FROM usage"))
        await pair.stop()
    pair.holds_true()


def ops() -> str:
    return key("ops", scopes='"operate"')
