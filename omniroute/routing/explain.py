"""A plan with its reasons: what each step of a decision was, and the key of the configuration that decided it.

Always true: nothing is decided here. Names are resolved and plans are made by the functions that ``serve`` calls; this
only looks up where what they read is written. What holds by default has no origin.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from omniroute.config.origins import Hop, Listing, Origin, Origins
from omniroute.config.policy import Policy
from omniroute.config.snapshot import Combo, Snapshot, Target
from omniroute.errors import Forbidden, OmniRouteError, Refused, RequestError, Unfit
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Strategy
from omniroute.routing.explanation import (
    Arrival,
    Choice,
    Explanation,
    LeftOut,
    Limit,
    Listed,
    Question,
    Shape,
    Tried,
    Unusable,
)
from omniroute.routing.permit import decisive
from omniroute.routing.plan import Candidate, Fitting, Plan, Rejected, draft, unfit_because
from omniroute.routing.resolve import Resolved, resolve
from omniroute.routing.ruling import ruling
from omniroute.routing.strategies import STRATEGIES
from omniroute.routing.view import View

BY_CHANCE = frozenset({Strategy.WEIGHTED, Strategy.RANDOM, Strategy.P2C})
"""Strategies whose order is drawn anew for each request."""
BY_EXPERIENCE = frozenset(
    {
        Strategy.ROUND_ROBIN,
        Strategy.STRICT_RANDOM,
        Strategy.LEAST_USED,
        Strategy.LATENCY_OPTIMIZED,
        Strategy.FILL_FIRST,
        Strategy.P2C,
        Strategy.LAST_KNOWN_GOOD,
        Strategy.CONTEXT_RELAY,
        Strategy.AUTO,
    }
)
"""Strategies whose order follows from what a gateway has done and learnt since its start."""

# literal table: code of a rejection → the key, below the model's or the provider's table, that it hangs on
_DECIDES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"context": ("models", "", "context"), "capability": ("models", "", "capabilities"), "format": ("formats",)}
)
# literal table: what a request is shaped by, and the table and the key that say so
_SHAPED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "system_message": ("combos", "system_message"),
        "tool_filter": ("combos", "tool_filter"),
        "told": ("policies", "system_prompt"),
        "thinking": ("policies", "thinking_budget"),
    }
)
_STREAMED = ("connect", "first_byte", "first_token", "between_events")
_WHOLE = ("connect", "answer")
# literal table: what is said of resilience: its name, its key below [resilience], and its field in the snapshot
_RESILIENCE = (
    ("wait for a credential that rests", ("cooldown", "wait"), "longest_wait"),
    ("failures that open a breaker", ("breaker", "failures"), "failures"),
    ("time in which they are counted", ("breaker", "window"), "window"),
    ("time that a breaker stays open", ("breaker", "cooldown"), "cooldown"),
)


class Asking(msgspec.Struct, frozen=True):
    """What is to be explained: a request, how it fits formats, what chance is drawn from, what is known, and who asks.

    ``key`` is the name of a client key, "" for whoever comes without one, and ``policy`` what holds for it. ``refused``
    is why it is not let in, if it is not.
    """

    facts: Facts
    fitting: Fitting
    seed: int = 0
    view: View = View()
    key: str = ""
    policy: Policy | None = None
    refused: Refused | None = None


def explain(snapshot: Snapshot, origins: Origins, asking: Asking) -> Explanation:
    """Make the plan for a request, and say what led to it.

    Raises:
        Malformed: the request cannot be understood, and has to be.
    """
    facts, policy = asking.facts, asking.policy
    rules = ruling(origins, asking.key, policy) if policy is not None else None
    asked = Explanation(_question(asking), snapshot.id, ruling=rules)
    if asking.refused is not None:
        return _refused(asked, asking.refused, origins)
    try:
        resolved = resolve(snapshot, facts)
    except RequestError as error:
        return _refused(asked, error, origins)
    named = msgspec.structs.replace(
        asked,
        way=tuple(_hops(facts.asked, resolved, origins)),
        arrivals=tuple(_arrivals(facts.asked, resolved, origins)),
    )
    try:
        plan = draft(snapshot, facts, asking.view, asking.fitting, asking.seed, policy)
    except Forbidden as error:
        return _refused(named, error, origins)
    teller = _Teller(snapshot, origins, plan, policy)
    return msgspec.structs.replace(
        named,
        shapes=tuple(teller.shapes()),
        combos=tuple(map(teller.choice, plan.tree)),
        candidates=tuple(map(teller.tried, plan.candidates)),
        rejected=tuple(map(teller.left_out, plan.rejected)),
        unusable=tuple(teller.unusable(asking.view)),
        limits=tuple(teller.limits()),
        problem=None if plan.candidates else unfit_because(plan),
        status=None if plan.candidates else Unfit.status,
    )


def _refused(asked: Explanation, error: OmniRouteError, origins: Origins) -> Explanation:
    """Say why a request is refused, and which key of the configuration says so."""
    decided = origins.near(*error.by) if isinstance(error, Refused) and error.by else None
    return msgspec.structs.replace(asked, problem=error.message, status=error.status, decided=decided)


def _question(asking: Asking) -> Question:
    facts = asking.facts
    return Question(
        facts.asked,
        facts.format,
        facts.stream,
        tuple(each for each in Capability if each in facts.needs),
        facts.input_tokens,
        facts.session,
        asking.seed,
        asking.key or None,
    )


def _hops(asked: str, resolved: Resolved, origins: Origins) -> Iterator[Hop]:
    """Say how one name led to the next."""
    name = asked
    for alias, to in resolved.way:
        yield Hop(name, alias.name, to, origins.of("aliases", alias.name))
        name = to


def _arrivals(asked: str, resolved: Resolved, origins: Origins) -> Iterator[Arrival]:
    """Say what the last name is; of a model that is gone, what is in its place too."""
    name = resolved.way[-1][1] if resolved.way else asked
    if resolved.combo is not None:
        yield Arrival(name, "combo", resolved.combo, origins.of("combos", resolved.combo))
        return
    target = resolved.targets[0]
    gone, _ = resolved.replaced or (target.id, target.id)
    provider, _, model = gone.partition("/")
    if name == gone:
        yield Arrival(name, "model", gone, origins.near("providers", provider, "models", model))
    elif name == model:
        yield Arrival(name, "bare", gone, origins.near("providers", provider, "models", model))
    else:
        yield Arrival(name, "prefix", gone, origins.near("providers", provider, "aliases"))
    if resolved.replaced is not None:
        yield Arrival(gone, "gone", target.id, origins.near("providers", provider, "models", model, "replaced_by"))


class _Teller:
    """Finds the origins of one plan."""

    def __init__(self, snapshot: Snapshot, origins: Origins, plan: Plan, policy: Policy | None) -> None:
        self._snapshot = snapshot
        self._origins = origins
        self._plan = plan
        self._policy = policy

    def shapes(self) -> Iterator[Shape]:
        """Name what changes the request."""
        for field, (table, key) in _SHAPED.items():
            if getattr(self._plan.shaping, field, None) is not None:
                name = self._policy.name if table == "policies" and self._policy is not None else self._plan.combo
                yield Shape(key, self._origins.of(table, name or "", key))

    def choice(self, combo: Combo) -> Choice:
        """Say how a combo chooses."""
        strategy = combo.strategy
        rule = (STRATEGIES[strategy].__doc__ or "").partition("\n")[0]
        return Choice(
            combo=combo.name,
            strategy=strategy,
            rule=rule,
            by_chance=strategy in BY_CHANCE,
            by_experience=strategy in BY_EXPERIENCE,
            steps=tuple(self._steps(combo)),
            origin=self._origins.near("combos", combo.name, "strategy"),
        )

    def _steps(self, combo: Combo) -> Iterator[Listed]:
        """Name what a combo lists, through aliases."""
        for index, step in enumerate(combo.steps):
            origin = self._origins.of("combos", combo.name, "targets", index)
            named = step.to.name if isinstance(step.to, Combo) else step.to.id
            yield Listed(named, step.weight, tuple(self._origins.way(combo.name, index)), origin)

    def tried(self, candidate: Candidate) -> Tried:
        """Say where a candidate comes from."""
        target = candidate.target
        return Tried(
            target=target.id,
            credential=candidate.credential.name,
            format=candidate.format,
            own=candidate.format == self._plan.facts.format,
            losses=candidate.losses,
            origin=self._listing(target),
            credential_origin=self._origins.credential(target.provider.name, candidate.credential.name),
            full=candidate.full,
        )

    def left_out(self, rejected: Rejected) -> LeftOut:
        """Say which key a rejection hangs on: where none is known, that by which the target is listed."""
        target, code = rejected.target, rejected.code
        origin = self._listing(target)
        if code in _DECIDES:
            below = (each or target.model.name for each in _DECIDES[code])
            origin = self._origins.near("providers", target.provider.name, *below)
        elif code == "policy" and self._policy is not None:
            origin = self._origins.near(*decisive(self._policy, target.id))
        elif code == "credential":
            origin = self._origins.credential(target.provider.name, target.provider.credentials[0].name)
        return LeftOut(target.id, code, rejected.reason, origin)

    def unusable(self, view: View) -> Iterator[Unusable]:
        """Name the credentials of the plan's providers that have no secret."""
        for provider in dict.fromkeys(each.provider.name for each in self._targets()):
            for (owner, name), reason in view.unusable.items():
                if owner == provider:
                    yield Unusable(owner, name, reason, self._origins.credential(owner, name))

    def limits(self) -> Iterator[Limit]:
        """Name the limits that are in force for a request of this plan, and where they are written."""
        plan, origins = self._plan, self._origins
        if not plan.candidates:
            return
        attempts = origins.of("combos", plan.combo, "max_attempts") if plan.combo is not None else None
        slowest = max((each.target for each in plan.candidates), key=lambda each: each.timeouts.total)
        total = self._timeouts(slowest)["total"]
        yield Limit("attempts", plan.max_attempts, seconds=False, origin=attempts)
        yield Limit("total", plan.total, seconds=True, origin=total)
        yield from self._times()
        for name, key, field in _RESILIENCE:
            value = getattr(self._snapshot.resilience, field)
            yield Limit(name, value, field != "failures", origins.of("resilience", *key))
        if plan.hedge is not None:
            share = origins.of("resilience", "hedge", "max_share")
            yield Limit("share asked beside a late target", plan.hedge.max_share, seconds=False, origin=share)
        yield from self._places()

    def _places(self) -> Iterator[Limit]:
        """Give the limits of how many requests are answered at once."""
        for target in {each.target.id: each.target for each in self._plan.candidates}.values():
            provider, own, whose = target.provider, target.model.max_concurrent, (target.id,)
            place = ("providers", provider.name)
            if own is not None:
                origin = self._origins.of(*place, "models", target.model.name, "max_concurrent")
                yield Limit("at once", own, seconds=False, origin=origin, targets=whose)
            if provider.max_concurrent is not None:
                origin = self._origins.of(*place, "max_concurrent")
                yield Limit("at once, all models", provider.max_concurrent, seconds=False, origin=origin, targets=whose)
            if target.limited:
                origin = self._origins.of(*place, "queue")
                yield Limit("wait for room", provider.queue, seconds=True, origin=origin, targets=whose)

    def _times(self) -> Iterator[Limit]:
        """Give the time limits; those that are the same, and written at the same place, once for all their targets."""
        found: dict[tuple[str, float, Origin | None], list[str]] = {}
        candidates = {each.target.id: each.target for each in self._plan.candidates}
        for name in _STREAMED if self._plan.facts.stream else _WHOLE:
            for target in candidates.values():
                value: float = getattr(target.timeouts, name)
                origin = self._timeouts(target)[name]
                found.setdefault((name, value, origin), []).append(target.id)
        for (name, value, origin), targets in found.items():
            yield Limit(name, value, seconds=True, origin=origin, targets=tuple(targets))

    def _timeouts(self, target: Target) -> Mapping[str, Origin | None]:
        return self._origins.timeouts(target, self._way(target))

    def _targets(self) -> Iterator[Target]:
        yield from (each.target for each in self._plan.candidates)
        yield from (each.target for each in self._plan.rejected)

    def _way(self, target: Target) -> Listing | None:
        """Give the way from the plan's combo to a target; None where no combo chose."""
        if self._plan.combo is None:
            return None
        return self._origins.listed(self._snapshot.combos[self._plan.combo], target)

    def _listing(self, target: Target) -> Origin | None:
        """Say where a target is listed: in a combo, or else as a model of its provider."""
        way = self._way(target)
        if way is not None:
            return self._origins.of(*way.path)
        return self._origins.near("providers", target.provider.name, "models", target.model.name)
