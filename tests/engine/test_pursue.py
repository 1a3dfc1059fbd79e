"""Candidates are tried one after the other, each in its own format, until one has answered."""

import asyncio
from random import Random

import msgspec
import pytest

from omniroute.config.snapshot import Hedge, Provider, Resilience
from omniroute.engine.patience import Why
from omniroute.names import FailureKind, Format, Outcome
from omniroute.routing.plan import Candidate
from tests.support.client import Received, ask, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import (
    Pause,
    Script,
    ScriptedUpstream,
    Stall,
    Tell,
    Until,
    chat_answer,
    error_answer,
    json_answer,
)
from tests.support.waiting import eventually, settled, within

QUESTION = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "from anthropic"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


async def test_a_combo_may_mix_formats_and_each_candidate_is_asked_in_its_own() -> None:
    async with ScriptedUpstream() as first, ScriptedUpstream() as second:
        claude = provider("claude", first.url, formats=(Format.ANTHROPIC_MESSAGES,))
        openai = provider("chat", f"{second.url}/v1")
        config = snapshot(claude, openai, combos=[combo("c", target(claude, "a"), target(openai, "b"))])
        first.then(json_answer(MESSAGE), error_answer("busy", 529))
        second.then(chat_answer("from chat"))
        async with running(config) as gateway:
            answers = [await fetch(f"{gateway.url}/v1/messages", QUESTION) for _ in range(2)]
            rows = await gateway.ended(2)
    assert [answer.json()["content"][0]["text"] for answer in answers] == ["from anthropic", "from chat"]
    assert answers[0].json() == MESSAGE
    assert [each.failure for each in rows[1].attempts] == [FailureKind.BUSY, None]
    assert [row.upstream_format for row in rows] == [Format.ANTHROPIC_MESSAGES, Format.OPENAI_CHAT]
    assert [request.path for request in (*first.requests, *second.requests)] == [
        "/v1/messages",
        "/v1/messages",
        "/v1/chat/completions",
    ]


async def test_when_all_have_failed_every_failure_is_told_in_the_clients_dialect() -> None:
    async with ScriptedUpstream(default=error_answer("down", 503)) as upstream:
        claude = provider("claude", upstream.url, formats=(Format.ANTHROPIC_MESSAGES,))
        openai = provider("chat", f"{upstream.url}/v1")
        config = snapshot(claude, openai, combos=[combo("c", target(claude, "a"), target(openai, "b"))])
        async with running(config) as gateway:
            answer = await fetch(f"{gateway.url}/v1/messages", QUESTION)
    assert (answer.status, answer.json()["type"]) == (502, "error")
    attempts = answer.json()["error"]["omniroute"]["attempts"]
    assert [each["target"] for each in attempts] == ["claude/a", "chat/b"]


# Targets that answer only so many requests at once.


def narrow(name: str, upstream: ScriptedUpstream, *, queue: float = 20.0, **more: object) -> Provider:
    made = provider(name, f"{upstream.url}/v1", **more)  # type: ignore[arg-type]  # as the helper takes them
    return msgspec.structs.replace(made, max_concurrent=1, queue=queue)


def held(gate: asyncio.Event, text: str) -> Script:
    """An answer that waits until the gate is open."""
    return [Until(gate), *chat_answer(text)]


def said(answer: Received) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def asking(gateway: RunningGateway, model: str) -> "asyncio.Task[Received]":
    return asyncio.ensure_future(fetch(f"{gateway.url}/v1/chat/completions", chat(model)))


async def test_what_a_target_has_no_room_for_goes_to_another_that_has() -> None:
    gate = asyncio.Event()
    async with ScriptedUpstream() as first, ScriptedUpstream(default=chat_answer("from second")) as second:
        first.then(held(gate, "from first"))
        small, large = narrow("small", first), provider("large", f"{second.url}/v1")
        config = snapshot(small, large, combos=[combo("c", target(small, "m"), target(large, "m"))])
        async with running(config) as gateway:
            one = asking(gateway, "c")
            await eventually(lambda: first.requests)
            assert said(await asking(gateway, "c")) == "from second"
            gate.set()
            assert said(await one) == "from first"
            await gateway.ended(2)
            assert gateway.rt.health.queues.seated == {}


async def test_where_nobody_has_room_requests_wait_for_their_turn_in_the_order_of_coming() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    async with ScriptedUpstream() as upstream:
        upstream.then(*(held(gate, f"{number}") for number, gate in enumerate(gates)))
        small = narrow("small", upstream)
        async with running(snapshot(small)) as gateway:
            tasks = []
            for number in range(3):
                tasks.append(asking(gateway, "small/m"))
                await eventually(lambda expected=number: len(gateway.rt.active) == expected + 1)
            await settled(lambda: len(upstream.requests))
            assert len(upstream.requests) == 1
            for number, gate in enumerate(gates):
                gate.set()
                assert said(await within(tasks[number])) == f"{number}"
            rows = await gateway.ended(3)
            assert gateway.rt.health.queues.seated == {}
    assert [len(row.attempts) for row in rows] == [1, 1, 1]


async def test_whoever_waited_too_long_is_told_that_it_was_busy_and_nothing_is_held_against_the_target() -> None:
    gate = asyncio.Event()
    async with ScriptedUpstream() as upstream:
        upstream.then(held(gate, "late"))
        small = narrow("small", upstream, queue=0.1, credentials=["one", "two"])
        async with running(snapshot(small)) as gateway:
            one = asking(gateway, "small/m")
            await eventually(lambda: upstream.requests)
            answer = await asking(gateway, "small/m")
            view = gateway.rt.health.view(0.0, {})
            assert (dict(view.cooling), dict(view.open)) == ({}, {})
            gate.set()
            assert (await one).status == 200
            rows = await gateway.ended(2)
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (429, "upstream_rate_limited")
    assert "no room within" in error["message"]
    assert [each.failure for each in rows[0].attempts] == [FailureKind.BUSY]
    assert len(upstream.requests) == 1


async def test_one_that_becomes_full_while_others_are_tried_lets_those_with_room_go_first() -> None:
    gate, begun = asyncio.Event(), asyncio.Event()
    async with ScriptedUpstream() as bad, ScriptedUpstream() as first, ScriptedUpstream() as second:
        bad.default = [Tell(begun), Until(gate), *error_answer("down", 503)]
        first.default, second.default = [Stall()], chat_answer("from second")
        broken, small = provider("broken", f"{bad.url}/v1"), narrow("small", first)
        large = provider("large", f"{second.url}/v1")
        config = snapshot(
            *(broken, small, large),
            combos=[combo("c", target(broken, "m"), target(small, "m"), target(large, "m"))],
        )
        async with running(config) as gateway:
            one = asking(gateway, "c")
            await within(begun.wait())
            blocking = asking(gateway, "small/m")
            await eventually(lambda: first.requests)
            gate.set()
            answer = await within(one)
            blocking.cancel()
            rows = await gateway.ended(2)
    assert said(answer) == "from second"
    assert answer.headers["x-omniroute-attempts"] == "2"
    row = next(row for row in rows if row.asked == "c")
    assert [each.target for each in row.attempts] == ["broken/m", "large/m"]


async def test_a_client_that_leaves_while_it_waits_gives_its_turn_up() -> None:
    gate = asyncio.Event()
    async with ScriptedUpstream() as upstream:
        upstream.then(held(gate, "first"), chat_answer("third"))
        async with running(snapshot(narrow("small", upstream))) as gateway:
            one = asking(gateway, "small/m")
            await eventually(lambda: upstream.requests)
            connection = await ask(f"{gateway.url}/v1/chat/completions", chat("small/m"))
            await eventually(lambda: len(gateway.rt.active) == 2)
            three = asking(gateway, "small/m")
            await eventually(lambda: len(gateway.rt.active) == 3)
            await connection.close()
            [gone] = await gateway.ended()
            gate.set()
            assert [said(each) for each in (await within(one), await within(three))] == ["first", "third"]
            await gateway.ended(3)
            assert gateway.rt.health.queues.seated == {}
    assert (gone.status, gone.attempts) == (499, ())


async def test_a_server_that_stops_does_not_wait_for_turns() -> None:
    async with (
        ScriptedUpstream(default=[Stall()]) as upstream,
        running(snapshot(narrow("small", upstream))) as gateway,
    ):
        tasks = [asking(gateway, "small/m") for _ in range(3)]
        await eventually(lambda: len(gateway.rt.active) == 3)
        for each in tuple(gateway.rt.active):
            each.interrupt(Why.STOPPING)
        assert {(await within(each)).status for each in tasks} == {503}
        assert gateway.rt.health.queues.seated == {}


async def test_a_second_target_without_room_is_not_asked_beside_a_late_one() -> None:
    slow: Script = [Pause(0.3), *chat_answer("from first")]
    async with ScriptedUpstream(default=slow) as first, ScriptedUpstream(default=[Stall()]) as second:
        quick, small = provider("quick", f"{first.url}/v1"), narrow("small", second)
        hedge = Hedge(enabled=True, min_samples=20, max_share=1.0, min_wait=0.05)
        config = snapshot(quick, small, combos=[combo("c", target(quick, "m"), target(small, "m"))])
        config = msgspec.structs.replace(config, resilience=Resilience(hedge=hedge))
        known = Candidate(target(quick, "m"), quick.credentials[0], Format.OPENAI_CHAT)
        async with running(config) as gateway:
            gateway.rt.health.heed(config.resilience)
            for _ in range(20):
                gateway.rt.health.hedging.took(known, 0.01, stream=False)
            blocking = asking(gateway, "small/m")
            await eventually(lambda: second.requests)
            assert said(await asking(gateway, "c")) == "from first"
            assert len(second.requests) == 1
            blocking.cancel()
            await gateway.ended(2)
            assert said(await asking(gateway, "c")) == "from first"
            assert len(second.requests) == 2
            await gateway.ended(3)
            assert gateway.rt.health.queues.seated == {}


@pytest.mark.parametrize("seed", range(2))
async def test_in_a_crowd_no_target_answers_more_at_once_than_it_may_and_every_place_is_given_back(seed: int) -> None:
    dice, most = Random(seed), 0
    async with ScriptedUpstream() as upstream:

        def respond(_asked: object) -> Script:
            nonlocal most
            most = max(most, sum(each.request is not None for each in upstream.peers))
            if dice.random() < 0.2:
                return error_answer("down", 503)
            return [Pause(dice.random() / 50), *chat_answer("x")]

        upstream.respond = respond
        small = msgspec.structs.replace(narrow("small", upstream, queue=0.15), max_concurrent=3)
        config = msgspec.structs.replace(snapshot(small), resilience=Resilience(failures=10**6))
        async with running(config) as gateway:

            async def one() -> None:
                connection = await ask(f"{gateway.url}/v1/chat/completions", chat("small/m"))
                if dice.random() < 0.3:
                    await asyncio.sleep(dice.random() / 10)
                else:
                    await connection.headers()
                    await connection.rest()
                await connection.close()

            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                for _ in range(120):
                    tasks.create_task(one())
            rows = await gateway.ended(120)
            assert gateway.rt.health.queues.seated == {}
            assert gateway.rt.health.queues._lines == {}
    assert 1 < most <= 3
    assert {row.outcome for row in rows} >= {Outcome.OK, Outcome.FAILED, Outcome.CANCELLED}
