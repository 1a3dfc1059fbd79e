"""Requests one after the other: what is learnt from one counts for the next."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from omniroute.config.policy import Budget, Policy, Rate
from omniroute.config.snapshot import Model, Price, Resilience, Server, Snapshot
from omniroute.engine.purse import IN_CIRCLES
from omniroute.engine.rehearsal import Course, made_up, rehearse
from omniroute.engine.showing import Showing
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format, Scope, Strategy
from omniroute.routing.simulate import Reply, Simulated
from tests.support.client import chat, fetch
from tests.support.gateway import running
from tests.support.peer import Recorded, Script
from tests.support.snapshots import combo, key, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, chat_answer, error_answer
from tests.support.written import snapshot as written

FIRST, SECOND = provider("first", credentials=["main", "spare"]), provider("second")
ALICE = key("alice", "sk-alice")
CONFIG = snapshot(
    FIRST,
    SECOND,
    combos=[
        combo("line", target(FIRST, "m"), target(SECOND, "m")),
        combo("circle", target(FIRST, "m"), target(SECOND, "m"), strategy=Strategy.ROUND_ROBIN),
        combo("loyal", target(FIRST, "m"), target(SECOND, "m"), strategy=Strategy.LAST_KNOWN_GOOD),
        combo("dice", target(FIRST, "m"), target(SECOND, "m"), strategy=Strategy.RANDOM),
    ],
)
ANYBODY = Showing(None, 0.0, needed=False)


def play(
    asked: str,
    course: Course,
    script: Mapping[str, tuple[Reply, ...]],
    config: Snapshot = CONFIG,
    shown: Showing = ANYBODY,
) -> tuple[Simulated, ...]:
    facts = Facts(asked, Format.OPENAI_CHAT, stream=False)
    return rehearse(config, made_up(facts, shown), script, course)


def first_asked(played: tuple[Simulated, ...]) -> list[str]:
    return [each.attempts[0].candidate.target.id for each in played]


def test_a_breaker_opens_after_as_many_failures_as_are_written_and_closes_after_its_cooldown() -> None:
    config = replace(CONFIG, resilience=replace(CONFIG.resilience, failures=3, cooldown=10.0))
    script = {"first/m": (Reply(500), Reply(500), Reply(500), Reply(200))}
    played = play("line", Course(times=16), script, config)
    assert {each.status for each in played} == {200}
    assert first_asked(played) == ["first/m"] * 3 + ["second/m"] * 10 + ["first/m"] * 3


def test_a_credential_rests_for_as_long_as_it_was_asked_to() -> None:
    script = {"first#main": (Reply(429, 5.0), Reply(200))}
    played = play("line", Course(times=7), script)
    assert [each.attempts[0].candidate.credential.name for each in played] == ["main", *["spare"] * 5, "main"]


def test_turns_are_counted_and_who_answered_is_remembered() -> None:
    assert first_asked(play("circle", Course(times=4), {})) == ["first/m", "second/m"] * 2
    script = {"first/m": (Reply(500), Reply(200))}
    assert first_asked(play("loyal", Course(times=3), script)) == ["first/m", "second/m", "second/m"]


def test_each_request_draws_anew_and_the_same_seed_the_same() -> None:
    played = first_asked(play("dice", Course(times=200, seed=1), {}))
    assert 60 < played.count("first/m") < 140
    assert played == first_asked(play("dice", Course(times=200, seed=1), {}))
    assert played != first_asked(play("dice", Course(times=200, seed=1000), {}))


def test_the_next_request_comes_when_its_time_has_come_and_the_one_before_has_ended() -> None:
    silent = {"first": (Reply(FailureKind.TIMEOUT),)}
    played = play("line", Course(times=2, every=3.0), silent)
    assert played[1].attempts[0].began == played[0].took > 3.0
    assert [each.attempts[0].began for each in play("line", Course(times=3, every=3.0), {})] == [0.0, 3.0, 6.0]


def test_a_request_that_waits_for_a_credential_counts_the_wait() -> None:
    script = {"second": (Reply(429, 4.0), Reply(200))}
    refused, answered = play("second/m", Course(times=2), script)
    assert (refused.status, answered.status, round(answered.waited, 6)) == (429, 200, 3.001)


def test_client_keys_are_looked_at_where_one_is_shown() -> None:
    config = replace(CONFIG, keys=MappingProxyType({ALICE.sha256: ALICE}), server=Server(require_api_key=True))
    once = Course()
    assert [each.status for each in play("line", once, {}, config)] == [200]
    assert [each.status for each in play("line", once, {}, config, Showing("alice", 0.0))] == [200]
    assert [each.status for each in play("line", once, {}, config, Showing(None, 0.0))] == [401]
    assert [each.status for each in play("line", once, {}, config, Showing("bob", 0.0))] == [401]


def test_a_key_that_has_expired_or_may_not_ask_is_refused() -> None:
    old, other = key("old", "a", expires=100), key("other", "b", scopes=[Scope.STATUS])
    config = replace(CONFIG, keys=MappingProxyType({each.sha256: each for each in (old, other)}))
    assert [play("line", Course(), {}, config, Showing("old", at))[0].status for at in (99.0, 100.0)] == [200, 401]
    one = play("line", Course(times=2), {}, config, Showing("other", 0.0))
    assert [(each.status, each.code, each.attempts) for each in one] == [(403, "forbidden", ())] * 2


class Both(NamedTuple):
    """What upstreams do, by place, and what is asked, one after the other."""

    replies: dict[str, list[int]]
    times: int


ASKED_FOR_LONG = Resilience(failures=2, cooldown=600.0, rest=600.0, longest_rest=600.0)


@pytest.mark.parametrize(
    "both",
    [
        Both({}, 2),
        Both({"first": [503]}, 4),
        Both({"first": [503, 200]}, 3),
        Both({"first": [429]}, 4),
        Both({"first": [401], "second": [503]}, 4),
        Both({"first": [402], "second": [402]}, 3),
        Both({"first": [400, 200]}, 2),
        Both({"first": [404], "second": [429, 200]}, 4),
        Both({"first": [413], "second": [500]}, 5),
        Both({"first": [422, 503, 429], "second": [500, 529]}, 6),
    ],
)
async def test_what_is_rehearsed_is_what_happens_on_real_sockets(both: Both) -> None:
    left = {name: list(statuses) for name, statuses in both.replies.items()}

    def respond(request: Recorded) -> Script:
        statuses = left.get(request.path.split("/")[1], [200])
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        return chat_answer("Hello") if status == 200 else error_answer("no", status)

    async with ScriptedUpstream(respond=respond) as upstream:
        first = provider("first", f"{upstream.url}/first/v1", credentials=["main", "spare"])
        second = provider("second", f"{upstream.url}/second/v1")
        line = combo("line", target(first, "m"), target(second, "m"), target(second, "n"))
        config = replace(snapshot(first, second, combos=[line]), resilience=ASKED_FOR_LONG)
        async with running(config) as gateway:
            answers = [await fetch(f"{gateway.url}/v1/chat/completions", chat("line")) for _ in range(both.times)]
        happened = [f"{each.path.split('/')[1]}/{each.json()['model']}" for each in upstream.requests]
    script = {name: tuple(map(Reply, statuses)) for name, statuses in both.replies.items()}
    rehearsed = play("line", Course(both.times, every=0.01), script, config)
    assert [each.candidate.target.id for one in rehearsed for each in one.attempts] == happened
    assert [one.status for one in rehearsed] == [answer.status for answer in answers]


PAID = """\
[providers.house]
base_url = "http://127.0.0.1:9/v1"
formats = ["openai-chat"]
auth = "none"

[providers.house.models.large]
max_output = 1_000
price = { input = "1.00", output = "1000.00" }

[providers.house.models.small]
max_output = 1_000
price = { input = "1.00", output = "1.00" }

[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "p"

[policies.p]
budgets = ["team"]
deny_models = ["house/secret"]
max_sessions = 1
schedule = { days = ["mon"], hours = "08:00-20:00", timezone = "Europe/Berlin" }

[budgets.team]
limit = "2.50 USD"
period = "daily"
timezone = "Europe/Berlin"
"""
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
"""Noon; a day in Berlin began thirteen hours before."""
ONCE = Course()


def paid(text: str = PAID, course: Course = ONCE, **shown: Any) -> list[Simulated]:
    facts = Facts(shown.pop("asked", "house/large"), Format.OPENAI_CHAT, stream=False)
    whom = Showing(**{"key": "alice", "at": MONDAY, **shown})
    return list(rehearse(written(text), made_up(facts, whom), {}, course))


def statuses(played: list[Simulated]) -> list[tuple[int, str]]:
    return [(each.status, each.code) for each in played]


def test_each_answered_request_costs_what_was_set_aside_until_a_budget_is_spent() -> None:
    played = paid(course=Course(times=4))
    assert statuses(played) == [(200, ""), (200, ""), (429, "budget_exceeded"), (429, "budget_exceeded")]
    assert {each.policy for each in played} == {"p"}
    assert played[1].warnings == ()
    assert "it begins anew on 2026-11-24 00:00 Europe/Berlin" in played[3].message


def test_what_was_spent_before_counts_in_its_period_alone() -> None:
    spent = Course(times=2, every=13 * 3_600.0, spent={"team": 2_400_000_000})
    text = PAID.replace('days = ["mon"], hours = "08:00-20:00"', 'days = ["mon-sun"], hours = "00:00-00:00"')
    assert statuses(paid(text, spent)) == [(429, "budget_exceeded"), (200, "")]


def test_a_request_that_fails_costs_nothing() -> None:
    facts = Facts("house/large", Format.OPENAI_CHAT, stream=False)
    script = {"house": (*[Reply(400)] * 5, Reply(200))}
    played = rehearse(written(PAID), made_up(facts, Showing("alice", MONDAY)), script, Course(times=7))
    assert [each.status for each in played] == [400] * 5 + [200] * 2


def test_where_a_budget_has_no_room_another_model_takes_over() -> None:
    text = f'{PAID}on_exceed = {{ downgrade = "house/small" }}\n'
    one = paid(text, Course(spent={"team": 2_400_000_000}))[0]
    assert (one.status, one.server, one.downgraded) == (200, "house/small", ("house/small",))
    assert one.warnings[0].startswith("budget 'team': 96% of 2.50 USD a day is spent")


def test_what_takes_over_again_and_again_is_refused() -> None:
    models = "".join(
        f'[providers.house.models.m{step}]\nmax_output = 1_000\nprice = {{ input = "0", output = "{10**step}" }}\n'
        for step in range(5)
    )
    budgets = "".join(
        f'[budgets.b{step}]\nlimit = "{0.0005 * 10**step:.4f} USD"\non_exceed = {{ downgrade = "house/m{step + 1}" }}\n'
        for step in range(4)
    )
    text = PAID.replace('budgets = ["team"]', 'budgets = ["b0", "b1", "b2", "b3"]') + budgets + models
    one = paid(text, asked="house/m0")[0]
    assert (one.status, one.code, one.message) == (429, "budget_exceeded", IN_CIRCLES)
    assert paid(text.replace('"b3"]', "]"), asked="house/m0")[0].downgraded == ("house/m1", "house/m2", "house/m3")


def test_a_long_made_up_request_costs_as_much_as_its_tokens() -> None:
    facts = Facts("house/large", Format.OPENAI_CHAT, stream=False, input_tokens=2_000_000)
    one = rehearse(written(PAID), made_up(facts, Showing("alice", MONDAY)), {}, Course())[0]
    assert (one.status, "may cost 3.00 USD" in one.message) == (429, True)


def test_hours_and_models_of_a_policy_are_looked_at_at_the_time_given() -> None:
    assert statuses(paid(at=MONDAY + 12 * 3_600)) == [(403, "forbidden")]
    assert statuses(paid(asked="house/secret")) == [(403, "forbidden")]
    assert paid(asked="house/secret")[0].policy == "p"


def test_of_a_key_that_has_expired_no_policy_holds() -> None:
    text = PAID.replace('policy = "p"\n', 'policy = "p"\nexpires = 2026-11-23\n')
    assert [(each.status, each.policy) for each in (*paid(text), *paid(text, at=MONDAY - 86_400))] == [
        (401, ""),
        (403, "p"),
    ]


def test_a_rate_is_used_up_and_comes_back() -> None:
    text = PAID.replace("max_sessions = 1", "rate = { requests_per_minute = 2 }")
    played = paid(text, Course(times=6, every=10.0), asked="house/small")
    assert [each.status for each in played] == [200, 200, 429, 200, 429, 429]


def test_a_session_stays_with_who_answered_it() -> None:
    text = PAID + (
        '[combos.circle]\nstrategy = "round-robin"\ntargets = ["house/small", "house/small-2"]\n'
        '[providers.house.models.small-2]\nmax_output = 1\nprice = { input = "1.00", output = "1.00" }\n'
    )
    named = paid(text, Course(times=4), asked="circle", session="s1")
    assert first_asked(tuple(named)) == ["house/small"] * 4
    unnamed = paid(text, Course(times=4), asked="circle")
    assert first_asked(tuple(unnamed)) == ["house/small", "house/small-2"] * 2


GUARDED = Policy(
    "p",
    deny=("first/secret",),
    rate=Rate(requests=3),
    budgets=(Budget("team", 1_000, on_exceed="downgrade", downgrade="cheap"),),
    sessions=1,
)


@pytest.mark.parametrize("asked", ["line", "first/secret", "cheap", "nobody"])
@pytest.mark.parametrize("who", ["alice", "bob", None])
async def test_what_a_policy_does_to_requests_that_are_rehearsed_it_does_on_real_sockets(
    asked: str, who: str | None
) -> None:
    dear = Model("m", max_output=1_000, price=Price(input=10**9, output=10**9))
    async with ScriptedUpstream(respond=lambda _: chat_answer("Hello")) as upstream:
        first = provider("first", upstream.url, models=[dear])
        second = provider("second", upstream.url)
        config = snapshot(
            first,
            second,
            combos=[combo("line", target(first, "m")), combo("cheap", target(second, "m"))],
            keys=[key("alice", "sk-alice", policy=GUARDED), key("bob", "sk-bob", expires=1)],
            server=Server(require_api_key=True),
        )
        config = replace(config, budgets=MappingProxyType({"team": GUARDED.budgets[0]}))
        headers = {"authorization": f"Bearer sk-{who}"} if who else {}
        async with running(config) as gateway:
            url = f"{gateway.url}/v1/chat/completions"
            answers = [await fetch(url, chat(asked), headers) for _ in range(5)]
            happened = [each.target for each in await gateway.ended(5)]
    rehearsed = play(asked, Course(5, every=0.01), {}, config, Showing(who, MONDAY))
    assert [one.status for one in rehearsed] == [answer.status for answer in answers]
    assert [one.server or "" for one in rehearsed] == happened
    told = [answer.headers.get("x-omniroute-downgraded", "") for answer in answers]
    assert [",".join(one.downgraded) for one in rehearsed] == told
