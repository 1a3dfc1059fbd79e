import pytest

from omniroute.config.naming import ends, following, stood_for
from omniroute.config.snapshot import Alias

FAST = Alias("fast", "house/small")
STAR = Alias("gpt-*", "openai/gpt-*")
ALL = Alias("*", "house/*")


def lead(name: str) -> str | None:
    step = following(name, {"fast": FAST}, {"best", "gpt-best"}, (STAR, ALL))
    return step[1] if step else None


def test_an_exact_alias_leads_to_its_target() -> None:
    assert lead("fast") == "house/small"


def test_a_combo_leads_nowhere_though_a_pattern_would_fit() -> None:
    assert lead("best") is None
    assert lead("gpt-best") is None


def test_the_first_pattern_that_fits_puts_what_its_star_stood_for_into_its_target() -> None:
    assert lead("gpt-5") == "openai/gpt-5"
    assert lead("other") == "house/other"


def test_a_name_that_nothing_fits_leads_nowhere() -> None:
    assert following("other", {}, (), ()) is None
    assert following("other", {}, (), (STAR,)) is None


@pytest.mark.parametrize(
    ("pattern", "name", "held"),
    [
        ("gpt-*", "gpt-", ""),
        ("gpt-*", "gpt-5", "5"),
        ("*-mini", "o4-mini", "o4"),
        ("a*b", "ab", ""),
        ("ab*bc", "abc", None),
        ("gpt-*", "xgpt-5", None),
    ],
)
def test_a_star_stands_for_anything_between_its_two_ends(pattern: str, name: str, held: str | None) -> None:
    assert stood_for(Alias(pattern, "*"), name) == held


def test_links_are_followed_to_the_end_of_their_row_and_circles_lead_nowhere() -> None:
    links = {"a": "b", "b": "c", "into": "x", "x": "y", "y": "x", "self": "self"}
    assert ends(links) == {"a": "c", "b": "c"}
