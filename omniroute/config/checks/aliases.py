"""Checks of aliases that lead somewhere, but perhaps not where they were meant to.

A pattern is never hidden by another: the more specific one goes first, and it holds fewer names. An alias that has
the name of a combo is an error (OR3006).
"""

from collections.abc import Iterator

from omniroute.config.checks.world import World
from omniroute.config.faults import Fault, Spot
from omniroute.config.naming import following, stood_for
from omniroute.config.snapshot import Alias
from omniroute.config.words import listed

_FEW = 3
"""So many models are named, and no more."""


def aliases_leave_models_alone(world: World) -> Iterator[Fault]:
    """OR5005: no alias takes a name by which a listed model is asked for.

    A pattern with a slash was written with such names in mind.
    """
    hidden: dict[str, list[str]] = {}
    models = (f"{name}/{model}" for name, provider in world.document.providers.items() for model in provider.models)
    for model in models:
        step = following(model, world.names.aliases, world.names.combos, world.names.patterns)
        if step is not None and step[1] != model and not (step[0].pattern and "/" in step[0].name):
            hidden.setdefault(step[0].name, []).append(model)
    for alias, names in hidden.items():
        yield Fault(
            "OR5005",
            f"alias `{alias}` takes the place of {_models(names)}",
            Spot(("aliases", alias), key=True),
            label=f"who asks for `{names[0]}` gets what this stands for",
            hint="rename the alias, unless this is what it is for",
        )


def _models(names: list[str]) -> str:
    """Name models, the first few of many."""
    if len(names) <= _FEW:
        return f"{'model' if len(names) == 1 else 'models'} {listed(names, 'and')}"
    return f"{len(names)} models, such as {listed(names[:_FEW], 'and')}"


def patterns_select_something(world: World) -> Iterator[Fault]:
    """OR5006: a pattern leads to at least one listed model, where its provider lists any."""
    for name, target in world.document.aliases.items():
        prefix, slash, wanted = target.partition("/")
        provider = world.document.providers.get(prefix) if slash and "*" in name and wanted.count("*") == 1 else None
        if provider is None or not provider.models:
            continue
        selector = Alias(wanted, wanted)
        if all(stood_for(selector, model) is None for model in provider.models):
            yield Fault(
                "OR5006",
                f"alias `{name}` leads to `{target}`, and provider `{prefix}` lists no such model",
                Spot(("aliases", name)),
                label=f"it lists {_models(list(provider.models))}",
                hint="correct the target, unless the provider has such models without listing them",
            )
