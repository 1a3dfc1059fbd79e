"""An effort stands for a number of tokens, and a number of tokens for an effort."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.thinking import EFFORTS, budget_of, effort_of

RISING = tuple(EFFORTS)


def test_efforts_rise() -> None:
    assert sorted(EFFORTS.values()) == list(EFFORTS.values())
    assert len(set(EFFORTS.values())) == len(EFFORTS)


@pytest.mark.parametrize("effort", EFFORTS)
def test_an_effort_comes_back_from_its_tokens(effort: str) -> None:
    assert effort_of(budget_of(effort), RISING) == effort


def test_an_unknown_word_counts_as_medium() -> None:
    assert budget_of("furious") == budget_of("medium")


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(0, "low"), (1_024, "low"), (1_025, "medium"), (8_192, "medium"), (10_000, "high"), (10**9, "high")],
)
def test_tokens_are_the_least_effort_that_is_worth_them(budget: int, effort: str) -> None:
    assert effort_of(budget) == effort


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_tokens_are_never_less_effort(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert RISING.index(effort_of(less, RISING)) <= RISING.index(effort_of(more, RISING))
