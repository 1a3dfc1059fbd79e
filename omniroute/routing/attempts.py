"""The fallback loop as a value: what to do next, given what has happened.

Invariants:
1. A candidate is called at most once.
2. No more than ``max_attempts`` calls are made.
3. After a failure that had started (the client saw a part of the answer), nothing is called.
4. After a failure whose kind does not move, nothing is called.
5. A candidate spoilt by an earlier failure is never called: one with the same credential where the credential was
   refused or is out of quota, one with the same target where the target was at fault.
6. No call begins after the deadline.
7. Every failure is kept, in order.
8. Nobody gives up without a failure: a request whose time went by in waiting says so.

All of it holds as well where a second candidate is asked beside one that is late (``beside``), and where one that is
full lets others go first (``postponed``).
"""

from collections.abc import Callable

import msgspec

from omniroute.names import FailureKind
from omniroute.routing.failure import MEANING, Failure
from omniroute.routing.plan import Candidate, Plan


class Call(msgspec.Struct, frozen=True):
    """Try this candidate."""

    candidate: Candidate


class Wait(msgspec.Struct, frozen=True):
    """Wait so many seconds, until the next candidate is free."""

    seconds: float


class Give(msgspec.Struct, frozen=True):
    """Give up, and say why: every failure, in order."""

    failures: tuple[Failure, ...]


Command = Call | Wait | Give


class Run(msgspec.Struct, frozen=True):
    """Where a request's attempts stand.

    ``deadline`` is an instant of the same clock as ``now``, in seconds; ``patience`` are the seconds that may still be
    waited for a candidate that is not free.
    """

    queue: tuple[Candidate, ...]
    left: int
    deadline: float
    patience: float = 0.0
    failures: tuple[Failure, ...] = ()


def begin(plan: Plan, now: float) -> tuple[Run, Command]:
    """Start with the first candidate; ``now`` is seconds of any steady clock."""
    return _next(Run(plan.candidates, plan.max_attempts, now + plan.total, plan.longest_wait), now)


def waited(run: Run, now: float) -> tuple[Run, Command]:
    """Go on after a wait."""
    return _next(run, now)


def failed(run: Run, failure: Failure, now: float) -> tuple[Run, Command]:
    """Take a failure of the candidate called last, and say what to do next."""
    return _next(noted(run, failure), now)


def noted(run: Run, failure: Failure) -> Run:
    """Take a failure of one of two candidates that were asked beside each other, while the other is still asked."""
    failures = (*run.failures, failure)
    meaning = MEANING[failure.kind]
    if failure.started or not meaning.moves:
        return msgspec.structs.replace(run, queue=(), failures=failures)
    spoils = "target" if failure.blameless else meaning.spoils
    queue = tuple(each for each in run.queue if not _spoilt(each, failure, spoils))
    return msgspec.structs.replace(run, queue=queue, failures=failures)


def postponed(run: Run, candidate: Candidate, now: float) -> tuple[Run, Command]:
    """Put the candidate that was to be called behind the others: it has no room, and was not called."""
    return _next(msgspec.structs.replace(run, queue=(*run.queue, candidate), left=run.left + 1), now)


def beside(
    run: Run, late: Candidate, now: float, able: Callable[[Candidate], bool] = lambda _: True
) -> tuple[Run, Candidate] | None:
    """Choose whom to call beside a candidate that is late.

    That is the next of another target which is free and ``able``; None where there is none, or no time or leave left.
    """
    if run.left <= 0 or now >= run.deadline:
        return None
    for place, each in enumerate(run.queue):
        if each.target.id != late.target.id and each.free_at <= now and able(each):
            queue = run.queue[:place] + run.queue[place + 1 :]
            return msgspec.structs.replace(run, queue=queue, left=run.left - 1), each
    return None


def _next(run: Run, now: float) -> tuple[Run, Command]:
    """Call the next candidate, where one is left and there is time and leave for it.

    One that is free soon is waited for; one that is not is asked all the same, since nobody else is left.
    """
    if not run.queue or run.left <= 0 or now >= run.deadline:
        failures = run.failures or tuple(_late(each) for each in run.queue[:1])
        return msgspec.structs.replace(run, queue=(), failures=failures), Give(failures)
    first, *rest = run.queue
    wait = first.free_at - now
    if 0 < wait <= run.patience and now + wait < run.deadline:
        return msgspec.structs.replace(run, patience=run.patience - wait), Wait(wait)
    return msgspec.structs.replace(run, queue=tuple(rest), left=run.left - 1), Call(first)


def _late(candidate: Candidate) -> Failure:
    """Say that the request's time was over before anybody was asked."""
    detail = "was not free before the request's time was over"
    return Failure(FailureKind.TIMEOUT, candidate.target.id, candidate.credential.name, detail, blameless=True)


def _spoilt(candidate: Candidate, failure: Failure, spoils: str) -> bool:
    """Whether a failure says that this candidate would fail as well."""
    if spoils == "target":
        return candidate.target.id == failure.target
    provider = failure.target.partition("/")[0]
    same_credential = candidate.credential.name == failure.credential and candidate.target.provider.name == provider
    return spoils == "credential" and same_credential
