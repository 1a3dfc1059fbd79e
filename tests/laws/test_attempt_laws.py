"""The attempt machine over any history: it ends, keeps its caps, and asks nobody whom it already knows to fail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.attempts import (
    Call,
    Command,
    Give,
    Run,
    Wait,
    begin,
    beside,
    failed,
    noted,
    postponed,
    waited,
)
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
    kind=st.sampled_from(FailureKind) | st.sampled_from(sorted(REFUSED | FAULTY)),
    started=st.sampled_from([False] * 7 + [True]),
    takes=st.sampled_from([0.0, 0.1, 1.0]) | st.floats(0, 8),
    late=st.sampled_from([0.0, 0.0, 1e-9, 0.5, 20.0]),
)
starts = st.floats(0, 1e6)
long = st.lists(events, min_size=4 * len(EVERY), max_size=4 * len(EVERY))


@st.composite
def plans(draw: st.DrawFn, start: float) -> Plan:
    """Plans in which everybody is free, or in which those who rest stand in any order."""
    chosen = draw(st.lists(st.sampled_from(EVERY), unique_by=id, min_size=1))
    rests = st.just(0.0) | (st.sampled_from([0.5, 3.0, 4.0, 7.0, 8.0]) | st.floats(0.001, 30)).map(
        lambda wait: start + wait
    )
    free = draw(st.integers(0, 3)) == 0
    return Plan(
        facts=FACTS,
        combo=None,
        candidates=tuple(msgspec.structs.replace(each, free_at=0.0 if free else draw(rests)) for each in chosen),
        rejected=(),
        max_attempts=draw(st.integers(1, len(chosen))),
        total=draw(st.floats(0.01, 40) | st.just(1e3)),
        longest_wait=draw(st.sampled_from([0.0, 1.0, 5.0, 10.0, 1e3])),
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
    return play(draw(plans(began)), began, draw(st.lists(events, max_size=3 * len(EVERY)) | long))


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


# Two candidates beside each other, and some that let others go first.


@dataclass(frozen=True)
class Turn:
    """What comes of a call: whether it was put off, and the ends of one or two attempts."""

    full: bool
    second: bool
    swapped: bool
    able: frozenset[str]
    after: float
    ends: tuple[Event, Event]


turns = st.builds(
    Turn,
    full=st.sampled_from([False, False, False, True]),
    second=st.booleans(),
    swapped=st.booleans(),
    able=st.frozensets(st.sampled_from([each.target.id for each in EVERY]), min_size=3),
    after=st.sampled_from([0.0, 0.1, 1.0, 8.0]),
    ends=st.tuples(events, events),
)
MOST_TURNS = 3 * len(EVERY)


@dataclass
class Trace:
    """What happened, in order: calls, of whom each is beside those under way, and failures of those called."""

    plan: Plan
    began: float
    steps: list[tuple[float, Candidate, Failure | None]] = field(default_factory=list)
    over: tuple[Failure, ...] | None = None
    handled: int = 0
    now: float = 0.0

    def called(self, candidate: Candidate) -> None:
        self.steps.append((self.now, candidate, None))

    def told(self, candidate: Candidate, event: Event) -> Failure:
        self.now += event.takes
        failure = fail(candidate, event)
        self.steps.append((self.now, candidate, failure))
        return failure

    @property
    def calls(self) -> list[tuple[float, Candidate]]:
        return [(at, each) for at, each, failure in self.steps if failure is None]

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(failure for _, _, failure in self.steps if failure is not None)


def one_call(found: Trace, run: Run, called: Candidate, turn: Turn) -> tuple[Run, Command]:
    """Carry out a call, as the engine does."""
    if turn.full and any(each.free_at <= found.now for each in run.queue):
        return postponed(run, called, found.now)
    found.called(called)
    other = None
    if turn.second:
        found.now += turn.after
        chosen = beside(run, called, found.now, lambda each: each.target.id in turn.able)
        if chosen is not None:
            run, other = chosen
            assert other.target.id != called.target.id
            assert other.target.id in turn.able
            assert other.free_at <= found.now
            found.called(other)
    sides = [called] if other is None else [called, other]
    first, *rest = reversed(sides) if turn.swapped else sides
    failure = found.told(first, turn.ends[0])
    if rest and not failure.started and failure.kind not in FINAL:
        run = noted(run, failure)
        failure = found.told(rest[0], turn.ends[1])
    return failed(run, failure, found.now)


def trace(plan: Plan, began: float, history: Iterable[Turn]) -> Trace:
    """Play a history in which candidates are asked beside each other."""
    found = Trace(plan, began, now=began)
    run, command = begin(plan, began)
    for turn in history:
        found.handled += 1
        if isinstance(command, Wait):
            found.now += command.seconds + turn.ends[0].late
            run, command = waited(run, found.now)
        elif isinstance(command, Call):
            run, command = one_call(found, run, command.candidate, turn)
        if isinstance(command, Give):
            found.over = command.failures
            break
    return found


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    began = draw(starts)
    return trace(draw(plans(began)), began, (draw(turns) for _ in range(MOST_TURNS)))


@LAW
@given(traces())
def test_two_beside_each_other_keep_the_caps_on_attempts_and_time(found: Trace) -> None:
    assert len(found.calls) <= found.plan.max_attempts
    assert all(at < found.began + found.plan.total for at, _ in found.calls)


@LAW
@given(traces())
def test_with_two_beside_each_other_nobody_is_called_twice_or_known_to_fail(found: Trace) -> None:
    called: list[Candidate] = []
    refused: set[tuple[str, str]] = set()
    faulty: set[str] = set()
    ended = False
    for _, candidate, failure in found.steps:
        if failure is None:
            assert candidate not in called
            assert key_of(candidate) not in refused
            assert candidate.target.id not in faulty
            assert not ended
            called.append(candidate)
        else:
            if failure.kind in REFUSED:
                refused.add(key_of(candidate))
            if failure.kind in FAULTY:
                faulty.add(candidate.target.id)
            ended = ended or failure.started or failure.kind in FINAL


@LAW
@given(traces())
def test_with_two_beside_each_other_it_ends_and_tells_every_failure_in_order(found: Trace) -> None:
    if found.over is None:  # those put off took all turns
        assert found.handled == MOST_TURNS
        return
    assert found.over
    if found.failures:
        assert found.over == found.failures


@given(starts, st.data())
@settings(max_examples=often(100), deadline=None)
def test_putting_off_changes_neither_who_may_be_called_nor_how_often(began: float, data: st.DataObject) -> None:
    plan = data.draw(plans(began))
    run, command = begin(plan, began)
    if isinstance(command, Call) and run.queue and run.queue[0].free_at <= began:
        put_off, following = postponed(run, command.candidate, began)
        assert isinstance(following, Call)
        assert following.candidate == run.queue[0]
        assert put_off.left == run.left
        assert sorted(map(id, (*put_off.queue, following.candidate))) == sorted(
            map(id, (*run.queue, command.candidate))
        )


def test_every_kind_of_failure_is_in_one_of_the_tables() -> None:
    assert set(FailureKind) == REFUSED | FAULTY | FINAL
