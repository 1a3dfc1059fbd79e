"""Requests one after the other: what is learnt from one counts for the next."""

from types import MappingProxyType
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from omniroute.config.snapshot import Resilience, Server, Snapshot
from omniroute.engine.rehearsal import Course, Request, Showing, key_named, rehearse
from omniroute.formats.translate import sayable
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format, Scope, Strategy
from omniroute.routing.simulate import Reply, Simulated
from tests.support.client import chat, fetch
from tests.support.gateway import running
from tests.support.peer import Recorded, Script
from tests.support.snapshots import combo, key, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, chat_answer, error_answer

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


def play(
    asked: str,
    course: Course,
    script: dict[str, tuple[Reply, ...]],
    config: Snapshot = CONFIG,
    shown: Showing | None = None,
) -> tuple[Simulated, ...]:
    facts = Facts(asked, Format.OPENAI_CHAT, stream=False)
    return rehearse(config, Request(facts, sayable, shown), script, course)


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


def test_a_key_is_found_by_its_name() -> None:
    config = replace(CONFIG, keys=MappingProxyType({ALICE.sha256: ALICE}))
    assert key_named(config, "alice") is ALICE
    assert key_named(config, "bob") is None


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
