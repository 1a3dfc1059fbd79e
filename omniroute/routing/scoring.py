"""What strategies compare: the measures of a combo's step, and the score that the strategy ``auto`` makes of them.

Always true: a measure of a whole combo is the best that one of its targets has, and what is unknown is never taken
for zero: it is infinite where less is better.
"""

from collections.abc import Mapping, Sequence
from math import inf
from types import MappingProxyType

from omniroute.config.snapshot import Combo, Step, Target
from omniroute.ir.facts import Facts
from omniroute.ir.usage import Usage
from omniroute.routing.fitness import resting
from omniroute.routing.price import cost
from omniroute.routing.view import View

USUAL_TOKENS = 1000
"""How long an input is taken to be that nobody estimated, and an answer to which the client set no limit."""

WEIGHTS: Mapping[str, int] = MappingProxyType(
    {"health": 25, "cost": 20, "load": 20, "latency": 15, "stability": 5, "order": 5}
)
"""What each factor of a score counts, in parts of their sum. Documented where people look: at the strategy ``auto``."""


def targets_of(step: Step) -> tuple[Target, ...]:
    """Give all that a step can come to."""
    return step.to.targets if isinstance(step.to, Combo) else (step.to,)


def price(step: Step, facts: Facts) -> float:
    """Give the price of a request in nano-dollars, for the tokens that it sends and the most that it asks for."""
    tokens = Usage(
        input=USUAL_TOKENS if facts.input_tokens is None else facts.input_tokens,
        output=USUAL_TOKENS if facts.max_output is None else facts.max_output,
    )
    prices = (cost(each.model.price, tokens) for each in targets_of(step))
    return min((each for each in prices if each is not None), default=inf)


def latency(step: Step, view: View) -> float:
    """Give the moving average of seconds to the first token."""
    return min((view.latency.get(each.id, inf) for each in targets_of(step)), default=inf)


def context(step: Step) -> int:
    """Give the most tokens that a model takes; 0 where nobody knows."""
    return max((each.model.context or 0 for each in targets_of(step)), default=0)


def in_flight(step: Step, view: View) -> float:
    """Give how many requests are being answered."""
    return min((view.in_flight.get(each.id, 0) for each in targets_of(step)), default=inf)


def used(step: Step, view: View) -> float:
    """Give how many requests were sent since the start."""
    return min((view.used.get(each.id, 0) for each in targets_of(step)), default=inf)


def health(step: Step, view: View) -> float:
    """Give the share of the last attempts that did not fail; 0 of what rests."""
    return max((_health(each, view) for each in targets_of(step)), default=0.0)


def full(step: Step, view: View) -> bool:
    """Say whether nothing that a step can come to may be asked now."""
    return all(resting(each, view) is not None for each in targets_of(step))


def holds(step: Step, target: str | None) -> bool:
    """Say whether a step can come to a target."""
    return any(each.id == target for each in targets_of(step))


def scores(combo: str, steps: Sequence[Step], view: View, facts: Facts) -> list[float]:
    """Score each step of a combo, from 0 (worst) to 1 (best), as the strategy ``auto`` says in words.

    A factor is a number from 0 to 1 for each step; those of price, load and latency are the best of all steps over
    the step's own.
    """
    good = view.last_good.get(combo)
    factors: Mapping[str, Sequence[float]] = {
        "health": [health(each, view) for each in steps],
        "cost": _nearness([price(each, facts) for each in steps], unknown=0.0),
        "load": _nearness([1 + in_flight(each, view) for each in steps], unknown=0.0),
        "latency": _nearness([latency(each, view) for each in steps], unknown=1.0),
        "stability": [float(holds(each, good)) for each in steps],
        "order": [1 - place / len(steps) for place in range(len(steps))],
    }
    total = sum(WEIGHTS.values())
    return [
        sum(WEIGHTS[name] * values[place] for name, values in factors.items()) / total for place in range(len(steps))
    ]


def _health(target: Target, view: View) -> float:
    return 0.0 if resting(target, view) is not None else 1.0 - view.failing.get(target.id, 0.0)


def _nearness(values: Sequence[float], unknown: float) -> list[float]:
    """Say how near each value is to the least of them: 1 for that itself, a half for twice as much."""
    least = min(values, default=inf)
    return [unknown if each == inf else 1.0 if each == least else least / each for each in values]
