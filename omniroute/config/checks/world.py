"""What the checks look at.

Always true: a world is only looked at; nothing of it changes.
"""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from omniroute.config.document import Document
from omniroute.config.document.access import Downgrade
from omniroute.config.faults import Spot
from omniroute.config.layers import Catalogue, Merged
from omniroute.config.references import Names, Step
from omniroute.config.source import Path


class World(msgspec.Struct, frozen=True):
    """A document and what is around it.

    ``document`` holds what is sound of ``merged``, completed from the ``catalogue``; ``broken`` are the entities and
    tables with a fault. ``whole`` says that every file could be read.
    """

    document: Document
    merged: Merged
    catalogue: Catalogue
    names: Names
    today: date
    broken: frozenset[Path] = frozenset()
    whole: bool = True

    def written(self, table: str) -> Mapping[str, object]:
        """Give what is written in a table with free names, sound or not."""
        value = self.merged.values.get(table)
        return value if isinstance(value, dict) else {}

    def known(self, name: str) -> bool:
        """Say whether a name that no alias leads further is that of something, sound or not."""
        prefix, slash, model = name.partition("/")
        if slash and model and prefix in self.written("providers"):
            return True
        return name in self.written("combos") or name in self.written("aliases")

    def steps(self) -> Iterator[Step]:
        """Give each place where a model, an alias or a combo is named and acts."""
        for name, target in self.document.aliases.items():
            yield Step(name, target, ("aliases", name))
        for combo in self.document.combos:
            yield from self.names.targets(combo)
        for name, budget in self.document.budgets.items():
            if isinstance(budget.on_exceed, Downgrade):
                yield Step(name, budget.on_exceed.downgrade, ("budgets", name, "on_exceed", "downgrade"))
        semantic = self.document.cache.semantic
        if semantic is not None and semantic.enabled and semantic.embedder is not None:
            yield Step("semantic", semantic.embedder, ("cache", "semantic", "embedder"))

    def spot(self, step: Step) -> Spot:
        """Give the spot of the name that a step leads to: that of a target which is a table is within it."""
        if step.path[0] == "combos" and not isinstance(self.document.combos[step.name].targets[int(step.path[3])], str):
            return Spot((*step.path, "model"))
        return Spot(step.path)
