"""What is learnt of each end of an attempt, what is held against whom, and what is forgotten."""

import msgspec
import pytest

from omniroute.config.snapshot import Combo, Model, Price, Resilience, Step
from omniroute.engine.health import FRESH, LONGEST_SESSION, MOST_NAMES, MOST_SESSIONS, Health, Trouble
from omniroute.ir.complaint import Complaint
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate, Plan
from omniroute.routing.view import Stuck, View
from tests.support.snapshots import combo, provider, target

LIMITS = Resilience(failures=2, window=10.0, cooldown=30.0, rest=2.0, longest_rest=16.0)
RED, BLUE = provider("red", credentials=["one", "two"]), provider("blue")
REASON = {("red", "two"): "no secret"}


def candidate(model: str = "m", credential: int = 0) -> Candidate:
    return Candidate(target(RED, model), RED.credentials[credential], Format.OPENAI_CHAT)


def plan(*combos: Combo, session: str | None = None, guess: str | None = None, turns: tuple[str, ...] = ()) -> Plan:
    facts = Facts("m", Format.OPENAI_CHAT, stream=True, session=session, guess=guess)
    return Plan(facts, None, (candidate(),), (), 1, 10.0, combos=turns, tree=combos)


def failure(kind: FailureKind, **more: object) -> Failure:
    plain = Failure(kind, candidate().target.id, RED.credentials[0].name, "")
    return msgspec.structs.replace(plain, **more)


def healthy(limits: Resilience = LIMITS) -> Health:
    health = Health()
    health.heed(limits)
    return health


def seen(health: Health, now: float = 100.0) -> View:
    return health.view(now, REASON)


def fail(health: Health, now: float, kind: FailureKind = FailureKind.DOWN, **more: object) -> None:
    """One attempt at ``red/m`` that began a second ago fails."""
    health.began(candidate(), now - 1)
    health.ended(candidate(), now - 1, now, failure(kind, **more))


def answer(health: Health, now: float, chosen: Candidate | None = None) -> None:
    health.began(chosen or candidate(), now - 1)
    health.ended(chosen or candidate(), now - 1, now)


def test_nothing_is_known_at_first_but_what_the_view_is_told() -> None:
    assert seen(Health(), 5.0) == View(now=5.0, unusable=REASON)


def test_attempts_under_way_are_counted_until_they_end_or_are_given_up() -> None:
    health = healthy()
    for _ in range(3):
        health.began(candidate(), 1.0)
    assert seen(health).in_flight == {"red/m": 3}
    health.ended(candidate(), 1.0, 2.0)
    health.ended(candidate(), 1.0, 2.0, failure(FailureKind.INVALID))
    assert seen(health).in_flight == {"red/m": 1}
    health.left(candidate())
    assert seen(health).in_flight == {}
    health.left(candidate())
    assert seen(health).in_flight == {}


def test_uses_of_targets_and_of_credentials_are_counted_for_good() -> None:
    health = healthy()
    answer(health, 1.0)
    answer(health, 2.0, candidate("n"))
    answer(health, 3.0, candidate("n", 1))
    assert seen(health).used == {"red/m": 1, "red/n": 2}
    assert seen(health).credential_used == {("red", "one"): 2, ("red", "two"): 1}


def test_a_request_counts_for_each_combo_whose_turn_it_was() -> None:
    health = healthy()
    health.planned(plan(turns=("outer", "inner")))
    health.planned(plan(turns=("outer",)))
    assert seen(health).served == {"outer": 2, "inner": 1}


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.MALFORMED, FailureKind.CUT])
def test_what_a_target_does_wrong_opens_its_breaker_and_not_its_providers(kind: FailureKind) -> None:
    health = healthy()
    fail(health, 10.0, kind)
    assert seen(health).open == {}
    fail(health, 11.0, kind)
    assert seen(health).open == {"red/m": 41.0}


def test_a_server_that_cannot_be_reached_is_held_against_the_whole_provider() -> None:
    health = healthy()
    fail(health, 10.0)
    fail(health, 11.0)
    assert seen(health).open == {"red/m": 41.0, "red": 41.0}


@pytest.mark.parametrize("more", [{"status": 503}, {"complaint": Complaint(message="overloaded")}])
def test_a_server_that_says_that_it_is_down_is_reachable(more: dict[str, object]) -> None:
    health = healthy()
    fail(health, 10.0, **more)
    fail(health, 11.0, **more)
    assert seen(health).open == {"red/m": 41.0}


@pytest.mark.parametrize("kind", [FailureKind.INVALID, FailureKind.REFUSED, FailureKind.CONTEXT, FailureKind.NOT_FOUND])
def test_what_is_the_requests_own_fault_is_held_against_nobody(kind: FailureKind) -> None:
    health = healthy()
    for now in (1.0, 2.0, 3.0):
        fail(health, now, kind, status=400, retry_after=60.0)
    assert (seen(health).open, seen(health).cooling, seen(health).failing) == ({}, {}, {})


def test_a_client_that_does_not_read_its_answer_is_held_against_nobody() -> None:
    health = healthy()
    for now in (1.0, 2.0, 3.0):
        fail(health, now, FailureKind.TIMEOUT, blameless=True)
    assert (seen(health).open, seen(health).failing) == ({}, {})


def test_a_busy_target_with_a_few_failures_is_well() -> None:
    health = healthy()
    for _ in range(45):
        answer(health, 10.0)
    for _ in range(4):
        fail(health, 11.0)
    assert "red/m" not in seen(health).open
    fail(health, 11.0)
    fail(health, 11.0)
    assert "red/m" in seen(health).open


def test_while_a_probe_is_under_way_nobody_else_is_let_through_and_its_success_closes_the_breaker() -> None:
    health = healthy()
    fail(health, 10.0)
    fail(health, 11.0)
    health.began(candidate(), 50.0)
    assert seen(health).open == {"red/m": 80.0, "red": 80.0}
    health.ended(candidate(), 50.0, 51.0)
    assert seen(health).open == {}
    assert seen(health).failing == {"red/m": pytest.approx(2 / 3)}


def test_the_success_of_another_target_closes_the_breaker_of_its_provider_only() -> None:
    health = healthy()
    fail(health, 10.0)
    fail(health, 11.0)
    answer(health, 50.0, candidate("n"))
    assert seen(health).open == {"red/m": 41.0}


@pytest.mark.parametrize(
    ("kind", "lock"),
    [
        (FailureKind.BUSY, ("red", "one", "m")),
        (FailureKind.QUOTA, ("red", "one", "")),
        (FailureKind.AUTH, ("red", "one", "")),
    ],
)
def test_a_refused_credential_rests_a_rate_limited_one_for_the_model_only(
    kind: FailureKind, lock: tuple[str, str, str]
) -> None:
    health = healthy()
    fail(health, 10.0, kind)
    assert seen(health).cooling == {lock: 12.0}
    fail(health, 20.0, kind)
    assert seen(health).cooling == {lock: 24.0}
    fail(health, 30.0, kind, retry_after=50.0)
    assert seen(health).cooling == {lock: 80.0}
    assert (seen(health).open, seen(health).failing) == ({}, {})


def test_after_a_success_the_next_rest_is_a_first_one() -> None:
    health = healthy()
    for kind in (FailureKind.BUSY, FailureKind.AUTH):
        fail(health, 10.0, kind)
        fail(health, 20.0, kind)
    answer(health, 30.0)
    for kind in (FailureKind.BUSY, FailureKind.AUTH):
        fail(health, 40.0, kind)
    assert seen(health).cooling == {("red", "one", "m"): 42.0, ("red", "one", ""): 42.0}


@pytest.mark.parametrize(("reset", "until"), [(None, 12.0), (0.5, 10.5), (60.0, 12.0)])
def test_a_credential_whose_limit_is_used_up_rests_before_it_is_refused_but_never_long(
    reset: float | None, until: float
) -> None:
    health = healthy()
    health.exhausted(candidate(), 10.0, reset)
    assert seen(health).cooling == {("red", "one", "m"): until}


def test_the_time_to_the_first_token_is_averaged() -> None:
    health = healthy()
    health.first_token(candidate(), 1.0, stream=True)
    health.first_token(candidate(), 2.0, stream=False)
    assert seen(health).latency == {"red/m": pytest.approx(1.2)}


def test_who_answered_is_remembered_for_each_combo_that_can_come_to_it_and_for_the_session() -> None:
    health = healthy()
    inner, elsewhere = combo("inner", target(RED, "m")), combo("elsewhere", target(BLUE, "m"))
    outer = combo("outer", steps=[Step(elsewhere), Step(inner)])
    health.answered(plan(outer, elsewhere, inner, session="s"), candidate(), 10.0)
    health.answered(plan(), candidate("n"), 11.0)
    assert seen(health).last_good == {"outer": "red/m", "inner": "red/m"}
    assert seen(health).sessions == {"s": Stuck("red/m", RED.credentials[0].name)}


def test_a_session_goes_where_it_was_answered_last() -> None:
    health = healthy()
    health.answered(plan(session="s"), candidate(), 10.0)
    health.answered(plan(session="s"), candidate("n", 1), 11.0)
    assert seen(health).sessions == {"s": Stuck("red/n", RED.credentials[1].name)}


def test_silent_sessions_are_forgotten_and_those_that_speak_are_kept() -> None:
    health = healthy()
    health.answered(plan(session="silent"), candidate(), 10.0)
    health.answered(plan(session="speaks"), candidate(), 11.0)
    health.answered(plan(session="speaks"), candidate(), 500.0)
    assert set(seen(health, 9.0 + LONGEST_SESSION).sessions) == {"silent", "speaks"}
    assert set(seen(health, 10.0 + LONGEST_SESSION).sessions) == {"speaks"}
    assert set(seen(health, 500.0 + LONGEST_SESSION).sessions) == set()


def test_of_too_many_sessions_the_oldest_are_forgotten() -> None:
    health = healthy()
    for number in range(MOST_SESSIONS + 2):
        health.answered(plan(session=str(number)), candidate(), 10.0)
    assert len(seen(health).sessions) == MOST_SESSIONS
    assert {"0", "1"}.isdisjoint(seen(health).sessions)


KEEPING = provider("red", credentials=["one"], models=[Model("m", price=Price(input=9, cache_read=1)), Model("n")])


def test_a_conversation_that_was_guessed_is_remembered_only_where_its_provider_keeps_prompts() -> None:
    health = healthy()
    keeps, forgets = (Candidate(target(KEEPING, each), KEEPING.credentials[0], Format.OPENAI_CHAT) for each in "mn")
    health.answered(plan(guess="g"), forgets, 10.0)
    assert seen(health).sessions == {}
    health.answered(plan(guess="g"), keeps, 11.0)
    assert seen(health).sessions == {"g": Stuck("red/m", KEEPING.credentials[0].name)}
    health.answered(plan(session="g", guess="g"), forgets, 12.0)
    assert seen(health).sessions == {"g": Stuck("red/m", KEEPING.credentials[0].name)}
    assert set(seen(health, 10.0 + LONGEST_SESSION).sessions) == {"g"}
    assert set(seen(health, 11.0 + LONGEST_SESSION).sessions) == set()


def test_guesses_without_end_do_not_push_out_conversations_with_a_name() -> None:
    health = healthy()
    keeps = Candidate(target(KEEPING, "m"), KEEPING.credentials[0], Format.OPENAI_CHAT)
    health.answered(plan(session="named"), keeps, 10.0)
    for number in range(MOST_SESSIONS + 1):
        health.answered(plan(guess=f"g{number}"), keeps, 10.0)
    known = seen(health).sessions
    assert ("named" in known, "g0" in known, len(known)) == (True, False, MOST_SESSIONS + 1)


def test_what_stays_where_can_be_set_without_forgetting_what_was_learnt() -> None:
    health = healthy()
    fail(health, 10.0)
    fail(health, 11.0)
    health.heed(msgspec.structs.replace(LIMITS, sticky="off"))
    assert seen(health).open


def test_averages_of_targets_that_nobody_heard_of_for_long_are_forgotten() -> None:
    health = healthy()
    for chosen in (candidate(), candidate("n")):
        answer(health, 10.0, chosen)
        health.first_token(chosen, 1.0, stream=True)
    answer(health, 20.0, candidate("n"))
    assert set(seen(health, 9.0 + FRESH).latency) == {"red/m", "red/n"}
    late = seen(health, 10.0 + FRESH)
    assert (set(late.latency), set(late.failing)) == ({"red/n"}, {"red/n"})


def test_other_settings_forget_what_breakers_and_cooldowns_learnt_and_the_same_do_not() -> None:
    health = healthy()
    fail(health, 10.0)
    fail(health, 11.0)
    fail(health, 12.0, FailureKind.BUSY)
    health.heed(msgspec.structs.replace(LIMITS))
    assert seen(health).open
    assert seen(health).cooling
    health.heed(Resilience(failures=1, cooldown=7.0))
    assert (seen(health).open, seen(health).cooling) == ({}, {})
    health.began(candidate(), 20.0)
    health.ended(candidate(), 20.0, 21.0, failure(FailureKind.CUT))
    assert seen(health).open == {"red/m": 28.0}


def test_models_that_clients_make_up_without_end_do_not_fill_the_memory() -> None:
    health = healthy(Resilience(failures=1))
    for number in range(MOST_NAMES + 5):
        chosen = candidate(f"m{number}")
        health.began(chosen, 1.0)
        health.ended(chosen, 1.0, 2.0, failure(FailureKind.TIMEOUT, target=chosen.target.id))
    view = seen(health, 3.0)
    for known in (view.open, view.used, view.failing):
        assert len(known) <= MOST_NAMES
    assert "red/m0" not in view.open
    health.began(candidate("m0"), 4.0)
    assert f"red/m{MOST_NAMES + 4}" in view.open


def test_the_averages_of_very_many_targets_are_bounded() -> None:
    health = healthy()
    for number in range(MOST_NAMES + 5):
        answer(health, 2.0, candidate(f"m{number}"))
    assert len(seen(health, 3.0).failing) <= MOST_NAMES


def test_what_is_left_alone_is_named_with_how_long_and_asking_changes_nothing() -> None:
    health = healthy()
    assert health.troubles(100.0) == ()
    for now in (100.0, 101.0):
        fail(health, now)
    fail(health, 102.0, FailureKind.BUSY, retry_after=7.0)
    expected = (
        Trouble("red", "", "", "breaker", 29.0),
        Trouble("red", "m", "", "breaker", 29.0),
        Trouble("red", "m", "one", "cooldown", 7.0),
    )
    assert health.troubles(102.0) == health.troubles(102.0) == expected
    assert health.troubles(200.0) == ()


def test_a_reset_closes_breakers_and_ends_rests() -> None:
    health = healthy()
    for now in (100.0, 101.0):
        fail(health, now)
    fail(health, 102.0, FailureKind.QUOTA)
    assert health.reset(102.0) == 3
    assert health.troubles(102.0) == ()
    assert seen(health, 102.0).open == {}
    assert seen(health, 102.0).cooling == {}
    assert health.reset(102.0) == 0
    fail(health, 103.0)
    assert health.troubles(103.0) == (), "one failure is not enough, as before"


def test_conversations_are_counted_until_they_are_forgotten() -> None:
    health = healthy()
    for number in range(3):
        health.answered(plan(session=f"s{number}"), candidate(), 100.0 + number)
    assert health.conversations(103.0) == 3
    assert health.conversations(101.0 + LONGEST_SESSION) == 1
