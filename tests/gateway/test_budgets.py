"""Money, from the TOML to the disk: who may spend it, what a request cost however it ended, what stays held.

Every test ends with the proof of ``omniroute usage verify`` (``tests.support.paid``).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from omniroute.names import Format
from omniroute.storage.report import PastRequest
from tests.gateway.test_assembly import serving as gateway_of
from tests.support.answers import STREAMED, Saying
from tests.support.client import Received, ask
from tests.support.embeddings import beside, direction, embedded
from tests.support.killed import killed
from tests.support.paid import (
    CHAT,
    CHEAP,
    COST,
    REQUESTS,
    STREAM,
    USED,
    WORST,
    Paid,
    code_of,
    held_back,
    paid,
    pair_of,
    saying,
    shown,
    written,
)
from tests.support.peer import CHUNKED, EVENTS, Recorded, Script, Step
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Last,
    ScriptedUpstream,
    Until,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    json_answer,
    usage_of,
)
from tests.support.waiting import eventually, within

CROWD = 8


async def all_but_one(asked: "Sequence[asyncio.Task[Received]]") -> None:
    """Wait until only one has no answer."""
    await eventually(lambda: sum(each.done() for each in asked) >= len(asked) - 1)


# Who may spend it.


@pytest.mark.parametrize("wire", REQUESTS)
async def test_of_a_crowd_for_which_there_is_room_for_one_exactly_one_passes(tmp_path: Path, wire: Format) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path) as made:
        made.upstream.default = held_back(gate)
        asked = [asyncio.create_task(made.speak(wire, ("alice", "bob")[number % 2])) for number in range(CROWD)]
        await all_but_one(asked)
        spent, held = await made.stands()
        assert (spent, held > WORST) == (0, True)
        assert len(made.upstream.requests) == 1
        gate.set()
        answers = await within(asyncio.gather(*asked))
        late = await made.speak(wire)
        now = time.time_ns() / 1e9
        resets_at = (await made.budget())["resets_at"]
    refused = [each for each in answers if each.status != 200]
    assert len(refused) == CROWD - 1
    for each in (*refused, late):
        assert (each.status, code_of(each)) == (429, "budget_exceeded")
        assert "budget 'team' has no room" in each.body.decode()
    # Who waits for requests under way cannot be told for how long; who waits for the period, can.
    assert all("retry-after" not in each.headers for each in refused)
    assert abs(int(late.headers["retry-after"]) - (resets_at - now)) < 60
    rows = await made.closed()
    assert sorted((row.outcome, row.cost_nano, len(row.budgets)) for row in rows if row.status == 200) == [
        ("ok", COST, 1)
    ]
    assert {(row.outcome, row.cost_nano, row.budgets) for row in rows if row.status != 200} == {("refused", None, ())}


async def test_of_a_crowd_before_several_processes_exactly_one_passes(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with ScriptedUpstream(default=held_back(gate)) as upstream, pair_of(tmp_path, written(upstream)) as pair:
        asked = [asyncio.create_task(pair.pay(CHAT, "alice"))]
        async with asyncio.timeout(60):
            while pair.one("SELECT count(DISTINCT worker) FROM usage WHERE code = 'budget_exceeded'") < 2:
                asked += [asyncio.create_task(pair.pay(CHAT, "bob")) for _ in range(CROWD)]
                await all_but_one(asked)
                await asyncio.sleep(0.25)  # until rows are written
        assert len(upstream.requests) == 1
        gate.set()
        answers = await within(asyncio.gather(*asked))
        await pair.comes_to(COST)
        await pair.stop()
    refused = [each for each in answers if each.status != 200]
    assert len(refused) == len(answers) - 1
    assert {(each.status, code_of(each)) for each in refused} == {(429, "budget_exceeded")}
    pair.holds_true()
    assert pair.one("SELECT spent_nano FROM spent") == COST


async def test_a_budget_without_an_end_does_not_say_when_to_come_again(tmp_path: Path) -> None:
    async with paid(tmp_path, more='period = "total"\n') as made:
        assert (await made.ask()).status == 200
        late = await made.ask()
        assert (late.status, late.json()["error"]["code"]) == (429, "budget_exceeded")
        assert "retry-after" not in late.headers
        assert "it does not begin anew" in late.json()["error"]["message"]


async def test_a_request_is_paid_from_every_budget_of_its_policy_and_blocked_by_any(tmp_path: Path) -> None:
    more = '[budgets.company]\nlimit = "9 USD"\nperiod = "total"\n'
    async with paid(tmp_path, 'budgets = ["company", "team"]', more) as made:
        assert (await made.ask()).status == 200
        assert (await made.ask()).status == 429
        assert await made.stands("company") == await made.stands() == (COST, 0)
    [first, second] = await made.closed()
    assert {name for name, _ in first.budgets} == {"company", "team"}
    assert second.budgets == ()


async def test_who_has_no_policy_spends_nothing(tmp_path: Path) -> None:
    async with paid(tmp_path, limit="0 USD") as made:
        assert (await made.ask(key="free")).status == 200
        assert (await made.ask()).status == 429
        assert await made.stands() == (0, 0)


# What it cost, however it ended.


async def one_row(made: Paid) -> PastRequest:
    [row] = await made.closed()
    return row


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_provider_says_was_used_is_what_is_paid(tmp_path: Path, stream: bool) -> None:
    async with paid(tmp_path) as made:
        made.upstream.default = chat_stream(["Hello", "."], USED) if stream else chat_answer("Hello.", USED)
        assert (await made.ask({**CHAT, "stream": stream})).status == 200
        await made.comes_to(COST)
    row = await one_row(made)
    assert (row.outcome, row.cost_nano, row.estimated, row.input_tokens, row.output_tokens) == (
        "ok",
        COST,
        False,
        20,
        500,
    )
    assert row.reserved_nano is not None
    assert row.reserved_nano > WORST


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_provider_does_not_tell_is_estimated_and_marked(tmp_path: Path, stream: bool) -> None:
    async with paid(tmp_path) as made:
        made.upstream.default = chat_stream(["word "] * 40) if stream else chat_answer("word " * 40)
        assert (await made.ask({**CHAT, "stream": stream})).status == 200
        spent, held = await made.stands()
    row = await one_row(made)
    assert (row.outcome, row.estimated, held, row.cost_nano) == ("ok", True, 0, spent)
    assert row.output_tokens is not None
    assert 20 < row.output_tokens < 160
    assert 0 < spent < WORST


async def test_a_stream_that_breaks_is_estimated_and_marked(tmp_path: Path) -> None:
    async with paid(tmp_path) as made:
        made.upstream.default = broken(["word "] * 40)
        answer = await made.ask(STREAM)
        assert "error" in answer.events[-1]
        spent, held = await made.stands()
    row = await one_row(made)
    assert (row.outcome, row.estimated, row.cost_nano, held) == ("cut", True, spent, 0)
    assert 0 < spent < WORST


@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("wire", [Format.ANTHROPIC_MESSAGES, Format.GEMINI, Format.OPENAI_RESPONSES])
async def test_usage_that_a_provider_tells_as_it_goes_is_no_bill_before_the_end(
    tmp_path: Path, wire: Format, leave: bool
) -> None:
    said = [each.encode() for each in STREAMED[wire](Saying("word " * 200))]
    gate = asyncio.Event()
    begun: list[Step] = [Head(200, (*EVENTS, CHUNKED)), Chunk(b"".join(said[: len(said) // 2]))]
    async with paid(tmp_path, provider=wire) as made:
        made.upstream.default = [*begun, Until(gate), Cut()]
        connection = await made.begin(wire)
        await within(anext(connection.pieces()))
        if leave:
            await connection.close()
            await eventually(lambda: made.upstream.disconnects)
        gate.set()
        await within(connection.rest())
        await connection.close()
        await eventually(lambda: not made.upstream.peers)
        async with asyncio.timeout(20):
            while (await made.stands())[1]:
                await asyncio.sleep(0.01)
        spent, _ = await made.stands()
    row = await one_row(made)
    assert (row.outcome, row.estimated, row.cost_nano) == ("cancelled" if leave else "cut", True, spent)
    assert row.output_tokens is not None
    assert row.output_tokens > 4  # the first event of a message says 1


def broken(words: Sequence[str]) -> Script:
    """A stream whose connection is lost behind its words."""
    parts = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(words)[:-1])
    return [Head(200, (*EVENTS, CHUNKED)), Chunk(b"".join(parts)), Cut()]


async def test_a_client_that_leaves_its_stream_pays_for_what_it_had(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path) as made:
        made.upstream.default = paused(gate, ["word "] * 40)
        connection = await made.begin(Format.OPENAI_CHAT)
        await within(anext(connection.pieces()))
        assert (await made.stands())[1] > WORST
        await connection.close()
        await eventually(lambda: made.upstream.disconnects)
        async with asyncio.timeout(20):
            while (await made.stands())[1]:
                await asyncio.sleep(0.01)
        spent, _ = await made.stands()
    row = await one_row(made)
    assert (row.outcome, row.estimated, row.cost_nano) == ("cancelled", True, spent)
    assert 0 < spent < WORST


def paused(gate: asyncio.Event, words: Sequence[str]) -> Script:
    """A stream that waits for a gate behind its words."""
    *parts, finish, usage = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(words, USED))
    end = finish + usage + b"data: [DONE]\n\n"
    return [Head(200, (*EVENTS, CHUNKED)), Chunk(b"".join(parts)), Until(gate), Chunk(end), Last()]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_it_is_answered_leaves_nothing_held(tmp_path: Path, stream: bool) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path) as made:
        made.upstream.then(held_back(gate))
        url = f"{made.gateway.url}/v1/chat/completions"
        connection = await ask(url, {**CHAT, "stream": stream}, shown("alice"))
        await eventually(lambda: made.upstream.requests)
        assert (await made.stands())[1] > WORST
        await connection.close()
        async with asyncio.timeout(20):
            while (await made.stands())[1]:
                await asyncio.sleep(0.01)
        assert (await made.ask()).status == 200
    first, _ = await made.closed()
    assert (first.outcome, first.estimated) == ("cancelled", True)  # its input was sent, and may be billed
    assert first.cost_nano is not None
    assert first.cost_nano > 0


@pytest.mark.parametrize(("status", "outcome"), [(500, "failed"), (400, "failed")])
async def test_what_nobody_answered_costs_nothing(tmp_path: Path, status: int, outcome: str) -> None:
    async with paid(tmp_path) as made:
        made.upstream.default = error_answer("no", status)
        assert (await made.ask()).status >= 400
        await made.comes_to(0)
        made.upstream.default = chat_answer("Hello.", USED)
        assert (await made.ask({**CHAT, "model": "house/small"})).status == 200
    first, second = await made.closed()
    assert (first.outcome, first.cost_nano or 0, second.cost_nano) == (outcome, 0, CHEAP)


async def test_the_target_that_answered_is_the_one_that_is_paid(tmp_path: Path) -> None:
    more = '[combos.both]\ntargets = ["house/large", "house/small"]\n'
    async with paid(tmp_path, more=more) as made:
        made.upstream.then(error_answer("overloaded", 503))
        answer = await made.ask({**CHAT, "model": "both"})
        assert (answer.status, answer.headers["x-omniroute-target"]) == (200, "house/small")
        await made.comes_to(CHEAP)


async def test_what_the_caches_answer_costs_nothing(tmp_path: Path) -> None:
    async with paid(tmp_path, more="[cache]\nexact = {}\n") as made:
        assert (await made.ask()).headers["x-omniroute-cache"] == "MISS"
        for _ in range(3):
            hit = await made.ask()  # though there is no room for another one
            assert (hit.status, hit.headers["x-omniroute-cache"]) == (200, "HIT")
        again = {**CHAT, "model": "house/small"}
        for _ in range(2):
            assert (await made.ask(again, **{"idempotency-key": "k", "cache-control": "no-store"})).status == 200
        await made.comes_to(COST + CHEAP)
        assert len(made.upstream.requests) == 2
    rows = await made.closed()
    assert [row.cache for row in rows] == ["", "exact", "exact", "exact", "", "idempotency"]
    assert [row.cost_nano for row in rows] == [COST, 0, 0, 0, CHEAP, 0]


async def test_a_price_that_is_not_known_is_told_and_holds_nothing_back(tmp_path: Path) -> None:
    async with paid(tmp_path) as made:
        answer = await made.ask({**CHAT, "model": "house/unpriced"})
        assert "price of this model is not known" in answer.headers["x-omniroute-budget-warning"]
        await made.comes_to(0)
    row = await one_row(made)
    assert (row.cost_nano, row.reserved_nano) == (None, 0)


# Limits that change, gateways that start again.


async def test_an_edited_limit_keeps_what_was_spent(tmp_path: Path) -> None:
    async with paid(tmp_path) as made:
        assert (await made.ask()).status == 200
        assert (await made.ask()).status == 429
        made.gateway.write(written(made.upstream, limit="0.004 USD"))
        await made.generation(2)
        assert await made.stands() == (COST, 0)
        assert (await made.ask()).status == 200
        assert (await made.ask()).status == 429
        made.gateway.write(written(made.upstream, limit="0.001 USD"))
        await made.generation(3)
        budget = await made.budget()
        assert (budget["spent_nano"], budget["limit_nano"], budget["state"]) == (2 * COST, 1_000_000, "exceeded")
        assert budget["remaining_nano"] == 0


async def test_a_reload_in_the_midst_of_a_request_settles_it_where_it_was_held(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path) as made:
        made.upstream.then(held_back(gate))
        asked = asyncio.create_task(made.ask())
        await eventually(lambda: made.upstream.requests)
        made.gateway.write(written(made.upstream, limit="0.0031 USD", more='period = "daily"\n'))
        await made.generation(2)
        gate.set()
        assert (await asked).status == 200
        await made.comes_to(0)  # of the day; the request was paid from the month in which it began
    row = await one_row(made)
    assert row.cost_nano == COST


async def test_a_gateway_that_starts_again_knows_what_was_spent(tmp_path: Path) -> None:
    async with ScriptedUpstream(default=chat_answer("Hello.", USED)) as upstream:
        for expected in (200, 429, 429):
            async with gateway_of(tmp_path, written(upstream)) as gateway:
                made = Paid(gateway, upstream)
                assert (await made.ask()).status == expected
                assert await made.stands() == (COST, 0)
            rows = await made.closed()
    assert [row.status for row in rows] == [200, 429, 429]


async def test_one_process_goes_on_from_what_several_spent_and_they_from_what_it_did(tmp_path: Path) -> None:
    async with ScriptedUpstream(default=chat_answer("Hello.", USED)) as upstream:
        text = written(upstream, limit="0.0065 USD")
        for spent in (COST, 3 * COST):
            async with pair_of(tmp_path, text) as pair:
                assert (await pair.pay()).status == 200
                await pair.comes_to(spent)
                await pair.stop()
            async with gateway_of(tmp_path, text, database=pair.database) as gateway:
                made = Paid(gateway, upstream)
                assert await made.stands() == (spent, 0)
                assert (await made.ask()).status == 200
                await made.comes_to(spent + COST)
        pair.holds_true()
        assert pair.one("SELECT count(*) FROM usage WHERE outcome = 'ok'") == 4


async def test_workers_that_stop_in_the_midst_of_a_stream_settle_it(tmp_path: Path) -> None:
    more = '[server]\ngrace = "200ms"\n'
    async with (
        ScriptedUpstream(default=paused(asyncio.Event(), ["word "] * 40)) as upstream,
        pair_of(tmp_path, written(upstream, more=more)) as pair,
    ):
        connection = await ask(f"{pair.gateway.url}/v1/chat/completions", STREAM, shown("alice"))
        await within(connection.headers())
        await within(anext(connection.pieces()))
        assert (await pair.stands())[1] > WORST
        await pair.stop()
        answer = await within(connection.rest())
        await connection.close()
    assert "shutting_down" in answer.body.decode()
    pair.holds_true()
    assert 0 < pair.one("SELECT spent_nano FROM spent") < WORST
    assert pair.one("SELECT count(*) FROM usage WHERE outcome = 'cut' AND estimated") == 1


# What happens when it is spent.


async def test_when_it_is_spent_the_model_that_takes_over_answers_and_is_paid(tmp_path: Path) -> None:
    more = 'on_exceed = { downgrade = "fast" }\n[aliases]\nfast = "house/small"\n'
    async with paid(tmp_path, more=more) as made:
        first, *later = [await made.ask() for _ in range(3)]
        made.upstream.default = chat_stream(["Hello", "."], USED)
        stream = await made.ask(STREAM)
        assert await made.stands() == (COST + 3 * CHEAP, 0)
        assert "x-omniroute-downgraded" not in first.headers
    for each in (*later, stream):
        assert (each.status, each.headers["x-omniroute-downgraded"]) == (200, "fast")
        assert each.headers["x-omniroute-target"] == "house/small"
    rows = await made.closed()
    assert [row.target for row in rows] == ["house/large", *["house/small"] * 3]
    assert [row.cost_nano for row in rows] == [COST, CHEAP, CHEAP, CHEAP]
    assert {row.asked for row in rows} == {"house/large"}
    # What was set aside for the cheaper model is a tenth of what the dear one would have cost.
    assert [row.reserved_nano is not None and row.reserved_nano > WORST for row in rows] == [True, False, False, False]
    assert all(row.reserved_nano is not None and row.reserved_nano > WORST // 10 for row in rows)


async def test_what_takes_over_is_held_back_by_the_other_budgets(tmp_path: Path) -> None:
    more = (
        'on_exceed = { downgrade = "fast" }\n[aliases]\nfast = "house/small"\n'
        '[budgets.company]\nlimit = "0.0012 USD"\nperiod = "total"\n'
    )
    async with paid(tmp_path, 'budgets = ["team", "company"]', more, limit="0 USD") as made:
        answers = [await made.ask() for _ in range(12)]
        spent, held = await made.stands("company")
        assert (spent, held) == await made.stands()
    assert [each.status for each in answers] == [*[200] * (spent // CHEAP), *[429] * (12 - spent // CHEAP)]
    assert "'company'" in answers[-1].json()["error"]["message"]
    assert spent <= 1_200_000


async def test_an_answer_of_what_took_over_is_not_kept_as_that_of_the_model_that_was_asked(tmp_path: Path) -> None:
    more = 'on_exceed = { downgrade = "fast" }\n[aliases]\nfast = "house/small"\n[cache]\nexact = {}\n'
    async with paid(tmp_path, more=more, limit="0 USD") as made:
        assert (await made.ask()).headers["x-omniroute-downgraded"] == "fast"
        made.gateway.write(written(made.upstream, more=more, limit="1 USD"))
        await made.generation(2)
        answer = await made.ask()
        assert answer.headers["x-omniroute-target"] == "house/large"
        assert "x-omniroute-downgraded" not in answer.headers


async def test_a_budget_that_only_warns_lets_through_and_says_so(tmp_path: Path) -> None:
    async with paid(tmp_path, more='on_exceed = "warn"\nwarn_at = 0.3\n') as made:
        answers = [await made.ask() for _ in range(4)]
        assert await made.stands() == (4 * COST, 0)
    assert [each.status for each in answers] == [200] * 4
    assert "x-omniroute-budget-warning" not in answers[0].headers
    assert answers[1].headers["x-omniroute-budget-warning"].startswith("budget 'team': 34% of 0.003 USD a month")
    assert answers[3].headers["x-omniroute-budget-warning"].startswith("budget 'team': 102% of 0.003 USD a month")


# What the pages say.


async def test_the_pages_tell_how_it_stands(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with paid(tmp_path, more="warn_at = 0.5\n[cache]\nexact = {}\n", limit="0.0035 USD") as made:
        assert ((await made.budget())["state"], await made.stands()) == ("ok", (0, 0))
        made.upstream.then(held_back(gate))
        asked = asyncio.create_task(made.ask())
        await eventually(lambda: made.upstream.requests)
        spent, held = await made.stands()
        assert (spent, held > WORST, (await made.budget())["remaining_nano"]) == (0, True, 3_500_000 - held)
        gate.set()
        await asked
        await made.ask(saying("other"))
        assert (await made.budget())["state"] == "warned"
        await made.ask()
        assert (await made.ask(saying("more"), key="bob")).status == 429
        telemetry = await made.page("/api/telemetry/summary")
        async with asyncio.timeout(20):
            while (caches := await made.page("/api/cache/stats"))["semanticCache"]["dbSize"] < 2:
                await asyncio.sleep(0.02)
            while [each["requests"] for each in (await made.page("/api/usage/summary"))["by_key"]] != [3, 1]:
                await asyncio.sleep(0.02)
    assert telemetry["providers"]["house"]["count"] == telemetry["models"]["house/large"]["count"] == 2
    assert caches["semanticCache"]["memorySize"] == caches["semanticCache"]["dbSize"] == 2
    assert caches["semanticCache"]["hitRate"] == 0.25


async def test_an_upstream_that_counts_more_than_was_set_aside_is_paid_in_full(tmp_path: Path) -> None:
    async with paid(tmp_path) as made:
        made.upstream.default = chat_answer("Hello.", usage_of(1_000_000, 2_000_000))
        assert (await made.ask()).status == 200
        await made.comes_to(5 * 1_000_000_000)
        assert (await made.budget())["state"] == "exceeded"


async def test_a_count_that_no_row_can_hold_leaves_nothing_held(tmp_path: Path) -> None:
    absurd = chat_answer("Hello.", usage_of(0, 2**53 - 1))
    async with ScriptedUpstream(default=absurd) as upstream, pair_of(tmp_path, written(upstream)) as pair:
        assert (await pair.pay()).status == 200
        await pair.comes_to(0)
        await pair.stop()
    pair.holds_true()


# What dies.


async def test_two_workers_killed_at_six_instants_leave_nothing_held_and_all_sums_whole(tmp_path: Path) -> None:
    toll = await killed(tmp_path, 6, 2.0, Random(6))
    print(toll)
    assert toll.answers
    assert toll.held


@pytest.mark.parametrize("asks", [{"n": 10**18}, {"max_tokens": 10**25}])
async def test_however_much_a_request_asks_for_its_row_and_its_cost_are_written(
    tmp_path: Path, asks: dict[str, int]
) -> None:
    async with paid(tmp_path, more='on_exceed = "warn"\n') as made:
        assert (await made.ask({**CHAT, **asks})).status == 200
        rows = await made.closed()
    assert [(row.outcome, row.cost_nano) for row in rows] == [("ok", COST)]


# Calls that are made beside a request.

EMBEDDING = 4 * 20_000
"""Nano-dollars that an embedding costs."""
SEMANTIC = (
    '[cache]\nsemantic = { enabled = true, embedder = "near/embed" }\n'
    '[providers.near]\nbase_url = "URL/v1"\nauth = "none"\n'
    '[providers.near.models.embed]\nprice = { input = "20.00" }\n'
)
COMPARED = 'budgets = ["team"]\ncache = { semantic = true }'
QUESTIONS = ["How do I boil an egg?", "How to boil an egg", "Who may sue whom?"]


@asynccontextmanager
async def comparing() -> AsyncIterator[tuple[ScriptedUpstream, list[str]]]:
    """An upstream that answers, and embeds questions, of which the first two are alike; lists whose it embedded."""
    random, embeds = Random(11), list[str]()
    first = direction(random, 64)
    table = dict(zip(QUESTIONS, (first, beside(first, 0.98, random), direction(random, 64)), strict=True))

    def respond(asked: Recorded) -> Script:
        if not asked.target.endswith("/embeddings"):
            return chat_answer("Hello.", USED)
        embeds.append(asked.json()["input"])
        return json_answer(embedded(table[embeds[-1]]))

    async with ScriptedUpstream(respond=respond) as upstream:
        yield upstream, embeds


def semantic(upstream: ScriptedUpstream, more: str = "", limit: str = "9 USD") -> str:
    return written(upstream, COMPARED, more + SEMANTIC.replace("URL", upstream.url), limit)


async def test_embeddings_are_paid_from_the_budgets_of_whoever_asks(tmp_path: Path) -> None:
    async with comparing() as (upstream, embeds), gateway_of(tmp_path, semantic(upstream)) as gateway:
        made = Paid(gateway, upstream)
        answers = [await made.ask(saying(each)) for each in QUESTIONS]
        assert [each.headers["x-omniroute-cache"] for each in answers] == ["MISS", "HIT", "MISS"]
        assert embeds == QUESTIONS
        await made.comes_to(2 * COST + 3 * EMBEDDING)
        rows = await made.closed()
    assert {len(row.budgets) for row in rows if row.request_id.endswith("-embedding")} == {1}


async def test_embeddings_are_paid_from_the_budgets_of_several_processes(tmp_path: Path) -> None:
    async with comparing() as (upstream, embeds), pair_of(tmp_path, semantic(upstream)) as pair:
        for each in (QUESTIONS[0], QUESTIONS[2]):
            assert (await pair.pay(saying(each))).status == 200
        assert len(embeds) == 2
        await pair.comes_to(2 * COST + 2 * EMBEDDING)
        await pair.stop()
    pair.holds_true()
    assert pair.one("SELECT spent_nano FROM spent") == 2 * COST + 2 * EMBEDDING


@pytest.mark.parametrize(
    ("on_exceed", "status", "embeddings"),
    [
        ("", 429, 0),
        ('on_exceed = { downgrade = "fast" }\n[aliases]\nfast = "house/small"\n', 200, 0),
        ('on_exceed = "warn"\n', 200, 1),
    ],
    ids=["block", "downgrade", "warn"],
)
async def test_whose_money_is_spent_causes_no_embedding(
    tmp_path: Path, on_exceed: str, status: int, embeddings: int
) -> None:
    async with (
        comparing() as (upstream, embeds),
        gateway_of(tmp_path, semantic(upstream, on_exceed, "0 USD")) as gateway,
    ):
        made = Paid(gateway, upstream)
        assert (await made.ask(saying(QUESTIONS[0]))).status == status
        assert len(embeds) == embeddings
        await made.closed()
