"""Which of a provider's credentials is asked with first: one pure function for each strategy.

Always true: every credential is given exactly once, the usable before the others. Of those that are free, a lower
priority number goes before a higher, and the provider's strategy orders those of the same number. The functions'
docstrings are the documentation that people read (``docs/reference/strategies.md``).
"""

from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType

from omniroute.config.snapshot import Credential, Provider
from omniroute.routing.chance import draw
from omniroute.routing.strategies import Situation, dealt
from omniroute.routing.view import rests

STICKY = 3
"""How often a credential is used before it is the next one's turn."""

Group = list[Credential]
"""Credentials of one priority that are free, in the order written."""


def ordered(provider: Provider, model: str, situation: Situation) -> tuple[Credential, ...]:
    """Order a provider's credentials for one of its models.

    Those that rest for the model come after all that are free, the one that is free again soonest before the others;
    those without a secret come last.
    """
    if len(provider.credentials) == 1:
        return provider.credentials
    groups: dict[tuple[float, int], Group] = {}
    for each in provider.credentials:
        groups.setdefault((_wait(provider, each, model, situation), each.priority), []).append(each)
    order = CREDENTIAL_STRATEGIES[provider.credential_strategy]
    return tuple(each for key in sorted(groups) for each in order(provider, groups[key], situation))


def fill_first(_provider: Provider, group: Group, _situation: Situation) -> Group:
    """The order written: the first is used until it has to rest."""
    return group


def round_robin(provider: Provider, group: Group, situation: Situation) -> Group:
    """Takes turns in the order written, with three uses to a turn so that prompt caches are of some use."""
    start = _uses(provider, group, situation) // STICKY % len(group)
    return group[start:] + group[:start]


def p2c(provider: Provider, group: Group, situation: Situation) -> Group:
    """Draws two evenly, and the one that was used less goes first; the rest follow, shuffled."""
    drawn = random(provider, group, situation)
    return least_used(provider, drawn[:2], situation) + drawn[2:]


def random(provider: Provider, group: Group, situation: Situation) -> Group:
    """Shuffles evenly for every request."""
    return sorted(group, key=lambda each: draw(situation.seed, "credential", provider.name, each.name))


def least_used(provider: Provider, group: Group, situation: Situation) -> Group:
    """Whoever was used least since the start of the process goes first; of equals, the one written first."""
    used = situation.view.credential_used
    return sorted(group, key=lambda each: used.get((provider.name, each.name), 0))


def strict_random(provider: Provider, group: Group, situation: Situation) -> Group:
    """Deals from a shuffled deck: each is first in exactly one of as many uses as there are credentials."""
    turn = _uses(provider, group, situation)
    return [group[place] for place in dealt(len(group), turn, "credential", provider.name)]


# literal table: a row for each strategy that ``Provider.credential_strategy`` may name
CREDENTIAL_STRATEGIES: Mapping[str, Callable[[Provider, Group, Situation], Group]] = MappingProxyType(
    {
        "fill-first": fill_first,
        "round-robin": round_robin,
        "p2c": p2c,
        "random": random,
        "least-used": least_used,
        "strict-random": strict_random,
    }
)


def _wait(provider: Provider, credential: Credential, model: str, situation: Situation) -> float:
    """Give the seconds until a credential can be used for a model; without end where it has no secret."""
    if (provider.name, credential.name) in situation.view.unusable:
        return inf
    return rests(situation.view, provider.name, credential.name, model)


def _uses(provider: Provider, group: Group, situation: Situation) -> int:
    """Give how often the credentials of a group were used together."""
    return sum(situation.view.credential_used.get((provider.name, each.name), 0) for each in group)
