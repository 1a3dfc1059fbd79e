"""The decision for one request: who is tried, in which order, and why the others are not.

Always true: planning is a pure function of a snapshot, a request's facts and a view of what is usable now. A plan
with no candidate is itself the explanation.
"""

from collections.abc import Callable

import msgspec

from omniroute.config.snapshot import Credential, Snapshot, Target
from omniroute.errors import Unfit
from omniroute.formats.translate import Fit
from omniroute.ir.facts import Facts
from omniroute.ir.loss import Loss
from omniroute.names import Format
from omniroute.routing.resolve import Resolved, resolve

Fitting = Callable[[Format], Fit]
"""How the request fits a format that it was not asked in: ``translate.Translation.fit``."""


class Candidate(msgspec.Struct, frozen=True):
    """One thing to try: a target, asked with one credential, in a wire format in which ``losses`` are not said."""

    target: Target
    credential: Credential
    format: Format
    losses: tuple[Loss, ...] = ()


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


def make_plan(snapshot: Snapshot, facts: Facts, view: View, fitting: Fitting) -> Plan:
    """Decide who may serve a request; ``fitting`` is only asked where a provider does not speak the client's format.

    Raises:
        Malformed: the request cannot be understood, and has to be.
        UnknownModel, WrongProvider: as ``resolve``.
        Unfit: no target can serve it; the message gives each target's reason.
    """
    resolved = resolve(snapshot, facts)
    candidates: list[Candidate] = []
    rejected: list[Rejected] = []
    for target in resolved.targets:
        found, reason = _candidates(target, facts, view, fitting)
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


def _candidates(target: Target, facts: Facts, view: View, fitting: Fitting) -> tuple[list[Candidate], Rejected | None]:
    """Give a target's candidates, one a usable credential, or why there are none."""
    provider = target.provider
    wire, fit = _format(target, facts, fitting)
    if wire is None:
        return [], Rejected(target, "format", fit.refused or "")
    usable = [each for each in provider.credentials if (provider.name, each.name) not in view.unusable]
    if not usable:
        missing = "; ".join(view.unusable[provider.name, each.name] for each in provider.credentials)
        return [], Rejected(target, "credential", missing or f"provider '{provider.name}' has no credential")
    return [Candidate(target, each, wire, fit.losses) for each in usable], None


def _format(target: Target, facts: Facts, fitting: Fitting) -> tuple[Format | None, Fit]:
    """Choose the format to ask a target in: the client's own, else the first that can say what is asked."""
    spoken = target.provider.formats
    if facts.format in spoken:
        return facts.format, Fit()
    reasons: list[str] = []
    for wire in spoken:
        fit = fitting(wire)
        if fit.refused is None:
            return wire, fit
        reasons.append(fit.refused)
    return None, Fit(refused="; ".join(dict.fromkeys(reasons)))


def _explain(facts: Facts, rejected: list[Rejected]) -> str:
    """Say, for every target, why it cannot serve the request."""
    reasons = "; ".join(f"{each.target.id}: {each.reason}" for each in rejected)
    return f"no target of '{facts.asked}' can serve this request: {reasons or 'it has no targets'}"
