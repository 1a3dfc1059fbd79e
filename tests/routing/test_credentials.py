"""Which credential goes first: each strategy in a case that a person can check."""

import msgspec
import pytest

from omniroute.config.document.providers import Provider as Written
from omniroute.config.snapshot import Credential, Provider
from omniroute.ir.facts import Facts
from omniroute.names import CredentialName, Format
from omniroute.routing.credentials import CREDENTIAL_STRATEGIES, ordered
from omniroute.routing.strategies import Situation
from omniroute.routing.view import View
from tests.support.snapshots import provider

FACTS = Facts("m", Format.OPENAI_CHAT, stream=True)
NOTHING_KNOWN = View()
STICKY = 3


def house(by: str, priorities: str = "111") -> Provider:
    """A provider with the credentials a, b, c, of these priorities."""
    credentials = tuple(
        Credential(CredentialName(name), priority=int(priority))
        for name, priority in zip("abc", priorities, strict=True)
    )
    return msgspec.structs.replace(provider("house"), credentials=credentials, credential_strategy=by)


def order(of: Provider, view: View = NOTHING_KNOWN, seed: int = 0, model: str = "m") -> str:
    return "".join(each.name for each in ordered(of, model, Situation(view, FACTS, seed)))


def used(a: int = 0, b: int = 0, c: int = 0) -> View:
    return View(credential_used={("house", "a"): a, ("house", "b"): b, ("house", "c"): c, ("other", "a"): 99})


def test_the_strategies_are_those_that_the_configuration_allows() -> None:
    allowed = Written.model_json_schema()["properties"]["credential_strategy"]["enum"]
    assert list(CREDENTIAL_STRATEGIES) == allowed


def test_fill_first_keeps_the_order_written() -> None:
    assert order(house("fill-first"), used(a=9)) == "abc"


@pytest.mark.parametrize("by", list(CREDENTIAL_STRATEGIES))
def test_a_lower_priority_number_goes_first_whatever_the_strategy(by: str) -> None:
    view = used(a=9, b=9)
    assert all(order(house(by, "321"), view, seed=seed) == "cba" for seed in range(30))
    assert {order(house(by, "211"), view, seed=seed)[-1] for seed in range(30)} == {"a"}


@pytest.mark.parametrize(
    ("uses", "expected"), [(0, "abc"), (STICKY - 1, "abc"), (STICKY, "bca"), (2 * STICKY, "cab"), (3 * STICKY, "abc")]
)
def test_round_robin_gives_each_three_uses(uses: int, expected: str) -> None:
    assert order(house("round-robin"), used(a=uses)) == expected


def test_round_robin_takes_turns_among_those_that_are_free() -> None:
    resting = msgspec.structs.replace(used(b=1, c=2), cooling={("house", "a", ""): 9.0})
    assert order(house("round-robin"), resting) == "cba"


def test_random_gives_every_order() -> None:
    assert len({order(house("random"), seed=seed) for seed in range(200)}) == 6


def test_of_two_drawn_the_one_used_less_goes_first() -> None:
    assert {order(house("p2c"), used(a=2, b=1), seed=seed) for seed in range(200)} == {"bac", "cab", "cba"}


def test_the_least_used_goes_first_and_equals_stay_as_written() -> None:
    assert order(house("least-used"), used(a=2, b=1, c=1)) == "bca"


def test_a_deck_of_credentials_shows_each_once_before_it_is_shuffled_anew() -> None:
    firsts = "".join(order(house("strict-random"), used(a=uses), seed=uses)[0] for uses in range(90))
    rounds = {firsts[start : start + 3] for start in range(0, 90, 3)}
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(rounds) > 1


def test_those_that_rest_go_last_and_the_first_to_be_free_before_the_others() -> None:
    cooling = {("house", "a", ""): 9.0, ("house", "b", "m"): 5.0, ("other", "c", ""): 9.0, ("house", "c", ""): 1.0}
    view = View(now=1.0, cooling=cooling)
    assert order(house("fill-first", "123"), view) == "cba"
    assert order(house("fill-first", "123"), view, model="other") == "bca"


def test_those_without_a_secret_go_after_those_that_rest() -> None:
    view = View(unusable={("house", "a"): "no secret"}, cooling={("house", "b", ""): 1e9})
    assert order(house("fill-first"), view) == "cba"


@pytest.mark.parametrize("by", list(CREDENTIAL_STRATEGIES))
def test_a_provider_without_credentials_has_an_empty_order(by: str) -> None:
    nobody = msgspec.structs.replace(house(by), credentials=())
    assert order(nobody) == ""
