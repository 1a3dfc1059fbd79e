"""The measures of a step, and the score made of them."""

from math import inf

import pytest

from omniroute.config.snapshot import Model, Price, Step
from omniroute.ir.facts import Facts
from omniroute.names import Format
from omniroute.routing.scoring import (
    WEIGHTS,
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
from omniroute.routing.strategies import auto
from omniroute.routing.view import View
from tests.support.snapshots import combo, provider, target

HOUSE = provider(
    "house",
    models=[
        Model("cheap", context=8_000, price=Price(1_000_000, 4_000_000)),
        Model("dear", context=200_000, price=Price(3_000_000, 15_000_000)),
        Model("unknown", price=Price(input=1_000_000)),
    ],
)
CHEAP, DEAR, UNKNOWN = (target(HOUSE, each) for each in ("cheap", "dear", "unknown"))
BOTH = Step(combo("both", DEAR, CHEAP))
NOTHING = Step(combo("nothing"))
FACTS = Facts("m", Format.OPENAI_CHAT, stream=True)


def test_a_step_comes_to_its_target_or_to_all_targets_of_its_combo() -> None:
    assert targets_of(Step(DEAR)) == (DEAR,)
    assert targets_of(BOTH) == (DEAR, CHEAP)


def test_a_price_is_worked_out_from_the_estimate_and_from_the_most_that_is_asked_for() -> None:
    facts = Facts("m", Format.OPENAI_CHAT, stream=True, input_tokens=2_000_000, max_output=0)
    assert price(Step(CHEAP), facts) == 2_000_000
    assert price(Step(CHEAP), FACTS) == 1_000 + 4_000  # a thousand tokens of each, where nothing is known


def test_a_price_is_unknown_where_one_of_its_classes_is() -> None:
    assert price(Step(UNKNOWN), FACTS) == inf
    assert price(Step(combo("c", UNKNOWN, DEAR)), FACTS) == 3_000 + 15_000


def test_a_measure_of_a_combo_is_the_best_of_its_targets() -> None:
    view = View(
        in_flight={DEAR.id: 4, CHEAP.id: 2},
        used={DEAR.id: 7, CHEAP.id: 9},
        latency={DEAR.id: 0.5},
        failing={DEAR.id: 1.0, CHEAP.id: 0.25},
    )
    assert price(BOTH, FACTS) == price(Step(CHEAP), FACTS)
    assert context(BOTH) == 200_000
    assert in_flight(BOTH, view) == 2
    assert used(BOTH, view) == 7
    assert latency(BOTH, view) == 0.5
    assert health(BOTH, view) == 0.75
    assert (holds(BOTH, CHEAP.id), holds(BOTH, UNKNOWN.id), holds(BOTH, None)) == (True, False, False)


def test_what_is_unknown_is_not_zero_and_a_combo_without_targets_is_worst() -> None:
    view = View()
    assert (latency(Step(DEAR), view), context(Step(UNKNOWN))) == (inf, 0)
    assert (price(NOTHING, FACTS), latency(NOTHING, view), in_flight(NOTHING, view), used(NOTHING, view)) == (inf,) * 4
    assert (context(NOTHING), health(NOTHING, view), full(NOTHING, view)) == (0, 0.0, True)


def test_a_combo_is_full_when_all_of_its_targets_rest() -> None:
    assert not full(BOTH, View(open={DEAR.id: 9.0}))
    assert full(BOTH, View(open={DEAR.id: 9.0, CHEAP.id: 9.0}))
    assert full(BOTH, View(cooling={("house", "main", ""): 9.0}))


def test_what_rests_has_no_health_whatever_came_before() -> None:
    assert health(Step(DEAR), View(open={"house": 9.0})) == 0.0
    assert health(Step(DEAR), View(open={"house": 9.0}, failing={DEAR.id: 0.5})) == 0.0
    assert health(BOTH, View(open={DEAR.id: 9.0}, failing={CHEAP.id: 0.5})) == 0.5


def scored(view: View) -> list[float]:
    return [round(each * sum(WEIGHTS.values()), 6) for each in scores("c", [Step(DEAR), Step(CHEAP)], view, FACTS)]


# Worked by hand. Of 90 parts: health 25, cost 20, load 20, latency 15, stability 5, order 5. The dear one costs 18,000
# nano-dollars and the cheap one 5,000: 20 x 5/18 = 5.555556 parts of the cost. Order gives the first 5, the second 2.5.
BY_HAND = [
    (View(), (25 + 5.555556 + 20 + 15 + 5, 25 + 20 + 20 + 15 + 2.5)),
    (View(failing={CHEAP.id: 0.4}), (70.555556, 15 + 20 + 20 + 15 + 2.5)),
    (View(open={CHEAP.id: 9.0}), (70.555556, 57.5)),
    # two being answered and one more against none and one more: a third
    (View(in_flight={CHEAP.id: 2}), (70.555556, 25 + 20 + 6.666667 + 15 + 2.5)),
    (View(in_flight={CHEAP.id: 3, DEAR.id: 1}), (70.555556, 25 + 20 + 10 + 15 + 2.5)),
    # the one that was never measured counts as the quickest
    (View(latency={CHEAP.id: 2.0}), (70.555556, 82.5)),
    (View(latency={CHEAP.id: 2.0, DEAR.id: 0.5}), (70.555556, 25 + 20 + 20 + 3.75 + 2.5)),
    (View(last_good={"c": DEAR.id, "other": CHEAP.id}), (75.555556, 82.5)),
]


@pytest.mark.parametrize(("view", "expected"), BY_HAND)
def test_a_score_is_what_a_person_works_out(view: View, expected: tuple[float, float]) -> None:
    assert scored(view) == pytest.approx(expected)


def test_an_unknown_price_gives_no_part_of_the_cost_and_a_free_one_all() -> None:
    free = target(provider("free", models=[Model("m", price=Price(0, 0))]), "m")
    steps = [Step(free), Step(CHEAP), Step(UNKNOWN)]
    assert [round(each * 90, 6) for each in scores("c", steps, View(), FACTS)] == pytest.approx(
        [85, 65 - 5 / 3, 65 - 10 / 3], abs=1e-5
    )


def test_scores_are_between_0_and_1_and_none_are_made_of_nothing() -> None:
    best = View(last_good={"c": CHEAP.id}, latency={CHEAP.id: 0.0})
    assert scores("c", [Step(CHEAP)], best, FACTS) == [1.0]
    assert scores("c", [], View(), FACTS) == []


def test_the_documentation_of_auto_says_what_each_factor_counts() -> None:
    told = " ".join((auto.__doc__ or "").split())
    assert ", ".join(f"{name} {weight}" for name, weight in WEIGHTS.items()) in told
