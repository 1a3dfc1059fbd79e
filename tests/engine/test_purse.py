"""What a request pays before it is sent: its limits, its worst case, and what takes over where a budget is spent."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from omniroute.config.policy import Budget, Policy, Rate
from omniroute.config.snapshot import Hedge, Model, Price, Snapshot
from omniroute.engine.admission import Caller
from omniroute.engine.holder import Holder
from omniroute.engine.limit_headers import DOWNGRADED
from omniroute.engine.purse import LONGEST_OUTPUT, MOST_DOWNGRADES, enter, reserve, worst_case
from omniroute.engine.record import Record
from omniroute.engine.runtime import Runtime
from omniroute.engine.toll import FREE, UNLIMITED, Toll
from omniroute.engine.understand import Heard, Inbound, Understood, understand
from omniroute.errors import OverBudget, RateLimited, UnknownModel
from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Place
from omniroute.formats.conversation import Conversation
from omniroute.formats.glance import answers, facts_of, most_output
from omniroute.limits.port import Purse, Seat, Standing
from omniroute.names import Format
from omniroute.routing.plan import Plan
from omniroute.upstream.client import Client
from tests.support.gateway import live
from tests.support.snapshots import combo, provider, snapshot, target

AT = 1_795_420_800
"""2026-11-23 08:00:00 UTC."""
CHAT, MESSAGES, GEMINI, OLLAMA = Format.OPENAI_CHAT, Format.ANTHROPIC_MESSAGES, Format.GEMINI, Format.OLLAMA
COMPLETIONS, RESPONSES = Format.OPENAI_COMPLETIONS, Format.OPENAI_RESPONSES
BODY = {"model": "p/m0", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
PRICES = tuple(Model(f"m{number}", price=Price(10**6, 10**9 * (number + 1))) for number in range(6))
"""An answer of 100 tokens of the first costs 100,000 nano-dollars, of the second twice that, and so on."""
STEP = 100_000
HOUSE = provider("p", models=PRICES)


TURN = {"messages": [{"role": "user", "content": "hi"}]}
# literal table: what else a request needs in each format
NEEDED: dict[Format, dict[str, Any]] = {
    CHAT: TURN,
    RESPONSES: {"input": "hi"},
    COMPLETIONS: {"prompt": "hi"},
    MESSAGES: TURN,
    GEMINI: {"contents": [{"parts": [{"text": "hi"}]}]},
    OLLAMA: TURN,
}


def said(wire: Format, body: dict[str, Any]) -> Asked:
    """A request of a format that says this as well."""
    return asked({"model": "m", **NEEDED[wire], **body}, wire)


def asked(body: dict[str, Any], wire: Format = CHAT) -> Asked:
    return CODECS[wire].ask(json.dumps(body).encode(), Place("m", stream=False) if wire is GEMINI else Place())


class Desk:
    """One gateway, to which requests come one after the other."""

    def __init__(self, client: Client, made: Snapshot | None = None) -> None:
        self.live = live(made or snapshot(HOUSE), {})
        holder = Holder()
        holder.swap(self.live)
        self.rt = Runtime(holder, client, lambda event: None)

    def heard(
        self, policy: Policy | None, named: str | None = None, body: dict[str, Any] = BODY, key: str = "alice"
    ) -> tuple[Heard, Record]:
        record = Record("req_1", CHAT, self.live, AT * 10**6, 0.0)
        record.key = key
        request = asked(body)
        facts, talk = facts_of(request, CHAT), Conversation(named)
        return Heard(Caller(key, policy), request.body, plain=True, asked=request, talk=talk, facts=facts), record

    async def enter(self, policy: Policy | None, named: str | None = None, key: str = "alice") -> tuple[Toll, Record]:
        heard, record = self.heard(policy, named, key=key)
        return await enter(self.rt, heard, record), record

    async def reserve(self, policy: Policy, body: dict[str, Any] = BODY) -> tuple[Understood, Record, Toll]:
        heard, record = self.heard(policy, body=body)
        inbound = Inbound("req_1", CODECS[CHAT], None)
        toll = await enter(self.rt, heard, record)
        understood = understand(self.rt, inbound, heard, record)
        return await reserve(self.rt, inbound, heard, understood, record, toll), record, toll

    async def standing(self, name: str) -> Standing:
        return await self.rt.tolls.shared.standing(Purse(name, 0, None), AT)


@pytest.fixture
async def desk() -> Desk:
    return Desk(Client())


def budget(name: str, limit: int, downgrade: str | None = None) -> Budget:
    return Budget(name, limit, "total", on_exceed="downgrade" if downgrade else "block", downgrade=downgrade)


def policy(*budgets: Budget, rate: Rate = UNLIMITED, sessions: int | None = None) -> Policy:
    return Policy("p", budgets=budgets, rate=rate, sessions=sessions)


# Entering.


async def test_who_has_no_policy_and_whose_policy_counts_nothing_enters_for_nothing(desk: Desk) -> None:
    for each in (None, policy()):
        toll, record = await desk.enter(each)
        assert toll is FREE
        assert record.told == ()


async def test_a_key_has_no_more_conversations_than_it_may_and_what_is_not_named_counts_for_none(desk: Desk) -> None:
    two = policy(sessions=2)
    for named in ("a", "b", "a", None, None, None):
        await desk.enter(two, named)
    with pytest.raises(RateLimited, match=r"'alice' \(policy 'p'\) may have 2 conversations at once") as refused:
        await desk.enter(two, "c")
    assert refused.value.retry_after is None
    await desk.enter(two, "c", key="bob")
    for named in ("x", "y"):
        await desk.enter(two, named, key="")
    with pytest.raises(RateLimited, match="whoever comes without a key"):
        await desk.enter(two, "z", key="")


async def test_how_limits_stand_is_told_to_whom_they_let_in_and_to_whom_they_do_not(desk: Desk) -> None:
    one = policy(rate=Rate(requests=1, tokens=1000))
    toll, first = await desk.enter(one)
    assert first.told == ()  # told with the answer, once it is known what budgets say
    told = dict(toll.headers(first.format, first.at / 1e6))
    assert told["x-ratelimit-remaining-requests"] == "0"
    assert told["x-ratelimit-remaining-tokens"] == str(1000 - len(json.dumps(BODY)) // 5)
    heard, second = desk.heard(one)
    with pytest.raises(RateLimited):
        await enter(desk.rt, heard, second)
    assert dict(second.told)["x-ratelimit-limit-requests"] == "1"


async def test_tokens_that_nobody_can_estimate_are_taken_by_the_bytes(desk: Desk) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    body = BODY | {"messages": [{"role": "user", "content": [picture]}]}
    heard, record = desk.heard(policy(rate=Rate(tokens=1000)), body=body)
    assert heard.facts.input_tokens is None
    toll = await enter(desk.rt, heard, record)
    told = dict(toll.headers(record.format, record.at / 1e6))
    assert told["x-ratelimit-remaining-tokens"] == str(1000 - len(heard.body) // 4)


async def test_who_is_refused_leaves_no_seat_taken(desk: Desk) -> None:
    rate = Rate(requests=1, concurrent=3)
    toll, _ = await desk.enter(policy(rate=rate))
    for _ in range(5):
        with pytest.raises(RateLimited, match="1 request a minute"):
            await desk.enter(policy(rate=rate))
    toll.settle(0, 0, AT)
    seat = Seat("key:alice:concurrent", 1)
    assert await desk.rt.tolls.shared.enter((seat,), AT) is None


# Setting aside.


async def test_the_worst_case_is_set_aside_in_each_budget_and_the_row_knows_them(desk: Desk) -> None:
    understood, record, toll = await desk.reserve(policy(budget("a", 10**9), budget("b", 10**9)))
    most = worst_case(understood.plan, len(json.dumps(BODY)), 100)
    assert most is not None
    assert STEP < most < STEP * 1.01
    assert await desk.standing("a") == await desk.standing("b") == Standing(0, most)
    assert (record.budgets, toll.reserved) == ((("a", 0), ("b", 0)), most)


async def test_every_answer_that_is_asked_for_is_set_aside(desk: Desk) -> None:
    for body, choices in ((BODY, 1), (BODY | {"n": 7}, 7), (BODY | {"n": 0}, 1)):
        one = Desk(desk.rt.upstream)  # type: ignore[arg-type]  # which nothing is sent by
        _, _, toll = await one.reserve(policy(budget("a", 10**9)), body)
        assert toll.reserved // STEP == choices


async def test_what_there_is_no_room_for_is_refused_and_nothing_is_set_aside(desk: Desk) -> None:
    with pytest.raises(OverBudget, match="budget 'b' has no room"):
        await desk.reserve(policy(budget("a", 10**9), budget("b", STEP)))
    assert await desk.standing("a") == await desk.standing("b") == Standing(0, 0)


async def test_what_takes_over_is_planned_and_set_aside_anew(desk: Desk) -> None:
    body = BODY | {"model": "p/m3"}
    understood, record, toll = await desk.reserve(policy(budget("a", STEP, "p/m0"), budget("b", 5 * STEP)), body)
    assert [each.target.id for each in understood.plan.candidates] == ["p/m0"]
    assert STEP < toll.reserved < 2 * STEP
    assert await desk.standing("a") == await desk.standing("b") == Standing(0, toll.reserved)
    assert dict(record.told)[DOWNGRADED] == "p/m0"
    assert record.asked == ""  # what was asked stays what the client wrote, which is noted where it is read


async def test_what_takes_over_is_blocked_by_a_budget_that_has_no_room_for_it_either(desk: Desk) -> None:
    with pytest.raises(OverBudget, match="budget 'b'"):
        await desk.reserve(policy(budget("a", 0, "p/m1"), budget("b", STEP + STEP // 2)))
    assert await desk.standing("a") == Standing(0, 0)


async def test_what_takes_over_and_is_nowhere_is_the_clients_to_know(desk: Desk) -> None:
    with pytest.raises(UnknownModel, match="nowhere"):
        await desk.reserve(policy(budget("a", 0, "nowhere")))
    assert await desk.standing("a") == Standing(0, 0)


def stairs(steps: int) -> Policy:
    """Budgets of which each has room for a model, and none for the dearer one that takes over for the last."""
    return policy(*(budget(f"b{n}", n * STEP + STEP // 2, f"p/m{n + 1}") for n in range(steps)))


async def test_budgets_that_lead_to_dearer_models_are_followed_so_far_and_no_farther(desk: Desk) -> None:
    understood, record, _ = await desk.reserve(stairs(MOST_DOWNGRADES - 1))
    assert [each.target.id for each in understood.plan.candidates] == ["p/m3"]
    assert [value for name, value in record.told if name == DOWNGRADED] == ["p/m1", "p/m2", "p/m3"]
    other = Desk(desk.rt.upstream)  # type: ignore[arg-type]  # as above
    with pytest.raises(OverBudget, match="leads to another spent budget"):
        await other.reserve(stairs(MOST_DOWNGRADES))
    assert await other.standing("b0") == Standing(0, 0)


# The worst case.


def plan(models: Sequence[Model], hedge: Hedge | None = None) -> Plan:
    of = provider("p", models=models)
    made = snapshot(of, combos=[combo("c", *(target(of, each.name) for each in models))])
    desk = Desk(Client(), made)
    heard, record = desk.heard(None, body=BODY | {"model": "c"})
    found = understand(desk.rt, Inbound("req_1", CODECS[CHAT], None), heard, record).plan
    return msgspec.structs.replace(found, hedge=hedge)


INPUT, OUTPUT = Price(10**6, 0), Price(0, 10**6)


async def test_it_is_that_of_the_dearest_who_may_be_asked() -> None:
    assert worst_case(plan(PRICES[:4]), 0, 100) == 4 * STEP
    assert worst_case(plan([*PRICES[:2], Model("unpriced")]), 0, 100) is None


async def test_it_is_twice_that_where_two_may_be_asked_at_once() -> None:
    assert worst_case(plan(PRICES[:2], Hedge()), 0, 100) == 4 * STEP


@pytest.mark.parametrize(("size", "context", "tokens"), [(300, None, 100), (301, None, 101), (301, 50, 50), (0, 50, 0)])
async def test_a_request_has_a_token_for_each_third_byte_and_no_more_than_fit(
    size: int, context: int | None, tokens: int
) -> None:
    model = Model("m", context, price=INPUT)
    assert worst_case(plan([model]), size, 0) == tokens


@pytest.mark.parametrize(
    ("asked_for", "most", "tokens"),
    [(100, None, 100), (100, 50, 50), (None, 50, 50), (None, None, LONGEST_OUTPUT), (0, 50, 0)],
)
async def test_an_answer_is_as_long_as_the_request_and_the_model_allow(
    asked_for: int | None, most: int | None, tokens: int
) -> None:
    model = Model("m", max_output=most, price=OUTPUT)
    assert worst_case(plan([model]), 0, asked_for) == tokens
    assert worst_case(plan([model]), 0, asked_for, 3) == 3 * tokens


# What a request says of its answers.


@pytest.mark.parametrize(
    ("wire", "body", "most"),
    [
        (CHAT, {"max_tokens": 7}, 7),
        (CHAT, {"max_completion_tokens": 7}, 7),
        (CHAT, {"max_tokens": 9, "max_completion_tokens": 7}, 9),
        (CHAT, {"max_tokens": 7, "max_completion_tokens": 9}, 9),
        (CHAT, {"max_tokens": None, "max_completion_tokens": 9}, 9),
        (CHAT, {}, None),
        (CHAT, {"max_tokens": None}, None),
        (CHAT, {"max_tokens": -1}, None),
        (CHAT, {"max_tokens": True}, None),
        (CHAT, {"max_tokens": 7.5}, None),
        (CHAT, {"max_tokens": {"maxOutputTokens": 7}}, None),
        (CHAT, {"options": {"num_predict": 1}, "generationConfig": {"maxOutputTokens": 1}}, None),
        (RESPONSES, {"max_output_tokens": 7}, 7),
        (RESPONSES, {"max_tokens": 1}, None),
        (COMPLETIONS, {"max_tokens": 7}, 7),
        (MESSAGES, {"max_tokens": 7}, 7),
        (GEMINI, {"generationConfig": {"maxOutputTokens": 7}}, 7),
        (GEMINI, {"generation_config": {"max_output_tokens": 7}}, 7),
        (GEMINI, {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 7}}, 7),
        (GEMINI, {"generationConfig": {"temperature": 1}}, None),
        (GEMINI, {"generationConfig": 7}, 7),
        (OLLAMA, {"options": {"num_predict": 7}}, 7),
        (OLLAMA, {"options": {"num_predict": -1}}, None),
        (Format.OPENAI_EMBEDDINGS, {"max_tokens": 7}, None),
    ],
)
def test_the_longest_answer_is_what_the_format_of_the_request_says_it_is(
    wire: Format, body: dict[str, Any], most: int | None
) -> None:
    assert most_output(said(wire if wire in NEEDED else CHAT, body), wire) == most


def test_a_bound_that_no_number_can_hold_is_none() -> None:
    body = b'{"model":"m","messages":[],"max_tokens":1e999}'
    assert most_output(CODECS[CHAT].ask(body, Place()), CHAT) is None
    assert answers(CODECS[COMPLETIONS].ask(b'{"model":"m","prompt":[1e999]}', Place()), COMPLETIONS) == 1


@pytest.mark.parametrize(
    ("wire", "body", "count"),
    [
        (CHAT, {"n": 3}, 3),
        (CHAT, {}, 1),
        (CHAT, {"n": 0}, 1),
        (CHAT, {"n": "3"}, 1),
        (MESSAGES, {"n": 3}, 1),
        (COMPLETIONS, {"n": 2, "best_of": 5}, 5),
        (COMPLETIONS, {"prompt": ["a", "b", "c"], "n": 2}, 6),
        (COMPLETIONS, {"prompt": [[1, 2], [3]]}, 2),
        (COMPLETIONS, {"prompt": [1, 2, 3]}, 1),
        (COMPLETIONS, {"prompt": []}, 1),
        (CHAT, {"prompt": ["a", "b"]}, 1),
        (GEMINI, {"generationConfig": {"candidateCount": 4}}, 4),
        (GEMINI, {"generation_config": {"candidate_count": 4}}, 4),
    ],
)
def test_there_are_as_many_answers_as_a_request_asks_for(wire: Format, body: dict[str, Any], count: int) -> None:
    assert answers(said(wire, body), wire) == count
