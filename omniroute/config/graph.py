"""What names lead to, as a graph: aliases, combos, targets, providers.

Always true: the same files give the same graph, in the order in which things are written; every edge ends at nodes that
are there, and leads from a name to the next by the rule that requests follow (``config.naming``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from omniroute.config.checks.reach import AS_WRITTEN
from omniroute.config.naming import following
from omniroute.config.references import Names
from omniroute.config.snapshot import Alias, Combo, Snapshot
from omniroute.names import Strategy

KINDS = ("alias", "combo", "target", "provider")
"""Of nodes, in the direction of the edges."""


class Node(msgspec.Struct, frozen=True):
    """A thing with a name; ``id`` is its kind and its name, ``strategy`` that of a combo."""

    id: str
    kind: str
    name: str
    strategy: str | None = None


class Edge(msgspec.Struct, frozen=True):
    """From one node to the next.

    Of a combo, ``order`` is the place (from 1) of what it lists where it is tried as it is written, and ``weight`` and
    ``share`` (of 1) are there where it draws by weight. ``pattern`` is the alias with a star by which a name that is
    written in full came to what it leads to.
    """

    start: str
    end: str
    order: int | None = None
    weight: int | None = None
    share: float | None = None
    pattern: str | None = None


class Graph(msgspec.Struct, frozen=True):
    """Nodes, those of a kind together, and edges in the order of where they start."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph(snapshot: Snapshot, names: Names) -> Graph:
    """Make the graph of a configuration; ``names`` are those of its document."""
    maker = _Maker(snapshot, names)
    edges = [*maker.of_aliases(), *maker.of_combos()]
    edges += maker.of_targets(edges)
    ids = (
        *(_id("alias", name) for name in (*snapshot.aliases, *(each.name for each in snapshot.patterns))),
        *(_id("combo", name) for name in snapshot.combos),
        *(each.end for each in edges if each.end.startswith("target:")),
        *(_id("provider", name) for name in snapshot.providers),
    )
    return Graph(tuple(maker.node(each) for each in dict.fromkeys(ids)), tuple(edges))


def focus(whole: Graph, name: str) -> Graph | None:
    """Give what leads to the nodes of a name (or id), and what they lead to; None where there are none."""
    meant = {each.id for each in whole.nodes if name in {each.name, each.id}}
    if not meant:
        return None
    kept = _reached(meant, whole.edges, lambda each: (each.start, each.end))
    kept |= _reached(meant, whole.edges, lambda each: (each.end, each.start))
    return Graph(
        tuple(each for each in whole.nodes if each.id in kept),
        tuple(each for each in whole.edges if each.start in kept and each.end in kept),
    )


class _Maker:
    """Follows the names of one configuration, a step at a time."""

    def __init__(self, snapshot: Snapshot, names: Names) -> None:
        self._snapshot = snapshot
        self._names = names

    def node(self, identity: str) -> Node:
        """Describe a node."""
        kind, _, name = identity.partition(":")
        strategy = self._snapshot.combos[name].strategy.value if kind == "combo" else None
        return Node(identity, kind, name, strategy)

    def of_aliases(self) -> Iterator[Edge]:
        """Lead from each alias to what it stands for; a star stays one."""
        for alias in (*self._snapshot.aliases.values(), *self._snapshot.patterns):
            end, pattern = self._next(alias.target, () if alias.pattern else self._snapshot.patterns)
            yield Edge(_id("alias", alias.name), end, pattern=pattern)

    def of_combos(self) -> Iterator[Edge]:
        """Lead from each combo to what it lists."""
        for combo in self._snapshot.combos.values():
            total = sum(step.weight for step in combo.steps)
            for place, (step, listed) in enumerate(
                zip(combo.steps, self._names.targets(combo.name), strict=True), start=1
            ):
                end, pattern = self._next(listed.following, self._snapshot.patterns)
                edge = Edge(_id("combo", combo.name), end, pattern=pattern)
                yield msgspec.structs.replace(edge, **_chosen(combo, place, step.weight, total))

    def of_targets(self, edges: Sequence[Edge]) -> Iterator[Edge]:
        """Lead from each target to its provider; one whose provider hangs on a star has none."""
        for target in dict.fromkeys(each.end for each in edges if each.end.startswith("target:")):
            provider = target.removeprefix("target:").partition("/")[0]
            if provider in self._snapshot.providers:
                yield Edge(target, _id("provider", provider))

    def _next(self, name: str, patterns: Sequence[Alias]) -> tuple[str, str | None]:
        """Give the node that a name means, and the pattern that it took to get there."""
        if name in self._snapshot.aliases:
            return _id("alias", name), None
        if name in self._snapshot.combos:
            return _id("combo", name), None
        step = following(name, {}, (), patterns)
        if step is not None:
            return self._next(step[1], ())[0], step[0].name
        return _id("target", self._names.replaced.get(name, name)), None


def _chosen(combo: Combo, place: int, weight: int, total: int) -> Mapping[str, int | float]:
    """Say how a combo comes to what it lists in this place."""
    if combo.strategy is Strategy.WEIGHTED:
        return {"weight": weight, "share": weight / total}
    return {"order": place} if combo.strategy in AS_WRITTEN else {}


def _id(kind: str, name: str) -> str:
    return f"{kind}:{name}"


def _reached(start: set[str], edges: Sequence[Edge], ends: Callable[[Edge], tuple[str, str]]) -> set[str]:
    """Give the nodes that edges lead to from these, and these."""
    onwards: dict[str, list[str]] = {}
    for here, there in map(ends, edges):
        onwards.setdefault(here, []).append(there)
    found: set[str] = set()
    waiting = [*start]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += onwards.get(here, [])
    return found
