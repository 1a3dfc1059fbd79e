"""The decision for one request: who is tried, in which order, and why the others are not.

Always true: planning is a pure function of a snapshot, a request's facts and a view of what is usable now. A plan
with no candidate is itself the explanation.
"""

import msgspec

from omniroute.config.snapshot import Credential, Snapshot, Target
from omniroute.errors import Unfit
from omniroute.ir.facts import Facts
from omniroute.routing.resolve import Resolved, resolve


class Candidate(msgspec.Struct, frozen=True):
    """One thing to try: a target, asked with one credential."""

    target: Target
    credential: Credential


class Rejected(msgspec.Struct, frozen=True):
    """A target that cannot serve this request, and why; ``code`` is stable."""

    target: Target
    code: str
    reason: str


class View(msgspec.Struct, frozen=True):
    """What is known now, beyond the configuration: ``unusable`` credentials, by provider and name, with the reason."""

    unusable: dict[tuple[str, str], str] = {}


class Plan(msgspec.Struct, frozen=True):
    """Candidates in order, and who was left out. ``total`` is the longest the request may take, in seconds."""

    facts: Facts
    combo: str | None
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    max_attempts: int
    total: float


def make_plan(snapshot: Snapshot, facts: Facts, view: View) -> Plan:
    """Decide who may serve a request.

    Raises:
        UnknownModel, WrongProvider: as ``resolve``.
        Unfit: no target can serve it; the message gives each target's reason.
    """
    resolved = resolve(snapshot, facts)
    candidates: list[Candidate] = []
    rejected: list[Rejected] = []
    for target in resolved.targets:
        found, reason = _credentials(target, facts, view)
        candidates.extend(found)
        if reason is not None:
            rejected.append(reason)
    if not candidates:
        raise Unfit(_explain(facts, rejected))
    return Plan(
        facts=facts,
        combo=resolved.combo,
        candidates=tuple(candidates),
        rejected=tuple(rejected),
        max_attempts=_attempts(resolved, candidates),
        total=max(candidate.target.timeouts.total for candidate in candidates),
    )


def _attempts(resolved: Resolved, candidates: list[Candidate]) -> int:
    """Every candidate once, unless the combo asks for fewer."""
    return min(resolved.max_attempts or len(candidates), len(candidates))


def _credentials(target: Target, facts: Facts, view: View) -> tuple[list[Candidate], Rejected | None]:
    """Give a target's candidates, one a usable credential, or why there are none."""
    provider = target.provider
    if facts.format not in provider.formats:
        spoken = ", ".join(sorted(provider.formats))
        return [], Rejected(target, "format", f"provider '{provider.name}' speaks {spoken}, not {facts.format}")
    usable = [each for each in provider.credentials if (provider.name, each.name) not in view.unusable]
    if not usable:
        missing = "; ".join(view.unusable[provider.name, each.name] for each in provider.credentials)
        return [], Rejected(target, "credential", missing or f"provider '{provider.name}' has no credential")
    return [Candidate(target, each) for each in usable], None


def _explain(facts: Facts, rejected: list[Rejected]) -> str:
    """Say, for every target, why it cannot serve the request."""
    reasons = "; ".join(f"{each.target.id}: {each.reason}" for each in rejected)
    return f"no target of '{facts.asked}' can serve this request: {reasons or 'it has no targets'}"
