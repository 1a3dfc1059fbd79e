"""The decision for one request: who is tried, in which order, and why the others are not.

Always true: planning is a pure function of a snapshot, a request's facts, a view of the world and a seed. A plan with
no candidate is itself the explanation. What passes never ejects the last target: where everything rests, those that
rest are the candidates, the one that is free first before the others; and who has no room is a candidate behind all
that have.
"""

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import msgspec

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Combo, Credential, Hedge, Snapshot, Target
from omniroute.errors import Unfit
from omniroute.formats.shape import Shaping
from omniroute.formats.translate import FITS, Fit, Lossless
from omniroute.ir.facts import Facts
from omniroute.ir.loss import Loss
from omniroute.names import Capability, Format, TargetId
from omniroute.routing import credentials, strategies
from omniroute.routing.fitness import resting, unfit
from omniroute.routing.permit import allowed
from omniroute.routing.resolve import Resolved, resolve
from omniroute.routing.shaping import shaping_of
from omniroute.routing.strategies import Situation
from omniroute.routing.view import View, rests


class Fitting(Protocol):
    """How the request fits a format, and how it does once it is shaped: ``translate.Translation.fit``."""

    def __call__(self, wire: Format, shaping: Shaping | None = None) -> Fit:
        """Say it; a shaping is only given where there is one."""
        ...


class Candidate(msgspec.Struct, frozen=True):
    """One thing to try: a target, asked with one credential, in a wire format in which ``losses`` are not said.

    ``free_at`` is when it may be asked, of the view's clock; 0 where it may be asked now. ``full`` says that its target
    had no room for one more request.
    """

    target: Target
    credential: Credential
    format: Format
    losses: tuple[Loss, ...] = ()
    free_at: float = 0.0
    full: bool = False


class Rejected(msgspec.Struct, frozen=True):
    """A target that is not asked, and why; ``code`` is stable."""

    target: Target
    code: str
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """Candidates in order, and who was left out.

    ``combos`` are those whose turn it was to choose, the outermost first, and ``tree`` are all that could have been.
    ``total`` is the longest that the request may take, and
    ``longest_wait`` the longest that it may wait for a candidate to be free, in seconds. ``shaping`` is what is made
    of the request before it is sent; ``replaced`` is as in ``Resolved``. ``hedge`` says when a second target is asked
    because the first is late; None where that is not wanted, or there is no second one.
    """

    facts: Facts
    combo: str | None
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    max_attempts: int
    total: float
    longest_wait: float = 0.0
    combos: tuple[str, ...] = ()
    tree: tuple[Combo, ...] = ()
    shaping: Shaping | None = None
    replaced: tuple[TargetId, TargetId] | None = None
    hedge: Hedge | None = None


def is_full(target: Target, seated: Mapping[str, int]) -> bool:
    """Say whether a target or its provider answers as many requests as it can at once; ``seated`` is a view's."""
    if not target.limited:
        return False
    shared, own = target.provider.max_concurrent, target.model.max_concurrent
    no_shared = shared is not None and seated.get(target.provider.name, 0) >= shared
    return no_shared or (own is not None and seated.get(target.id, 0) >= own)


def make_plan(
    snapshot: Snapshot, facts: Facts, view: View, fitting: Fitting, seed: int = 0, policy: Policy | None = None
) -> Plan:
    """Decide who may serve a request of a caller for whom ``policy`` holds.

    Where neither its combo nor the policy shapes it, ``fitting`` is only asked of formats other than the client's.

    Raises:
        Malformed: the request cannot be understood, and has to be.
        UnknownModel, AmbiguousModel, WrongProvider: as ``resolve``.
        Forbidden: the policy lets it be answered by none.
        Unfit: no target can serve it; the message gives each target's reason.
    """
    plan = draft(snapshot, facts, view, fitting, seed, policy)
    if not plan.candidates:
        raise Unfit(unfit_because(plan))
    return plan


def draft(
    snapshot: Snapshot, facts: Facts, view: View, fitting: Fitting, seed: int = 0, policy: Policy | None = None
) -> Plan:
    """Make a plan as ``make_plan``; one that nobody can serve has no candidates, and is not refused.

    Raises:
        Malformed: the request cannot be understood, and has to be.
        UnknownModel, AmbiguousModel, WrongProvider: as ``resolve``.
        Forbidden: the policy lets it be answered by none.
    """
    resolved = resolve(snapshot, facts)
    may = allowed(policy, facts.asked, resolved, dedicated=facts.provider is not None)
    combo = snapshot.combos[resolved.combo] if resolved.combo is not None else None
    shaping = shaping_of(combo, policy)
    if policy is not None and policy.on_loss == "refuse":
        fitting = Lossless(fitting)
    if shaping is not None:
        fitting = partial(fitting, shaping=shaping)
        facts = _as_shaped(facts, shaping, fitting)
    situation = Situation(view, facts, seed)
    planner = _Planner(situation, fitting, told=shaping is not None and shaping.tells)
    targets = _ordered(resolved, combo, situation)
    if may is not resolved.targets:
        targets = _permitted(targets, may, planner)
    for target in _stuck_first(targets, situation):
        planner.consider(target)
    candidates = (*planner.free, *planner.full) or tuple(sorted(planner.later, key=lambda each: each.free_at))
    return Plan(
        facts=facts,
        combo=resolved.combo,
        candidates=candidates,
        rejected=tuple(planner.rejected),
        max_attempts=min(resolved.max_attempts or len(candidates), len(candidates)),
        total=_longest(candidates) if candidates else snapshot.timeouts.total,
        longest_wait=snapshot.resilience.longest_wait,
        combos=strategies.choosing(combo, situation) if combo is not None else (),
        tree=_within(combo) if combo is not None else (),
        shaping=shaping,
        replaced=resolved.replaced,
        hedge=_hedge(snapshot.resilience.hedge, candidates),
    )


def _longest(candidates: tuple[Candidate, ...]) -> float:
    """Give the longest that a request may take at any of these."""
    return max([candidate.target.timeouts.total for candidate in candidates])


def _hedge(hedge: Hedge, candidates: tuple[Candidate, ...]) -> Hedge | None:
    """Give when a second target is asked, where there is one."""
    if not hedge.enabled or len(candidates) < 2:
        return None
    first = candidates[0].target.id
    return hedge if any(each.target.id != first for each in candidates) else None


def _as_shaped(facts: Facts, shaping: Shaping, fitting: Fitting) -> Facts:
    """Give the facts of a request as it is shaped: where no tool is left, it needs no model that can call them."""
    if shaping.tool_filter is None or Capability.TOOLS not in facts.needs or fitting(facts.format).tools:
        return facts
    return msgspec.structs.replace(facts, needs=facts.needs - {Capability.TOOLS})


def _ordered(resolved: Resolved, combo: Combo | None, situation: Situation) -> tuple[Target, ...]:
    """Order the targets: as a combo's strategy has it."""
    return resolved.targets if combo is None else strategies.ordered(combo, situation)


def _permitted(targets: tuple[Target, ...], may: tuple[Target, ...], planner: "_Planner") -> tuple[Target, ...]:
    """Leave out, with the reason, what the caller's policy does not let it be answered by."""
    names = {each.id for each in may}
    reason = "the caller's policy does not let it be asked"
    planner.rejected.extend(Rejected(each, "policy", reason) for each in targets if each.id not in names)
    return tuple([each for each in targets if each.id in names])


def _within(combo: Combo) -> tuple[Combo, ...]:
    """Give a combo and those within it, each once."""
    found: dict[str, Combo] = {}
    waiting = [combo]
    while waiting:
        each = waiting.pop()
        if each.name not in found:
            found[each.name] = each
            waiting.extend(step.to for step in each.steps if isinstance(step.to, Combo))
    return tuple(found.values())


def _stuck_first(targets: tuple[Target, ...], situation: Situation) -> tuple[Target, ...]:
    """Put the target first that answered this session last: its provider may have the conversation in its cache."""
    session = situation.facts.session
    stuck = situation.view.sessions.get(session) if session is not None else None
    if stuck is None:
        return targets
    return tuple(sorted(targets, key=lambda target: target.id != stuck.target))


class _Planner:
    """Looks at one target after the other."""

    def __init__(self, situation: Situation, fitting: Fitting, *, told: bool) -> None:
        self.free: list[Candidate] = []
        self.full: list[Candidate] = []
        self.later: list[Candidate] = []
        self.rejected: list[Rejected] = []
        self._situation = situation
        self._fitting = fitting
        self._told = told

    def consider(self, target: Target) -> None:
        """Give a target's candidates, one a usable credential, or say why there are none."""
        situation, provider = self._situation, target.provider
        never = unfit(target, situation.facts)
        if never is not None:
            self.rejected.append(Rejected(target, *never))
            return
        wire, fit = _format(target, situation.facts, self._fitting, told=self._told)
        if wire is None:
            self.rejected.append(Rejected(target, "format", fit.refused or ""))
            return
        usable = _usable(target, situation)
        if not usable:
            missing = "; ".join(situation.view.unusable[provider.name, each.name] for each in provider.credentials)
            reason = missing or f"provider '{provider.name}' has no credential"
            self.rejected.append(Rejected(target, "credential", reason))
            return
        self._add(target, usable, wire, fit)

    def _add(self, target: Target, usable: list[Credential], wire: Format, fit: Fit) -> None:
        """Add a target's credentials: those that are free now, else those that will be."""
        view, provider, model = self._situation.view, target.provider.name, target.model.name
        rest = resting(target, view)
        if rest is not None and rest[2] > 0:
            self.rejected.append(Rejected(target, rest[0], rest[1]))
            first = min(usable, key=lambda each: rests(view, provider, each.name, model))
            self.later.append(Candidate(target, first, wire, fit.losses, view.now + rest[2]))
            return
        full = is_full(target, view.seated)
        found = self.full if full else self.free
        for each in usable:
            if not rests(view, provider, each.name, model):
                found.append(Candidate(target, each, wire, fit.losses, full=full))


def _usable(target: Target, situation: Situation) -> list[Credential]:
    """Give the credentials that have a secret, in the order of the provider's strategy, the session's own first."""
    provider, view, session = target.provider, situation.view, situation.facts.session
    order = credentials.ordered(provider, target.model.name, situation)
    unusable = view.unusable
    usable = [each for each in order if (provider.name, each.name) not in unusable] if unusable else list(order)
    stuck = view.sessions.get(session) if session is not None else None
    if stuck is not None and stuck.target == target.id:
        usable.sort(key=lambda each: each.name != stuck.credential)
    return usable


def _format(target: Target, facts: Facts, fitting: Fitting, *, told: bool) -> tuple[Format | None, Fit]:
    """Choose the format to ask a target in: the client's own, else the first that can say what is asked.

    ``told`` says that a combo gives instructions of its own, which not even the client's format may be able to say.
    """
    spoken = target.provider.formats
    if facts.format in spoken and not (told and fitting(facts.format).refused is not None):
        return facts.format, FITS
    reasons: list[str] = []
    for wire in spoken:
        fit = fitting(wire)
        if fit.refused is None:
            return wire, fit
        reasons.append(fit.refused)
    return None, Fit(refused="; ".join(dict.fromkeys(reasons)))


def unfit_because(plan: Plan) -> str:
    """Say of a plan without a candidate why no target can serve the request, each with its reason."""
    reasons = "; ".join(f"{each.target.id}: {each.reason}" for each in plan.rejected)
    return f"no target of '{plan.facts.asked}' can serve this request: {reasons or 'it has no targets'}"
