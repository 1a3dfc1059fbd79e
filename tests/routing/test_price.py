"""Cost of an answer: a table worked by hand, and the laws of billing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.config.snapshot import Price
from omniroute.ir.usage import Usage
from omniroute.routing.price import cost

DOLLAR = 1_000_000_000

# USD per million tokens: input 3, output 15, cache read 0.30, cache write 3.75.
HOUSE = Price(input=3 * DOLLAR, output=15 * DOLLAR, cache_read=300_000_000, cache_write=3_750_000_000)

# Worked by hand: tokens x dollars per million / 1,000,000 dollars, in nano-dollars.
BY_HAND = [
    (Usage(), HOUSE, 0),
    (Usage(input=1), HOUSE, 3_000),
    (Usage(output=1), HOUSE, 15_000),
    (Usage(cache_read=1), HOUSE, 300),
    (Usage(cache_write=1), HOUSE, 3_750),
    (Usage(input=1_000_000), HOUSE, 3 * DOLLAR),
    # 812 x 3,000 + 140 x 15,000 = 2,436,000 + 2,100,000
    (Usage(input=812, output=140), HOUSE, 4_536_000),
    # the same with 100 of the 140 spent on reasoning: not a token more
    (Usage(input=812, output=140, reasoning=100), HOUSE, 4_536_000),
    # 20 x 3,000 + 5 x 15,000 + 90,000 x 300 + 1,000 x 3,750 = 60,000 + 75,000 + 27,000,000 + 3,750,000
    (Usage(input=20, output=5, cache_read=90_000, cache_write=1_000), HOUSE, 30_885_000),
    # half a nano-dollar is rounded up, less is rounded down
    (Usage(input=1), Price(input=500_000), 1),
    (Usage(input=1), Price(input=499_999), 0),
    # one rounding at the end: a quarter and a quarter make a half, which is rounded up
    (Usage(input=1, output=1), Price(input=250_000, output=250_000), 1),
    # free is a price
    (Usage(input=9, output=9), Price(input=0, output=0), 0),
]

UNKNOWN = [
    (Usage(input=1), Price()),
    (Usage(output=1), Price(input=DOLLAR)),
    (Usage(input=1, cache_read=1), Price(input=DOLLAR, output=DOLLAR)),
    (Usage(input=1, cache_write=1), Price(input=DOLLAR, output=DOLLAR, cache_read=DOLLAR)),
]

tokens = st.integers(0, 2_000_000)
rates = st.integers(0, 100 * DOLLAR)
prices = st.builds(Price, input=rates, output=rates, cache_read=rates, cache_write=rates)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    output = draw(tokens)
    return Usage(draw(tokens), output, draw(tokens), draw(tokens), draw(st.integers(0, output)))


def classes(usage: Usage) -> tuple[int, int, int, int]:
    return usage.input, usage.output, usage.cache_read, usage.cache_write


def add(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input + other.input,
        one.output + other.output,
        one.cache_read + other.cache_read,
        one.cache_write + other.cache_write,
        one.reasoning + other.reasoning,
    )


def known(price: Price, usage: Usage) -> int:
    nano = cost(price, usage)
    assert nano is not None
    return nano


@pytest.mark.parametrize(("usage", "price", "nano"), BY_HAND)
def test_a_cost_is_what_a_person_works_out(usage: Usage, price: Price, nano: int) -> None:
    assert cost(price, usage) == nano


@pytest.mark.parametrize(("usage", "price"), UNKNOWN)
def test_tokens_of_a_class_without_a_price_make_the_cost_unknown(usage: Usage, price: Price) -> None:
    assert cost(price, usage) is None


def test_a_class_without_a_price_does_not_matter_where_none_of_its_tokens_were_used() -> None:
    assert cost(Price(input=DOLLAR), Usage(input=2)) == 2_000


@given(prices, usages(), usages())
def test_two_answers_cost_what_they_cost_together_but_for_one_rounding(price: Price, one: Usage, other: Usage) -> None:
    assert abs(known(price, add(one, other)) - known(price, one) - known(price, other)) <= 1


@given(prices, usages(), usages())
def test_more_tokens_never_cost_less(price: Price, one: Usage, more: Usage) -> None:
    assert known(price, add(one, more)) >= known(price, one)


@given(prices, usages())
def test_reasoning_is_never_billed_a_second_time(price: Price, usage: Usage) -> None:
    assert cost(price, usage) == cost(price, msgspec.structs.replace(usage, reasoning=0))


@given(prices, usages())
def test_the_cost_is_within_half_a_nano_dollar_of_the_exact_sum(price: Price, usage: Usage) -> None:
    rate = (price.input, price.output, price.cache_read, price.cache_write)
    exact = sum(count * (each or 0) for count, each in zip(classes(usage), rate, strict=True))
    assert -500_000 < known(price, usage) * 1_000_000 - exact <= 500_000
