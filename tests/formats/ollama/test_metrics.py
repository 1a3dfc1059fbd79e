"""Tokens, times and reasons for the end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.ollama.metrics import finish_of, finish_word, read_usage, seconds_of, timestamp, write_usage
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage


@pytest.mark.parametrize(
    ("reason", "called", "finish"),
    [
        ("stop", False, Finish.STOP),
        ("stop", True, Finish.TOOLS),
        (None, False, Finish.STOP),
        ("length", True, Finish.LENGTH),
        ("load", False, Finish.OTHER),
        (["stop"], False, Finish.OTHER),
    ],
)
def test_a_reason_for_the_end_is_read(reason: object, called: bool, finish: Finish) -> None:
    assert finish_of(reason, called=called) is finish


@pytest.mark.parametrize("finish", Finish)
def test_every_reason_for_the_end_has_a_word(finish: Finish) -> None:
    assert finish_word(finish) == ("length" if finish is Finish.LENGTH else "stop")


@pytest.mark.parametrize(
    ("record", "usage"),
    [
        ({}, None),
        ({"prompt_eval_count": None, "eval_count": "7"}, None),
        ({"prompt_eval_count": 5, "eval_count": 7}, Usage(input=5, output=7)),
        ({"eval_count": 7}, Usage(output=7)),
        ({"prompt_eval_count": 5.0, "eval_count": -1}, Usage(input=5)),
        ({"prompt_eval_count": True, "eval_count": 2.0**60}, None),
    ],
)
def test_usage_is_what_was_reported(record: dict[str, object], usage: Usage | None) -> None:
    assert read_usage(record) == usage


def test_all_that_was_sent_is_written_as_the_prompt() -> None:
    usage = Usage(input=1, cache_read=2, cache_write=4, output=8, reasoning=3)
    assert write_usage(usage) == {"prompt_eval_count": 7, "eval_count": 8}
    assert write_usage(None) == {}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-03-14T09:26:53.589793Z", 1773480413),
        ("2026-03-14T09:26:53.589793238Z", 1773480413),
        ("2026-03-14T10:26:53+01:00", 1773480413),
        ("2026-03-14T09:26:53", 1773480413),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1773480413, None),
    ],
)
def test_a_time_is_read_as_seconds(written: object, seconds: int | None) -> None:
    assert seconds_of(written) == seconds


def test_a_time_is_written_as_the_internet_does() -> None:
    assert timestamp(1773480413_589793) == "2026-03-14T09:26:53.589793Z"
    assert timestamp(1773480413_000000) == "2026-03-14T09:26:53Z"
    assert timestamp(10**18 * 10**6) is None


@given(st.integers(0, 250_000_000_000))
@settings(max_examples=50, deadline=None)
def test_a_time_that_was_written_is_read_again(seconds: int) -> None:
    assert seconds_of(timestamp(seconds * 1_000_000)) == seconds


@given(st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_reading_a_time_never_fails(text: str) -> None:
    seconds_of(text)
