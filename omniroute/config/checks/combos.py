"""Checks of combos: that what is written of them acts, and that what they list can be tried."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

import msgspec

from omniroute.config import waits
from omniroute.config.checks.reach import Leaf, as_written, leaves, priced, timeouts
from omniroute.config.checks.world import World
from omniroute.config.document.providers import Model
from omniroute.config.faults import Fault, Spot
from omniroute.config.snapshot import Model as Listed
from omniroute.config.snapshot import Timeouts
from omniroute.config.words import listed, toml
from omniroute.names import Capability, Strategy

ASKED: Mapping[Capability, str] = {
    Capability.TOOLS: "with tools",
    Capability.IMAGES: "with images",
    Capability.DOCUMENTS: "with documents",
    Capability.AUDIO_IN: "with audio",
    Capability.AUDIO_OUT: "for audio",
    Capability.JSON_SCHEMA: "for JSON by a schema",
}
"""What a request may ask of a model, and how such a request is called; without the others, it is asked differently."""

SPREADING = frozenset(
    {
        Strategy.WEIGHTED,
        Strategy.ROUND_ROBIN,
        Strategy.RANDOM,
        Strategy.STRICT_RANDOM,
        Strategy.LEAST_USED,
        Strategy.P2C,
    }
)
"""The strategies by which one request after the other goes to another target."""

_LANGUAGE = Timeouts()


def weights_act(world: World) -> Iterator[Fault]:
    """OR5007: weights are written where the strategy reads them."""
    for name, combo in world.document.combos.items():
        weighted = [
            ("combos", name, "targets", index, "weight")
            for index, target in enumerate(combo.targets)
            if not isinstance(target, str) and target.weight != 1
        ]
        if weighted and combo.strategy is not Strategy.WEIGHTED:
            yield Fault(
                "OR5007",
                f"combo `{name}` gives weights, which strategy `{combo.strategy}` does not read",
                Spot(weighted[0]),
                label="has no effect",
                related=tuple((Spot(each), "nor has this") for each in weighted[1:]),
                hint=f"write strategy = {toml(Strategy.WEIGHTED)}, or remove the weights",
            )


def targets_can_do_the_same(world: World) -> Iterator[Fault]:
    """OR5008: what one target of a combo can take, the others can take too."""
    for name in world.document.combos:
        known = [leaf for leaf in leaves(world, name) if leaf.model.capabilities]
        skips = [
            f"requests {words} skip {listed(lacking, 'and')}"
            for capability, words in ASKED.items()
            if 0 < len(lacking := _lacking(known, capability)) < len(known)
        ]
        if skips:
            yield Fault(
                "OR5008",
                f"the targets of combo `{name}` differ in what they can take",
                Spot(("combos", name, "targets")),
                label="not every request can use all of these",
                hint="such a request has fewer targets to fall back on; if a model can do more than is known of it, "
                "say so in its `capabilities`",
                note="\n".join(skips),
            )


def _lacking(known: Sequence[Leaf], capability: Capability) -> list[str]:
    return [leaf.name for leaf in known if capability not in (leaf.model.capabilities or ())]


def strategies_know_enough(world: World) -> Iterator[Fault]:
    """OR5009: what a strategy goes by is known of every target."""
    for name, combo in world.document.combos.items():
        if combo.strategy not in _READ:
            continue
        what, is_known, example = _READ[combo.strategy]
        unknown = [leaf for leaf in leaves(world, name) if not is_known(leaf.model, leaf.listed)]
        if unknown:
            yield Fault(
                "OR5009",
                f"combo `{name}` goes by the {what} of its targets, which is not known of "
                f"{listed((leaf.name for leaf in unknown), 'and')}",
                Spot(("combos", name, "strategy")),
                label=f"reads the {what} of each target",
                related=tuple((world.spot(leaf.way[0]), f"`{leaf.name}` has none") for leaf in unknown),
                hint=f"write it under [{_table(unknown[0].name)}]: {example}",
            )


def _bounded(model: Model, listed: Listed) -> bool:
    return (model.context or listed.context) is not None


_READ: Mapping[Strategy, tuple[str, Callable[[Model, Listed], bool], str]] = {
    Strategy.COST_OPTIMIZED: ("price", priced, 'price = { input = "…", output = "…" }, in US dollars per million'),
    Strategy.CONTEXT_OPTIMIZED: ("context", _bounded, "context = …, in tokens"),
}
"""What a strategy reads of a model, whether that is known, and how it is written."""


def _table(target: str) -> str:
    prefix, _, model = target.partition("/")
    return f"providers.{prefix}.models.{toml(model)}"


def conversations_keep_their_cache(world: World) -> Iterator[Fault]:
    """OR5010: no strategy takes a conversation away from the provider that has cached it."""
    for name, combo in world.document.combos.items():
        spreads = combo.strategy in SPREADING and len(combo.targets) > 1
        caching = [leaf.name for leaf in leaves(world, name) if _caches(leaf.model)] if spreads else []
        if caching:
            yield Fault(
                "OR5010",
                f"combo `{name}` spreads requests over its targets, of which {listed(caching, 'and')} "
                f"{'cache' if len(caching) > 1 else 'caches'} prompts",
                Spot(("combos", name, "strategy")),
                label="what one target has cached, another reads at full price",
                hint=f"strategies that stay with a target are {toml(Strategy.PRIORITY)}, "
                f"{toml(Strategy.FILL_FIRST)} and {toml(Strategy.LAST_KNOWN_GOOD)}",
            )


def _caches(model: Model) -> bool:
    return Capability.CACHE_HINTS in (model.capabilities or ())


def attempts_are_enough(world: World) -> Iterator[Fault]:
    """OR5011: a combo allows as many attempts as it has targets to fall back on."""
    for name, combo in world.document.combos.items():
        if combo.max_attempts is None:
            continue
        reached = leaves(world, name)
        beyond = reached[combo.max_attempts :]
        if beyond and as_written(world, reached, name):
            yield Fault(
                "OR5011",
                f"combo `{name}` gives up before it comes to {listed((leaf.name for leaf in beyond), 'and')}",
                Spot(("combos", name, "max_attempts")),
                label=f"{len(reached)} targets, and fewer attempts",
                related=((world.spot(beyond[0].way[0]), "tried only where one before it is left out"),),
                hint="allow more attempts, or remove the targets that are never tried",
            )


def time_is_enough(world: World) -> Iterator[Fault]:
    """OR5012: where targets take as long as they may, there is time for those behind them."""
    for name, combo in world.document.combos.items():
        reached = leaves(world, name)[: combo.max_attempts]
        lack = _lack([timeouts(world, leaf) for leaf in reached]) if as_written(world, reached, name) else None
        if lack is not None:
            before, late = (
                listed((leaf.name for leaf in part), "and") for part in (reached[: lack.first], reached[lack.first :])
            )
            yield Fault(
                "OR5012",
                f"combo `{name}` may run out of time before it comes to {late}",
                world.spot(reached[lack.first].way[0]),
                label="may not be begun in time",
                hint="give the targets before it shorter `timeouts`, or the combo a longer `total`",
                note=f"where a request is {lack.kind}, {before} may take {lack.spent:g} s, of {lack.total:g} s in all",
            )


class _Lack(msgspec.Struct, frozen=True):
    """That the targets before the one at ``first`` may spend more than the total, in seconds, on a kind of request."""

    first: int
    kind: str
    spent: float
    total: float


def _lack(limits: Sequence[Timeouts]) -> _Lack | None:
    """Find the first target that may not be begun in time.

    Only where somebody wrote one of the limits that decide it: those of the language are not a combo's fault.
    """
    total = max((each.total for each in limits), default=0.0)
    for kind, wait, decisive in _KINDS:
        if not any(getattr(each, name) != getattr(_LANGUAGE, name) for each in limits for name in decisive):
            continue
        for first, spent in enumerate(accumulate(map(wait, limits[:-1])), 1):
            if spent >= total:
                return _Lack(first, kind, spent, total)
    return None


_KINDS: tuple[tuple[str, Callable[[Timeouts], float], tuple[str, ...]], ...] = (
    ("streamed", waits.streamed, ("first_byte", "first_token", "total")),
    ("not streamed", waits.whole, ("answer", "total")),
)
"""The two kinds of requests: how long one attempt at them may take, and the limits that decide it."""
