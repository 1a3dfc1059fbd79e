import pytest

from omniroute.config.snapshot import Auth, Combo, Provider, Snapshot, Step, Timeouts
from omniroute.config.waits import Bound
from omniroute.names import Strategy
from omniroute.routing.survive import Loss, fragile, survive, worst_cases
from tests.support.snapshots import combo, provider, snapshot, target

BEARER = Auth("bearer")
ONE = provider("one", auth=BEARER)
TWO = provider("two", auth=BEARER)
SPARE = provider("spare", auth=BEARER, credentials=("main", "second"))
LOCAL = provider("local")
ECHO = provider("echo", "embedded:echo")


def losses(config: Snapshot, count: int = 1) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """Give the counter-examples by the name's kind and the name; that of a provider where there are two."""
    found: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for loss in survive(config, count):
        found.setdefault((str(loss.path[0]), str(loss.path[1])), loss.units)
    return found


def of(*combos: Combo, **aliases: str) -> Snapshot:
    return snapshot(ONE, TWO, SPARE, LOCAL, ECHO, combos=combos, aliases=aliases)


def test_a_combo_of_one_provider_does_not_survive_its_loss_nor_that_of_its_only_credential() -> None:
    assert survive(of(combo("c", target(ONE, "a"), target(ONE, "b")))) == (
        Loss(("combos", "c"), (("one", ""),)),
        Loss(("combos", "c"), (("one", "main"),)),
    )


def test_a_second_credential_is_no_second_provider() -> None:
    assert survive(of(combo("c", target(SPARE, "a")))) == (Loss(("combos", "c"), (("spare", ""),)),)


def test_a_second_provider_survives_the_loss_of_one_and_not_of_two() -> None:
    config = of(combo("c", target(ONE, "a"), target(TWO, "a")))
    assert survive(config) == ()
    assert losses(config, 2) == {("combos", "c"): (("one", ""), ("two", ""))}
    assert losses(config, 3) == {("combos", "c"): (("one", ""), ("two", ""))}


def test_what_is_inside_the_process_and_what_needs_no_secret_is_not_lost() -> None:
    assert survive(of(combo("c", target(ECHO, "a")))) == ()
    assert survive(of(combo("c", target(LOCAL, "a")))) == (Loss(("combos", "c"), (("local", ""),)),)


def test_aliases_are_followed_and_patterns_where_their_star_does_not_decide() -> None:
    survivor = combo("c", target(ONE, "a"), target(TWO, "a"))
    config = of(survivor, a="b", b="one/x", good="c", **{"p-*": "one/*", "q-*": "c", "r-*": "*", "s-*": "t-*/x"})
    assert losses(config) == {
        ("aliases", "a"): (("one", ""),),
        ("aliases", "b"): (("one", ""),),
        ("aliases", "p-*"): (("one", ""),),
    }


def test_what_a_pattern_leads_to_is_not_matched_by_patterns_again() -> None:
    survivor = combo("c", target(ONE, "a"), target(TWO, "a"))
    assert losses(of(survivor, **{"*": "c", "p-*": "one/*"})) == {("aliases", "p-*"): (("one", ""),)}


@pytest.mark.parametrize(
    ("strategy", "attempts", "lost"),
    [
        (Strategy.PRIORITY, 1, "two"),
        (Strategy.PRIORITY, 2, None),
        (Strategy.RANDOM, 2, "one"),
        (Strategy.RANDOM, 3, None),
    ],
)
def test_attempts_can_be_spent_on_what_is_lost(strategy: Strategy, attempts: int, lost: str | None) -> None:
    targets = (target(TWO, "x"), target(ONE, "a"), target(ONE, "b"))
    config = of(combo("c", *targets, strategy=strategy, max_attempts=attempts))
    found = [loss for loss in survive(config) if not loss.units[0][1]]
    assert found == ([Loss(("combos", "c"), ((lost, ""),), spent=True)] if lost else [])


def test_the_order_of_a_nested_combo_counts_too() -> None:
    targets = (target(TWO, "x"), target(ONE, "a"), target(ONE, "b"))
    for strategy, survives in ((Strategy.PRIORITY, True), (Strategy.RANDOM, False)):
        inner = combo("inner", *targets, strategy=strategy)
        outer = combo("outer", steps=(Step(inner),), max_attempts=2)
        assert (("combos", "outer") not in losses(of(outer))) == survives


def test_a_lost_credential_costs_one_attempt_however_many_targets_have_it() -> None:
    targets = (target(SPARE, "a"), target(SPARE, "b"), target(ONE, "x"))
    free = of(combo("c", *targets, strategy=Strategy.RANDOM, max_attempts=2))
    assert [loss.units for loss in survive(free)] == [(("spare", ""),)]
    narrow = of(combo("c", *targets, strategy=Strategy.RANDOM, max_attempts=1))
    assert Loss(("combos", "c"), (("spare", "main"),), spent=True) in survive(narrow)


def test_credentials_before_the_one_that_is_left_cost_attempts() -> None:
    many = provider("many", auth=BEARER, credentials=("a", "b", "c"))
    config = snapshot(many, combos=[combo("c", target(many, "m"), max_attempts=2)])
    assert survive(config, 2)[1:] == (Loss(("combos", "c"), (("many", "a"), ("many", "b")), spent=True),)


def test_each_name_has_one_finding_with_its_counter_example_and_a_remedy() -> None:
    config = of(
        combo("c", target(ONE, "a")),
        combo("d", target(ONE, "a"), target(TWO, "a"), max_attempts=1),
        fast="spare/a",
    )
    first, second, third = fragile(config)
    assert first.summary == "combo `c` does not survive the loss of provider `one`"
    assert first.label == "no target is left without it"
    assert first.hint == "add a target of another provider"
    assert first.note == "nor does it survive the loss of credential `main` of provider `one`"
    assert (first.spot.path, first.spot.key) == (("combos", "c"), True)
    assert (second.label, second.hint) == ("its attempts can all be spent on it", "raise `max_attempts`")
    assert third.summary == "alias `fast` does not survive the loss of provider `spare`"
    assert third.note == ""


def test_several_losses_are_named_together() -> None:
    mixed = combo("c", target(ONE, "a"), target(ECHO, "a"), max_attempts=1)
    assert [fault.summary for fault in fragile(of(mixed))] == ["combo `c` does not survive the loss of provider `one`"]
    (found,) = fragile(of(combo("c", target(ONE, "a"), target(TWO, "a"))), 2)
    assert found.summary == "combo `c` does not survive the loss of providers `one` and `two`"
    assert found.label == "no target is left without them"
    assert found.note.endswith("of credential `main` of provider `one` and credential `main` of provider `two`")


def test_a_session_may_begin_with_what_is_written_last() -> None:
    config = of(combo("c", target(ECHO, "a"), target(ONE, "a"), max_attempts=1))
    assert survive(config) == (
        Loss(("combos", "c"), (("one", ""),), spent=True),
        Loss(("combos", "c"), (("one", "main"),), spent=True),
    )


def slow(name: str, seconds: float, *, credentials: tuple[str, ...] = ("main",)) -> Provider:
    limits = Timeouts(connect=1, first_byte=1, first_token=1, answer=seconds - 1, total=100)
    return provider(name, timeouts=limits, credentials=credentials)


def test_the_worst_case_adds_up_the_slowest_attempts_that_are_allowed() -> None:
    quick, long = slow("quick", 10), slow("long", 30, credentials=("a", "b"))
    config = snapshot(
        quick,
        long,
        combos=[
            combo("all", target(quick, "m"), target(long, "m")),
            combo("two", target(quick, "m"), target(long, "m"), max_attempts=2),
            combo("many", *(target(long, f"m{number}") for number in range(5)), max_attempts=20),
        ],
        aliases={"x": "quick/m", "y-*": "all", "z-*": "*"},
    )
    assert worst_cases(config) == (
        Bound("all", 3, 80),
        Bound("two", 2, 70),
        Bound("many", 10, 100),
        Bound("x", 1, 20),
        Bound("y-*", 3, 80),
    )
