"""Names of models in which a star stands for anything: what policies allow and deny.

Always true: a name is looked at in one walk, however many stars there are and however long the name is, which is as
long as a client likes. Names that stand for themselves cost a look into a set.
"""

from functools import lru_cache

import msgspec

STAR = "*"


class Patterns(msgspec.Struct, frozen=True):
    """Names as they are looked up: exact ones, beginnings before a star, and for all others the parts between stars."""

    exact: frozenset[str]
    beginnings: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]

    def hold(self, name: str) -> bool:
        """Say whether a name is one of these."""
        if name in self.exact or name.startswith(self.beginnings):
            return True
        return bool(self.parts) and any(_fits(each, name) for each in self.parts)


ALL = Patterns(frozenset(), ("",), ())
"""Every name there is."""


@lru_cache(maxsize=1024)
def patterns(names: tuple[str, ...]) -> Patterns:
    """Take names with stars apart. What is remembered are the lists of configurations that were in force."""
    exact = frozenset(each for each in names if STAR not in each)
    beginnings = tuple(each[:-1] for each in names if each.endswith(STAR) and each.count(STAR) == 1)
    known = exact.union(f"{each}{STAR}" for each in beginnings)
    return Patterns(exact, beginnings, tuple(tuple(each.split(STAR)) for each in names if each not in known))


def _fits(parts: tuple[str, ...], name: str) -> bool:
    """Say whether a name is made of these parts in order, with anything between them."""
    first, last = parts[0], parts[-1]
    at, end = len(first), len(name) - len(last)
    if end < at or not name.startswith(first) or not name.endswith(last):
        return False
    for part in parts[1:-1]:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
