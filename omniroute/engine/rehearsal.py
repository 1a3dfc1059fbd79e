"""Requests played one after the other, with what the gateway learns from each, and no network.

``routing.simulate`` plays one request; here the next one sees what was learnt of those before it, by the code that
learns when the gateway serves: breakers open, credentials rest, turns are counted.

Always true: no time passes; the clock is counted up. The same arguments give the same courses.
"""

from hashlib import sha256
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from omniroute.config.snapshot import Key, Snapshot
from omniroute.engine.admission import admit
from omniroute.engine.health import Health
from omniroute.errors import OmniRouteError
from omniroute.ir.facts import Facts
from omniroute.names import Scope
from omniroute.routing.plan import Fitting
from omniroute.routing.simulate import Given, Script, Simulated, refused, simulate


class Showing(msgspec.Struct, frozen=True):
    """The client key that requests come with, by its name (None: they come without one), and when: Unix seconds."""

    key: str | None
    at: float


class Request(msgspec.Struct, frozen=True):
    """What is asked each time. Who asks is only looked at where something is ``shown``."""

    facts: Facts
    fitting: Fitting
    shown: Showing | None = None


class Course(msgspec.Struct, frozen=True):
    """How often a request comes, how many seconds after the one before, and the seed of the first one's chances.

    A request never comes before the one before it has ended.
    """

    times: int = 1
    every: float = 1.0
    seed: int = 0


def rehearse(snapshot: Snapshot, request: Request, script: Script, course: Course) -> tuple[Simulated, ...]:
    """Play a request as often as it comes; ``script`` says what upstreams do, in all of them together."""
    health = Health()
    health.heed(snapshot.resilience)
    clock = 0.0
    played: list[Simulated] = []
    for number in range(course.times):
        one = _one(snapshot, request, Given(request.fitting, script, health.view(clock, {})), course.seed + number)
        _learn(health, one)
        played.append(one)
        script = one.script
        clock += max(course.every, one.took)
    return tuple(played)


def key_named(snapshot: Snapshot, name: str) -> Key | None:
    """Find a client key by its name."""
    return next((each for each in snapshot.keys.values() if each.name == name), None)


def _one(snapshot: Snapshot, request: Request, given: Given, seed: int) -> Simulated:
    """Play one request: admit it, where that is looked at, and decide."""
    if request.shown is not None:
        try:
            _admit(snapshot, request.shown)
        except OmniRouteError as error:
            return refused(error, given.script)
    return simulate(snapshot, request.facts, given, seed, given.view.now)


def _admit(snapshot: Snapshot, shown: Showing) -> None:
    """Admit whoever shows a key of this name: one whose digest is known, since nobody knows the key itself.

    Raises:
        OmniRouteError: the client is not let in.
    """
    if shown.key is None:
        admit(snapshot, None, Scope.INFERENCE, shown.at)
        return
    presented = shown.key.encode()
    key = key_named(snapshot, shown.key)
    keys = {**snapshot.keys, **({sha256(presented).hexdigest(): key} if key is not None else {})}
    admit(replace(snapshot, keys=MappingProxyType(keys)), presented, Scope.INFERENCE, shown.at)


def _learn(health: Health, one: Simulated) -> None:
    """Learn of a request what the engine learns of it, in the same order."""
    if one.plan is None:
        return
    health.planned(one.plan)
    for each in one.attempts:
        health.began(each.candidate, each.began)
        health.ended(each.candidate, each.began, each.ended, each.failure)
        if each.failure is None:
            health.first_token(each.candidate, each.ended - each.began)
            health.answered(one.plan, each.candidate, each.ended)
