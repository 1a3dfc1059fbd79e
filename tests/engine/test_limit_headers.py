import pytest

from omniroute.config.policy import Budget
from omniroute.engine.limit_headers import dollars, low, many, over, rate_headers, retry_headers
from omniroute.errors import RateLimited
from omniroute.limits.periods import Span
from omniroute.limits.port import Bucket, Standing, Taken
from omniroute.names import Format

CENT = 10_000_000
DOLLAR = 100 * CENT
MORNING = 1_795_420_800
"""2026-11-23 08:00:00 UTC."""
NEXT = Span(MORNING - 8 * 3600, MORNING + 16 * 3600)
TEAM = Budget("team-a", 200 * DOLLAR, "daily", "Europe/Berlin")
REQUESTS, TOKENS = Bucket("key:alice:requests", 500), Bucket("key:alice:tokens", 200_000)


def test_limits_are_told_as_most_clients_know_them() -> None:
    stand = (Taken(REQUESTS, 499, 0.12), Taken(TOKENS, 0, 360.0))
    assert rate_headers(stand, Format.OPENAI_RESPONSES, MORNING) == (
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    )


def test_limits_are_told_as_the_format_has_them_where_it_has_its_own_words() -> None:
    stand = (Taken(REQUESTS, 499, 0.12), Taken(TOKENS, 3, 59.5))
    assert rate_headers(stand, Format.ANTHROPIC_MESSAGES, MORNING + 0.2) == (
        ("anthropic-ratelimit-requests-limit", "500"),
        ("anthropic-ratelimit-requests-remaining", "499"),
        ("anthropic-ratelimit-requests-reset", "2026-11-23T08:00:01Z"),
        ("anthropic-ratelimit-tokens-limit", "200000"),
        ("anthropic-ratelimit-tokens-remaining", "3"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-23T08:01:00Z"),
    )


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0s"),
        (0.0004, "1ms"),
        (0.006, "6ms"),
        (0.9991, "1s"),
        (1.0, "1s"),
        (8.64, "8.64s"),
        (59.9999, "1m0s"),
        (86.4, "1m26.4s"),
        (3_600.0, "1h0m0s"),
        (3_661.5, "1h1m1.5s"),
    ],
)
def test_durations_are_written_as_go_does_and_rounded_up(seconds: float, written: str) -> None:
    (_, _, (_, value)) = rate_headers((Taken(REQUESTS, 1, seconds),), Format.OPENAI_CHAT, MORNING)
    assert value == written


@pytest.mark.parametrize(("wait", "said"), [(None, None), (0.0, "1"), (0.2, "1"), (2.0, "2"), (2.01, "3")])
def test_the_wait_is_told_in_whole_seconds_and_never_too_short(wait: float | None, said: str | None) -> None:
    assert dict(retry_headers(RateLimited("no", wait))).get("retry-after") == said


@pytest.mark.parametrize(
    ("nano", "written"),
    [
        (200 * DOLLAR, "200.00 USD"),
        (1_234_567 * CENT, "12,345.67 USD"),
        (3 * DOLLAR // 2 + 1, "1.50 USD"),
        (7 * CENT, "0.07 USD"),
        (0, "0.00 USD"),
        (1, "0.000000001 USD"),
        (2_500_000, "0.0025 USD"),
    ],
)
def test_money_is_written_to_the_cent_or_as_exactly_as_it_needs(nano: int, written: str) -> None:
    assert dollars(nano) == written


def test_who_is_over_a_budget_is_told_which_how_it_stands_and_when_it_begins_anew() -> None:
    error = over(TEAM, Standing(199 * DOLLAR, 50 * CENT), NEXT, 2 * DOLLAR, MORNING + 0.5)
    assert error.message == (
        "budget 'team-a' has no room for this request, which may cost 2.00 USD: of 200.00 USD a day, 199.00 USD are "
        "spent and 0.50 USD set aside for requests under way; it begins anew on 2026-11-24 01:00 Europe/Berlin"
    )
    assert error.retry_after == 16 * 3600 - 0.5


def test_where_only_requests_under_way_stand_between_nobody_can_say_when() -> None:
    error = over(TEAM, Standing(100 * DOLLAR, 99 * DOLLAR), NEXT, 2 * DOLLAR, MORNING)
    assert error.message.endswith("; try again when some of those have ended")
    assert error.retry_after is None


def test_a_budget_without_a_next_period_says_who_can_help() -> None:
    error = over(Budget("once", DOLLAR, "total"), Standing(DOLLAR, 0), Span(0, None), 1, MORNING)
    assert "of 1.00 USD in all" in error.message
    assert "does not begin anew" in error.message
    assert error.retry_after is None


def test_a_budget_that_runs_low_is_told_in_a_header() -> None:
    assert low(TEAM, Standing(166 * DOLLAR, 0), NEXT) == (
        "budget 'team-a': 83% of 200.00 USD a day is spent; it begins anew on 2026-11-24 01:00 Europe/Berlin"
    )
    assert low(Budget("none", 0, "total"), Standing(0, 0), Span(0, None)) == (
        "budget 'none': all of 0.00 USD in all is spent"
    )


def test_things_are_counted_in_the_plural() -> None:
    assert [many(1, "second"), many(2, "second"), many(400_000, "token")] == ["1 second", "2 seconds", "400,000 tokens"]
