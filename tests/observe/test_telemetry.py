"""Telemetry: percentiles of real answers, of a bounded number of them."""

import pytest

from omniroute.names import Outcome
from omniroute.observe.telemetry import KEPT, Latency, Percentiles, Telemetry
from tests.support.events import NOON, admitted, exchanged, reloaded, unanswered

MILLI = 1_000
LATER = NOON + 60_000_000


def after(*durations: int, **fields: object) -> Telemetry:
    telemetry = Telemetry()
    for number, each in enumerate(durations):
        telemetry.note(exchanged(number, micros=each * MILLI, first_token_micros=None, **fields))
    return telemetry


def test_before_anything_was_answered_there_is_nothing() -> None:
    summary = Telemetry().summary(300, NOON)
    assert (summary.providers, summary.models, summary.window_seconds) == ({}, {}, 300)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ((7,), (7, 7, 7)),
        ((20, 10), (10, 20, 20)),
        (range(100, 0, -1), (50, 95, 99)),
        (range(1, 201), (100, 190, 198)),
    ],
)
def test_percentiles_are_those_of_nearest_rank(durations: range, expected: tuple[int, int, int]) -> None:
    assert after(*durations).summary(300, LATER).providers == {"house": Latency(*expected, len(durations))}


def test_first_tokens_are_summed_up_of_the_answers_that_had_one() -> None:
    telemetry = after(5)
    telemetry.note(exchanged(9, micros=90 * MILLI, first_token_micros=30 * MILLI))
    found = telemetry.summary(300, LATER).providers["house"]
    assert (found.count, found.first_token) == (2, Percentiles(30, 30, 30, 1))


def test_providers_and_models_are_told_apart() -> None:
    telemetry = after(10)
    telemetry.note(exchanged(1, micros=20 * MILLI, target="house/small"))
    telemetry.note(exchanged(2, micros=30 * MILLI, provider="annex", target="annex/large"))
    summary = telemetry.summary(300, LATER)
    assert {name: each.count for name, each in summary.providers.items()} == {"annex": 1, "house": 2}
    assert {name: each.p50 for name, each in summary.models.items()} == {
        "annex/large": 30,
        "house/large": 10,
        "house/small": 20,
    }


def test_only_answers_that_ended_within_the_window_count() -> None:
    telemetry = after(1_000, 3_000)
    assert telemetry.summary(2, NOON + 4_000_000).providers["house"].p50 == 3_000
    assert telemetry.summary(2, NOON + 9_000_000).providers == {}


def test_what_no_upstream_answered_in_full_does_not_count() -> None:
    telemetry = after(1, cache="exact")
    for event in (unanswered(), exchanged(outcome=Outcome.CUT), admitted(), reloaded()):
        telemetry.note(event)
    assert telemetry.summary(300, LATER).providers == {}


def test_of_each_provider_the_last_answers_are_kept_and_no_more() -> None:
    telemetry = after(*[1_000] * 10, *[10] * KEPT)
    telemetry.note(exchanged(5, provider="annex", target="annex/large"))
    summary = telemetry.summary(300, LATER)
    assert (summary.providers["house"].count, summary.providers["house"].p99) == (KEPT, 10)
    assert summary.providers["annex"].count == 1
