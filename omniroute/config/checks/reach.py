"""What a combo comes to, as the checks see it: before anything is compiled, and where not everything is sound.

Always true: what is given is what ``compile_document`` would make of the same combo, as far as it can be known; a
model of a provider that is missing or broken is left out.
"""

from collections.abc import Iterator, Sequence

import msgspec

from omniroute.config import units
from omniroute.config.checks.world import World
from omniroute.config.document.process import DefaultTimeouts
from omniroute.config.document.process import Timeouts as WrittenTimeouts
from omniroute.config.document.providers import Model, Provider
from omniroute.config.references import Step
from omniroute.config.snapshot import Model as Listed
from omniroute.config.snapshot import Timeouts
from omniroute.names import Strategy

AS_WRITTEN = frozenset({Strategy.PRIORITY, Strategy.FILL_FIRST})
"""The strategies that try targets in the order in which they are written."""


class Leaf(msgspec.Struct, frozen=True):
    """A model that a combo comes to: its name, what is known of it, and the steps to it, the combo's own first.

    ``listed`` is what the shipped list of prices has of it, which counts where nothing else is written.
    """

    name: str
    provider: Provider
    model: Model
    way: tuple[Step, ...]
    listed: Listed = Listed("")


def leaves(world: World, combo: str) -> tuple[Leaf, ...]:
    """Give the models that a combo comes to, each once, in the order in which they are written."""
    return tuple(_leaves(world, combo))


def _leaves(world: World, combo: str) -> Iterator[Leaf]:
    for name, way in world.names.leaves(Step("", combo, ())):
        prefix, _, model = name.partition("/")
        provider = world.document.providers.get(prefix)
        if provider is not None:
            listed = world.catalogue.prices(prefix).find(model) or Listed(model)
            yield Leaf(name, provider, provider.models.get(model) or Model(), way[1:], listed)


def priced(model: Model, listed: Listed) -> bool:
    """Say whether it is known what a model's input and output cost."""
    price = model.price or listed.price
    return price.input is not None and price.output is not None


def as_written(world: World, reached: Sequence[Leaf], combo: str) -> bool:
    """Say whether a combo, and every other on the way to its models, tries them in the order in which they stand."""
    named = {combo, *(step.name for leaf in reached for step in leaf.way if step.path[0] == "combos")}
    return all(world.document.combos[each].strategy in AS_WRITTEN for each in named)


def timeouts(world: World, leaf: Leaf) -> Timeouts:
    """Give the timeouts of a model where a combo comes to it: those that are written nearest to it win."""
    result = _over(_over(Timeouts(), world.document.defaults.timeouts), leaf.provider.timeouts)
    for step in leaf.way:
        if step.path[0] == "combos":
            combo = world.document.combos[step.name]
            target = combo.targets[int(step.path[3])]
            result = _over(result, combo.timeouts)
            result = result if isinstance(target, str) else _over(result, target.timeouts)
    return result


def _over(below: Timeouts, above: WrittenTimeouts | DefaultTimeouts) -> Timeouts:
    return msgspec.structs.replace(below, **{name: units.seconds(text) for name, text in above if text is not None})
