"""A second target is asked beside one that is late: on real sockets, and with attempts that misbehave."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import msgspec
import pytest

from omniroute.config.policy import Rate
from omniroute.config.snapshot import Hedge, Resilience, Target, Timeouts
from omniroute.engine.hedge import Race
from omniroute.engine.patience import Patience, Why
from omniroute.engine.reply import Client
from omniroute.engine.terms import Headers, unix_micros
from omniroute.engine.toll import UNLIMITED, gates
from omniroute.names import FailureKind, Format, Outcome
from omniroute.observe.events import Exchanged
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate
from tests.support.client import Received, ask, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Pause,
    Recorded,
    Reset,
    Script,
    ScriptedUpstream,
    Stall,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    sse,
    usage_of,
)
from tests.support.waiting import eventually, within

SILENT: Script = [Stall()]
EAGER = Hedge(enabled=True, min_samples=20, max_share=1.0, min_wait=0.05)
PATIENT = Timeouts(connect=2.0, first_byte=20.0, first_token=20.0, between_events=20.0, answer=20.0, total=30.0)


@dataclass
class Pair:
    """A gateway before two upstreams of one combo, ``both``; the first is known to be quick."""

    gateway: RunningGateway
    first: ScriptedUpstream
    second: ScriptedUpstream
    targets: tuple[Target, ...]

    def quick(self, number: int = 0, seconds: float = 0.01) -> None:
        """Let a target be known as quick, so that it is soon late."""
        known = Candidate(self.targets[number], self.targets[number].provider.credentials[0], Format.OPENAI_CHAT)
        for _ in range(100):
            for stream in (True, False):
                self.gateway.rt.health.hedging.took(known, seconds, stream=stream)

    async def fetch(self, *, stream: bool = True, model: str = "both") -> Received:
        return await fetch(f"{self.gateway.url}/v1/chat/completions", chat(model, stream=stream))


def from_(name: str, *, stream: bool = True) -> Script:
    return chat_stream(["from ", name]) if stream else chat_answer(f"from {name}")


def answering(name: str) -> Callable[[Recorded], Script]:
    return lambda asked: from_(name, stream=asked.json()["stream"])


@asynccontextmanager
async def two(
    first: Script = SILENT,
    second: Script | None = None,
    *,
    hedge: Hedge = EAGER,
    timeouts: Timeouts = PATIENT,
    rate: Rate = UNLIMITED,
) -> AsyncIterator[Pair]:
    """Two upstreams; the first never answers, and the second does, unless something else is said."""
    async with (
        ScriptedUpstream(default=first) as one,
        ScriptedUpstream(default=second or (), respond=None if second else answering("second")) as other,
    ):
        providers = [
            msgspec.structs.replace(provider(name, f"{upstream.url}/v1", timeouts=timeouts), rate=rate)
            for name, upstream in (("first", one), ("second", other))
        ]
        targets = tuple(target(each, "m") for each in providers)
        config = snapshot(*providers, combos=[combo("both", *targets)])
        config = msgspec.structs.replace(config, resilience=Resilience(hedge=hedge))
        async with running(config) as gateway:
            pair = Pair(gateway, one, other, targets)
            gateway.rt.health.heed(config.resilience)
            pair.quick()
            yield pair


def ends(row: Exchanged) -> dict[str, FailureKind | int | None]:
    """The attempts of a row: how each failed, 200 where it answered, None where it was given up."""
    return {each.target: each.failure or each.status for each in row.attempts}


@pytest.mark.parametrize("stream", [True, False])
async def test_when_the_first_is_late_the_second_answers_and_the_first_is_given_up(stream: bool) -> None:
    async with two() as pair:
        answer = await pair.fetch(stream=stream)
        [row] = await pair.gateway.ended()
        await eventually(lambda: pair.first.disconnects)
    said = answer.text if stream else answer.json()["choices"][0]["message"]["content"]
    assert (answer.status, said, answer.complete) == (200, "from second", True)
    assert answer.headers["x-omniroute-target"] == "second/m"
    assert answer.headers["x-omniroute-attempts"] == "2"
    assert (row.outcome, row.target) == (Outcome.OK, "second/m")
    assert ends(row) == {"first/m": None, "second/m": 200}
    assert pair.gateway.rt.health.view(0.0, {}).in_flight == {}


async def test_the_first_may_win_all_the_same_and_then_the_second_is_given_up() -> None:
    slow: Script = [Pause(0.3), *from_("first")]
    async with two(slow, [Stall()]) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
        await eventually(lambda: pair.second.disconnects)
    assert answer.text == "from first"
    assert ends(row) == {"first/m": 200, "second/m": None}


async def test_one_that_is_not_late_is_alone() -> None:
    async with two(from_("first")) as pair:
        pair.quick(seconds=5.0)
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert (answer.text, answer.headers["x-omniroute-attempts"]) == ("from first", "1")
    assert ends(row) == {"first/m": 200}
    assert pair.second.requests == []


async def test_nobody_is_asked_beside_without_headroom() -> None:
    slow: Script = [Pause(0.2), *from_("first")]
    async with two(slow, hedge=msgspec.structs.replace(EAGER, max_share=0.05)) as pair:
        for _ in range(3):
            assert (await pair.fetch()).text == "from first"
        await pair.gateway.ended(3)
    assert pair.second.requests == []


async def test_a_request_for_one_target_is_never_asked_twice() -> None:
    slow: Script = [Pause(0.2), *from_("first")]
    async with two(slow) as pair:
        assert (await pair.fetch(model="first/m")).text == "from first"
        [row] = await pair.gateway.ended()
    assert ends(row) == {"first/m": 200}


async def test_when_the_second_fails_the_first_goes_on() -> None:
    slow: Script = [Pause(0.4), *from_("first")]
    async with two(slow, error_answer("down", 503)) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert (answer.text, answer.headers["x-omniroute-attempts"]) == ("from first", "2")
    assert ends(row) == {"second/m": FailureKind.DOWN, "first/m": 200}


async def test_when_the_first_fails_the_second_goes_on() -> None:
    slow: Script = [Pause(0.6), *from_("second")]
    async with two([Pause(0.3), Reset()], slow) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert answer.text == "from second"
    assert ends(row) == {"first/m": FailureKind.DOWN, "second/m": 200}


async def test_when_both_fail_the_client_is_told_of_both_and_neither_is_asked_again() -> None:
    async with two([Pause(0.3), *error_answer("down", 503)], [Pause(0.3), *error_answer("busy", 429)]) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert answer.status == 429
    assert {each["target"] for each in answer.json()["error"]["omniroute"]["attempts"]} == {"first/m", "second/m"}
    assert ends(row) == {"first/m": FailureKind.DOWN, "second/m": FailureKind.BUSY}
    assert (len(pair.first.requests), len(pair.second.requests)) == (1, 1)


async def test_a_request_that_is_found_invalid_ends_the_other_attempt_too() -> None:
    async with two([Stall()], error_answer("no", 400, code="bad_value")) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
        await eventually(lambda: pair.first.disconnects)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "bad_value")
    assert ends(row) == {"second/m": FailureKind.INVALID, "first/m": None}


async def test_an_answer_that_breaks_off_is_not_mended_by_the_other() -> None:
    events = [f"data: {msgspec.json.encode(each).decode()}\n\n".encode() for each in chat_events(["a"])[:2]]
    broken: Script = [Head(), *map(Chunk, events), Pause(0.1), Cut()]
    async with two([Stall()], broken) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert (answer.status, answer.text) == (200, "a")
    assert answer.events[-1]["error"]["code"] == "upstream_cut"
    assert (row.outcome, ends(row)) == (Outcome.CUT, {"first/m": None, "second/m": FailureKind.CUT})


async def test_a_client_that_leaves_ends_both() -> None:
    async with two([Stall()], [Stall()]) as pair:
        connection = await ask(f"{pair.gateway.url}/v1/chat/completions", chat("both", stream=True))
        await eventually(lambda: pair.first.requests and pair.second.requests)
        await connection.close()
        [row] = await pair.gateway.ended()
        await eventually(lambda: pair.first.disconnects and pair.second.disconnects)
    assert (row.outcome, row.status) == (Outcome.CANCELLED, 499)
    assert ends(row) == {"first/m": None, "second/m": None}
    assert pair.gateway.rt.health.view(0.0, {}).in_flight == {}


async def test_a_server_that_stops_ends_both_and_says_so() -> None:
    async with two([Stall()], [Stall()]) as pair:
        asking = asyncio.ensure_future(pair.fetch())
        await eventually(lambda: pair.first.requests and pair.second.requests)
        for each in tuple(pair.gateway.rt.active):
            each.interrupt(Why.STOPPING)
        answer = await within(asking)
        [row] = await pair.gateway.ended()
    assert answer.status == 503
    assert ends(row) == {"first/m": None, "second/m": None}


async def test_neither_goes_on_after_the_requests_time() -> None:
    brief = msgspec.structs.replace(PATIENT, total=0.5)
    async with two([Stall()], [Stall()], timeouts=brief) as pair:
        answer = await pair.fetch()
        [row] = await pair.gateway.ended()
    assert answer.status == 504
    assert ends(row) == {"first/m": FailureKind.TIMEOUT, "second/m": FailureKind.TIMEOUT}


async def test_a_count_of_tokens_is_not_asked_for_twice() -> None:
    async with ScriptedUpstream() as one, ScriptedUpstream() as other:
        slow: Script = [Pause(0.2), *error_answer("down", 503)]
        one.default, other.default = slow, slow
        formats = (Format.ANTHROPIC_MESSAGES,)
        providers = [provider(name, each.url, formats=formats) for name, each in (("one", one), ("other", other))]
        targets = tuple(target(each, "m") for each in providers)
        config = snapshot(*providers, combos=[combo("both", *targets)])
        config = msgspec.structs.replace(config, resilience=Resilience(hedge=EAGER))
        async with running(config) as gateway:
            pair = Pair(gateway, one, other, targets)
            gateway.rt.health.heed(config.resilience)
            pair.quick()
            body = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}
            answer = await fetch(f"{gateway.url}/v1/messages/count_tokens", body)
            assert answer.status == 200
    assert other.requests[0].at >= one.requests[0].at + 0.2


async def test_one_that_was_given_up_counts_as_slow() -> None:
    async with two() as pair:
        for _ in range(8):
            pair.quick(1)
            await pair.fetch()
        late = pair.gateway.rt.health.hedging.late_after(
            Candidate(pair.targets[0], pair.targets[0].provider.credentials[0], Format.OPENAI_CHAT), stream=True
        )
    assert late is not None
    assert late >= 0.05


# A crowd.


@dataclass
class Whims:
    """An upstream that is quick, slow, silent or broken as its dice say; every answer names whoever gave it."""

    name: str
    dice: Random
    given: Counter[str] = field(default_factory=Counter)

    def respond(self, asked: Recorded) -> Script:
        events = chat_events([self.name] * 3)
        whim = self.dice.choice(["quick"] * 6 + ["slow", "slow", "late", "broken", "refuses"])
        self.given[whim] += 1
        match whim:
            case "quick":
                return sse(events)
            case "slow":
                return sse(events, gap=0.02)
            case "late":
                return [Pause(0.08 + self.dice.random() / 10), *sse(events, gap=0.005)]
            case "broken":
                return sse(events[:1], done=False, cut=True)
            case _:
                return error_answer("down", 503)


async def _crowd(pair: Pair, dice: Random, requests: int) -> list[Received]:
    answers: list[Received] = []
    gate = asyncio.Semaphore(20)

    async def one() -> None:
        async with gate:
            if dice.random() < 0.1:
                connection = await ask(f"{pair.gateway.url}/v1/chat/completions", chat("both", stream=True))
                await asyncio.sleep(dice.random() / 5)
                await connection.close()
                return
            answers.append(await pair.fetch())

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for _ in range(requests):
            tasks.create_task(one())
    return answers


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_crowd_every_client_is_sent_one_answer_and_every_row_has_all_attempts(seed: int) -> None:
    dice = Random(seed)
    hedge = Hedge(enabled=True, min_samples=20, max_share=0.3, min_wait=0.03)
    async with two(hedge=hedge) as pair:
        whims = [Whims(name, Random(seed * 2 + number)) for number, name in enumerate("ab")]
        pair.first.respond, pair.second.respond = (each.respond for each in whims)
        answers = await _crowd(pair, dice, 200)
        rows = await pair.gateway.ended(200)
        view = pair.gateway.rt.health.view(0.0, {})
        assert view.in_flight == {}
        asked = [len(each.requests) for each in (pair.first, pair.second)]
    for answer in answers:
        assert answer.status in {200, 502}
        if answer.status == 200:
            assert answer.text in {"aaa", "bbb", ""}
            assert answer.complete
    served = [row for row in rows if row.outcome is Outcome.OK]
    for row in rows:
        assert len({each.target for each in row.attempts}) == len(row.attempts) <= 2
        assert sum(each.status == 200 for each in row.attempts) == (row.target != "")
    given_up = [row for row in served if any(each.failure is None and each.status is None for each in row.attempts)]
    assert len(served) >= 100
    assert given_up
    every = [each for row in rows for each in row.attempts]
    heard = [each for each in every if each.failure is not None or each.status is not None]
    assert len(heard) <= sum(asked) <= len(every)  # one that is given up at once may not have been sent
    assert len(given_up) <= 0.3 * len(rows)


# Attempts that misbehave.


class Heard:
    """A client that notes what it is sent."""

    def __init__(self) -> None:
        self.started = False
        self.ended = False
        self.got: list[bytes] = []

    async def body(self, limit: int) -> bytes:
        return b"x" * min(limit, 3)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.got.append(body)

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True

    async def send(self, data: bytes) -> None:
        self.got.append(data)
        await asyncio.sleep(0.01)

    async def end(self, data: bytes) -> None:
        self.got.append(data)


def candidate(name: str) -> Candidate:
    of = provider(name)
    return Candidate(target(of, "m"), of.credentials[0], Format.OPENAI_CHAT)


ONE, TWO = candidate("one"), candidate("two")


async def test_one_that_does_not_heed_being_given_up_can_send_nothing() -> None:
    client, refused, left = Heard(), [], []

    async def asks(candidate: Candidate, to: Client, _patience: Patience) -> Failure | None:
        if candidate is TWO:
            await to.start(200, ())
            await to.send(b"a")
            await to.end(b"b")
            return None
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            for send in (to.start(200, ()), to.whole(200, (), b"!"), to.send(b"!"), to.end(b"!")):
                with pytest.raises(asyncio.CancelledError):
                    await send
                refused.append(1)
            raise
        return None

    race = Race(client, asks, left.append)
    await within(race.run(ONE, 0.01, lambda: TWO))
    await asyncio.sleep(0)
    assert race.answered
    assert (client.got, len(refused)) == ([b"a", b"b"], 4)
    assert left in ([ONE, TWO], [TWO, ONE])


async def test_a_bug_in_an_attempt_leaves_the_race_as_itself_and_ends_the_other() -> None:
    ended, left = [], []

    async def asks(candidate: Candidate, to: Client, _patience: Patience) -> Failure | None:
        if candidate is TWO:
            raise KeyError(await to.body(9))
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(candidate)

    with pytest.raises(KeyError):
        await within(Race(Heard(), asks, left.append).run(ONE, 0.01, lambda: TWO))
    await asyncio.sleep(0)
    assert ended == [ONE]
    assert len(left) == 2


async def test_what_is_cancelled_before_it_began_is_let_go_of_all_the_same() -> None:
    left: list[Candidate] = []

    async def asks(_candidate: Candidate, _to: Client, _patience: Patience) -> Failure | None:
        raise AssertionError

    running_race = asyncio.ensure_future(Race(Heard(), asks, left.append).run(ONE, 60, lambda: TWO))
    await asyncio.sleep(0)
    running_race.cancel()
    with pytest.raises((asyncio.CancelledError, AssertionError)):
        await running_race
    await asyncio.sleep(0)
    assert left == [ONE]


async def test_a_loser_is_not_charged_with_what_the_winner_used() -> None:
    limit, used = Rate(tokens=10_000_000), 5_000_000
    async with two(second=chat_answer("from second", usage_of(20, used)), rate=limit) as pair:
        answer = await pair.fetch(stream=False)
        [row] = await pair.gateway.ended()
        assert (answer.status, ends(row)) == (200, {"first/m": None, "second/m": 200})
        left = {}
        for name in ("first", "second"):
            bucket = gates(f"provider:{name}", limit).tokens
            assert bucket is not None
            [stands] = await pair.gateway.rt.tolls.shared.take([(bucket, 0)], unix_micros() / 1e6)
            left[name] = stands.remaining
    assert left["first"] > 9_000_000, "nobody knows what it used, so what it was sent counts"
    assert left["second"] < 6_000_000


async def test_a_stream_that_is_cut_after_it_began_is_charged_with_what_it_had_used() -> None:
    limit, used = Rate(tokens=10_000_000), 5_000_000
    told = [{**each, "usage": usage_of(20, used)} for each in chat_events(["from ", "first"])][:3]
    begun = [Chunk(f"data: {json.dumps(each)}\n\n".encode()) for each in told]
    for script, most in (([Head(), *begun, Cut()], 6_000_000), (error_answer("down", 503), 10_000_000)):
        async with two(first=script, rate=limit) as pair:
            await pair.fetch(model="first/m")
            [row] = await pair.gateway.ended()
            assert row.outcome in {Outcome.CUT, Outcome.FAILED}
            bucket = gates("provider:first", limit).tokens
            assert bucket is not None
            [stands] = await pair.gateway.rt.tolls.shared.take([(bucket, 0)], unix_micros() / 1e6)
        assert most - 1_000_000 < stands.remaining <= most
