"""Requests played one after the other, with what the gateway learns and counts of each, and no network.

``routing.simulate`` plays one request; here the next one sees what was learnt of those before it, by the code that
learns when the gateway serves: breakers open, credentials rest, turns are counted, rates are used up, budgets are
spent.

Always true: no time passes; the clock is counted up. The same arguments give the same courses. What an answer would
have cost nobody knows, so an answered request is taken to have cost all that was set aside for it, its worst case, and
to have used the tokens that it was estimated at. Caches are empty: each request is asked anew.
"""

from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from omniroute.config.policy import Budget
from omniroute.config.snapshot import Snapshot
from omniroute.engine.health import Health
from omniroute.engine.holder import Live
from omniroute.engine.purse import (
    FEWEST_BYTES_A_TOKEN,
    IN_CIRCLES,
    MOST_DOWNGRADES,
    enter,
    worst_case,
)
from omniroute.engine.record import Record
from omniroute.engine.sample import sample_of
from omniroute.engine.sessions import Sessions
from omniroute.engine.showing import Showing, let_in, policy_of
from omniroute.engine.toll import FREE, Toll, Tolls, Verdict
from omniroute.engine.understand import Heard
from omniroute.errors import OmniRouteError, OverBudget, Unauthenticated
from omniroute.formats import CODECS
from omniroute.formats.codec import Asked
from omniroute.formats.conversation import conversation_of
from omniroute.formats.glance import answers, most_output
from omniroute.formats.translate import Translation
from omniroute.ir.facts import Facts
from omniroute.limits.memory import Memory
from omniroute.limits.periods import span
from omniroute.names import Trigger
from omniroute.routing.plan import Fitting, make_plan
from omniroute.routing.simulate import Given, Script, Simulated, refused, simulate

Result = TypeVar("Result")


class Request(msgspec.Struct, frozen=True):
    """What is asked each time, and by whom; ``asked`` holds the bytes."""

    facts: Facts
    asked: Asked
    fitting: Fitting
    shown: Showing

    @property
    def size(self) -> int:
        """Its bytes; of one that was made up, as many as its tokens would have."""
        return max(len(self.asked.body), (self.facts.input_tokens or 0) * FEWEST_BYTES_A_TOKEN)


class Course(msgspec.Struct, frozen=True):
    """How often a request comes, how many seconds after the one before, and the seed of the first one's chances.

    A request never comes before the one before it has ended. ``spent`` is what was spent of budgets before the first
    one, in their periods at that moment, in nano-dollars.
    """

    times: int = 1
    every: float = 1.0
    seed: int = 0
    spent: Mapping[str, int] = MappingProxyType({})


def made_up(facts: Facts, shown: Showing) -> Request:
    """Make a request with these needs, of which nobody has the body; its client's format is one of ``CODECS``."""
    asked = sample_of(facts)
    return Request(facts, asked, Translation(CODECS[facts.format], asked).fit, shown)


def rehearse(snapshot: Snapshot, request: Request, script: Script, course: Course) -> tuple[Simulated, ...]:
    """Play a request as often as it comes; ``script`` says what upstreams do, in all of them together."""
    played: list[Simulated] = []
    rehearsal = _Rehearsal(snapshot, request, course.spent)
    for number in range(course.times):
        one = rehearsal.play(script, course.seed + number, f"req_{number:08x}")
        played.append(one)
        script = one.script
        rehearsal.clock += max(course.every, one.took)
    return tuple(played)


class _Rehearsal:
    """What a gateway holds while requests are played, and the clock."""

    def __init__(self, snapshot: Snapshot, request: Request, spent: Mapping[str, int]) -> None:
        """Begin as a gateway does that was just started."""
        shown = request.shown
        memory = Memory()
        memory.restore({(name, _since(snapshot.budgets[name], shown.at)): nano for name, nano in spent.items()})
        self.clock = 0.0
        self.sessions = Sessions()
        self.tolls = Tolls(memory)
        self._health = Health()
        self._health.heed(snapshot.resilience)
        self._live = Live(snapshot, 1, 0, Trigger.START, b"")
        self._request = request
        self._id = ""
        policy = policy_of(snapshot, shown.key)
        self._policy = policy.name if policy is not None else ""

    def play(self, script: Script, seed: int, request_id: str) -> Simulated:
        """Let one request in, where it is let in, decide, and learn of what came of it."""
        self._id = request_id
        record = Record(request_id, self._request.facts.format, self._live, round(self._now() * 1e6), self.clock)
        toll = FREE
        try:
            heard = self._heard(record)
            toll = _at_once(enter(self, heard, record))
            one = self._decided(heard, toll, script, seed)
        except OmniRouteError as error:
            one = refused(error, script)
        cost, tokens = (toll.reserved, None) if one.server is not None else (0, 0)
        toll.settle(cost, tokens, self._now() + one.took)
        self._learn(one)
        known = one.code != Unauthenticated.code  # of whoever is not known, no policy holds
        return replace(one, policy=self._policy if known else "")

    def _heard(self, record: Record) -> Heard:
        """Admit whoever asks, and find the conversation."""
        snapshot, request = self._live.snapshot, self._request
        caller = let_in(snapshot, replace(request.shown, at=self._now()))
        record.key = caller.name
        talk = conversation_of(request.asked, caller.name, request.shown.session, snapshot.resilience.sticky)
        facts = replace(request.facts, session=talk.session, guess=talk.guess)
        return Heard(caller, request.asked.body, plain=True, asked=request.asked, talk=talk, facts=facts)

    def _decided(self, heard: Heard, toll: Toll, script: Script, seed: int) -> Simulated:
        """Find what a request can be paid for, and play it."""
        facts, warnings = heard.facts, tuple[str, ...]()
        downgraded: list[str] = []
        if toll is not FREE:
            for _ in range(MOST_DOWNGRADES):
                verdict = self._reserved(facts, heard, toll, seed)
                warnings = verdict.warnings
                if verdict.downgrade is None:
                    break
                downgraded.append(verdict.downgrade)
                facts = replace(facts, asked=verdict.downgrade)
            else:
                raise OverBudget(IN_CIRCLES)
        view = self._health.view(self.clock, {})
        given = Given(self._request.fitting, script, view, heard.caller.policy)
        one = simulate(self._live.snapshot, facts, given, seed, self.clock)
        return replace(one, downgraded=tuple(downgraded), warnings=warnings)

    def _reserved(self, facts: Facts, heard: Heard, toll: Toll, seed: int) -> Verdict:
        """Set aside what the plan for these facts may cost at worst."""
        fitting, asked = self._request.fitting, heard.asked
        view = self._health.view(self.clock, {})
        plan = make_plan(self._live.snapshot, facts, view, fitting, seed, heard.caller.policy)
        worst = worst_case(plan, self._request.size, most_output(asked, facts.format), answers(asked, facts.format))
        return _at_once(toll.reserve(self._id, worst, self._now()))

    def _now(self) -> float:
        return self._request.shown.at + self.clock

    def _learn(self, one: Simulated) -> None:
        """Learn of a request what the engine learns of it, in the same order."""
        if one.plan is None:
            return
        health = self._health
        health.planned(one.plan)
        for each in one.attempts:
            health.began(each.candidate, each.began)
            health.ended(each.candidate, each.began, each.ended, each.failure)
            if each.failure is None:
                health.first_token(each.candidate, each.ended - each.began, stream=one.plan.facts.stream)
                health.answered(one.plan, each.candidate, each.ended)


def _since(budget: Budget, at: float) -> int:
    return span(budget.period, budget.timezone, at).begin


def _at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run what never waits: nothing that ``limits.memory`` counts is suspended."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    coroutine.close()
    message = "a rehearsal waits for nobody"
    raise RuntimeError(message)
