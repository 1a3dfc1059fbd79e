"""What the names of a configuration come to when something is lost, and how long they can keep a client waiting.

Always true: names are resolved by the function that ``serve`` resolves them by, and everything here is a pure function
of a snapshot. What is said of a loss is the worst case: whatever is lost is tried first, as far as a strategy allows
it. That a request may need what only some targets have is not looked at here; the rule ``uneven-capabilities`` is.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from omniroute.config.checks.reach import AS_WRITTEN
from omniroute.config.faults import Fault, Spot
from omniroute.config.snapshot import Alias, Combo, Snapshot, Target
from omniroute.config.source import Path
from omniroute.config.waits import Bound, longest
from omniroute.config.words import listed, member
from omniroute.ir.facts import Facts
from omniroute.names import Format
from omniroute.routing.resolve import resolve

Unit = tuple[str, str]
"""What can be lost: a provider, whose credential is "", or one of its credentials."""


class Loss(msgspec.Struct, frozen=True):
    """A counter-example: with these lost, a name is not answered.

    ``spent`` says that targets would be left, and that the combo's attempts are used up before they are tried.
    """

    path: Path
    units: tuple[Unit, ...]
    spent: bool = False


class _Name(msgspec.Struct, frozen=True):
    """A combo or an alias: where it is written, what it comes to, and whether that is tried in the order written."""

    path: Path
    targets: tuple[Target, ...]
    max_attempts: int | None
    as_written: bool


def survive(snapshot: Snapshot, losses: int = 1) -> tuple[Loss, ...]:
    """Find every combo and alias that does not survive the loss of so many providers, or of so many credentials.

    An upstream inside this process is never lost, nor is a credential without a secret. An alias is left out where
    what it comes to depends on what its star stands for.

    Returns:
        For each name at most one counter-example of either kind, that of providers first.
    """
    found = (
        _counter_example(name, units, losses)
        for name in _names(snapshot)
        for units in (_providers(name.targets), _credentials(name.targets))
    )
    return tuple(loss for loss in found if loss is not None)


def fragile(snapshot: Snapshot, losses: int = 1) -> Iterator[Fault]:
    """OR5013: say of each combo and alias that does not survive so many losses what it does not survive."""
    first: dict[Path, Loss] = {}
    further: dict[Path, Loss] = {}
    for loss in survive(snapshot, losses):
        (further if loss.path in first else first)[loss.path] = loss
    for path, loss in first.items():
        also = further.get(path)
        yield Fault(
            "OR5013",
            f"{member(path)} does not survive the loss of {_lost(loss.units)}",
            Spot(path, key=True),
            label=_why(loss),
            hint=_remedy(loss),
            note=f"nor does it survive the loss of {_lost(also.units)}" if also is not None else "",
        )


def worst_cases(snapshot: Snapshot) -> tuple[Bound, ...]:
    """Give the most attempts and the most time that each combo and alias can take, the combos first."""
    return tuple(_worst_case(name, snapshot.resilience.longest_wait) for name in _names(snapshot))


def _names(snapshot: Snapshot) -> Iterator[_Name]:
    """Give every combo, alias and pattern, with what ``serve`` would resolve it to."""
    after_pattern = msgspec.structs.replace(snapshot, patterns=())
    asked: list[tuple[Path, Snapshot, str]] = [(("combos", name), snapshot, name) for name in snapshot.combos]
    asked += ((("aliases", name), snapshot, name) for name in snapshot.aliases)
    asked += ((("aliases", each.name), after_pattern, each.target) for each in snapshot.patterns if _settled(each))
    for path, where, name in asked:
        resolved = resolve(where, Facts(name, Format.OPENAI_CHAT, stream=False))
        combo = snapshot.combos.get(resolved.combo or "")
        yield _Name(path, resolved.targets, resolved.max_attempts, combo is None or _as_written(combo))


def _settled(pattern: Alias) -> bool:
    """Say whether a pattern leads to the same provider or combo, whatever its star stands for."""
    return "*" not in pattern.target.partition("/")[0]


def _as_written(combo: Combo) -> bool:
    inner = (step.to for step in combo.steps)
    return combo.strategy in AS_WRITTEN and all(_as_written(each) for each in inner if isinstance(each, Combo))


def _providers(targets: Iterable[Target]) -> tuple[Unit, ...]:
    return tuple(dict.fromkeys((each.provider.name, "") for each in targets if not each.provider.embedded))


def _credentials(targets: Iterable[Target]) -> tuple[Unit, ...]:
    found = ((each.provider, credential) for each in targets for credential in each.provider.credentials)
    return tuple(dict.fromkeys((owner.name, each.name) for owner, each in found if each.secret is not None))


def _counter_example(name: _Name, units: Sequence[Unit], losses: int) -> Loss | None:
    for lost in combinations(units, min(losses, len(units))):
        left = [place for place, target in enumerate(name.targets) if not _is_lost(target, lost)]
        if lost and not left:
            return Loss(name.path, lost)
        if name.max_attempts is not None and left and _spent(name, lost, left[0]) >= name.max_attempts:
            return Loss(name.path, lost, spent=True)
    return None


def _is_lost(target: Target, lost: Sequence[Unit]) -> bool:
    provider = target.provider
    return (provider.name, "") in lost or all((provider.name, each.name) in lost for each in provider.credentials)


def _spent(name: _Name, lost: Sequence[Unit], left: int) -> int:
    """Count the attempts that what is lost can use up, before one is made at a target that is left.

    A provider that is lost costs one attempt for each of its targets, a credential one in all. Where targets are tried
    as they are written, what stands behind the first that is left costs one more at most: a session may begin there.
    """
    before = _cost(name.targets[: left + 1], lost)
    everything = _cost(name.targets, lost)
    return min(everything, before + 1) if name.as_written else everything


def _cost(targets: Sequence[Target], lost: Sequence[Unit]) -> int:
    asked: list[str] = [each.provider.name for each in targets]
    return sum(min(asked.count(provider), 1) if credential else asked.count(provider) for provider, credential in lost)


def _lost(units: Sequence[Unit]) -> str:
    """Name what is lost."""
    if units[0][1]:
        return " and ".join(f"credential `{name}` of provider `{provider}`" for provider, name in units)
    return f"{'provider' if len(units) == 1 else 'providers'} {listed((name for name, _ in units), 'and')}"


def _why(loss: Loss) -> str:
    what = "it" if len(loss.units) == 1 else "them"
    return f"its attempts can all be spent on {what}" if loss.spent else f"no target is left without {what}"


def _remedy(loss: Loss) -> str:
    if loss.spent:
        return "raise `max_attempts`"
    return "add a second credential" if loss.units[0][1] else "add a target of another provider"


def _worst_case(name: _Name, patience: float) -> Bound:
    """Add up the slowest attempts that are allowed, and what is waited for; no request takes longer than its total."""
    waits = [longest(target.timeouts) for target in name.targets for _ in target.provider.credentials]
    attempts = min(name.max_attempts or len(waits), len(waits))
    total = max(target.timeouts.total for target in name.targets)
    seconds = min(total, patience + sum(sorted(waits, reverse=True)[:attempts]))
    return Bound(str(name.path[1]), attempts, seconds)
