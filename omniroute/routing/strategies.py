"""How a combo orders what it can choose from: one pure function for each strategy.

Always true: a strategy gives every step of a combo exactly once; it leaves nobody out, which is the planner's work, and
it neither waits nor remembers. The same combo and situation give the same order, and what concerns other combos and
other targets does not change it. The functions' docstrings are the documentation that people read
(``docs/reference/strategies.md``).
"""

from collections.abc import Callable, Mapping
from math import inf, log1p
from types import MappingProxyType

import msgspec

from omniroute.config.snapshot import Combo, Step, Target
from omniroute.ir.facts import Facts
from omniroute.names import Strategy
from omniroute.routing.chance import draw, shuffled
from omniroute.routing.scoring import (
    context,
    full,
    health,
    holds,
    in_flight,
    latency,
    price,
    scores,
    targets_of,
    used,
)
from omniroute.routing.view import View

DECK = 0
"""The seed of shuffled decks: the same for every request, so that consecutive requests draw from the same deck."""


class Situation(msgspec.Struct, frozen=True):
    """All that a strategy may look at: the world, the request, and the seed of what is left to chance."""

    view: View
    facts: Facts
    seed: int


def ordered(combo: Combo, situation: Situation) -> tuple[Target, ...]:
    """Order all targets of a combo, each once, at the first place that it gets.

    A combo within the combo is ordered by its own strategy and takes the place of its step; one that is reached on
    several ways is ordered once.
    """
    return _ordered(combo, situation, {})


def _ordered(combo: Combo, situation: Situation, done: dict[int, tuple[Target, ...]]) -> tuple[Target, ...]:
    """Order a combo's targets; ``done`` are those that were ordered, by identity."""
    if id(combo) not in done:
        found: dict[str, Target] = {}
        for step in STRATEGIES[combo.strategy](combo, situation):
            inner = _ordered(step.to, situation, done) if isinstance(step.to, Combo) else (step.to,)
            for target in inner:
                found.setdefault(target.id, target)
        done[id(combo)] = tuple(found.values())
    return done[id(combo)]


def choosing(combo: Combo, situation: Situation) -> tuple[str, ...]:
    """Name the combos whose choice an order begins with, the outermost first.

    Only for these is a request to be counted as served. Were it counted for all combos within, those that take turns
    would move in step with the combo around them, and some of their targets would never be first.
    """
    steps = STRATEGIES[combo.strategy](combo, situation)
    first = steps[0].to if steps else None
    return (combo.name, *choosing(first, situation)) if isinstance(first, Combo) else (combo.name,)


def steps_of(combo: Combo) -> list[Step]:
    """Give what a combo chooses from, in the order written."""
    return list(combo.steps) or [Step(each) for each in combo.targets]


def dealt(count: int, turn: int, *names: str) -> list[int]:
    """Give the numbers below ``count`` as a shuffled deck shows them on a turn.

    In ``count`` turns, counted from a multiple of it, each number is first once; then the deck is shuffled anew. The
    others follow as they lie in the deck.
    """
    deal, place = divmod(turn, max(1, count))
    deck = shuffled(count, DECK, "deck", *names, deal)
    return deck[place:] + deck[:place]


def priority(combo: Combo, _situation: Situation) -> list[Step]:
    """The order written.

    The first target gets every request that it can serve. The others are there for when it fails or cannot be asked.
    """
    return steps_of(combo)


def weighted(combo: Combo, situation: Situation) -> list[Step]:
    """Draws by weight: of two targets with the weights 3 and 1, the first gets three requests of four.

    One is drawn to go first, then one of the rest by their weights, and so on; so a target that fails is replaced in
    the same proportions. A weight of 0 goes last, and is only used when all others have failed; several such are
    shuffled evenly. Each request is drawn for itself, so that shares are right on the average and not in every ten
    requests.
    """
    # Exponential keys give the same orders as repeated draws: Efraimidis and Spirakis, "Weighted random sampling with
    # a reservoir", 2006.
    steps = steps_of(combo)
    drawn = [-log1p(-draw(situation.seed, "weighted", combo.name, place)) for place in range(len(steps))]

    def key(place: int) -> tuple[bool, float]:
        weight = steps[place].weight
        return weight == 0, drawn[place] / (weight or 1)

    return [steps[place] for place in sorted(range(len(steps)), key=key)]


def round_robin(combo: Combo, situation: Situation) -> list[Step]:
    """Takes turns, in the order written.

    Each request of the combo begins one target further than the one before it, and after the last with the first
    again. Targets that follow the first are tried in the order written, around the circle. Weights do not count.
    """
    steps = steps_of(combo)
    start = _turn(combo, situation) % max(1, len(steps))
    return steps[start:] + steps[:start]


def random(combo: Combo, situation: Situation) -> list[Step]:
    """Shuffles evenly for every request.

    Every target goes first equally often on the average, and every order is equally likely. Nothing is remembered, so
    the same target may well be first several times in a row; where that matters, use ``strict-random``. Weights do not
    count.
    """
    steps = steps_of(combo)
    return [steps[place] for place in shuffled(len(steps), situation.seed, "random", combo.name)]


def strict_random(combo: Combo, situation: Situation) -> list[Step]:
    """Deals from a shuffled deck: random, and yet in equal shares.

    With n targets, each goes first in exactly one of n requests; then the deck is shuffled anew. After the first, the
    others are tried as they lie in the deck. The shuffles follow from the combo's name and the number of its requests
    since the start, so every process deals the same way. Weights do not count.
    """
    steps = steps_of(combo)
    return [steps[place] for place in dealt(len(steps), _turn(combo, situation), combo.name)]


def least_used(combo: Combo, situation: Situation) -> list[Step]:
    """Whoever was asked least goes first.

    Counted are all attempts at a target since the start of the process, whatever came of them and whichever combo made
    them. Of equals, the one written first goes first. A target that is new in the configuration therefore gets every
    request until it has caught up with the others.
    """
    return sorted(steps_of(combo), key=lambda each: used(each, situation.view))


def cost_optimized(combo: Combo, situation: Situation) -> list[Step]:
    """The cheapest for this very request goes first.

    The price is what the estimated tokens of the input cost together with the most tokens of output that the client
    asks for; 1000 are assumed of either where it is not known. So a model that is cheap to read and dear to write can
    win for one request and lose for another. A target without a known price goes last, for unknown is not free; of
    equals, the one written first goes first. Discounts for cached input are not counted.
    """
    return sorted(steps_of(combo), key=lambda each: price(each, situation.facts))


def latency_optimized(combo: Combo, situation: Situation) -> list[Step]:
    """Whoever was quickest to the first token of late goes first.

    Compared is the moving average of the seconds from the attempt to the first token. A target that was never measured
    is tried first until it has been, unless one of its last attempts failed or it cannot be asked now; and while any
    unmeasured target is answering, no other is tried in this way. Apart from that, unmeasured targets go last, in the
    order written.
    """
    view = situation.view
    steps = sorted(steps_of(combo), key=lambda each: latency(each, view))
    unmeasured = [each for each in steps if latency(each, view) == inf]
    if any(view.in_flight.get(target.id) for each in unmeasured for target in targets_of(each)):
        return steps
    return _foremost(steps, lambda each: latency(each, view) == inf and health(each, view) == 1)


def context_optimized(combo: Combo, _situation: Situation) -> list[Step]:
    """The model that takes the most tokens goes first.

    Compared are the context lengths of the catalogue and of your configuration, whatever the length of the request. A
    model whose context length is not known goes last; of equals, the one written first goes first.
    """
    return sorted(steps_of(combo), key=lambda each: -context(each))


def fill_first(combo: Combo, situation: Situation) -> list[Step]:
    """The order written, but whoever is full goes last.

    The first target gets all requests until it can take no more: its breaker or its provider's is open, or every
    credential of it cools down after the provider asked to wait. Then the next is filled, and so on; as soon as the
    first is free again, it is used again.
    """
    return sorted(steps_of(combo), key=lambda each: full(each, situation.view))


def p2c(combo: Combo, situation: Situation) -> list[Step]:
    """Draws two and takes the less busy one ("power of two choices").

    Two targets are drawn evenly; the one that is answering fewer requests at this moment goes first, the other second.
    The rest follow, shuffled. This keeps load even without sending every request to whoever happens to be idle, and
    with two targets it simply takes the less busy. Weights do not count.
    """
    steps = steps_of(combo)
    drawn = [steps[place] for place in shuffled(len(steps), situation.seed, "p2c", combo.name)]
    return sorted(drawn[:2], key=lambda each: in_flight(each, situation.view)) + drawn[2:]


def last_known_good(combo: Combo, situation: Situation) -> list[Step]:
    """Whoever answered this combo last goes first.

    The others follow in the order written, and so does everything before the first answer. When the first fails and
    another answers, the combo stays with that one until it fails in its turn: it does not go back by itself.
    """
    good = situation.view.last_good.get(combo.name)
    return _foremost(steps_of(combo), lambda each: holds(each, good))


def context_relay(combo: Combo, _situation: Situation) -> list[Step]:
    """Stays with the session's target, and hands over when it fails.

    A request of a known session goes first to the target that answered the session last, with the same credential, so
    that the provider's prompt cache is of use. The others follow in the order written, which is also the order of
    requests that belong to no session.
    """
    return steps_of(combo)


def auto(combo: Combo, situation: Situation) -> list[Step]:
    """Weighs all that is known of the targets; the highest score goes first.

    A score is a sum of factors from 0 to 1, which count: health 25, cost 20, load 20, latency 15, stability 5, order 5.
    Health is the share of the last attempts that did not fail, and 0 while a breaker is open or all credentials cool
    down. Cost, load and latency are the best of all targets over the target's own, so that twice the price counts half:
    the price is that of ``cost-optimized``, and 0 where it is unknown; load is the number of requests being answered,
    plus one; latency is that of ``latency-optimized``, and 1 until it has been measured. Stability is 1 for the target
    that answered this combo last, and order falls evenly from 1 for the target written first. Nothing is left to
    chance.
    """
    steps = steps_of(combo)
    found = scores(combo.name, steps, situation.view, situation.facts)
    return [steps[place] for place in sorted(range(len(steps)), key=lambda place: -found[place])]


# literal table: a row for each strategy
STRATEGIES: Mapping[Strategy, Callable[[Combo, Situation], list[Step]]] = MappingProxyType(
    {
        Strategy.PRIORITY: priority,
        Strategy.WEIGHTED: weighted,
        Strategy.ROUND_ROBIN: round_robin,
        Strategy.RANDOM: random,
        Strategy.STRICT_RANDOM: strict_random,
        Strategy.LEAST_USED: least_used,
        Strategy.COST_OPTIMIZED: cost_optimized,
        Strategy.LATENCY_OPTIMIZED: latency_optimized,
        Strategy.CONTEXT_OPTIMIZED: context_optimized,
        Strategy.FILL_FIRST: fill_first,
        Strategy.P2C: p2c,
        Strategy.LAST_KNOWN_GOOD: last_known_good,
        Strategy.CONTEXT_RELAY: context_relay,
        Strategy.AUTO: auto,
    }
)


def _turn(combo: Combo, situation: Situation) -> int:
    """Give the number of requests that a combo has had before this one."""
    return situation.view.served.get(combo.name, 0)


def _foremost(steps: list[Step], meant: Callable[[Step], bool]) -> list[Step]:
    """Move the first step that is meant to the front."""
    place = next((place for place, each in enumerate(steps) if meant(each)), 0)
    return steps[place : place + 1] + steps[:place] + steps[place + 1 :]
