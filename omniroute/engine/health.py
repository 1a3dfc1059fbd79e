"""What the gateway has learnt of its targets and credentials, from the answers that it got.

It belongs to the process, and outlives configurations: what it knows is kept by the names of targets and credentials,
so a target that a reload did not touch keeps its breaker. It is lost with the process, on purpose: a restart asks anew.

Always true: every attempt that began is learnt of once, however it ended; what was the client's doing, or the request's
own fault, is held against no target; the mappings that a view shows are bounded.

It also holds what else lives as long: the places at targets that answer only so many requests at once (``queues``),
and what is known of targets that are late (``hedging``).
"""

from collections import OrderedDict
from collections.abc import Mapping
from math import inf
from typing import Literal, NamedTuple, TypeVar

from msgspec.structs import replace

from omniroute.config.snapshot import Resilience
from omniroute.engine.lateness import Hedging
from omniroute.engine.queues import Queues
from omniroute.limits.breaker import Breaker
from omniroute.limits.cooldown import Cooldowns
from omniroute.limits.latency import Latencies
from omniroute.limits.rates import Failing
from omniroute.names import FailureKind
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate, Plan
from omniroute.routing.sticky import keeps_prompts
from omniroute.routing.view import Stuck, View, Where

Name = TypeVar("Name")

MOST_SESSIONS = 10_000
LONGEST_SESSION = 3_600.0
"""Seconds after which a conversation that was silent is forgotten: the longest that a provider keeps a prompt."""
FRESH = 300.0
"""Seconds for which an average counts: a target that was slow or failing, and is not asked since, gets a new chance."""
LEAST_SHARE = 0.1
"""The share of a target's last attempts that must have failed before a failure is held against it: a busy target has
some failures every minute, and is well all the same."""
MOST_NAMES = 10_000
"""Targets whose uses are counted: clients can make up models of a provider without end."""

# literal tables
BREAKS = frozenset({FailureKind.DOWN, FailureKind.TIMEOUT, FailureKind.MALFORMED, FailureKind.CUT})
"""Failures that are held against a target."""
COOLS = frozenset({FailureKind.BUSY, FailureKind.QUOTA, FailureKind.AUTH})
"""Failures that are held against a credential; a rate limit only for the model that was asked."""


class Trouble(NamedTuple):
    """What is left alone for ``seconds`` more, and why: a provider, one of its models, or one of its credentials.

    ``model`` and ``credential`` are empty where all of them are meant.
    """

    provider: str
    model: str
    credential: str
    reason: Literal["breaker", "cooldown"]
    seconds: float


class Health:
    """Learns from attempts, and shows what it knows as a view; times are seconds of one steady clock."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.hedging = Hedging()
        self.queues = Queues()
        self._resilience = Resilience()
        self._breakers: dict[str, Breaker] = {}
        self._cooldowns = Cooldowns(self._resilience.rest, self._resilience.longest_rest)
        self._latencies = Latencies()
        self._failing = Failing()
        self._open: dict[str, float] = {}
        self._in_flight: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._credential_used: dict[Where, int] = {}
        self._served: dict[str, int] = {}
        self._last_good: dict[str, str] = {}
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._guesses: OrderedDict[str, float] = OrderedDict()
        self._stuck: dict[str, Stuck] = {}
        self._heard: OrderedDict[str, float] = OrderedDict()
        self._forgets_at = -inf

    def heed(self, resilience: Resilience) -> None:
        """Go by these settings from now on; what was learnt under others is kept where they are the same."""
        before = self._resilience
        if resilience is before:
            return
        self._resilience = resilience
        self.hedging.heed(resilience.hedge)
        if resilience != replace(before, hedge=resilience.hedge, sticky=resilience.sticky):
            self._breakers.clear()
            self._open.clear()
            self._cooldowns = Cooldowns(resilience.rest, resilience.longest_rest)

    def view(self, now: float, unusable: Mapping[Where, str]) -> View:
        """Show what is known; the view is backed by what is learnt on, and is for one plan."""
        if now >= self._forgets_at or self._too_many():
            self._forget(now)
        return View(
            now=now,
            unusable=unusable,
            open=self._open,
            cooling=self._cooldowns.until,
            in_flight=self._in_flight,
            used=self._used,
            latency=self._latencies.average,
            failing=self._failing.share,
            served=self._served,
            last_good=self._last_good,
            credential_used=self._credential_used,
            sessions=self._stuck,
            seated=self.queues.seated,
        )

    def planned(self, plan: Plan) -> None:
        """Count a request for each combo that chose."""
        for name in plan.combos:
            self._served[name] = self._served.get(name, 0) + 1

    def began(self, candidate: Candidate, now: float) -> None:
        """An attempt begins; while a breaker is tried out, others are kept from it."""
        target, credential = candidate.target.id, (candidate.target.provider.name, candidate.credential.name)
        self._in_flight[target] = self._in_flight.get(target, 0) + 1
        _counted(self._used, target)
        _counted(self._credential_used, credential)
        for name in (target, candidate.target.provider.name):
            if name in self._open:
                self._breakers[name].began(now)
                self._show(name)

    def ended(self, candidate: Candidate, began: float, now: float, failure: Failure | None = None) -> None:
        """An attempt ended: with an answer, or a failure. One that was given up says nothing of its target."""
        self.left(candidate)
        target = candidate.target.id
        self._heard[target] = now
        self._heard.move_to_end(target)
        if failure is None:
            self._well(candidate, began, now)
        elif failure.kind in BREAKS and not failure.blameless:
            self._failing.failed(target)
            if self._failing.share[target] >= LEAST_SHARE:
                self._broke(target, began, now)
            if failure.kind is FailureKind.DOWN and failure.status is None and failure.complaint is None:
                self._broke(candidate.target.provider.name, began, now)
        elif failure.kind in COOLS and not failure.blameless:
            model = candidate.target.model.name if failure.kind is FailureKind.BUSY else ""
            key = (candidate.target.provider.name, candidate.credential.name, model)
            self._cooldowns.refused(key, now, failure.retry_after, began=began)

    def left(self, candidate: Candidate) -> None:
        """An attempt is no longer under way."""
        target = candidate.target.id
        left = self._in_flight.get(target, 1) - 1
        if left:
            self._in_flight[target] = left
        else:
            self._in_flight.pop(target, None)

    def exhausted(self, candidate: Candidate, now: float, reset: float | None) -> None:
        """A target answered, and said that its rate limit is used up: its credential rests before it is refused.

        For no longer than after a first refusal: what upstreams call the reset is when all of the limit is free again.
        """
        key = (candidate.target.provider.name, candidate.credential.name, candidate.target.model.name)
        rest = self._resilience.rest
        self._cooldowns.refused(key, now, rest if reset is None else min(reset, rest), began=now)

    def first_token(self, candidate: Candidate, seconds: float, *, stream: bool) -> None:
        """Learn how long a target took to say something: to begin its stream, or to give its whole answer."""
        self._latencies.took(candidate.target.id, seconds)
        self.hedging.took(candidate, seconds, stream=stream)

    def answered(self, plan: Plan, candidate: Candidate, now: float) -> None:
        """Remember who answered: for each combo, and for the session."""
        target = candidate.target.id
        for combo in plan.tree:
            if any(each.id == target for each in combo.targets):
                self._last_good[combo.name] = target
        known, session = self._sessions, plan.facts.session
        if plan.facts.guess is not None:
            known, session = self._guesses, str(plan.facts.guess) if keeps_prompts(candidate.target.model) else None
        if session is not None:
            known[session] = now
            known.move_to_end(session)
            self._stuck[session] = Stuck(candidate.target.id, candidate.credential.name)

    def troubles(self, now: float) -> tuple[Trouble, ...]:
        """Name what is left alone at this moment; changes nothing."""
        found = []
        for name, until in self._open.items():
            provider, _, model = name.partition("/")
            if until > now:
                found.append(Trouble(provider, model, "", "breaker", until - now))
        for (provider, credential, model), until in self._cooldowns.until.items():
            if until > now:
                found.append(Trouble(provider, model, credential, "cooldown", until - now))
        return tuple(sorted(found))

    def reset(self, now: float) -> int:
        """Close every breaker and end every rest; gives how many there were."""
        ended = len(self.troubles(now))
        self._breakers.clear()
        self._open.clear()
        self._cooldowns = Cooldowns(self._resilience.rest, self._resilience.longest_rest)
        return ended

    def conversations(self, now: float) -> int:
        """Count the conversations that are remembered; changes nothing."""
        return sum(now - at < LONGEST_SESSION for at in self._sessions.values())

    def _well(self, candidate: Candidate, began: float, now: float) -> None:
        """A target answered."""
        target, provider = candidate.target.id, candidate.target.provider.name
        self._failing.succeeded(target)
        for name in (target, provider):
            if name in self._breakers:
                self._breakers[name].succeeded(now, began)
                self._show(name)
        if self._cooldowns.until:  # hardly ever: somebody was refused once
            for model in ("", candidate.target.model.name):
                self._cooldowns.eased((provider, candidate.credential.name, model))

    def _broke(self, name: str, began: float, now: float) -> None:
        """Hold a failure against a target or a provider."""
        if name not in self._breakers:
            if len(self._breakers) >= MOST_NAMES:
                oldest = next(iter(self._breakers))
                del self._breakers[oldest]
                self._open.pop(oldest, None)
            limits = self._resilience
            self._breakers[name] = Breaker(limits.failures, limits.window, limits.cooldown, limits.probes)
        self._breakers[name].failed(now, began)
        self._show(name)

    def _show(self, name: str) -> None:
        """Bring what the view shows of a breaker up to date."""
        until = self._breakers[name].opens_at
        if until is None:
            self._open.pop(name, None)
        else:
            self._open[name] = until

    def _forget(self, now: float) -> None:
        """Drop what is old: averages of targets not asked of late, silent conversations, too many of either."""
        while self._heard:
            target, at = next(iter(self._heard.items()))
            if len(self._heard) <= MOST_NAMES and now - at < FRESH:
                break
            del self._heard[target]
            self._failing.forget(target)
            self._latencies.forget(target)
        for known in (self._sessions, self._guesses):
            self._forget_silent(known, now)
        oldest = [next(iter(known.values())) for known in (self._sessions, self._guesses) if known]
        silent = min(oldest, default=now) + LONGEST_SESSION
        heard = next(iter(self._heard.values()), now)
        self._forgets_at = min(heard + FRESH, silent)  # what is learnt from now on is forgotten later still

    def _too_many(self) -> bool:
        """Say whether more is known than is to be kept."""
        return (
            len(self._heard) > MOST_NAMES or len(self._sessions) > MOST_SESSIONS or len(self._guesses) > MOST_SESSIONS
        )

    def _forget_silent(self, known: OrderedDict[str, float], now: float) -> None:
        """Drop conversations that are silent, or too many; those that are guessed never push out those with a name."""
        while known:
            session, at = next(iter(known.items()))
            if len(known) <= MOST_SESSIONS and now - at < LONGEST_SESSION:
                return
            del known[session]
            self._stuck.pop(session, None)


def _counted(counts: dict[Name, int], name: Name) -> None:
    """Count one more, of names without end only the newest."""
    counts[name] = counts.get(name, 0) + 1
    if len(counts) > MOST_NAMES:
        counts.pop(next(iter(counts)))
