"""Rates and requests at once, from the TOML to the headers that clients read; and what they cost once they are over."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omniroute.names import Format
from tests.support.boards import taken
from tests.support.client import Received
from tests.support.paid import CHAT, REQUESTS, STREAM, USED, Paid, code_of, held_back, paid, pair_of, saying, written
from tests.support.peer import Recorded, Script
from tests.support.upstream import Cut, ScriptedUpstream, Until, chat_answer, chat_stream, error_answer, usage_of
from tests.support.waiting import LIMIT, eventually, within

MESSAGES = Format.ANTHROPIC_MESSAGES
SHORT = usage_of(20, 30)


def rate(**limits: int) -> str:
    """A policy with this rate."""
    return "rate = { " + ", ".join(f"{name} = {limit}" for name, limit in limits.items()) + " }"


def told(answer: Received) -> dict[str, str]:
    """The headers that tell of limits."""
    return {name: value for name, value in answer.headers.items() if "ratelimit" in name or name == "retry-after"}


# Requests a minute.


@pytest.mark.parametrize("wire", REQUESTS)
async def test_a_request_too_many_is_refused_in_its_own_format_with_the_time_to_come_again(
    tmp_path: Path, wire: Format
) -> None:
    async with paid(tmp_path, rate(requests_per_minute=2)) as made:
        first, second, third = [await made.speak(wire) for _ in range(3)]
        other = await made.speak(wire, key="bob")
        free = await made.speak(wire, key="free")
    assert [first.status, second.status, third.status, other.status, free.status] == [200, 200, 429, 200, 200]
    assert code_of(third) == "rate_limited"
    assert "'alice' (policy 'paid') may ask for 2 requests a minute" in third.body.decode()
    assert 0 < int(third.headers["retry-after"]) <= 30
    assert told(free) == {}
    family = "anthropic-ratelimit-requests-{}" if wire is MESSAGES else "x-ratelimit-{}-requests"
    for answer, left in ((first, "1"), (second, "0"), (third, "0"), (other, "1")):
        assert answer.headers[family.format("limit")] == "2"
        assert answer.headers[family.format("remaining")] == left
        reset = answer.headers[family.format("reset")]
        assert reset.endswith("Z" if wire is MESSAGES else "s")
    rows = await made.closed()
    assert [(row.code, row.cost_nano) for row in rows if row.status == 429] == [("rate_limited", None)]


async def test_a_stream_tells_of_limits_as_well(tmp_path: Path) -> None:
    async with paid(tmp_path, rate(requests_per_minute=2, tokens_per_minute=10_000)) as made:
        made.upstream.default = chat_stream(["Hello", "."], SHORT)
        answer = await made.ask(STREAM)
        assert (answer.status, answer.headers["x-ratelimit-remaining-requests"]) == (200, "1")
        assert answer.headers["x-ratelimit-limit-tokens"] == "10000"


async def test_what_a_refused_request_would_have_taken_is_not_taken(tmp_path: Path) -> None:
    async with paid(tmp_path, rate(requests_per_minute=1000, tokens_per_minute=1000)) as made:
        made.upstream.default = chat_answer("Hello.", usage_of(0, 0))
        long = saying("word " * 2000)
        for _ in range(3):
            refused = await made.ask(long)
            assert (refused.status, code_of(refused)) == (429, "rate_limited")
            # It can never be let in, so nobody is told to come again.
            assert "make it shorter" in refused.json()["error"]["message"]
            assert "retry-after" not in refused.headers
        answer = await made.ask()
    assert answer.status == 200
    assert int(answer.headers["x-ratelimit-remaining-requests"]) == 999
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) >= 970


async def test_a_limit_that_is_edited_goes_on_with_the_share_that_was_used(tmp_path: Path) -> None:
    async with paid(tmp_path, rate(requests_per_minute=4)) as made:
        assert [(await made.ask()).status for _ in range(2)] == [200, 200]
        made.gateway.write(written(made.upstream, rate(requests_per_minute=8)))
        await made.generation(2)
        assert [(await made.ask()).status for _ in range(5)] == [200, 200, 200, 200, 429]


async def test_a_count_of_tokens_is_a_request_like_any_other(tmp_path: Path) -> None:
    async with paid(tmp_path, rate(requests_per_minute=1)) as made:
        body = {**REQUESTS[MESSAGES], "model": "house/large"}
        first = await made.post("/v1/messages/count_tokens", body)
        second = await made.post("/v1/messages/count_tokens", body)
    assert (first.status, second.status) == (200, 429)


# Tokens a minute.


async def remaining(made: Paid) -> int:
    """How many tokens a key has left, as its next request is told, which takes some itself."""
    answer = await made.ask()
    return int(answer.headers["x-ratelimit-remaining-tokens"])


@pytest.mark.parametrize("stream", [False, True])
async def test_the_tokens_of_a_request_are_put_right_when_it_has_ended(tmp_path: Path, stream: bool) -> None:
    limit = 100_000
    async with paid(tmp_path, rate(tokens_per_minute=limit)) as made:
        usage = usage_of(20_000, 60_000)
        made.upstream.then(chat_stream(["Hello"], usage) if stream else chat_answer("Hello.", usage))
        first = await made.ask({**CHAT, "stream": stream})
        assert int(first.headers["x-ratelimit-remaining-tokens"]) > limit - 100
        assert abs(await remaining(made) - (limit - 80_000)) < 2_000  # some flowed back meanwhile


async def test_an_answer_longer_than_all_that_is_left_is_a_debt_that_the_next_request_waits_for(tmp_path: Path) -> None:
    async with paid(tmp_path, rate(tokens_per_minute=1000)) as made:
        made.upstream.default = chat_answer("Hello.", usage_of(500, 1500))
        assert (await made.ask()).status == 200
        late = await made.ask()
        assert (late.status, code_of(late)) == (429, "rate_limited")
        assert 50 < int(late.headers["retry-after"]) <= 65
        assert late.headers["x-ratelimit-remaining-tokens"] == "0"
        assert (await made.ask(key="bob")).status == 200


async def test_what_nobody_answered_and_what_a_cache_answered_takes_no_tokens(tmp_path: Path) -> None:
    limit = 100_000
    async with paid(tmp_path, rate(tokens_per_minute=limit), more="[cache]\nexact = {}\n") as made:
        made.upstream.default = chat_answer("Hello.", usage_of(1000, 2000))
        await made.ask(saying("x"))
        for _ in range(5):
            assert (await made.ask(saying("x"))).headers["x-omniroute-cache"] == "HIT"
        made.upstream.default = error_answer("no", 500)
        for _ in range(3):
            assert (await made.ask(saying("word " * 4000))).status != 200
        made.upstream.default = chat_answer("Hello.", usage_of(0, 0))
        made.gateway.write(written(made.upstream, rate(tokens_per_minute=limit)) + "# again\n")
        assert await remaining(made) > limit - 3_500


# Requests at once.


async def test_who_has_as_many_requests_under_way_as_may_be_is_refused_until_one_has_ended(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, rate(concurrent=2)) as made:
        made.upstream.default = held_back(gate)
        asked = [asyncio.create_task(made.ask()) for _ in range(2)]
        await eventually(lambda: len(made.upstream.requests) == 2)
        refused = await made.ask()
        assert (refused.status, code_of(refused)) == (429, "rate_limited")
        assert "2 requests under way" in refused.json()["error"]["message"]
        assert "retry-after" not in refused.headers
        gate.set()
        assert {each.status for each in await within(asyncio.gather(*asked))} == {200}
        assert (await made.ask()).status == 200


@pytest.mark.parametrize("how", ["fails", "leaves", "is cut"])
async def test_a_place_is_free_again_however_its_request_ended(tmp_path: Path, how: str) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, rate(concurrent=1)) as made:
        for _ in range(3):
            if how == "leaves":
                made.upstream.then(held_back(gate))
                connection = await made.send(STREAM)
                await eventually(lambda: made.upstream.peers)
                await connection.close()
                await eventually(lambda: not made.upstream.peers)
            else:
                made.upstream.then(error_answer("no", 500) if how == "fails" else [*chat_stream(["a"])[:3], Cut()])
                await made.ask(STREAM)
            async with asyncio.timeout(LIMIT):
                while (await made.ask()).status != 200:
                    await asyncio.sleep(0.01)


async def test_two_processes_count_together(tmp_path: Path) -> None:
    gate = asyncio.Event()
    limits = rate(requests_per_minute=20, concurrent=3)
    async with (
        ScriptedUpstream(default=held_back(gate)) as upstream,
        pair_of(tmp_path, written(upstream, limits)) as pair,
    ):
        asked = [asyncio.create_task(pair.pay()) for _ in range(40)]
        await eventually(lambda: sum(each.done() for each in asked) >= 37)
        gate.set()
        answers = await within(asyncio.gather(*asked))
        assert sorted(each.status for each in answers) == [200] * 3 + [429] * 37
        assert len(upstream.requests) == 3
        later = [await pair.pay(key="bob") for _ in range(30)]
        assert 20 <= [each.status for each in later].count(200) <= 23  # some flowed back meanwhile
        await eventually(lambda: not taken(pair.database))
        await pair.stop()


# Providers.


def by_model(asked: Recorded) -> Script:
    """An answer that says who gave it."""
    return chat_answer(asked.json()["model"], SHORT)


PROVIDERS = """
[providers.busy]
base_url = "{url}/v1"
formats = ["openai-chat"]
auth = "none"
rate = {{ {rate} }}
[combos.both]
targets = ["busy/first", "house/large"]
[combos.alone]
targets = ["busy/first"]
"""


def with_provider(made: Paid, limit: str) -> str:
    return written(made.upstream, "", PROVIDERS.format(url=made.upstream.url, rate=limit))


async def test_when_a_provider_may_be_asked_no_more_the_others_of_a_combo_take_over(tmp_path: Path) -> None:
    async with paid(tmp_path, "") as made:
        made.upstream.respond = by_model
        made.gateway.write(with_provider(made, "requests_per_minute = 2"))
        await made.generation(2)
        answers = [await made.ask({**CHAT, "model": "both"}, key=who) for who in ("alice", "bob", "free", "alice")]
        alone = await made.ask({**CHAT, "model": "alone"})
        models = [each.json()["model"] for each in made.upstream.requests]
    assert [each.headers["x-omniroute-target"] for each in answers] == ["busy/first"] * 2 + ["house/large"] * 2
    assert models == ["first", "first", "large", "large"]
    assert (alone.status, alone.json()["error"]["code"]) == (429, "upstream_rate_limited")
    assert 0 < int(alone.headers["retry-after"]) <= 31


async def test_a_provider_that_answers_as_many_at_once_as_it_may_is_passed_over(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, "") as made:
        made.gateway.write(with_provider(made, "concurrent = 1"))
        await made.generation(2)
        made.upstream.then(held_back(gate))
        both: dict[str, Any] = {**CHAT, "model": "both"}
        first = asyncio.create_task(made.ask(both))
        await eventually(lambda: made.upstream.requests)
        second = await made.ask(both)
        gate.set()
        third = await made.ask({**both, "model": "both"}) if (await first).status == 200 else None
    assert third is not None
    assert [each.headers["x-omniroute-target"] for each in (await first, second, third)] == [
        "busy/first",
        "house/large",
        "busy/first",
    ]


async def test_a_provider_is_asked_for_no_more_tokens_a_minute_than_it_may(tmp_path: Path) -> None:
    async with paid(tmp_path, "") as made:
        made.upstream.default = chat_answer("Hello.", usage_of(500, 1500))
        made.gateway.write(with_provider(made, "tokens_per_minute = 1000"))
        await made.generation(2)
        answers = [await made.ask({**CHAT, "model": "both"}) for _ in range(2)]
    assert [each.headers["x-omniroute-target"] for each in answers] == ["busy/first", "house/large"]


@pytest.mark.parametrize("policy", [rate(concurrent=1), 'budgets = ["team"]'])
async def test_who_has_a_whole_stream_may_ask_again_though_its_upstream_lingers(tmp_path: Path, policy: str) -> None:
    async with paid(tmp_path, policy, limit="0.004 USD") as made:
        gate = asyncio.Event()
        *said, last = chat_stream(["Hello", "."], USED)
        made.upstream.then([*said, Until(gate), last])
        first = await made.ask(STREAM)
        second = await made.ask()
        gate.set()
    assert (first.complete, first.status, second.status) == (True, 200, 200)
