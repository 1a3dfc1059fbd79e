"""The attempt machine over any history: it ends, keeps its caps, and asks nobody whom it already knows to fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.attempts import Call, Command, Give, Run, Wait, begin, failed, waited
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate, Plan
from tests.support.laws import often
from tests.support.snapshots import provider, target

LAW = settings(max_examples=often(500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""In ``make laws`` ten thousand histories a law."""

FACTS = Facts("m", Format.OPENAI_CHAT, stream=True)
PROVIDERS = [provider("one", credentials=["main", "spare"]), provider("two", credentials=["main"])]
EVERY = [
    Candidate(target(of, model), credential, Format.OPENAI_CHAT)
    for of in PROVIDERS
    for model in ("a", "b", "c/d")
    for credential in of.credentials
]

# literal tables, apart from the package's own: what each kind of failure is held against
REFUSED = {FailureKind.BUSY, FailureKind.AUTH, FailureKind.QUOTA}
FAULTY = {
    FailureKind.CONTEXT,
    FailureKind.CUT,
    FailureKind.NOT_FOUND,
    FailureKind.TIMEOUT,
    FailureKind.MALFORMED,
    FailureKind.DOWN,
}
FINAL = {FailureKind.INVALID, FailureKind.REFUSED}


@dataclass(frozen=True)
class Event:
    """What comes of a command: the ``kind`` of a call's failure and how long it took, or how late a wait ended."""

    kind: FailureKind
    started: bool
    takes: float
    late: float


events = st.builds(
    Event,
    kind=st.sampled_from(FailureKind),
    started=st.sampled_from([False, False, False, True]),
    takes=st.floats(0, 8) | st.just(0.0),
    late=st.sampled_from([0.0, 0.0, 1e-9, 0.5, 20.0]),
)
starts = st.floats(0, 1e6)


@st.composite
def plans(draw: st.DrawFn, start: float) -> Plan:
    """Plans in which everybody is free, or in which those who rest stand in any order."""
    chosen = draw(st.lists(st.sampled_from(EVERY), unique_by=id, min_size=1))
    rests = st.just(0.0) | st.floats(0.001, 30).map(lambda wait: start + wait)
    free = draw(st.booleans())
    return Plan(
        facts=FACTS,
        combo=None,
        candidates=tuple(msgspec.structs.replace(each, free_at=0.0 if free else draw(rests)) for each in chosen),
        rejected=(),
        max_attempts=draw(st.integers(1, len(chosen))),
        total=draw(st.floats(0.01, 40)),
        longest_wait=draw(st.sampled_from([0.0, 1.0, 10.0, 1e3])),
    )


@dataclass
class History:
    """What happened: each command with the time at which it was given, and the failures that were told."""

    plan: Plan
    began: float
    commands: list[tuple[float, Command]] = field(default_factory=list)
    told: list[Failure] = field(default_factory=list)
    run: Run | None = None

    @property
    def calls(self) -> list[tuple[float, Candidate]]:
        return [(at, each.candidate) for at, each in self.commands if isinstance(each, Call)]

    @property
    def waits(self) -> list[tuple[float, float]]:
        return [(at, each.seconds) for at, each in self.commands if isinstance(each, Wait)]

    @property
    def deadline(self) -> float:
        return self.began + self.plan.total

    @property
    def over(self) -> tuple[Failure, ...] | None:
        last = self.commands[-1][1]
        return last.failures if isinstance(last, Give) else None


def key_of(candidate: Candidate) -> tuple[str, str]:
    return candidate.target.provider.name, candidate.credential.name


def fail(candidate: Candidate, event: Event) -> Failure:
    return Failure(event.kind, candidate.target.id, candidate.credential.name, "", started=event.started)


def play(plan: Plan, began: float, history: Sequence[Event]) -> History:
    """Let each command be followed by the next event, until it gives up or nothing more happens."""
    found, now = History(plan, began), began
    found.run, command = begin(plan, now)
    found.commands.append((now, command))
    for event in history:
        if isinstance(command, Give):
            break
        if isinstance(command, Wait):
            now += command.seconds + event.late
            found.run, command = waited(found.run, now)
        else:
            now += event.takes
            found.told.append(fail(command.candidate, event))
            found.run, command = failed(found.run, found.told[-1], now)
        found.commands.append((now, command))
    return found


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Histories of a request; long enough to end, or stopped in the midst, as where the client has its answer."""
    began = draw(starts)
    return play(draw(plans(began)), began, draw(st.lists(events, max_size=3 * len(EVERY))))


long = st.lists(events, min_size=4 * len(EVERY), max_size=4 * len(EVERY))


@LAW
@given(st.data(), starts, long)
def test_every_history_ends_and_gives_up_only_with_a_reason(
    data: st.DataObject, began: float, history: list[Event]
) -> None:
    found = play(data.draw(plans(began)), began, history)
    assert found.over
    assert len(found.commands) <= 3 * len(found.plan.candidates) + 1
    if found.told:
        assert found.over == tuple(found.told)
    else:
        [late] = found.over
        assert (late.kind, late.blameless) == (FailureKind.TIMEOUT, True)
        assert found.waits


@LAW
@given(histories())
def test_the_caps_on_attempts_on_waiting_and_on_time_hold(found: History) -> None:
    assert len(found.calls) <= found.plan.max_attempts
    assert all(at < found.deadline for at, _ in found.calls)
    assert sum(seconds for _, seconds in found.waits) <= found.plan.longest_wait + 1e-6
    assert all(seconds > 0 and at + seconds < found.deadline for at, seconds in found.waits)


@LAW
@given(histories())
def test_nothing_is_called_after_a_failure_that_the_client_saw_or_that_is_final(found: History) -> None:
    for number, failure in enumerate(found.told):
        if failure.started or failure.kind in FINAL:
            assert number == len(found.told) - 1
            assert found.over == tuple(found.told)


@LAW
@given(histories())
def test_no_candidate_is_called_twice_and_none_that_is_known_to_fail(found: History) -> None:
    called = [each for _, each in found.calls]
    for number, candidate in enumerate(called):
        earlier = list(zip(called[:number], found.told, strict=False))
        assert candidate not in called[:number]
        for other, failure in earlier:
            assert not (failure.kind in REFUSED and key_of(other) == key_of(candidate))
            assert not (failure.kind in FAULTY and other.target.id == candidate.target.id)


@LAW
@given(histories())
def test_candidates_are_called_in_the_order_of_the_plan_each_when_it_is_free_or_too_far_off(found: History) -> None:
    places = [found.plan.candidates.index(each) for _, each in found.calls]
    assert places == sorted(places)
    for at, candidate in found.calls:
        waited_before = sum(seconds for when, seconds in found.waits if when < at)
        patience = found.plan.longest_wait - waited_before
        short = candidate.free_at - at
        assert short <= 1e-6 or short > patience - 1e-6 or at + short >= found.deadline - 1e-6


@LAW
@given(histories())
def test_it_gives_up_only_where_nobody_time_or_leave_is_left(found: History) -> None:
    if found.over is None or not found.told or found.told[-1].started or found.told[-1].kind in FINAL:
        return
    called = [each for _, each in found.calls]
    ends = list(zip(called, found.told, strict=True))
    refused = {key_of(each) for each, why in ends if why.kind in REFUSED}
    faulty = {each.target.id for each, why in ends if why.kind in FAULTY}
    left = [
        each
        for each in found.plan.candidates
        if each not in called and key_of(each) not in refused and each.target.id not in faulty
    ]
    assert not left or len(called) == found.plan.max_attempts or found.commands[-1][0] >= found.deadline


@LAW
@given(st.data(), starts, st.lists(events))
def test_the_same_history_is_always_told_the_same(data: st.DataObject, began: float, history: list[Event]) -> None:
    plan = data.draw(plans(began))
    assert play(plan, began, history) == play(plan, began, history)


def test_every_kind_of_failure_is_in_one_of_the_tables() -> None:
    assert set(FailureKind) == REFUSED | FAULTY | FINAL
