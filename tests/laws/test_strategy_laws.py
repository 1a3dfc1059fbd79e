"""Every strategy only orders: it loses and invents nobody, repeats itself, minds its own combo, keeps its shares."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.config.snapshot import Combo, Credential, Model, Price, Provider, Step, Target
from omniroute.ir.facts import Facts
from omniroute.names import CredentialName, Format, Strategy
from omniroute.routing.credentials import CREDENTIAL_STRATEGIES
from omniroute.routing.credentials import ordered as ordered_credentials
from omniroute.routing.strategies import STRATEGIES, Situation, choosing, ordered
from omniroute.routing.view import View, rests
from tests.support.laws import often
from tests.support.snapshots import combo, provider, target

LAW = settings(max_examples=often(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])

FACTS = Facts("m", Format.OPENAI_CHAT, stream=True)
NOTHING_KNOWN = View()
MODELS = [
    Model("plain"),
    Model("short", context=8_000, price=Price(1_000_000, 5_000_000)),
    Model("long", context=200_000, price=Price(0, 0)),
]
PROVIDERS = [provider(name, credentials=("one", "two"), models=MODELS) for name in ("red", "blue")]
TARGETS = [target(of, model.name) for of in PROVIDERS for model in MODELS]
NAMES = ["outer", "inner", "innermost", "unrelated"]

amounts = st.integers(0, 5)
shares = st.floats(0, 1)
seconds = st.floats(0, 100)
seeds = st.integers(0, 2**64)
by_target = st.sampled_from([each.id for each in TARGETS])
by_credential = st.tuples(st.sampled_from(["red", "blue"]), st.sampled_from(["one", "two"]))
facts = st.builds(
    Facts,
    asked=st.just("m"),
    format=st.just(Format.OPENAI_CHAT),
    stream=st.booleans(),
    input_tokens=st.none() | st.integers(0, 10**6),
    max_output=st.none() | st.integers(0, 10**5),
)
views = st.builds(
    View,
    now=seconds,
    unusable=st.dictionaries(by_credential, st.just("no secret"), max_size=2),
    open=st.dictionaries(by_target | st.sampled_from(["red", "blue"]), seconds, max_size=4),
    cooling=st.dictionaries(
        st.tuples(st.sampled_from(["red", "blue"]), st.sampled_from(["one", "two"]), st.sampled_from(["", "short"])),
        seconds,
        max_size=5,
    ),
    in_flight=st.dictionaries(by_target, amounts),
    used=st.dictionaries(by_target, amounts),
    latency=st.dictionaries(by_target, seconds),
    failing=st.dictionaries(by_target, shares),
    served=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1000)),
    last_good=st.dictionaries(st.sampled_from(NAMES), by_target),
    credential_used=st.dictionaries(by_credential, amounts),
)
situations = st.builds(Situation, views, facts, seeds)


def combos(depth: int = 0) -> st.SearchStrategy[Combo]:
    """Combos of targets and of combos, three deep at most; the same target may come more than once."""
    things: st.SearchStrategy[Target | Combo] = st.sampled_from(TARGETS)
    if depth < 2:
        things |= combos(depth + 1)
    steps = st.lists(st.builds(Step, things, amounts), min_size=1, max_size=5)
    return st.builds(lambda by, found: combo(NAMES[depth], strategy=by, steps=found), st.sampled_from(Strategy), steps)


def counted(steps: Sequence[Step]) -> Counter[int]:
    return Counter(map(id, steps))


@LAW
@given(combos(), situations)
def test_every_strategy_gives_each_step_once(made: Combo, situation: Situation) -> None:
    for strategy in STRATEGIES.values():
        assert counted(strategy(made, situation)) == counted(made.steps)


@LAW
@given(combos(), situations)
def test_an_order_holds_every_target_of_the_combo_once(made: Combo, situation: Situation) -> None:
    for by in Strategy:
        found = [each.id for each in ordered(msgspec.structs.replace(made, strategy=by), situation)]
        assert sorted(found) == sorted(each.id for each in made.targets)


@LAW
@given(combos(), situations)
def test_the_same_situation_gives_the_same_order_and_is_left_as_it_was(made: Combo, situation: Situation) -> None:
    before = repr((made, situation))
    assert ordered(made, situation) == ordered(made, situation)
    assert repr((made, situation)) == before


def stepping(made: Combo) -> set[str]:
    """Name a combo and all combos in it."""
    return {made.name}.union(*(stepping(each.to) for each in made.steps if isinstance(each.to, Combo)))


@LAW
@given(combos(), situations, views)
def test_what_concerns_other_combos_and_targets_changes_nothing(made: Combo, situation: Situation, other: View) -> None:
    mine: set[str] = {each.id for each in made.targets}
    names = stepping(made)
    view = situation.view

    def mixed(field: str, own: set[str]) -> dict[str, object]:
        ours, theirs = getattr(view, field), getattr(other, field)
        return {name: value for name, value in theirs.items() if name not in own} | {
            name: value for name, value in ours.items() if name in own
        }

    changed = {field: mixed(field, mine) for field in ("in_flight", "used", "latency", "failing")}
    changed |= {field: mixed(field, names) for field in ("served", "last_good")}
    changed["open"] = mixed("open", {*mine, "red", "blue"})
    elsewhere = msgspec.structs.replace(view, **changed)
    assert ordered(made, msgspec.structs.replace(situation, view=elsewhere)) == ordered(made, situation)


def apart(made: Combo, numbers: Iterator[int]) -> Combo:
    """Give every place of a combo, and of the combos in it, a target and a name of its own."""
    steps = [
        Step(
            apart(each.to, numbers) if isinstance(each.to, Combo) else target(PROVIDERS[0], f"m{next(numbers)}"),
            each.weight,
        )
        for each in made.steps
    ]
    return combo(f"{made.name} {next(numbers)}", strategy=made.strategy, steps=steps)


def inside(made: Combo) -> Iterator[Combo]:
    """Give a combo and all combos in it."""
    yield made
    for each in made.steps:
        if isinstance(each.to, Combo):
            yield from inside(each.to)


@LAW
@given(combos(), situations)
def test_the_targets_of_a_combo_within_a_combo_stay_together(made: Combo, situation: Situation) -> None:
    made = apart(made, count())
    place = {each.id: at for at, each in enumerate(ordered(made, situation))}
    for inner in inside(made):
        places = sorted(place[each.id] for each in inner.targets)
        assert places == list(range(places[0], places[0] + len(places)))


@LAW
@given(st.data(), situations, st.sampled_from(["plain", "short"]))
def test_credentials_are_all_given_and_those_that_can_be_used_first(
    data: st.DataObject, situation: Situation, model: str
) -> None:
    names = data.draw(st.permutations(["one", "two", "three", "four"]))
    credentials = tuple(Credential(CredentialName(each), priority=data.draw(st.integers(1, 2))) for each in names)
    for by in CREDENTIAL_STRATEGIES:
        of = msgspec.structs.replace(PROVIDERS[0], credentials=credentials, credential_strategy=by)
        found = ordered_credentials(of, model, situation)
        assert sorted(map(id, found)) == sorted(map(id, credentials))
        assert found == ordered_credentials(of, model, situation)
        view = situation.view
        ranks = [
            ((of.name, each.name) in view.unusable, rests(view, of.name, each.name, model), each.priority)
            for each in found
            if (of.name, each.name) not in view.unusable
        ]
        assert ranks == sorted(ranks)
        assert all((of.name, each.name) in view.unusable for each in found[len(ranks) :])


# Shares. The seeds are fixed, so that nothing here is left to chance; a share of so many requests is within four
# standard deviations of what it should be.
REQUESTS = 4_000
WEIGHTS = (4, 3, 2, 1)
FOUR = TARGETS[:4]


def firsts(by: Strategy, view: View = NOTHING_KNOWN, among: Sequence[int] = range(4)) -> list[str]:
    """Give who goes first in each of many requests of a combo of four, of which only ``among`` are looked at."""
    made = combo("outer", strategy=by, steps=[Step(each, weight) for each, weight in zip(FOUR, WEIGHTS, strict=True)])
    looked = {FOUR[each].id for each in among}
    orders = (ordered(made, Situation(view, FACTS, seed)) for seed in range(REQUESTS))
    return [next(each.id for each in order if each.id in looked) for order in orders]


def assert_shares(found: Sequence[str], shares: Sequence[float]) -> None:
    assert sum(shares) == pytest.approx(1.0)
    had = Counter(found)
    for each, share in zip(FOUR, shares, strict=True):
        deviation = (len(found) * share * (1 - share)) ** 0.5
        assert abs(had[each.id] - len(found) * share) <= 4 * deviation, (each.id, had[each.id], share)


def test_weighted_gives_shares_by_weight() -> None:
    assert_shares(firsts(Strategy.WEIGHTED), [0.4, 0.3, 0.2, 0.1])


def test_weighted_replaces_those_that_cannot_serve_in_proportion_to_the_rest() -> None:
    assert_shares(firsts(Strategy.WEIGHTED, among=[1, 2, 3]), [0, 3 / 6, 2 / 6, 1 / 6])
    assert_shares(firsts(Strategy.WEIGHTED, among=[2, 3]), [0, 0, 2 / 3, 1 / 3])


@pytest.mark.parametrize("by", [Strategy.RANDOM, Strategy.P2C])
def test_random_and_p2c_among_equals_are_even(by: Strategy) -> None:
    assert_shares(firsts(by), [0.25] * 4)
    assert_shares(firsts(by, among=[0, 2]), [0.5, 0, 0.5, 0])


def test_p2c_never_takes_the_busiest_and_takes_the_idlest_of_half_the_pairs() -> None:
    busy = View(in_flight={each.id: load for load, each in enumerate(FOUR)})
    assert_shares(firsts(Strategy.P2C, busy), [3 / 6, 2 / 6, 1 / 6, 0])


def served_in_turn(made: Combo, requests: int) -> list[str]:
    """Serve requests one after the other by whoever goes first, and count them."""
    served: Counter[str] = Counter()
    used: Counter[str] = Counter()
    found: list[str] = []
    for seed in range(requests):
        situation = Situation(View(served=served, used=used), FACTS, seed)
        found.append(ordered(made, situation)[0].id)
        served.update(choosing(made, situation))
        used[found[-1]] += 1
    return found


@pytest.mark.parametrize("by", [Strategy.ROUND_ROBIN, Strategy.STRICT_RANDOM, Strategy.LEAST_USED])
def test_those_that_take_turns_are_even_in_every_round(by: Strategy) -> None:
    found = served_in_turn(combo("outer", *FOUR, strategy=by), 400)
    assert all(len(set(found[start : start + 4])) == 4 for start in range(0, 400, 4))


@pytest.mark.parametrize("by", [Strategy.ROUND_ROBIN, Strategy.STRICT_RANDOM])
@pytest.mark.parametrize("within", [Strategy.ROUND_ROBIN, Strategy.STRICT_RANDOM])
def test_a_combo_that_takes_turns_within_another_is_even_too(by: Strategy, within: Strategy) -> None:
    one, two = (combo(name, *FOUR[at : at + 2], strategy=within) for name, at in (("inner", 0), ("innermost", 2)))
    found = served_in_turn(combo("outer", strategy=by, steps=[Step(one), Step(two)]), 400)
    assert Counter(found) == {each.id: 100 for each in FOUR}


def test_shares_multiply_where_a_combo_is_within_another() -> None:
    inner = combo("inner", strategy=Strategy.WEIGHTED, steps=[Step(FOUR[1], 3), Step(FOUR[2], 1)])
    made = combo("outer", strategy=Strategy.WEIGHTED, steps=[Step(FOUR[0], 1), Step(inner, 4)])
    assert_shares(served_in_turn(made, REQUESTS), [0.2, 0.6, 0.2, 0])


def uses(by: str, requests: int) -> list[str]:
    """Use the first of four credentials for each request."""
    names = [CredentialName(each) for each in "abcd"]
    of: Provider = msgspec.structs.replace(
        PROVIDERS[0], credentials=tuple(map(Credential, names)), credential_strategy=by
    )
    counted: Counter[tuple[str, str]] = Counter()
    found: list[str] = []
    for seed in range(requests):
        first = ordered_credentials(of, "m", Situation(View(credential_used=counted), FACTS, seed))[0].name
        counted[of.name, first] += 1
        found.append(first)
    return found


def test_credentials_in_round_robin_are_used_three_times_each() -> None:
    assert "".join(uses("round-robin", 24)) == "aaabbbcccddd" * 2


@pytest.mark.parametrize("by", ["strict-random", "least-used"])
def test_credentials_that_take_turns_are_even_in_every_round(by: str) -> None:
    found = uses(by, 400)
    assert all(len(set(found[start : start + 4])) == 4 for start in range(0, 400, 4))


@pytest.mark.parametrize(("by", "within"), [("random", 4 * (REQUESTS * 3 / 16) ** 0.5), ("p2c", 8)])
def test_credentials_by_chance_are_used_about_equally_often(by: str, within: float) -> None:
    had = Counter(uses(by, REQUESTS))
    assert all(abs(had[name] - REQUESTS / 4) <= within for name in "abcd"), had
