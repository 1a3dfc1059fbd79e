"""What each strategy does in cases that a person can check; what holds for all is in tests/laws."""

import re

import msgspec
import pytest

from omniroute.config.snapshot import Combo, Model, Price, Step, Target, Timeouts
from omniroute.ir.facts import Facts
from omniroute.names import Format, Strategy
from omniroute.routing.scoring import targets_of
from omniroute.routing.strategies import STRATEGIES, Situation, choosing, dealt, ordered
from omniroute.routing.view import View
from tests.support.reference.strategies import strategies_page
from tests.support.snapshots import combo, provider, target

HOUSE = provider(
    "house",
    models=[
        Model("a", context=8_000, price=Price(3_000_000, 4_000_000)),
        Model("b", price=Price(1_000_000, 40_000_000)),
        Model("c", context=200_000),
    ],
)
A, B, C = (target(HOUSE, each) for each in "abc")
D = target(provider("other", models=[Model("d", context=8_000, price=Price(0, 0))]), "d")
FACTS = Facts("m", Format.OPENAI_CHAT, stream=True)
NOTHING_KNOWN = View()


def situation(view: View = NOTHING_KNOWN, facts: Facts = FACTS, seed: int = 0) -> Situation:
    return Situation(view, facts, seed)


def order(by: Strategy, view: View = NOTHING_KNOWN, facts: Facts = FACTS, seed: int = 0, weights: str = "111") -> str:
    steps = [Step(each, int(weight)) for each, weight in zip((A, B, C), weights, strict=True)]
    return letters(ordered(combo("x", strategy=by, steps=steps), situation(view, facts, seed)))


def letters(targets: tuple[Target, ...]) -> str:
    return "".join(each.model.name for each in targets)


def test_every_strategy_is_in_the_table() -> None:
    assert list(STRATEGIES) == list(Strategy)


@pytest.mark.parametrize("by", list(Strategy))
def test_every_strategy_says_what_it_does_in_a_few_sentences_which_are_its_documentation(by: Strategy) -> None:
    told = " ".join((STRATEGIES[by].__doc__ or "").split())
    assert 2 <= len(re.findall(r"\.(?= |$)", told)) <= 7
    written = " ".join(strategies_page().split())
    assert f"### `{by}`" in written
    assert told.replace("``", "`") in written


def test_a_combo_made_of_targets_alone_is_ordered_by_them() -> None:
    assert letters(ordered(combo("x", C, A), situation())) == "ca"


def test_a_combo_within_a_combo_is_ordered_by_its_own_strategy_and_keeps_its_place() -> None:
    inner = combo("inner", B, C, strategy=Strategy.ROUND_ROBIN)
    outer = combo("outer", steps=[Step(A), Step(inner), Step(D)])
    assert letters(ordered(outer, situation(View(served={"inner": 1, "outer": 7})))) == "acbd"


def test_a_target_that_comes_twice_keeps_the_first_place_that_it_got() -> None:
    inner = combo("inner", C, B)
    hasty = msgspec.structs.replace(B, timeouts=Timeouts(total=1.0))
    outer = combo("outer", steps=[Step(A), Step(inner), Step(hasty), Step(A), Step(D)])
    assert ordered(outer, situation()) == (A, C, B, D)  # and the timeouts that are written at that place


def test_those_that_chose_the_first_target_are_named_and_no_others() -> None:
    inner, beside = combo("inner", A, B), combo("beside", C)
    outer = combo("outer", strategy=Strategy.ROUND_ROBIN, steps=[Step(inner), Step(D), Step(beside)])
    chose = [choosing(outer, situation(View(served={"outer": served}))) for served in range(3)]
    assert chose == [("outer", "inner"), ("outer",), ("outer", "beside")]
    assert choosing(combo("empty"), situation()) == ("empty",)


@pytest.mark.parametrize("by", [Strategy.PRIORITY, Strategy.CONTEXT_RELAY])
def test_priority_and_context_relay_keep_the_order_written_whatever_happened(by: Strategy) -> None:
    busy = View(in_flight={A.id: 9}, used={A.id: 9}, failing={A.id: 1.0}, last_good={"x": C.id}, served={"x": 5})
    assert order(by, busy, weights="019") == "abc"


def test_a_weight_of_zero_goes_last() -> None:
    firsts = {order(Strategy.WEIGHTED, seed=seed, weights="019") for seed in range(200)}
    assert firsts == {"bca", "cba"}


def test_weights_of_zero_are_shuffled_among_themselves() -> None:
    assert len({order(Strategy.WEIGHTED, seed=seed, weights="000") for seed in range(200)}) == 6


@pytest.mark.parametrize(("served", "expected"), [(0, "abc"), (1, "bca"), (2, "cab"), (3, "abc")])
def test_round_robin_begins_one_further_with_each_request(served: int, expected: str) -> None:
    assert order(Strategy.ROUND_ROBIN, View(served={"x": served, "other": 1})) == expected


def test_random_gives_every_order() -> None:
    assert len({order(Strategy.RANDOM, seed=seed) for seed in range(200)}) == 6


def test_a_shuffled_deck_does_not_depend_on_the_requests_seed() -> None:
    views = [View(served={"x": served}) for served in range(60)]
    assert [order(Strategy.STRICT_RANDOM, each, seed=1) for each in views] == [
        order(Strategy.STRICT_RANDOM, each, seed=2) for each in views
    ]


def test_a_deck_is_shuffled_anew_each_round_and_shows_each_card_once_in_it() -> None:
    rounds = ["".join(str(dealt(3, 3 * deal + place, "x")[0]) for place in range(3)) for deal in range(60)]
    assert {"".join(sorted(each)) for each in rounds} == {"012"}
    assert len(set(rounds)) == 6
    assert dealt(0, 5, "x") == []


def test_decks_of_different_names_are_shuffled_differently() -> None:
    assert [dealt(9, 0, "x")] != [dealt(9, 0, "y")]


def test_least_used_goes_first_and_equals_stay_as_written() -> None:
    assert order(Strategy.LEAST_USED, View(used={A.id: 2, B.id: 1, C.id: 1})) == "bca"


def test_the_cheapest_for_this_request_goes_first_and_an_unknown_price_last() -> None:
    reading = Facts("m", Format.OPENAI_CHAT, stream=True, input_tokens=100_000, max_output=10)
    writing = Facts("m", Format.OPENAI_CHAT, stream=True, input_tokens=10, max_output=100_000)
    assert order(Strategy.COST_OPTIMIZED, facts=reading) == "bac"
    assert order(Strategy.COST_OPTIMIZED, facts=writing) == "abc"
    assert order(Strategy.COST_OPTIMIZED) == "abc"


def test_a_combo_is_as_cheap_as_its_cheapest_target() -> None:
    outer = combo("x", strategy=Strategy.COST_OPTIMIZED, steps=[Step(A), Step(combo("in", C, D))])
    assert letters(ordered(outer, situation())) == "cda"


MEASURED: dict[str, float] = {A.id: 0.9, B.id: 0.2, C.id: 0.5}
NOT_C: dict[str, float] = {A.id: 0.9, B.id: 0.2}
ONLY_A: dict[str, float] = {A.id: 0.9}


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(latency=MEASURED), "bca"),
        # never measured: tried first, one at a time
        (View(), "abc"),
        (View(latency=NOT_C), "cba"),
        (View(latency=ONLY_A), "bac"),
        # and not while one of the unmeasured is answering; what a measured one is answering does not matter
        (View(latency=NOT_C, in_flight={C.id: 1}), "bac"),
        (View(latency=ONLY_A, in_flight={C.id: 1}), "abc"),
        (View(latency=NOT_C, in_flight={A.id: 1, C.id: 0}), "cba"),
        # nor where it failed or rests; then the next may be tried
        (View(latency=NOT_C, failing={C.id: 0.1}), "bac"),
        (View(latency=ONLY_A, failing={B.id: 1.0}), "cab"),
        (View(latency=ONLY_A, open={B.id: 9.0}), "cab"),
    ],
)
def test_the_quickest_goes_first_and_what_was_never_measured_is_tried_once(view: View, expected: str) -> None:
    assert order(Strategy.LATENCY_OPTIMIZED, view) == expected


def test_the_largest_context_goes_first_and_an_unknown_one_last() -> None:
    assert order(Strategy.CONTEXT_OPTIMIZED) == "cab"
    outer = combo("x", strategy=Strategy.CONTEXT_OPTIMIZED, steps=[Step(D), Step(A), Step(combo("in", B, C))])
    assert letters(ordered(outer, situation())) == "bcda"


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), "abc"),
        (View(open={A.id: 9.0}), "bca"),
        (View(open={A.id: 9.0, B.id: 9.0}), "cab"),
        (View(cooling={("house", "main", "b"): 9.0}), "acb"),
        (View(open={"house": 9.0}), "abc"),
    ],
)
def test_what_is_full_goes_last(view: View, expected: str) -> None:
    assert order(Strategy.FILL_FIRST, view) == expected


def test_of_two_drawn_the_less_busy_goes_first() -> None:
    busy = View(in_flight={A.id: 2, B.id: 1})
    orders = {order(Strategy.P2C, busy, seed=seed) for seed in range(200)}
    assert orders == {"bac", "cab", "cba"}


def test_whoever_answered_this_combo_last_goes_first() -> None:
    assert order(Strategy.LAST_KNOWN_GOOD) == "abc"
    assert order(Strategy.LAST_KNOWN_GOOD, View(last_good={"x": B.id, "other": C.id})) == "bac"
    assert order(Strategy.LAST_KNOWN_GOOD, View(last_good={"x": "gone/gone"})) == "abc"


def test_the_combo_that_holds_the_last_good_target_goes_first() -> None:
    outer = combo("x", strategy=Strategy.LAST_KNOWN_GOOD, steps=[Step(A), Step(combo("in", B, C)), Step(D)])
    assert letters(ordered(outer, situation(View(last_good={"x": C.id})))) == "bcad"


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), "abc"),  # a is the cheapest, c of unknown price
        (View(failing={A.id: 1.0}), "bca"),
        (View(open={A.id: 9.0, B.id: 9.0}), "cab"),
        (View(in_flight={A.id: 99, B.id: 1, C.id: 99}), "bac"),
    ],
)
def test_auto_puts_the_highest_score_first(view: View, expected: str) -> None:
    assert order(Strategy.AUTO, view) == expected


@pytest.mark.parametrize("by", list(Strategy))
def test_a_combo_without_steps_has_an_empty_order(by: Strategy) -> None:
    assert ordered(Combo("x", by, (), None), situation()) == ()


@pytest.mark.parametrize("by", list(Strategy))
def test_a_step_that_is_written_twice_is_given_twice(by: Strategy) -> None:
    twice = combo("x", strategy=by, steps=[Step(A), Step(B), Step(A)])
    view = View(last_good={"x": A.id}, served={"x": 1}, in_flight={B.id: 1})
    assert sorted(letters(targets_of(each)) for each in STRATEGIES[by](twice, situation(view))) == ["a", "a", "b"]


def test_combos_that_are_reached_on_many_ways_are_ordered_once() -> None:
    inner = combo("c0", A, B)
    for depth in range(1, 60):
        inner = combo(f"c{depth}", strategy=Strategy.PRIORITY, steps=[Step(inner), Step(inner)])
    assert letters(ordered(inner, situation())) == "ab"
