"""Checks of models that others replace: that something comes in the end, and that nobody goes on naming them."""

from collections.abc import Iterator

from omniroute.config.checks.world import World
from omniroute.config.faults import Fault, Spot
from omniroute.config.references import successors
from omniroute.config.source import Path
from omniroute.config.words import member, toml


def replacements_arrive(world: World) -> Iterator[Fault]:
    """OR3010: of models that replace each other, one is there in the end."""
    for provider, table in world.document.providers.items():
        links = successors(table)
        told: set[str] = set()
        for name in links:
            circle = _circle(name, links)
            if not told.isdisjoint(circle):
                continue
            told.update(circle)
            words = [(_written(provider, each), f"{each} → {links[each]}") for each in circle]
            if words:
                yield Fault(
                    "OR3010",
                    f"model `{provider}/{name}` is replaced by itself in the end",
                    words[0][0],
                    label=words[0][1],
                    related=tuple(words[1:]),
                    hint="let one of these be asked for: take its `replaced_by` away",
                )


def _circle(name: str, links: dict[str, str]) -> list[str]:
    """Give the models from one to itself again; nothing, where they lead elsewhere."""
    way = [name]
    while (following := links.get(way[-1])) is not None:
        if following in way:
            return way if following == name else []
        way.append(following)
    return []


def _written(provider: str, model: str) -> Spot:
    """Give the spot at which a model's replacement is written."""
    return Spot(("providers", provider, "models", model, "replaced_by"))


def models_are_current(world: World) -> Iterator[Fault]:
    """OR5014: nothing names a model that another replaces."""
    for step in world.steps():
        new = world.names.replaced.get(step.following)
        if new is None or world.names.chain(step.following, patterned="*" in step.name).steps:
            continue
        provider, _, model = step.following.partition("/")
        below: Path = ("models", model, "replaced_by")
        shipped = world.catalogue.place(provider, *map(str, below))
        yield Fault(
            "OR5014",
            f"{member(step.path)} names `{step.following}`, which is replaced",
            world.spot(step),
            label=f"`{new}` is asked in its place",
            related=((_written(provider, model), "replaced here"),) if shipped is None else (),
            elsewhere=((shipped, "the catalogue says so here"),) if shipped is not None else (),
            hint=f"name `{new}`",
            fix=((world.spot(step), toml(new)),),
        )
