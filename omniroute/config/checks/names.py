"""Checks of names: that they lead somewhere, and do not lead in circles."""

from collections.abc import Iterator

from omniroute.config.checks.world import World
from omniroute.config.faults import Fault, Spot
from omniroute.config.references import Step
from omniroute.config.source import Path
from omniroute.config.words import did_you_mean, meant, member, toml


def targets_exist(world: World) -> Iterator[Fault]:
    """OR3001, OR3002: what an alias, a combo or anything else names is there."""
    told: set[Path] = set()
    for start in world.steps():
        chain = world.names.chain(start.following, patterned="*" in start.name)
        step = start if not chain.steps or _depends(world, chain.steps[-1]) else chain.steps[-1]
        open_question = not chain.steps and _depends(world, start)
        if chain.circle or world.known(chain.end) or open_question or step.path in told:
            continue
        told.add(step.path)
        prefix, slash, model = chain.end.partition("/")
        if slash and model:
            yield _unknown_provider(world, step, prefix)
        else:
            yield _unknown_target(world, step, chain.end)


def _depends(world: World, step: Step) -> bool:
    """Say whether a step is one of a pattern that leads to whatever its star stands for."""
    return step.path[0] == "aliases" and "*" in world.document.aliases[str(step.path[1])].partition("/")[0]


def _unknown_provider(world: World, step: Step, prefix: str) -> Fault:
    close = meant(prefix, world.written("providers"))
    spot = world.spot(step)
    shipped = prefix in world.catalogue.names
    direct = step.following.startswith(f"{prefix}/")
    related = ((Spot(("providers", close), key=True), "a provider with a similar name"),) if close else ()
    own = next((name for name in world.written("providers") if prefix in world.catalogue.aliases(name)), None)
    if own is not None:
        return Fault(
            "OR3001",
            f"{member(step.path)} names provider `{prefix}`, which is called `{own}` in files",
            spot,
            label=f"`{prefix}/` is a prefix for clients only",
            related=((Spot(("providers", own), key=True), "this provider"),),
            hint=f"write `{own}/` instead",
            fix=((spot, toml(f"{own}{step.following[len(prefix) :]}")),) if direct else (),
        )
    return Fault(
        "OR3001",
        f"{member(step.path)} names provider `{prefix}`, which does not exist",
        spot,
        label=f"no provider is named `{prefix}`",
        related=related,
        hint=f"add [providers.{prefix}]: the catalogue knows it, and its credential is all it needs"
        if shipped
        else did_you_mean(prefix, world.written("providers")) or f"add [providers.{prefix}], or correct the name",
        fix=((spot, toml(f"{close}{step.following[len(prefix) :]}")),) if close and direct and not shipped else (),
    )


def _unknown_target(world: World, step: Step, name: str) -> Fault:
    candidates = [*world.written("combos"), *world.written("aliases")]
    close = meant(name, candidates)
    spot = world.spot(step)
    hint = f"did you mean `{close}`?" if close else "a model is written as provider/model"
    return Fault(
        "OR3002",
        f"{member(step.path)} names `{name}`, which does not exist",
        spot,
        label=f"no alias or combo is named `{name}`",
        hint=hint,
        fix=((spot, toml(close)),) if close and name == step.following else (),
    )


def stars_stand_for_something(world: World) -> Iterator[Fault]:
    """OR2004: a star in a target needs one in the name."""
    for step in world.steps():
        allowed = 1 if step.path[0] == "aliases" and "*" in step.name else 0
        if step.following.count("*") > allowed:
            yield Fault(
                "OR2004",
                f"{member(step.path)} leads to `{step.following}`, with a star that stands for nothing",
                world.spot(step),
                label="at most one star here" if allowed else "no star here",
                hint='a star stands for what the star in an alias\'s name stood for: "large-*" = "house/large-*"',
            )


def names_differ(world: World) -> Iterator[Fault]:
    """OR3006: a name is that of an alias or of a combo."""
    for name in world.document.aliases:
        if name in world.written("combos"):
            yield Fault(
                "OR3006",
                f"`{name}` is both an alias and a combo",
                Spot(("aliases", name), key=True),
                label="this alias",
                related=((Spot(("combos", name), key=True), "this combo"),),
                hint="rename one of them",
            )


def names_arrive(world: World) -> Iterator[Fault]:
    """OR3010: following names arrives at models."""
    for circle in world.names.circles():
        steps = {step.path: step for step in circle}
        words = [f"{number}. {_as_written(world, step)}" for number, step in enumerate(steps.values(), 1)]
        first, *others = steps.values()
        closed = circle[-1].following == circle[0].name
        yield Fault(
            "OR3010",
            f"{_kind(first)} {'leads back to itself' if closed else 'leads on and on'}",
            world.spot(first),
            label=words[0],
            related=tuple((world.spot(step), word) for step, word in zip(others, words[1:], strict=True)),
            hint="let one of these name a model: provider/model",
        )


def _kind(step: Step) -> str:
    return f"{'alias' if step.path[0] == 'aliases' else 'combo'} `{step.path[1]}`"


def _as_written(world: World, step: Step) -> str:
    name = str(step.path[1])
    following = world.document.aliases[name] if step.path[0] == "aliases" else step.following
    return f"{name} → {following}"


def targets_add_something(world: World) -> Iterator[Fault]:
    """OR5004: no target of a combo leads only where those before it lead."""
    circling = {step.path[1] for circle in world.names.circles() for step in circle if step.path[0] == "combos"}
    for combo in world.names.combos.keys() - circling:
        seen: dict[str, Step] = {}
        for step in world.names.targets(combo):
            leaves = [leaf for leaf, _ in world.names.leaves(step) if world.known(leaf)]
            if leaves and all(leaf in seen for leaf in leaves):
                yield Fault(
                    "OR5004",
                    f"{member(step.path)} adds nothing to those before it",
                    world.spot(step),
                    label="tried before",
                    related=((world.spot(seen[leaves[0]]), f"`{leaves[0]}` is tried here"),),
                    hint="remove it",
                )
            seen |= {leaf: step for leaf in leaves if leaf not in seen}
