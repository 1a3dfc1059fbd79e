"""What the gateway has learnt is what a simple model of it learns from the same attempts, however they end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from omniroute.config.snapshot import Resilience, Step
from omniroute.engine.health import Health
from omniroute.ir.complaint import Complaint
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate, Plan
from omniroute.routing.view import Lock, Stuck, View
from tests.support.laws import often
from tests.support.snapshots import combo, provider, target

LIMITS = Resilience(failures=2, window=10.0, cooldown=5.0, probes=1, rest=1.0, longest_rest=8.0)
OTHER = Resilience(failures=1, window=20.0, cooldown=3.0, probes=1, rest=2.0, longest_rest=4.0)
PROVIDERS = [provider("red", credentials=["one", "two"]), provider("blue", credentials=["one"])]
CANDIDATES = [
    Candidate(target(of, model), credential, Format.OPENAI_CHAT)
    for of in PROVIDERS
    for model in ("m", "n")
    for credential in of.credentials
]
INNER = combo("inner", *{each.target.id: each.target for each in CANDIDATES[:4]}.values())
OUTER = combo("outer", steps=[Step(INNER), Step(CANDIDATES[-1].target)])
NAMED = ((), ("outer",), ("outer", "inner"))
"""Whose turn it was to choose: nobody's, where a target was asked for itself."""

# literal tables, apart from the package's own
HELD_AGAINST_THE_TARGET = {FailureKind.DOWN, FailureKind.TIMEOUT, FailureKind.MALFORMED, FailureKind.CUT}
HELD_AGAINST_THE_KEY = {FailureKind.BUSY, FailureKind.QUOTA, FailureKind.AUTH}


@dataclass
class Fuse:
    """A breaker in as few words as possible: see ``limits.breaker`` for what is always true of one."""

    limits: Resilience
    cooldown: float
    failed_at: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    until: float | None = None
    changed: float = float("-inf")

    @property
    def opens_at(self) -> float | None:
        if self.until is None or len(self.probes) < self.limits.probes:
            return self.until
        return self.probes[-self.limits.probes] + self.cooldown

    def began(self, now: float) -> None:
        if self.until is not None and now >= self.until:
            self.probes.append(now)

    def failed(self, now: float, began: float) -> None:
        if began <= self.changed:
            return
        if self.until is not None:
            if began >= self.until:
                self.cooldown = min(self.cooldown * 2, self.limits.cooldown * 10)
                self.blow(now)
            return
        self.failed_at.append(now)
        if sum(now - each <= self.limits.window for each in self.failed_at) >= self.limits.failures:
            self.blow(now)

    def blow(self, now: float) -> None:
        self.failed_at, self.probes = [], []
        self.until, self.changed = now + self.cooldown, now

    def succeeded(self, now: float, began: float) -> None:
        if self.until is not None and began > self.changed:
            self.until, self.changed, self.cooldown = None, now, self.limits.cooldown


@dataclass(frozen=True)
class Flying:
    """An attempt under way."""

    candidate: Candidate
    began: float
    plan: Plan


def plan_of(candidate: Candidate, combos: tuple[str, ...], session: str | None) -> Plan:
    facts = Facts("m", Format.OPENAI_CHAT, stream=True, session=session)
    return Plan(facts, None, (candidate,), (), 1, 10.0, combos=combos, tree=(OUTER, INNER) if combos else ())


class HealthMachine(RuleBasedStateMachine):
    """Attempts begin and end as they like; beside ``Health``, the model notes what may be said of each."""

    flying = Bundle("flying")

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.limits = LIMITS
        self.health.heed(LIMITS)
        self.now = 100.0
        self.under_way: Counter[str] = Counter()
        self.begun: Counter[str] = Counter()
        self.fuses: dict[str, Fuse] = {}
        self.resting: dict[Lock, float] = {}
        self.asked_to: dict[Lock, float] = {}
        self.heard_at: dict[str, float] = {}
        self.ends: dict[str, list[bool]] = {}
        self.served: Counter[str] = Counter()
        self.last_good: dict[str, str] = {}
        self.sessions: dict[str, Stuck] = {}

    @property
    def view(self) -> View:
        return self.health.view(self.now, {})

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 4.0, 11.0, 300.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.forget()

    def forget(self) -> None:
        """What was not heard of for five minutes is not counted any more."""
        for name in [name for name, at in self.heard_at.items() if self.now - at >= 300.0]:
            del self.heard_at[name]
            self.ends.pop(name, None)

    @rule(
        target=flying,
        candidate=st.sampled_from(CANDIDATES),
        combos=st.sampled_from(NAMED),
        session=st.none() | st.sampled_from("xy"),
    )
    def an_attempt_begins(self, candidate: Candidate, combos: tuple[str, ...], session: str | None) -> Flying:
        self.now += 0.01  # no two attempts begin at once
        self.forget()
        assert self.view.now == self.now  # each request is planned before it is sent: what is old is forgotten then
        plan = plan_of(candidate, combos, session)
        self.health.planned(plan)
        self.health.began(candidate, self.now)
        self.served.update(combos)
        self.under_way[candidate.target.id] += 1
        self.begun[candidate.target.id] += 1
        for name in (candidate.target.id, candidate.target.provider.name):
            if name in self.fuses:
                self.fuses[name].began(self.now)
        return Flying(candidate, self.now, plan)

    @rule(candidate=st.sampled_from(CANDIDATES), times=st.integers(1, 4))
    def a_target_is_down_for_a_while(self, candidate: Candidate, times: int) -> None:
        for _ in range(times):
            self.an_attempt_fails(self.an_attempt_begins(candidate, (), None), FailureKind.DOWN, None, None)

    @rule(candidate=st.sampled_from(CANDIDATES), named=st.sampled_from(NAMED))
    def a_target_is_well(self, candidate: Candidate, named: tuple[str, ...]) -> None:
        self.an_attempt_is_answered(self.an_attempt_begins(candidate, named, "x"))

    @rule(one=consumes(flying))
    def an_attempt_is_given_up(self, one: Flying) -> None:
        self.health.left(one.candidate)
        self.under_way[one.candidate.target.id] -= 1

    @rule(one=consumes(flying))
    def an_attempt_is_answered(self, one: Flying) -> None:
        self.health.ended(one.candidate, one.began, self.now)
        self.health.answered(one.plan, one.candidate, self.now)
        target_ = one.candidate.target
        self.under_way[target_.id] -= 1
        for name in (target_.id, target_.provider.name):
            if name in self.fuses:
                self.fuses[name].succeeded(self.now, one.began)
        self.heard(target_.id, failed=False)
        for each in one.plan.tree:
            if target_ in each.targets:
                self.last_good[each.name] = target_.id
        if one.plan.facts.session is not None:
            self.sessions[one.plan.facts.session] = Stuck(target_.id, one.candidate.credential.name)

    @rule(
        one=consumes(flying),
        kind=st.sampled_from(FailureKind),
        how=st.sampled_from([None, 500, Complaint(message="in an answer of status 200")]),
        retry_after=st.none() | st.sampled_from([0.0, 3.0, 60.0]),
    )
    def an_attempt_fails(
        self, one: Flying, kind: FailureKind, how: int | Complaint | None, retry_after: float | None
    ) -> None:
        chosen, target_ = one.candidate, one.candidate.target
        failure = Failure(
            kind,
            target_.id,
            chosen.credential.name,
            "",
            status=how if isinstance(how, int) else None,
            retry_after=retry_after,
            complaint=how if isinstance(how, Complaint) else None,
        )
        self.health.ended(chosen, one.began, self.now, failure)
        self.under_way[target_.id] -= 1
        self.heard(target_.id, failed=True if kind in HELD_AGAINST_THE_TARGET else None)
        if kind in HELD_AGAINST_THE_TARGET and self.failing[target_.id] >= 0.1:
            self.blame(target_.id, one.began)
        if kind is FailureKind.DOWN and how is None:
            self.blame(target_.provider.name, one.began)
        if kind in HELD_AGAINST_THE_KEY:
            model = target_.model.name if kind is FailureKind.BUSY else ""
            self.refuse((target_.provider.name, chosen.credential.name, model), retry_after)

    @rule(one=consumes(flying))
    def a_client_does_not_read_its_answer(self, one: Flying) -> None:
        chosen, target_ = one.candidate, one.candidate.target
        failure = Failure(FailureKind.TIMEOUT, target_.id, chosen.credential.name, "", started=True, blameless=True)
        self.health.ended(chosen, one.began, self.now, failure)
        self.under_way[target_.id] -= 1
        self.heard_at[target_.id] = self.now

    def heard(self, name: str, *, failed: bool | None) -> None:
        """An attempt ended: ``failed`` where that was the target's doing."""
        self.heard_at[name] = self.now
        if failed is not None:
            self.ends.setdefault(name, []).append(failed)

    @property
    def failing(self) -> dict[str, float]:
        """The share of failures among the last 50 attempts of each target."""
        return {name: sum(ends[-50:]) / len(ends[-50:]) for name, ends in self.ends.items()}

    def blame(self, name: str, began: float) -> None:
        self.fuses.setdefault(name, Fuse(self.limits, self.limits.cooldown)).failed(self.now, began)

    def refuse(self, lock: Lock, retry_after: float | None) -> None:
        """The exact length of a rest is ``limits.cooldown``'s; here, between which times it ends."""
        least = self.now + retry_after if retry_after else 0.0
        until = self.view.cooling[lock]
        before = self.resting.get(lock, float("-inf"))
        assert until >= max(least, before)
        assert until <= max(before, least, self.now + self.limits.longest_rest)
        self.resting[lock] = until

    @rule(limits=st.sampled_from([LIMITS, LIMITS, OTHER]))
    def the_configuration_is_read_again(self, limits: Resilience) -> None:
        self.health.heed(limits)
        if limits != self.limits:
            self.limits = limits
            self.fuses.clear()
            self.resting.clear()

    @invariant()
    def what_is_under_way_is_counted(self) -> None:
        assert dict(self.view.in_flight) == {name: count for name, count in self.under_way.items() if count}
        assert all(count > 0 for count in self.view.in_flight.values())
        assert dict(self.view.used) == dict(self.begun)
        assert sum(self.view.credential_used.values()) == self.begun.total()

    @invariant()
    def breakers_are_open_that_failures_opened(self) -> None:
        assert dict(self.view.open) == {name: each.opens_at for name, each in self.fuses.items() if each.until}

    @invariant()
    def the_keys_rest_that_were_refused(self) -> None:
        """Rests that are over may be forgotten."""
        assert self.rests_at(self.now, self.view.cooling) == self.rests_at(self.now, self.resting)

    @staticmethod
    def rests_at(now: float, cooling: Mapping[Lock, float]) -> dict[Lock, float]:
        return {lock: until for lock, until in cooling.items() if until > now}

    @invariant()
    def who_answered_is_known(self) -> None:
        assert dict(self.view.served) == dict(self.served)
        assert dict(self.view.last_good) == self.last_good
        assert dict(self.view.sessions) == self.sessions
        assert dict(self.view.failing) == self.failing

    def teardown(self) -> None:
        """When all that flew has landed nothing is under way; what is still in the air here is given up."""
        for one in self.bundles.get("flying", ()):
            flown = self.names_to_values[one.name]
            self.health.left(flown.candidate)
        assert dict(self.view.in_flight) == {}


TestHealth = HealthMachine.TestCase
TestHealth.settings = settings(max_examples=often(50), stateful_step_count=40, deadline=None)
