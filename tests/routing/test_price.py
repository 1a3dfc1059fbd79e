"""Cost of an answer: a table worked by hand, and the laws of billing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.config.snapshot import Price
from omniroute.ir.usage import Usage
from omniroute.routing.price import cost, worst

DOLLAR = 1_000_000_000

# USD per million tokens: input 3, output 15, cache read 0.30, cache write 3.75.
HOUSE = Price(input=3 * DOLLAR, output=15 * DOLLAR, cache_read=300_000_000, cache_write=3_750_000_000)

# A provider that bills every class by itself, in US dollars per million tokens: input 2, output 8, cache read 0.20,
# cache write 2.50 and 4 for an hour, reasoning 6, sound 20 in, 40 out, 1 from a cache; 0.005 a request, 0.04 a picture.
EVERY = Price(
    2 * DOLLAR,
    8 * DOLLAR,
    200_000_000,
    2_500_000_000,
    4 * DOLLAR,
    6 * DOLLAR,
    20 * DOLLAR,
    40 * DOLLAR,
    1 * DOLLAR,
    40_000_000,
    5_000_000,
)
# 1 and 4 dollars; above 100 tokens sent 2 and 8, above 1,000 tokens 3 and 12.
TIERED = Price(
    DOLLAR,
    4 * DOLLAR,
    500_000_000,
    tiers=((100, Price(2 * DOLLAR, 8 * DOLLAR, DOLLAR)), (1_000, Price(3 * DOLLAR, 12 * DOLLAR))),
)

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
    # 10 x 2,500 written for five minutes + 10 x 4,000 for an hour, and the request itself: 5,000,000
    (Usage(cache_write=10, cache_write_1h=10), EVERY, 5_065_000),
    # 100 output, of which 60 reasoning: 40 x 8,000 + 60 x 6,000
    (Usage(output=100, reasoning=60), EVERY, 5_680_000),
    # 50 input, of which 30 sound: 20 x 2,000 + 30 x 20,000; 40 read again, of which 10 sound: 30 x 200 + 10 x 1,000
    (Usage(input=50, cache_read=40, audio_in=30, audio_cache_read=10), EVERY, 5_656_000),
    # 30 output, of which 12 sound and 10 reasoning: 8 x 8,000 + 12 x 40,000 + 10 x 6,000
    (Usage(output=30, audio_out=12, reasoning=10), EVERY, 5_604_000),
    # parts that are said to be more than their whole are all of it: 5 x 20,000; 3 x 40,000, which leaves no reasoning
    (Usage(input=5, output=3, audio_in=9, audio_out=9, reasoning=9), EVERY, 5_220_000),
    # two pictures: 2 x 40,000,000
    (Usage(images=2), EVERY, 85_000_000),
    # sound at a price without one for sound: 10 x 3,000 + 4 x 15,000
    (Usage(input=10, output=4, audio_in=10, audio_out=4), HOUSE, 90_000),
    # 100 tokens sent are not above 100: 60 x 1,000 + 40 x 500 + 1 x 4,000
    (Usage(input=60, cache_read=40, output=1), TIERED, 84_000),
    # 101 are, and all of them, with the answer, are billed so: 61 x 2,000 + 40 x 1,000 + 1 x 8,000
    (Usage(input=61, cache_read=40, output=1), TIERED, 170_000),
    (Usage(input=1_001), TIERED, 3_003_000),
    # free is a price
    (Usage(input=9, output=9), Price(input=0, output=0), 0),
]

UNKNOWN = [
    (Usage(input=1), Price()),
    (Usage(output=1), Price(input=DOLLAR)),
    (Usage(input=1, cache_read=1), Price(input=DOLLAR, output=DOLLAR)),
    (Usage(input=1, cache_write=1), Price(input=DOLLAR, output=DOLLAR, cache_read=DOLLAR)),
    (Usage(cache_write_1h=1), Price(input=DOLLAR, output=DOLLAR, cache_write=DOLLAR)),
    (Usage(input=1, audio_in=1), Price(audio_in=DOLLAR)),
    (Usage(input=1_000, cache_read=1), TIERED),
]

tokens = st.integers(0, 2_000_000)
rates = st.integers(0, 100 * DOLLAR)
prices = st.builds(Price, *[rates] * 10)
known_or_not = rates | st.none()
tiers = st.lists(st.tuples(tokens, prices), max_size=3, unique_by=lambda tier: tier[0]).map(sorted).map(tuple)
tiered = st.builds(Price, *[rates] * 11, tiers=tiers)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    sent, output, read = draw(tokens), draw(tokens), draw(tokens)
    spoken = draw(st.integers(0, output))
    return Usage(
        input=sent,
        output=output,
        cache_read=read,
        cache_write=draw(tokens),
        reasoning=draw(st.integers(0, output - spoken)),
        cache_write_1h=draw(tokens),
        audio_in=draw(st.integers(0, sent)),
        audio_out=spoken,
        audio_cache_read=draw(st.integers(0, read)),
        images=draw(st.integers(0, 5)),
    )


def add(one: Usage, other: Usage) -> Usage:
    return Usage(*map(sum, zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)))


def lines(price: Price, usage: Usage) -> list[tuple[int, int | None]]:
    """An invoice, line by line: no token is on two lines, and every one is on one."""
    return [
        (usage.input - usage.audio_in, price.input),
        (usage.audio_in, price.audio_in),
        (usage.cache_read - usage.audio_cache_read, price.cache_read),
        (usage.audio_cache_read, price.audio_cache_read),
        (usage.cache_write, price.cache_write),
        (usage.cache_write_1h, price.cache_write_1h),
        (usage.output - usage.reasoning - usage.audio_out, price.output),
        (usage.reasoning, price.reasoning),
        (usage.audio_out, price.audio_out),
    ]


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
    plain = msgspec.structs.replace(price, reasoning=None)
    assert cost(plain, usage) == cost(plain, msgspec.structs.replace(usage, reasoning=0))
    same = msgspec.structs.replace(price, reasoning=price.output)
    assert cost(same, usage) == cost(plain, usage)


@given(prices, usages())
def test_the_cost_is_within_half_a_nano_dollar_of_the_exact_sum(price: Price, usage: Usage) -> None:
    exact = sum(count * (each or 0) for count, each in lines(price, usage)) + usage.images * price.image * 1_000_000
    assert -500_000 < known(price, usage) * 1_000_000 - exact <= 500_000


@given(tiered, st.builds(Usage, *[tokens] * 10))
def test_a_cost_is_never_below_zero_whatever_is_reported(price: Price, usage: Usage) -> None:
    assert known(price, usage) >= 0


@pytest.mark.parametrize(
    ("price", "sent", "said", "nano"),
    [
        # 10 x 3,750, which writing to the cache costs, + 5 x 15,000
        (HOUSE, 10, 5, 112_500),
        # 10 x 20,000 for sound + 5 x 40,000 for sound + the request
        (EVERY, 10, 5, 5_400_000),
        (TIERED, 100, 1, 104_000),
        (TIERED, 101, 1, 210_000),
        # the dearest of the tiers that are reached, also where it is not the last
        (Price(DOLLAR, tiers=((5, Price(9 * DOLLAR)), (8, Price(2 * DOLLAR)))), 10, 0, 90_000),
        # a part of a nano-dollar is rounded up
        (Price(1, 1), 1, 1, 1),
        (Price(0, 0), 9, 9, 0),
        (Price(), 0, 0, 0),
        (Price(output=DOLLAR), 0, 1, 1_000),
        (Price(output=DOLLAR), 1, 1, None),
        (Price(DOLLAR), 1, 1, None),
        (Price(DOLLAR, DOLLAR, tiers=((5, Price(DOLLAR)),)), 6, 1, None),
    ],
)
def test_what_is_held_is_the_dearest_that_it_can_be(price: Price, sent: int, said: int, nano: int | None) -> None:
    assert worst(price, sent, said) == nano


@given(tiered, usages())
def test_no_answer_costs_more_than_what_was_held_for_it(price: Price, usage: Usage) -> None:
    usage = msgspec.structs.replace(usage, images=0)
    held = worst(price, usage.prompt, usage.output)
    assert held is not None
    assert known(price, usage) <= held


@given(st.builds(Price, *[known_or_not] * 9), tokens, tokens)
def test_what_is_held_is_known_where_the_price_of_all_that_is_needed_is(price: Price, sent: int, said: int) -> None:
    needed = [rate for count, rate in ((sent, price.input), (said, price.output)) if count]
    assert (worst(price, sent, said) is None) == (None in needed)
