"""One request, played through to its end with answers that are given: no network, and no time passes.

What decides is what ``serve`` decides by: ``make_plan``, the machine of ``attempts`` and the table of what failures
mean. What an upstream would do is read from a script, and how long it takes from the limits of the configuration: what
never comes takes all the time that is allowed, and everything else a moment, so that what comes later is later.

Always true: the same arguments give the same course; a wait is counted and not waited.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Snapshot
from omniroute.errors import OmniRouteError
from omniroute.ir.complaint import Complaint
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, TargetId
from omniroute.routing import attempts
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.judge import LONGEST_WAIT, kind_of
from omniroute.routing.plan import Candidate, Fitting, Plan, make_plan
from omniroute.routing.view import View

MOMENT = 0.001
"""The seconds that an answer or a refusal takes."""
EVERYBODY = "*"
"""The place in a script that stands for whoever has none of its own."""


class Reply(msgspec.Struct, frozen=True):
    """What an upstream does: it answers with an HTTP status, or fails in a way; ``retry_after`` is in seconds."""

    what: int | FailureKind = 200
    retry_after: float | None = None


Script = Mapping[str, tuple[Reply, ...]]
"""What upstreams do, by place: a provider, a target, or either with ``#`` and a credential's name behind it.

The replies of a place are given one after the other, and the last of them for ever. The nearest place counts. Whoever
has none answers with 200.
"""


class Given(msgspec.Struct, frozen=True):
    """The world in which a request is played: what it fits, what upstreams do, and what is known of them.

    ``policy`` is what holds for its caller.
    """

    fitting: Fitting
    script: Script = MappingProxyType({})
    view: View = View()
    policy: Policy | None = None


class Attempted(msgspec.Struct, frozen=True):
    """One attempt: who was asked, from when to when, and how it failed if it did; ``waited`` are seconds before it."""

    candidate: Candidate
    began: float
    ended: float
    failure: Failure | None = None
    waited: float = 0.0


class Simulated(msgspec.Struct, frozen=True):
    """The course of a request.

    ``plan`` is None where the request was refused before anybody was asked, and ``message`` says why, as it does where
    all failed. ``status`` and ``code`` are what the client sees; the code is "" where it has its answer. ``took`` are
    the seconds until then. ``script`` is what is left of the script. ``policy`` names what holds for the caller.
    ``downgraded`` are the names that were asked for instead, one after the other, where budgets had no room; and
    ``warnings`` is what the client is told of budgets.
    """

    plan: Plan | None
    attempts: tuple[Attempted, ...]
    status: int
    code: str = ""
    message: str = ""
    took: float = 0.0
    script: Script = MappingProxyType({})
    policy: str = ""
    downgraded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def waited(self) -> float:
        """The seconds of waiting for credentials and targets that rested; a part of ``took``."""
        return sum(each.waited for each in self.attempts)

    @property
    def server(self) -> TargetId | None:
        """The target that answered."""
        last = self.attempts[-1] if self.attempts else None
        return last.candidate.target.id if last is not None and last.failure is None else None


def simulate(snapshot: Snapshot, facts: Facts, given: Given, seed: int = 0, now: float = 0.0) -> Simulated:
    """Play one request.

    Args:
        snapshot: the configuration.
        facts: what is asked.
        given: the world.
        seed: what is left to chance.
        now: when the request comes, in seconds of the clock of ``given.view``.
    """
    try:
        plan = make_plan(snapshot, facts, given.view, given.fitting, seed, given.policy)
    except OmniRouteError as error:
        return refused(error, given.script)
    return _play(plan, given.script, now)


def refused(error: OmniRouteError, script: Script) -> Simulated:
    """Give the course of a request that is refused before anybody is asked."""
    return Simulated(None, (), error.status, error.code, error.message, script=script)


def _play(plan: Plan, script: Script, now: float) -> Simulated:
    """Carry a plan out, as the engine does."""
    clock, pause = now, 0.0
    done: list[Attempted] = []
    run, command = attempts.begin(plan, now)
    while not isinstance(command, attempts.Give):
        if isinstance(command, attempts.Wait):
            clock, pause = clock + command.seconds, pause + command.seconds
            run, command = attempts.waited(run, clock)
            continue
        reply, script = _next_reply(script, command.candidate)
        attempt = _attempt(command.candidate, reply, plan.facts, clock, run.deadline)
        done.append(msgspec.structs.replace(attempt, waited=pause))
        clock, pause = attempt.ended, 0.0
        if attempt.failure is None:
            return Simulated(plan, tuple(done), 200, took=clock - now, script=script)
        run, command = attempts.failed(run, attempt.failure, clock)
    error = AllFailed(plan.facts.asked, command.failures)
    status = 200 if error.failures[-1].started else error.status
    return Simulated(plan, tuple(done), status, error.code, error.message, clock - now, script)


def _next_reply(script: Script, candidate: Candidate) -> tuple[Reply, Script]:
    """Give what a candidate does when it is asked, and what the script holds after that."""
    place = next((each for each in _places(candidate) if script.get(each)), None)
    if place is None:
        return Reply(), script
    first, *rest = script[place]
    return first, MappingProxyType({**script, place: tuple(rest)}) if rest else script


def _places(candidate: Candidate) -> Iterator[str]:
    """Give the places in a script that a candidate can have, the nearest first."""
    target, credential = candidate.target, candidate.credential.name
    yield f"{target.id}#{credential}"
    yield f"{target.provider.name}#{credential}"
    yield target.id
    yield target.provider.name
    yield EVERYBODY


def _attempt(candidate: Candidate, reply: Reply, facts: Facts, began: float, deadline: float) -> Attempted:
    """Ask a candidate that does as the script says."""
    ended = min(deadline, began + MOMENT)
    if reply.what == 200:
        return Attempted(candidate, began, ended)
    status = None if isinstance(reply.what, FailureKind) else reply.what
    kind = reply.what if isinstance(reply.what, FailureKind) else kind_of(reply.what, Complaint())
    if kind is FailureKind.CUT and not facts.stream:
        kind = FailureKind.DOWN  # nothing of a whole answer is passed on before all of it is there
    limits = candidate.target.timeouts
    if kind is FailureKind.TIMEOUT and status is None:
        ended = min(deadline, began + (limits.first_byte if facts.stream else limits.answer))
    failure = Failure(
        kind=kind,
        target=candidate.target.id,
        credential=candidate.credential.name,
        detail=f"HTTP {status}" if status is not None else f"failed as given: {reply.what}",
        status=status,
        retry_after=None if reply.retry_after is None else min(reply.retry_after, LONGEST_WAIT),
        started=kind is FailureKind.CUT,
    )
    return Attempted(candidate, began, ended, failure)
