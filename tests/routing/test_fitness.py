"""What makes a target unfit for a request, and what makes it rest."""

import pytest

from omniroute.config.snapshot import Model
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format
from omniroute.routing.fitness import resting, unfit
from omniroute.routing.view import View
from tests.support.snapshots import provider, target

VISION = frozenset({Capability.TOOLS, Capability.IMAGES})
HOUSE = provider(
    "house",
    credentials=("one", "two"),
    models=[Model("small", context=1000), Model("seeing", capabilities=VISION), Model("unknown")],
)
SMALL, SEEING, UNKNOWN = (target(HOUSE, each) for each in ("small", "seeing", "unknown"))


def facts(input_tokens: int | None = None, *needs: Capability) -> Facts:
    return Facts("m", Format.OPENAI_CHAT, stream=False, input_tokens=input_tokens, needs=frozenset(needs))


def test_an_input_that_is_surely_too_long_makes_a_target_unfit_and_the_reason_says_that_it_is_estimated() -> None:
    assert unfit(SMALL, facts(1201)) == ("context", "the input is estimated at 1201 tokens; the model takes 1000")


@pytest.mark.parametrize("tokens", [None, 0, 1000, 1200])
def test_an_input_that_may_fit_does_not(tokens: int | None) -> None:
    assert unfit(SMALL, facts(tokens)) is None


def test_no_input_is_too_long_for_a_model_of_unknown_context() -> None:
    assert unfit(UNKNOWN, facts(10**9)) is None


def test_what_a_model_lacks_is_named_in_the_order_of_the_vocabulary() -> None:
    needs = facts(None, Capability.THINKING, Capability.AUDIO_IN, Capability.TOOLS)
    assert unfit(SEEING, needs) == (
        "capability",
        "the request needs audio_in, thinking, which the model does not have",
    )


def test_a_model_that_has_what_is_needed_is_fit() -> None:
    assert unfit(SEEING, facts(None, *VISION)) is None


def test_a_model_of_which_no_capability_is_known_is_taken_to_have_all() -> None:
    assert unfit(UNKNOWN, facts(None, *Capability)) is None


def test_nothing_rests_where_nothing_is_known() -> None:
    assert resting(SMALL, View()) is None


@pytest.mark.parametrize("name", ["house", "house/small"])
def test_a_target_rests_while_the_breaker_of_it_or_its_provider_is_open(name: str) -> None:
    rest = resting(SMALL, View(now=10.0, open={name: 22.1, "other": 99.0}))
    assert rest is not None
    code, reason, seconds = rest
    assert code == "breaker"
    assert seconds == pytest.approx(12.1)
    assert f"'{name}'" in reason
    assert "in 13 s" in reason


@pytest.mark.parametrize("until", [9.0, 10.0])
def test_a_target_whose_breaker_is_to_try_again_does_not_rest(until: float) -> None:
    assert resting(SMALL, View(now=10.0, open={"house": until, "house/small": until})) is None


def test_a_breaker_of_another_target_does_not_matter() -> None:
    assert resting(SMALL, View(open={"house/seeing": 22.0})) is None


def test_a_target_rests_while_all_credentials_cool_down_and_until_the_first_is_free() -> None:
    rest = resting(SMALL, View(now=1.0, cooling={("house", "one", ""): 9.0, ("house", "two", "small"): 4.0}))
    assert rest == ("cooling", "every credential of provider 'house' cools down; the first is free in 3 s", 3.0)


@pytest.mark.parametrize(
    "cooling",
    [
        {("house", "one", ""): 9.0},
        {("house", "one", ""): 9.0, ("house", "two", ""): 1.0},
        {("house", "one", ""): 9.0, ("house", "two", "seeing"): 9.0},
    ],
)
def test_one_free_credential_is_enough(cooling: dict[tuple[str, str, str], float]) -> None:
    assert resting(SMALL, View(now=1.0, cooling=cooling)) is None


def test_a_credential_without_a_secret_is_no_free_credential() -> None:
    view = View(unusable={("house", "two"): "no secret"}, cooling={("house", "one", ""): 9.0})
    rest = resting(SMALL, view)
    assert rest is not None
    assert rest[0] == "cooling"


def test_a_target_without_any_usable_credential_does_not_rest_for_that_does_not_pass() -> None:
    assert resting(SMALL, View(unusable={("house", "one"): "no secret", ("house", "two"): "no secret"})) is None


@pytest.mark.parametrize(("until", "code"), [(3.0, "cooling"), (30.0, "breaker")])
def test_of_several_reasons_the_one_that_lasts_longest_is_given(until: float, code: str) -> None:
    cooling = {("house", "one", ""): 9.0, ("house", "two", ""): 8.0}
    rest = resting(SMALL, View(open={"house": until, "house/small": 2.0}, cooling=cooling))
    assert rest is not None
    assert rest[0] == code
