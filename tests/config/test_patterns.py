import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.patterns import ALL, patterns


@pytest.mark.parametrize(
    ("names", "name", "held"),
    [
        (("a/b",), "a/b", True),
        (("a/b",), "a/bc", False),
        (("a/*",), "a/", True),
        (("a/*",), "b/a/", False),
        (("*",), "", True),
        (("*-mini",), "gpt-mini", True),
        (("*-mini",), "gpt-mini-2", False),
        (("a*a",), "a", False),
        (("a*a",), "aa", True),
        (("a*b*c",), "acbc", True),
        (("a*b*c",), "acb", False),
        (("ab*bc",), "abc", False),
        (("**",), "x", True),
        (("a**",), "ab", True),
        ((), "a", False),
    ],
)
def test_a_star_stands_for_anything(names: tuple[str, ...], name: str, held: bool) -> None:
    assert patterns(names).hold(name) is held


@settings(deadline=None)
@given(st.lists(st.text("ab*", max_size=6), max_size=4), st.text("ab", max_size=8))
def test_names_are_held_as_by_an_expression_with_the_same_meaning(names: list[str], name: str) -> None:
    meant = any(re.fullmatch(".*".join(map(re.escape, each.split("*"))), name) for each in names)
    assert patterns(tuple(names)).hold(name) is meant


def test_every_name_is_one_of_all() -> None:
    assert ALL.hold("")
    assert ALL.hold("a/b")


def test_many_stars_and_a_long_name_take_no_long_time() -> None:
    assert not patterns(("*a" * 50 + "b*c",)).hold("a" * 1_000_000)
