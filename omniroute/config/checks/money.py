"""Checks of budgets: that what is paid from them has a price, and that who takes over can.

What a model of unknown price costs is not known, so a budget cannot hold it back.
"""

from collections.abc import Iterator

import msgspec

from omniroute.config.checks.reach import Leaf, leaves, priced
from omniroute.config.checks.world import World
from omniroute.config.document.access import Downgrade, Policy
from omniroute.config.faults import Fault, Spot
from omniroute.config.patterns import patterns
from omniroute.config.words import listed, toml
from omniroute.names import Format

_FEW = 3
"""So many models are named, and no more."""


class Reached(msgspec.Struct, frozen=True):
    """A model that can be asked for, and the names that lead to it, the one that is asked for first."""

    leaf: Leaf
    names: tuple[str, ...]

    @property
    def how(self) -> str:
        """Say how it is come by."""
        return f"`{self.leaf.name}`" + (f" through `{self.names[0]}`" if self.names[0] != self.leaf.name else "")


def budgets_know_prices(world: World) -> Iterator[Fault]:
    """OR5022: whoever has a budget can only ask models whose price is known.

    Models that nobody lists, and that no name leads to, are not looked at: they are not known.
    """
    every = tuple(_every(world))
    embedders = _embedders(world)
    for name, policy in world.document.policies.items():
        reached = (each for each in every if permits(policy, each)) if policy.budgets else ()
        unpriced = {each.leaf.name: each for each in reached if _unpriced(each.leaf, embedders)}
        if unpriced:
            first = next(iter(unpriced.values()))
            yield Fault(
                "OR5022",
                f"policy `{name}` has a budget, and its callers can ask {_models(list(unpriced))}, of unknown price",
                Spot(("policies", name, "budgets")),
                label="cannot hold back what has no price",
                hint=f"write the price under [{_table(first.leaf.name)}], or do not allow the model",
                note="\n".join(f"{each.how}: {_why(each.leaf)}" for each in list(unpriced.values())[:_FEW]),
            )


def downgrades_can_be_asked(world: World) -> Iterator[Fault]:
    """OR5024: a model that takes over has a price, and callers whose budget is spent may ask it."""
    for name, budget in world.document.budgets.items():
        if not isinstance(budget.on_exceed, Downgrade):
            continue
        model = budget.on_exceed.downgrade
        reached = tuple(_reached(world, model))
        reasons = [f"`{each.leaf.name}` has no known price" for each in reached if _unpriced(each.leaf)]
        reasons += [
            f"policy `{each}` does not let its callers ask it"
            for each, policy in world.document.policies.items()
            if name in policy.budgets and reached and not any(permits(policy, one) for one in reached)
        ]
        if reasons:
            yield Fault(
                "OR5024",
                f"budget `{name}` leads to `{model}` when it is spent, which cannot take over as it should",
                Spot(("budgets", name, "on_exceed")),
                label=reasons[0],
                hint="name a model of known price that every caller with this budget may ask",
                note="\n".join(reasons[1:]),
            )


def permits(policy: Policy, reached: Reached) -> bool:
    """Say whether a policy lets its callers ask a model by these names: as ``routing.permit`` decides it."""
    names = (*reached.names, reached.leaf.name)
    if any(map(patterns(policy.deny_models).hold, names)):
        return False
    return policy.allow_models is None or any(map(patterns(policy.allow_models).hold, names))


def _every(world: World) -> Iterator[Reached]:
    """Give the models that names lead to, by each of these, and those that are listed."""
    for name in (*world.names.combos, *world.names.aliases):
        yield from _reached(world, name)
    for provider, table in world.document.providers.items():
        for model in table.models:
            if f"{provider}/{model}" not in world.names.replaced:
                yield from _reached(world, f"{provider}/{model}")


def _reached(world: World, name: str) -> Iterator[Reached]:
    """Give the models that a name leads to."""
    chain = world.names.chain(name)
    names = (name, *(step.following for step in chain.steps))
    for leaf in leaves(world, name):
        yield Reached(leaf, names)


def _embedders(world: World) -> frozenset[str]:
    """Name the models of which only embeddings are wanted."""
    semantic = world.document.cache.semantic
    named = semantic.embedder if semantic is not None else None
    return frozenset(each.leaf.name for each in _reached(world, named)) if named is not None else frozenset()


def _unpriced(leaf: Leaf, embedders: frozenset[str] = frozenset()) -> bool:
    """Say whether what a model costs is not known; what answers inside the gateway costs nothing.

    An embedding has no output, so it needs no price of one.
    """
    if (leaf.provider.base_url or "").startswith("embedded:") or priced(leaf.model, leaf.listed):
        return False
    embeds = leaf.name in embedders or leaf.provider.formats == (Format.OPENAI_EMBEDDINGS,)
    return not embeds or (leaf.model.price or leaf.listed.price).input is None


def _why(leaf: Leaf) -> str:
    """Say what is not known of a price."""
    price = leaf.model.price or leaf.listed.price
    if price.input is None and price.output is None:
        return "it has no price"
    return f"its price lacks {listed((each for each in ('input', 'output') if getattr(price, each) is None), 'and')}"


def _models(names: list[str]) -> str:
    """Name models, the first few of many."""
    if len(names) <= _FEW:
        return listed(names, "and")
    return f"{len(names)} models, such as {listed(names[:_FEW], 'and')}"


def _table(target: str) -> str:
    prefix, _, model = target.partition("/")
    return f"providers.{prefix}.models.{toml(model)}"
