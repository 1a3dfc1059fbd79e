"""How one name leads to the next: the rule that ``check``, ``compile`` and routing share.

Always true: an exact alias wins over a combo, and a combo over a pattern. A pattern is followed once: what it gives
may be an alias, a combo or a model, and is not matched against patterns again, so that ``"*" = "house/*"`` means what
it says, and no pattern can lead into a circle.
"""

from collections.abc import Container, Mapping, Sequence

from omniroute.config.snapshot import Alias

LONGEST_CHAIN = 16
"""So many aliases in a row are followed, and no more."""


def following(
    name: str, aliases: Mapping[str, Alias], combos: Container[str], patterns: Sequence[Alias]
) -> tuple[Alias, str] | None:
    """Give the alias that a name is, and the name that it leads to; None where it is no alias.

    Args:
        name: the name to follow.
        aliases: the exact ones, by name.
        combos: the names of the combos.
        patterns: the most specific first; none, where a pattern was followed on the way here.
    """
    alias = aliases.get(name)
    if alias is not None:
        return alias, alias.target
    if name in combos:
        return None
    for pattern in patterns:
        held = stood_for(pattern, name)
        if held is not None:
            return pattern, pattern.target.replace("*", held, 1)
    return None


def ends(links: Mapping[str, str]) -> dict[str, str]:
    """Lead each name to the end of its row of links; one that runs into a circle leads nowhere, and is left out."""
    found: dict[str, str] = {}
    for name in links:
        at, seen = links[name], {name}
        while at in links and at not in seen:
            seen.add(at)
            at = links[at]
        if at not in links:
            found[name] = at
    return found


def stood_for(pattern: Alias, name: str) -> str | None:
    """Give what a pattern's star stands for in a name; None where the name does not fit."""
    before, _, after = pattern.name.partition("*")
    if len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after):
        return name[len(before) : len(name) - len(after)]
    return None
