"""Where the names of a document lead: what ``check`` and ``compile`` need to follow them.

Always true: names are followed by the rule that ``routing.resolve`` follows them by for a client (``config.naming``).
Following ends, whatever is written: circles are given back as values, and nothing here recurses.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from omniroute.config.document import Document
from omniroute.config.document.names import Target
from omniroute.config.document.providers import Provider
from omniroute.config.naming import LONGEST_CHAIN, ends, following
from omniroute.config.snapshot import Alias
from omniroute.config.source import Path


class Step(msgspec.Struct, frozen=True):
    """A step from a name to the next one, and where in the document it is written."""

    name: str
    following: str
    path: Path


class Chain(msgspec.Struct, frozen=True):
    """Aliases in a row: the steps, the first name that is no alias, and the circle they run in, if they do.

    Where that name is of a model that another replaces, ``end`` is the other's.
    """

    steps: tuple[Step, ...]
    end: str
    circle: tuple[Step, ...] = ()


class Names(msgspec.Struct, frozen=True):
    """Everything in a document that has a name which a target can be.

    ``replaced`` leads from models that are gone, as ``provider/model``, to those in their place.
    """

    aliases: Mapping[str, Alias]
    patterns: tuple[Alias, ...]
    combos: Mapping[str, tuple[str, ...]]
    replaced: Mapping[str, str] = MappingProxyType({})

    def chain(self, name: str, *, patterned: bool = False) -> Chain:
        """Follow aliases until they arrive at something else; ``patterned`` says that a pattern gave this name."""
        way: list[Step] = []
        patterns, since = () if patterned else self.patterns, 0
        while (step := following(name, self.aliases, self.combos, patterns)) is not None:
            earlier = next((index for index, each in enumerate(way) if index >= since and each.name == name), None)
            if earlier is not None or len(way) == LONGEST_CHAIN:
                return Chain(tuple(way), name, tuple(way[earlier:]))
            alias, target = step
            way.append(Step(name, target, ("aliases", alias.name)))
            if alias.pattern:
                patterns, since = (), len(way)
            name = target
        return Chain(tuple(way), self.replaced.get(name, name))

    def targets(self, combo: str) -> tuple[Step, ...]:
        """Give the steps from a combo to what it lists."""
        return tuple(
            Step(combo, target, ("combos", combo, "targets", index)) for index, target in enumerate(self.combos[combo])
        )

    def leaves(self, start: Step) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """Give the names of models that a step leads to, in order, each once, with all steps on the way to it."""
        seen: set[str] = set()
        waiting: list[tuple[Step, ...]] = [(start,)]
        while waiting:
            way = waiting.pop()
            chain = self.chain(way[-1].following)
            if chain.circle or chain.end in seen:
                continue
            seen.add(chain.end)
            way = (*way, *chain.steps)
            if chain.end in self.combos:
                waiting += [(*way, step) for step in reversed(self.targets(chain.end))]
            else:
                yield chain.end, way

    def circles(self) -> Iterator[tuple[Step, ...]]:
        """Give each circle of names once; a row of aliases that is longer than is followed counts as one."""
        listed = (target for targets in self.combos.values() for target in targets)
        probes = (alias.name.replace("*", "x", 1) for alias in self.patterns)
        told: set[frozenset[Path]] = set()
        for circle in (
            *(self.chain(name).circle for name in (*self.aliases, *probes, *listed)),
            *self._combo_circles(),
        ):
            places = frozenset(step.path for step in circle)
            if circle and places not in told:
                told.add(places)
                yield circle

    def _nested(self, combo: str) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """Give the combos that a combo leads to, and the steps to each."""
        for step in self.targets(combo):
            chain = self.chain(step.following)
            if not chain.circle and chain.end in self.combos:
                yield chain.end, (step, *chain.steps)

    def _combo_circles(self) -> Iterator[tuple[Step, ...]]:
        """Walk from each combo to those that it leads to, and give the way wherever it comes round."""
        done: set[str] = set()
        for start in self.combos:
            on_way = {start: 0}
            way: list[tuple[Step, ...]] = []
            waiting = [] if start in done else [self._nested(start)]
            while waiting:
                combo, steps = next(waiting[-1], ("", ()))
                if not steps:
                    waiting.pop()
                    done.add(on_way.popitem()[0])
                    way = way[:-1]
                elif combo in on_way:
                    yield tuple(step for each in (*way[on_way[combo] :], steps) for step in each)
                elif combo not in done:
                    on_way[combo] = len(waiting)
                    waiting.append(self._nested(combo))
                    way.append(steps)


def names_of(document: Document) -> Names:
    """Collect the names of a document."""
    aliases = [Alias(name, target) for name, target in document.aliases.items()]
    return Names(
        aliases={alias.name: alias for alias in aliases if not alias.pattern},
        patterns=tuple(sorted((alias for alias in aliases if alias.pattern), key=lambda alias: alias.rank)),
        combos={name: tuple(map(target_name, combo.targets)) for name, combo in document.combos.items()},
        replaced={
            f"{name}/{old}": f"{name}/{new}"
            for name, provider in document.providers.items()
            for old, new in replacements(provider).items()
        },
    )


def replacements(provider: Provider) -> dict[str, str]:
    """Give the models of a provider that are gone, each with the one that is asked in its place in the end."""
    return ends(successors(provider))


def successors(provider: Provider) -> dict[str, str]:
    """Give the models of a provider that another replaces, each with what its own table says; itself replaces none."""
    written = ((name, each.replaced_by) for name, each in provider.models.items())
    return {name: successor for name, successor in written if successor is not None and successor != name}


def target_name(target: str | Target) -> str:
    """Give the name in a combo's target, however it is written."""
    return target if isinstance(target, str) else target.model
