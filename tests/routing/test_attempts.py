from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.attempts import Call, Give, begin, beside, failed, noted, postponed
from omniroute.routing.failure import MEANING, Failure
from omniroute.routing.plan import Candidate, Plan
from tests.support.laws import often
from tests.support.snapshots import provider, target

ONE = provider("one", credentials=["main", "spare"])
TWO = provider("two")


def candidate(name: str) -> Candidate:
    of, _, rest = name.partition("/")
    model, _, credential = rest.partition(" ")
    chosen = ONE if of == "one" else TWO
    found = next(each for each in chosen.credentials if each.name == credential)
    return Candidate(target(chosen, model), found, Format.OPENAI_CHAT)


def plan(*names: str, max_attempts: int = 99, total: float = 100.0) -> Plan:
    facts = Facts("m", Format.OPENAI_CHAT, stream=True)
    return Plan(facts, None, tuple(candidate(each) for each in names), (), max_attempts, total)


def name_of(each: Candidate) -> str:
    return f"{each.target.id} {each.credential.name}"


def play(made: Plan, *kinds: FailureKind, started: bool = False, step: float = 1.0) -> list[str]:
    """Fail each call in turn with the next kind; give the calls that were made."""
    now = 0.0
    called = []
    run, command = begin(made, now)
    for kind in kinds:
        if isinstance(command, Give):
            break
        called.append(name_of(command.candidate))
        now += step
        chosen = command.candidate
        failure = Failure(kind, chosen.target.id, chosen.credential.name, "", started=started)
        run, command = failed(run, failure, now)
    if isinstance(command, Call):
        called.append(name_of(command.candidate))
    return called


BOTH = ("one/a main", "one/a spare", "two/b main")


def test_a_second_key_is_tried_when_the_first_is_rate_limited() -> None:
    assert play(plan(*BOTH), FailureKind.BUSY) == ["one/a main", "one/a spare"]


def test_a_target_that_is_down_is_not_asked_with_another_key() -> None:
    assert play(plan(*BOTH), FailureKind.DOWN) == ["one/a main", "two/b main"]


def test_a_refused_key_is_not_used_for_another_model_of_the_same_provider() -> None:
    made = plan("one/a main", "one/b main", "one/b spare", "two/b main")
    assert play(made, FailureKind.AUTH) == ["one/a main", "one/b spare"]


def test_a_credential_of_the_same_name_at_another_provider_is_not_spoilt() -> None:
    assert play(plan("one/a main", "two/b main"), FailureKind.AUTH) == ["one/a main", "two/b main"]


def test_a_request_that_is_invalid_is_not_tried_elsewhere() -> None:
    assert play(plan(*BOTH), FailureKind.INVALID) == ["one/a main"]


def test_a_request_that_is_too_long_for_one_model_is_tried_with_another() -> None:
    assert play(plan(*BOTH), FailureKind.CONTEXT) == ["one/a main", "two/b main"]


def test_nothing_is_tried_after_the_client_saw_a_part_of_an_answer() -> None:
    assert play(plan(*BOTH), FailureKind.DOWN, started=True) == ["one/a main"]


def test_no_more_than_the_allowed_attempts_are_made() -> None:
    assert play(plan(*BOTH, max_attempts=2), FailureKind.BUSY, FailureKind.BUSY) == ["one/a main", "one/a spare"]


def test_nothing_is_tried_after_the_deadline() -> None:
    assert play(plan(*BOTH, total=5.0), FailureKind.BUSY, FailureKind.BUSY, step=5.0) == ["one/a main"]


def test_giving_up_keeps_every_failure_in_order() -> None:
    run, command = begin(plan("one/a main", "two/b main"), 0.0)
    for kind in (FailureKind.DOWN, FailureKind.TIMEOUT):
        assert isinstance(command, Call)
        chosen = command.candidate
        run, command = failed(run, Failure(kind, chosen.target.id, chosen.credential.name, ""), 1.0)
    assert isinstance(command, Give)
    assert [each.kind for each in command.failures] == [FailureKind.DOWN, FailureKind.TIMEOUT]
    assert run.failures == command.failures


EVERY = [f"one/{model} {key}" for model in "abc" for key in ("main", "spare")] + ["two/a main", "two/b main"]
CANDIDATES = st.lists(st.sampled_from(EVERY), unique=True, min_size=1)


@settings(max_examples=often(500))
@given(
    names=CANDIDATES,
    max_attempts=st.integers(1, 6),
    total=st.floats(0.5, 20.0),
    history=st.lists(st.tuples(st.sampled_from(list(FailureKind)), st.booleans(), st.floats(0.0, 5.0)), max_size=12),
)
def test_over_any_history_the_invariants_hold(
    names: list[str], max_attempts: int, total: float, history: list[tuple[FailureKind, bool, float]]
) -> None:
    now = 0.0
    called: list[Candidate] = []
    refused: set[tuple[str, str]] = set()
    faulty: set[str] = set()
    run, command = begin(plan(*names, max_attempts=max_attempts, total=total), now)
    for kind, started, takes in history:
        if isinstance(command, Give):
            break
        chosen = command.candidate
        assert chosen not in called
        assert now < total
        assert (chosen.target.provider.name, chosen.credential.name) not in refused
        assert chosen.target.id not in faulty
        called.append(chosen)
        assert len(called) <= max_attempts
        if MEANING[kind].spoils == "credential":
            refused.add((chosen.target.provider.name, chosen.credential.name))
        if MEANING[kind].spoils == "target":
            faulty.add(chosen.target.id)
        now += takes
        run, command = failed(run, Failure(kind, chosen.target.id, chosen.credential.name, "", started=started), now)
        assert len(run.failures) == len(called)
        if started or not MEANING[kind].moves:
            assert isinstance(command, Give)
    if len(history) > len(names):
        assert isinstance(command, Give)


# Beside each other.


def failure_of(name: str, kind: FailureKind, **more: bool) -> Failure:
    chosen = candidate(name)
    return Failure(kind, chosen.target.id, chosen.credential.name, "", **more)


def test_beside_one_that_is_late_the_next_of_another_target_is_called_and_counts() -> None:
    run, command = begin(plan(*BOTH), 0.0)
    assert isinstance(command, Call)
    found = beside(run, command.candidate, 1.0)
    assert found is not None
    run, second = found
    assert (name_of(second), run.left) == ("two/b main", 97)
    assert [name_of(each) for each in run.queue] == ["one/a spare"]


def test_nobody_is_called_beside_without_leave_or_time_or_somebody_able() -> None:
    for made, now, able in (
        (plan(*BOTH, max_attempts=1), 1.0, True),
        (plan(*BOTH, total=1.0), 1.0, True),
        (plan(*BOTH), 1.0, False),
        (plan(*BOTH[:2]), 1.0, True),
    ):
        run, command = begin(made, 0.0)
        assert isinstance(command, Call)
        assert beside(run, command.candidate, now, lambda _, able=able: able) is None


def test_when_one_of_two_fails_the_others_failure_decides_what_is_next() -> None:
    run, command = begin(plan(*BOTH, "two/c main"), 0.0)
    assert isinstance(command, Call)
    found = beside(run, command.candidate, 1.0)
    assert found is not None
    run = noted(found[0], failure_of("two/b main", FailureKind.AUTH))
    run, following = failed(run, failure_of("one/a main", FailureKind.BUSY), 2.0)
    assert isinstance(following, Call)
    assert name_of(following.candidate) == "one/a spare"
    _, over = failed(run, failure_of("one/a spare", FailureKind.BUSY), 3.0)
    assert isinstance(over, Give)
    assert [each.kind for each in over.failures] == [FailureKind.AUTH, FailureKind.BUSY, FailureKind.BUSY]


def test_one_without_room_goes_behind_the_others_uncounted() -> None:
    run, command = begin(plan(*BOTH, max_attempts=2), 0.0)
    assert isinstance(command, Call)
    run, command = postponed(run, command.candidate, 0.0)
    assert isinstance(command, Call)
    assert (name_of(command.candidate), run.left) == ("one/a spare", 1)
    assert [name_of(each) for each in run.queue] == ["two/b main", "one/a main"]


def test_who_had_no_room_is_not_waited_for_again_with_another_key() -> None:
    run, _ = begin(plan(*BOTH), 0.0)
    _, command = failed(run, failure_of("one/a main", FailureKind.BUSY, blameless=True), 1.0)
    assert isinstance(command, Call)
    assert name_of(command.candidate) == "two/b main"
