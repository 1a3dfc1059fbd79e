import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.config import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("250ms", 0.25), ("1h30m", 5400.0), ("2m", 120.0), ("1d", 86400.0), ("1s500ms", 1.5)],
)
def test_durations_are_sums_of_whole_numbers_of_units(text: str, seconds: float) -> None:
    assert re.fullmatch(units.DURATION, text)
    assert units.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("10MiB", 10_485_760), ("3KB", 3000), ("2GB", 2 * 10**9), ("1GiB", 2**30)]
)
def test_sizes_know_powers_of_ten_and_of_two(text: str, size: int) -> None:
    assert re.fullmatch(units.SIZE, text)
    assert units.size(text) == size


@pytest.mark.parametrize(
    ("text", "nano"), [("0.10", 100_000_000), ("3", 3_000_000_000), ("0.000000001", 1), ("0", 0), ("0.075", 75_000_000)]
)
def test_prices_are_exact_to_the_nano_dollar(text: str, nano: int) -> None:
    assert re.fullmatch(units.PRICE, text)
    assert units.price(text) == nano


def test_money_names_its_currency() -> None:
    assert re.fullmatch(units.MONEY, "200.10 USD")
    assert units.money("200.10 USD") == 200_100_000_000


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        *((units.DURATION, text) for text in ("", "30", "0s", "s", "1.5s", "-1s", "30 s", "30S", "1w", "٣s", "30s\n")),
        *((units.SIZE, text) for text in ("", "10", "0MiB", "1.5MiB", "10 MiB", "10mib", "10Mi")),
        *((units.PRICE, text) for text in ("", ".5", "1.", "-1", "1e3", "0.1234567891", "1 USD", "0,10")),
        *((units.MONEY, text) for text in ("", "200", "200 EUR", "200USD", "$200")),
    ],
)
def test_what_is_not_clear_is_not_a_unit(pattern: str, text: str) -> None:
    assert not re.fullmatch(pattern, text)


@given(st.from_regex(units.DURATION, fullmatch=True))
def test_every_duration_parses_to_more_than_nothing(text: str) -> None:
    assert 0 < units.seconds(text) < float("inf")


@given(st.from_regex(units.SIZE, fullmatch=True))
def test_every_size_parses_to_more_than_nothing(text: str) -> None:
    assert units.size(text) > 0


@given(st.from_regex(units.MONEY, fullmatch=True))
def test_every_amount_is_kept_exactly_and_fits_a_database_integer(text: str) -> None:
    assert Decimal(units.money(text)) / 10**9 == Decimal(text.removesuffix(" USD"))
    assert units.money(text) < 2**63
