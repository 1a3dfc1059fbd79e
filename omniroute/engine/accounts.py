"""What the budgets of a policy are paid from now: one purse each, in the period that is under way.

Always true: what is remembered is what would be worked out anew; it is for one policy of one configuration, and until
the first of its periods ends.
"""

from math import inf

import msgspec

from omniroute.config.policy import Budget, Policy
from omniroute.limits.periods import Span, span
from omniroute.limits.port import Purse

NOBODY: frozenset[str] = frozenset()
MOST = 1024
"""Policies that are remembered."""


class Account(msgspec.Struct, frozen=True):
    """The budgets of a policy in their periods, which all hold from ``begin`` and before ``end``, in Unix seconds.

    ``purses``, ``spans`` and ``low_from``, the nano-dollars from which there is a warning, are in the order of the
    policy's budgets; ``names`` are what a usage row tells of them.
    """

    policy: Policy
    begin: float
    end: float
    spans: tuple[Span, ...]
    purses: tuple[Purse, ...]
    names: tuple[tuple[str, int], ...]
    low_from: tuple[float, ...]

    def binding(self, spared: frozenset[str]) -> tuple[Purse, ...]:
        """Give the purses; the budgets of these names only count, and hold nothing back."""
        if not spared:
            return self.purses
        return tuple([Purse(each.budget, each.since, None) if each.budget in spared else each for each in self.purses])


class Accounts:
    """Remembers accounts."""

    def __init__(self) -> None:
        """Start without any."""
        self._known: dict[str, Account] = {}

    def of(self, policy: Policy, now: float) -> Account:
        """Give what a policy's requests are paid from at this instant, in Unix seconds."""
        known = self._known.get(policy.name)
        if known is not None and known.policy is policy and known.begin <= now < known.end:
            return known
        if len(self._known) >= MOST:
            self._known.clear()
        found = self._known[policy.name] = _opened(policy, now)
        return found


def _opened(policy: Policy, now: float) -> Account:
    """Find the periods of a policy's budgets."""
    budgets = policy.budgets
    spans = tuple([span(budget.period, budget.timezone, now) for budget in budgets])
    purses = tuple([_purse(budget, each) for budget, each in zip(budgets, spans, strict=True)])
    return Account(
        policy=policy,
        begin=max(each.begin for each in spans),
        end=min(inf if each.end is None else each.end for each in spans),
        spans=spans,
        purses=purses,
        names=tuple([(purse.budget, purse.since) for purse in purses]),
        low_from=tuple([budget.limit * budget.warn_at for budget in budgets]),
    )


def _purse(budget: Budget, within: Span) -> Purse:
    """Give the purse of a budget; one that only warns holds nothing back."""
    return Purse(budget.name, within.begin, None if budget.on_exceed == "warn" else budget.limit)
