"""From the name a client asked for to the targets it stands for.

Always true: a name means the same whoever asks and whenever, for one snapshot. An exact alias wins over a combo,
a combo over a pattern, the most specific pattern over the others, and any of them over ``provider/model``
(``config.naming``).
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import msgspec

from omniroute.config.naming import LONGEST_CHAIN, following
from omniroute.config.snapshot import Model, Provider, Snapshot, Target
from omniroute.errors import UnknownModel, WrongProvider
from omniroute.ir.facts import Facts
from omniroute.names import Strategy, TargetId


class Resolved(msgspec.Struct, frozen=True):
    """What a name stands for: targets in the order written, and how a combo chooses among them."""

    targets: tuple[Target, ...]
    combo: str | None = None
    strategy: Strategy = Strategy.PRIORITY
    max_attempts: int | None = None


def resolve(snapshot: Snapshot, facts: Facts) -> Resolved:
    """Find what ``facts.asked`` stands for.

    Raises:
        UnknownModel: nothing has this name; the message says what was probably meant.
        WrongProvider: the path names one provider, and the model another.
    """
    if facts.provider is not None:
        return _dedicated(snapshot, facts)
    name, patterns = facts.asked, snapshot.patterns
    for _ in range(LONGEST_CHAIN + 1):
        step = following(name, snapshot.aliases, snapshot.combos, patterns)
        if step is None:
            return _found(snapshot, facts.asked, name)
        alias, name = step
        patterns = () if alias.pattern else patterns
    message = f"the aliases of model '{facts.asked}' lead on for more than {LONGEST_CHAIN} steps"
    raise UnknownModel(message)


def target_of(provider: Provider, model: str) -> Target:
    """Make the target for a model of a provider, known to the catalogue or not."""
    known = provider.models.get(model) or Model(model)
    return Target(TargetId(f"{provider.name}/{model}"), provider, known, provider.timeouts)


def known_names(snapshot: Snapshot) -> Iterator[str]:
    """Give every name that a client can be told of: combos, exact aliases, listed models."""
    yield from snapshot.combos
    yield from snapshot.aliases
    for provider in snapshot.providers.values():
        for model in provider.models:
            yield f"{provider.name}/{model}"


def _dedicated(snapshot: Snapshot, facts: Facts) -> Resolved:
    """Resolve a name on a path that names its provider: the prefix is added where it is missing."""
    provider = snapshot.providers.get(str(facts.provider))
    if provider is None:
        message = f"no provider is named '{facts.provider}'{_meant(str(facts.provider), snapshot.providers)}"
        raise UnknownModel(message)
    prefix, slash, model = facts.asked.partition("/")
    if not slash or facts.asked in provider.models:
        return Resolved((target_of(provider, facts.asked),))
    if prefix == provider.name:
        return Resolved((target_of(provider, model),))
    if prefix in snapshot.providers:
        message = f"model '{facts.asked}' does not belong to provider '{provider.name}'; expected '{provider.name}/…'"
        raise WrongProvider(message)
    return Resolved((target_of(provider, facts.asked),))


def _found(snapshot: Snapshot, asked: str, name: str) -> Resolved:
    """Give what a name stands for that is no alias: a combo, or a provider's model."""
    combo = snapshot.combos.get(name)
    if combo is not None:
        return Resolved(combo.targets, combo.name, combo.strategy, combo.max_attempts)
    return Resolved((_target(snapshot, asked, name),))


def _target(snapshot: Snapshot, asked: str, name: str) -> Target:
    """Read ``provider/model``, split at the first slash."""
    prefix, slash, model = name.partition("/")
    provider = snapshot.providers.get(prefix) if slash and model else None
    if provider is None:
        through = "" if asked == name else f" (which stands for '{name}')"
        message = f"no model, alias or combo is named '{asked}'{through}{_suggestion(snapshot, name, prefix)}"
        raise UnknownModel(message)
    return target_of(provider, model)


def _suggestion(snapshot: Snapshot, name: str, prefix: str) -> str:
    """Say what was probably meant, or how names are written."""
    meant = _meant(name, known_names(snapshot))
    if meant:
        return meant
    if "/" in name:
        return f"; provider '{prefix}' is not configured{_meant(prefix, snapshot.providers)}"
    return "; write provider/model, or the name of an alias or a combo"


def _meant(name: str, among: Iterable[str]) -> str:
    """Give ``; did you mean 'x'?`` where something is close, else nothing."""
    close = get_close_matches(name, among, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
