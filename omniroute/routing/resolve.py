"""From the name a client asked for to the targets it stands for.

Always true: a name means the same whoever asks and whenever, for one snapshot. It is, in this order:

1. an exact alias, else a combo, else what the most specific pattern that it fits stands for (``config.naming``);
2. ``provider/model``, split at the first slash, where ``provider`` is the name of one that is configured, or else one
   of the other prefixes by which people know one (``Snapshot.prefixes``); the model need not be listed;
3. a bare name, slashes and all, of a model that exactly one provider lists. Several are an error that names them.

In the end, a model that another one replaces is that one, whichever way it was come by (``Resolved.replaced``). A path
that names its provider leaves only the last two steps, and within that provider.

What is remembered only saves work: what the names that clients ask for stand for in one snapshot, so many of them.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import msgspec

from omniroute.config.naming import LONGEST_CHAIN, following
from omniroute.config.snapshot import Alias, Provider, Snapshot, Target
from omniroute.errors import AmbiguousModel, UnknownModel, WrongProvider
from omniroute.ir.facts import Facts
from omniroute.names import Format, ProviderName, Strategy, TargetId

COLLECTION = "models/"
"""How https://ai.google.dev/api/models begins a model's resource name: the same model has the name without it, too."""

LONGEST_MEANT = 256
"""Characters of a name to which others are compared: a longer one is no slip of the pen, and may be a whole body."""

MOST_NAMES = 4_096
"""Names whose meaning is remembered, of ``LONGEST_MEANT`` characters at most."""

Asked = tuple[str, ProviderName | None]
"""The name that was asked for, and the provider that the path names."""
Way = tuple[tuple[Alias, str], ...]
"""The aliases that were followed, each with the name that it led to."""


class Resolved(msgspec.Struct, frozen=True):
    """What a name stands for: targets in the order written, and how a combo chooses among them.

    ``way`` is how it came to that. ``replaced`` are the names of a model that is gone, and of the one in its place,
    where that was asked for by its name, or by an alias.
    """

    targets: tuple[Target, ...]
    combo: str | None = None
    strategy: Strategy = Strategy.PRIORITY
    max_attempts: int | None = None
    way: Way = ()
    replaced: tuple[TargetId, TargetId] | None = None


def resolve(snapshot: Snapshot, facts: Facts) -> Resolved:
    """Find what ``facts.asked`` stands for.

    Raises:
        UnknownModel: nothing has this name; the message says what was probably meant.
        AmbiguousModel: several providers list a model of this name, which names none of them.
        WrongProvider: the path names one provider, and the model another.
    """
    asked = (facts.asked, facts.provider)
    known = _known.of(snapshot)
    found = known.get(asked)
    if found is None:
        found = _resolved(snapshot, facts)
        if len(facts.asked) <= LONGEST_MEANT:
            if len(known) >= MOST_NAMES:
                known.clear()
            known[asked] = found
    return found


class _Known:
    """What names stand for in the snapshot that was asked of last; threads may share it, and take turns in vain."""

    def __init__(self) -> None:
        self._last: tuple[Snapshot | None, dict[Asked, Resolved]] = (None, {})

    def of(self, snapshot: Snapshot) -> "dict[Asked, Resolved]":
        """Give what is known of a snapshot: what is added is never seen by who asks of another."""
        last, known = self._last
        if last is not snapshot:
            known = {}
            self._last = (snapshot, known)
        return known


_known = _Known()


def _resolved(snapshot: Snapshot, facts: Facts) -> Resolved:
    """Find it anew."""
    if facts.provider is not None:
        return _dedicated(snapshot, facts)
    name, patterns = facts.asked, snapshot.patterns
    way: Way = ()
    for _ in range(LONGEST_CHAIN + 1):
        step = following(name, snapshot.aliases, snapshot.combos, patterns)
        if step is None:
            return _found(snapshot, facts.asked, name, way)
        way = (*way, step)
        alias, name = step
        patterns = () if alias.pattern else patterns
    message = f"the aliases of model '{facts.asked}' lead on for more than {LONGEST_CHAIN} steps"
    raise UnknownModel(message)


def target_of(provider: Provider, model: str) -> Target:
    """Make the target for a model of a provider, known to the catalogue or not."""
    return Target(TargetId(f"{provider.name}/{model}"), provider, provider.known(model), provider.timeouts)


def known_names(snapshot: Snapshot) -> Iterator[str]:
    """Give every name that a client can be told of: combos, exact aliases, listed models."""
    yield from snapshot.combos
    yield from snapshot.aliases
    for provider in snapshot.providers.values():
        for model in provider.models:
            yield f"{provider.name}/{model}"


def _dedicated(snapshot: Snapshot, facts: Facts) -> Resolved:
    """Resolve a name on a path that names its provider: the prefix is added where it is missing."""
    provider = _provider(snapshot, str(facts.provider))
    if provider is None:
        message = f"no provider is named '{facts.provider}'{_meant(str(facts.provider), snapshot.providers)}"
        raise UnknownModel(message)
    prefix, slash, model = facts.asked.partition("/")
    named = _provider(snapshot, prefix) if slash and not _lists(provider, facts.asked) else None
    if named is None:
        return _model_of(provider, facts.asked)
    if named is provider:
        return _model_of(provider, model)
    message = f"model '{facts.asked}' does not belong to provider '{provider.name}'; expected '{provider.name}/…'"
    raise WrongProvider(message)


def _found(snapshot: Snapshot, asked: str, name: str, way: Way) -> Resolved:
    """Give what a name stands for that is no alias: a combo, or a provider's model."""
    combo = snapshot.combos.get(name)
    if combo is not None:
        return Resolved(combo.targets, combo.name, combo.strategy, combo.max_attempts, way)
    prefix, slash, model = name.partition("/")
    provider = _provider(snapshot, prefix) if slash and model else None
    if provider is not None:
        return _model_of(provider, model, way)
    listing = [each for each in snapshot.providers.values() if _lists(each, name)]
    if len(listing) == 1:
        return _model_of(listing[0], name, way)
    through = "" if asked == name else f" (which stands for '{name}')"
    if listing:
        full = " or ".join(f"{each.name}/{name}" for each in listing)
        message = f"Ambiguous model '{asked}'{through}: say provider/model ({full})"
        raise AmbiguousModel(message)
    message = f"no model, alias or combo is named '{asked}'{through}{_suggestion(snapshot, name, prefix)}"
    raise UnknownModel(message)


def _provider(snapshot: Snapshot, name: str) -> Provider | None:
    """Find a provider by its own name, or else by another one that people know it by."""
    return snapshot.providers.get(name) or snapshot.providers.get(snapshot.prefixes.get(name, ""))


def _lists(provider: Provider, model: str) -> bool:
    """Say whether a provider is known to have, or to have had, a model."""
    return model in provider.models or model in provider.replaced


def _model_of(provider: Provider, name: str, way: Way = ()) -> Resolved:
    """Give a provider's model, or the one that replaces it."""
    name = _bare(provider, name)
    target = target_of(provider, provider.replaced.get(name, name))
    gone = (TargetId(f"{provider.name}/{name}"), target.id) if name in provider.replaced else None
    return Resolved((target,), way=way, replaced=gone)


def _bare(provider: Provider, name: str) -> str:
    """Give the one name of a model that has two, so that policies and prices know it by either."""
    bare = name
    while bare.startswith(COLLECTION):
        bare = bare.removeprefix(COLLECTION)
    if bare == name or not bare or _lists(provider, name):
        return name
    return bare if Format.GEMINI in provider.formats or provider.prices.find(bare) is not None else name


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
    close = get_close_matches(name, among, n=1) if len(name) <= LONGEST_MEANT else ()
    return f"; did you mean '{close[0]}'?" if close else ""
