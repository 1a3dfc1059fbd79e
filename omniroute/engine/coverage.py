"""What of a configuration its tests reach: aliases, combos, targets and policies.

Always true: something counts as reached where a request was resolved through it, a target where it was asked, and a
policy where it held for whoever asked.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from omniroute.config.references import Names, Step
from omniroute.routing.simulate import Simulated

Thing = tuple[str, str]
"""A kind (``alias``, ``combo``, ``target`` or ``policy``) and a name."""

KINDS = {"alias": "aliases", "combo": "combos", "target": "targets", "policy": "policies"}
"""What is counted, and what many of it are called."""


class Coverage(msgspec.Struct, frozen=True):
    """Everything that could be reached, in the order written, and what of it was."""

    things: tuple[Thing, ...]
    reached: frozenset[Thing]

    @property
    def untouched(self) -> tuple[Thing, ...]:
        """What no test reached."""
        return tuple(each for each in self.things if each not in self.reached)

    @property
    def percent(self) -> float:
        """The share of what was reached, of 100; where there is nothing to reach, all of it was."""
        return 100 * (1 - len(self.untouched) / len(self.things)) if self.things else 100.0

    def counts(self, kind: str) -> tuple[int, int]:
        """Give how many of a kind were reached, and of how many."""
        of_kind = [each for each in self.things if each[0] == kind]
        return sum(each in self.reached for each in of_kind), len(of_kind)


def coverage(names: Names, policies: Iterable[str], played: Sequence[Simulated]) -> Coverage:
    """Say what of a configuration's ``names`` and ``policies`` was reached by requests that were played."""
    courses = {
        (one.plan.facts.asked, tuple(each.candidate.target.id for each in one.attempts))
        for one in played
        if one.plan is not None
    }
    reached = {thing for asked, targets in courses for thing in _reached(names, asked, targets)}
    held = {("policy", one.policy) for one in played if one.policy}
    things = (*_things(names), *(("policy", name) for name in policies))
    return Coverage(tuple(dict.fromkeys(things)), frozenset(reached | held))


def _things(names: Names) -> Iterator[Thing]:
    """Give everything that a request can reach by a name of the configuration."""
    yield from (("alias", name) for name in names.aliases)
    yield from (("alias", each.name) for each in names.patterns)
    yield from (("combo", name) for name in names.combos)
    for name in (*names.aliases, *names.combos):
        yield from (("target", leaf) for leaf, _ in names.leaves(Step("", name, ())))


def _reached(names: Names, asked: str, targets: Iterable[str]) -> Iterator[Thing]:
    """Give what a request passed through on the way to the targets that were asked."""
    tried = set(targets)
    for leaf, way in names.leaves(Step("", asked, ())):
        if leaf in tried:
            yield "target", leaf
            yield from (("alias" if step.path[0] == "aliases" else "combo", str(step.path[1])) for step in way[1:])
