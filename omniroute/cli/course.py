"""The course of a simulated request, for people and for programs.

Always true: nothing is decided here. Text that clients or files brought along is drawn without control characters.
"""

from collections.abc import Iterator
from typing import Any

from omniroute.config.render.cells import clean
from omniroute.config.snapshot import Snapshot
from omniroute.routing.plan import Candidate, Plan
from omniroute.routing.simulate import MOMENT, Attempted, Simulated


def told(snapshot: Snapshot, one: Simulated) -> list[str]:
    """Tell a course, one thing a line: who decided, the order, who was left out, each attempt, and the answer."""
    return [clean(line) for line in _lines(snapshot, one)]


def as_json(one: Simulated) -> dict[str, Any]:
    """Give a course as JSON."""
    return {
        "plan": _plan(one.plan) if one.plan is not None else None,
        "attempts": [_attempt(each) for each in one.attempts],
        "server": one.server,
        "status": one.status,
        "code": one.code or None,
        "message": one.message or None,
        "policy": one.policy or None,
        "downgraded": list(one.downgraded),
        "warnings": list(one.warnings),
        "waited_seconds": round(one.waited, 6),
        "took_seconds": round(one.took, 6),
    }


def _lines(snapshot: Snapshot, one: Simulated) -> Iterator[str]:
    if one.policy:
        yield f"policy '{one.policy}' holds"
    yield from (f"a budget has no room: '{name}' is asked instead" for name in one.downgraded)
    yield from (f"warning: {warning}" for warning in one.warnings)
    if one.plan is not None:
        yield from (f"combo '{name}' chooses by {snapshot.combos[name].strategy}" for name in one.plan.combos)
        yield "order:"
        yield from (f"  {number}. {_candidate(each)}" for number, each in enumerate(one.plan.candidates, 1))
        if one.plan.hedge is not None:
            yield "  where the first is late, the next target is asked beside it; nobody is late here"
    if one.plan is not None and one.plan.rejected:
        yield "left out:"
        yield from (f"  {each.target.id}: {each.reason} [{each.code}]" for each in one.plan.rejected)
    if one.plan is not None:
        yield "attempts:"
        yield from _attempts(one.plan, one.attempts)
    yield f"answer: {answer(one)}"


def _candidate(candidate: Candidate) -> str:
    return f"{candidate.target.id} with credential '{candidate.credential.name}', in {candidate.format}"


def _attempts(plan: Plan, attempts: tuple[Attempted, ...]) -> Iterator[str]:
    """Tell each attempt, and how many were left when none answered."""
    for number, each in enumerate(attempts, 1):
        waited = f"after a wait of {each.waited:.3g} s, " if each.waited else ""
        asked = f"{each.candidate.target.id} with credential '{each.candidate.credential.name}'"
        yield f"  {number}. {waited}{asked}: {_end(each)}"
    left = len(plan.candidates) - len(attempts)
    if left and attempts[-1].failure is not None:
        yield f"  {left} of the order not tried"


def _end(each: Attempted) -> str:
    """Say how an attempt ended."""
    if each.failure is None:
        return "answered"
    began = ", after the client had seen a part of the answer" if each.failure.started else ""
    took = f", after {each.ended - each.began:.3g} s" if each.ended - each.began > 2 * MOMENT else ""
    return f"{each.failure.detail} ({each.failure.kind}){began}{took}"


def answer(one: Simulated) -> str:
    """Say what the client sees."""
    if one.server is not None:
        return f"{one.status} from {one.server}"
    return f"{one.status} {one.code}: {one.message}"


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "combos": list(plan.combos),
        "candidates": [
            {
                "target": each.target.id,
                "credential": each.credential.name,
                "format": each.format,
                "losses": [{"path": loss.path, "kind": loss.kind, "why": loss.why} for loss in each.losses],
            }
            for each in plan.candidates
        ],
        "rejected": [{"target": each.target.id, "code": each.code, "reason": each.reason} for each in plan.rejected],
        "hedged": plan.hedge is not None,
        "max_attempts": plan.max_attempts,
        "total_seconds": plan.total,
    }


def _attempt(each: Attempted) -> dict[str, Any]:
    failure = each.failure
    return {
        "target": each.candidate.target.id,
        "credential": each.candidate.credential.name,
        "failure": failure.kind if failure is not None else None,
        "detail": failure.detail if failure is not None else None,
        "waited_seconds": round(each.waited, 6),
        "status": failure.status if failure is not None else 200,
        "took_seconds": round(each.ended - each.began, 6),
    }
