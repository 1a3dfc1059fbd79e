"""Checks of policies: that what names them is right, and that what they name is there.

A policy or a budget that is misspelt would hold for nobody, and nobody would notice.
"""

from collections.abc import Collection, Iterator

from omniroute.config.checks.world import World
from omniroute.config.faults import Fault, Spot
from omniroute.config.patterns import STAR, patterns
from omniroute.config.source import Path
from omniroute.config.words import ENTITIES, did_you_mean, meant, member, toml
from omniroute.config.zones import is_zone, zone_names

_NO_EFFECT = {"allow_models": "allows nothing", "deny_models": "denies nothing"}


def policies_exist(world: World) -> Iterator[Fault]:
    """OR3011: the policy of a key, or of the defaults, is there."""
    for path, name in _policies_named(world):
        if name not in world.written("policies"):
            yield _unknown(world, "OR3011", "policies", path, name)


def budgets_exist(world: World) -> Iterator[Fault]:
    """OR3012: the budgets of a policy are there."""
    for path, name in _budgets_named(world):
        if name not in world.written("budgets"):
            yield _unknown(world, "OR3012", "budgets", path, name)


def _unknown(world: World, code: str, table: str, path: Path, name: str) -> Fault:
    kind, known = ENTITIES[table], world.written(table)
    close = meant(name, known)
    return Fault(
        code,
        f"{member(path)} names {kind} `{name}`, which does not exist",
        Spot(path),
        label=f"no {kind} is named `{name}`",
        related=((Spot((table, close), key=True), f"a {kind} with a similar name"),) if close else (),
        hint=did_you_mean(name, known) or f"add [{table}.{name}], or correct the name",
        fix=((Spot(path), toml(close)),) if close else (),
    )


def _policies_named(world: World) -> Iterator[tuple[Path, str]]:
    """Give each place where a policy is named."""
    for name, key in world.document.keys.items():
        if key.policy is not None:
            yield ("keys", name, "policy"), key.policy
    if world.document.defaults.policy is not None:
        yield ("defaults", "policy"), world.document.defaults.policy


def _budgets_named(world: World) -> Iterator[tuple[Path, str]]:
    """Give each place where a budget is named."""
    for name, policy in world.document.policies.items():
        for index, budget in enumerate(policy.budgets):
            yield ("policies", name, "budgets", index), budget


def policies_hold_for_somebody(world: World) -> Iterator[Fault]:
    """OR5020: every policy is that of a key, or of the defaults."""
    named = {_meant(name, world.document.policies) for _, name in _policies_named(world)}
    for name in world.document.policies:
        if name not in named:
            yield Fault(
                "OR5020",
                f"policy `{name}` holds for nobody",
                Spot(("policies", name), key=True),
                label="no key names it",
                hint=f"write policy = {toml(name)} at a key, or under [defaults] for all keys that name none",
            )


def budgets_pay_for_something(world: World) -> Iterator[Fault]:
    """OR5021: every budget is one of a policy."""
    named = {_meant(name, world.document.budgets) for _, name in _budgets_named(world)}
    for name in world.document.budgets:
        if name not in named:
            yield Fault(
                "OR5021",
                f"budget `{name}` limits nothing",
                Spot(("budgets", name), key=True),
                label="no policy names it",
                hint=f"write budgets = {toml([name])} at a policy",
            )


def _meant(name: str, known: Collection[str]) -> str:
    """Give a name, or that which it was probably meant to be: what is only misspelt is not unused besides."""
    return name if name in known else meant(name, known) or name


def models_of_policies_exist(world: World) -> Iterator[Fault]:
    """OR5023: what a policy allows or denies is something that can be asked for."""
    known = tuple(askable(world))
    for name, policy in world.document.policies.items():
        for key, label in _NO_EFFECT.items():
            for index, model in enumerate(getattr(policy, key) or ()):
                if not can_be_asked(world, model, known):
                    path = ("policies", name, key, index)
                    close = meant(model, known)
                    yield Fault(
                        "OR5023",
                        f"{member(path)} is `{model}`, and nothing has such a name",
                        Spot(path),
                        label=label,
                        hint=f"did you mean `{close}`?" if close else "name a combo, an alias, or provider/model",
                        fix=((Spot(path), toml(close)),) if close else (),
                    )


def askable(world: World) -> Iterator[str]:
    """Give the names that are known beforehand: of combos, aliases and models, these also without their provider."""
    yield from world.written("combos")
    yield from world.written("aliases")
    for name, provider in world.document.providers.items():
        for model in provider.models:
            for prefix in (name, *world.catalogue.aliases(name)):
                yield f"{prefix}/{model}"
            yield model


def can_be_asked(world: World, model: str, known: tuple[str, ...]) -> bool:
    """Say whether a name, or a pattern of names, is one of these, or may be of a model that its provider does not list.

    What stands before the first star says enough of a pattern.
    """
    if any(map(patterns((model,)).hold, known)) or (STAR not in model and world.names.chain(model).steps):
        return True
    head = model.partition(STAR)[0]
    prefixes = [f"{each}/" for name in world.written("providers") for each in (name, *world.catalogue.aliases(name))]
    return any(head.startswith(each) or (STAR in model and each.startswith(head)) for each in prefixes)


def time_zones_are_known(world: World) -> Iterator[Fault]:
    """OR2004: a time zone is one of the IANA database."""
    for path, name in _zones(world):
        if not is_zone(name):
            close = meant(name, zone_names())
            yield Fault(
                "OR2004",
                f"`{name}` is not allowed as {member(path)}",
                Spot(path),
                label="no time zone has this name",
                hint=f"did you mean `{close}`?" if close else 'for example: timezone = "Europe/Berlin"',
                fix=((Spot(path), toml(close)),) if close else (),
            )


def _zones(world: World) -> Iterator[tuple[Path, str]]:
    """Give each place where a time zone is named."""
    for name, policy in world.document.policies.items():
        if policy.schedule is not None:
            yield ("policies", name, "schedule", "timezone"), policy.schedule.timezone
    for name, budget in world.document.budgets.items():
        yield ("budgets", name, "timezone"), budget.timezone


def embedders_are_named(world: World) -> Iterator[Fault]:
    """OR2002: where similar requests are looked for, a model says what is similar."""
    semantic = world.document.cache.semantic
    if semantic is not None and semantic.enabled and semantic.embedder is None:
        yield Fault(
            "OR2002",
            "the semantic cache is enabled, and lacks the key `embedder`",
            Spot(("cache", "semantic")),
            label="`embedder` is required here",
            hint="name a model for embeddings, as provider/model or by an alias",
        )
