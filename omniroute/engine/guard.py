"""The guard rail: a configuration that takes too much away is refused, though nothing is wrong with it.

A file that is cut short at a line end is valid TOML with tables missing, so no other check can tell an accident from
an intention. Two rules:

1. All providers gone, where there were some, is always refused.
2. Where at least three providers, combos, aliases or keys were in force, a change that removes more than
   ``reload.max_removed_percent`` of that kind is refused. Of one or two, a percentage says nothing.

Always true: the limit is the one in force, not the one in the new files, since a cut file may have lost it. So the
way through is to raise it first, as a change of its own, or to restart. A rename counts as a removal.
"""

from collections.abc import Iterable, Mapping, Set

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.snapshot import Snapshot
from omniroute.names import Severity

FEWEST_FOR_PERCENT = 3
NAMED_AT_MOST = 10


def guard(old: Snapshot, new: Snapshot) -> tuple[Diagnostic, ...]:
    """Say what speaks against putting ``new`` in the place of ``old``: nothing, or one OR8001 for each kind."""
    return tuple(_refusals(old, new))


def _refusals(old: Snapshot, new: Snapshot) -> Iterable[Diagnostic]:
    limit = old.reload.max_removed_percent
    names = _names(new)
    for kind, before in _names(old).items():
        after = names[kind]
        removed = sorted(before - after)
        if kind == "provider" and before and not after:
            yield _refusal(kind, removed, len(before), "without a provider nothing is served; to mean it, restart")
        elif len(before) >= FEWEST_FOR_PERCENT and len(removed) * 100 > limit * len(before):
            way = "to mean it, raise that first, in a change of its own, or restart"
            yield _refusal(kind, removed, len(before), f"`reload.max_removed_percent` is {limit}; {way}")


def _names(snapshot: Snapshot) -> Mapping[str, Set[str]]:
    """What has a name that somebody may rely on, by kind."""
    return {
        "provider": snapshot.providers.keys(),
        "combo": snapshot.combos.keys(),
        "alias": snapshot.aliases.keys() | {each.name for each in snapshot.patterns},
        "key": {each.name for each in snapshot.keys.values()},
    }


def _refusal(kind: str, removed: list[str], total: int, hint: str) -> Diagnostic:
    shown = ", ".join(f"`{name}`" for name in removed[:NAMED_AT_MOST])
    more = f" and {len(removed) - NAMED_AT_MOST} more" if len(removed) > NAMED_AT_MOST else ""
    plural = "aliases" if kind == "alias" else f"{kind}s"
    return Diagnostic(
        code="OR8001",
        severity=Severity.ERROR,
        summary=f"the new configuration would remove {len(removed)} of {total} {plural}",
        note=f"it would remove {shown}{more}",
        hint=hint,
    )
