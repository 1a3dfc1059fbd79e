"""Usage, both ways."""

from typing import Any

import pytest

from omniroute.formats.openai_responses.usage import read_usage, render_usage
from omniroute.ir.usage import Usage


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": "5", "output_tokens": True}, None),
        ({"input_tokens": 5}, Usage(input=5)),
        ({"output_tokens": 2.0}, Usage(output=2)),
        ({"input_tokens": -1, "output_tokens": 2**60}, None),
        (
            {"input_tokens": 10, "output_tokens": 5,
             "input_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 3},
             "output_tokens_details": {"reasoning_tokens": 4}},
            Usage(1, 5, 6, 3, 4),
        ),
        (
            {"input_tokens": 10, "output_tokens": 5,
             "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 3},
             "output_tokens_details": {"reasoning_tokens": 40}},
            Usage(0, 5, 7, 3, 5),
        ),
    ],
)  # fmt: skip
def test_usage_is_read_without_overlap_and_never_inflated(told: Any, usage: Usage | None) -> None:
    assert read_usage(told) == usage


def test_usage_that_is_written_is_read_again() -> None:
    usage = Usage(1, 5, 6, 3, 4)
    told = render_usage(usage)
    assert told is not None
    assert told["total_tokens"] == 15
    assert read_usage(told) == usage
    assert render_usage(None) is None


def test_all_that_was_written_to_a_cache_is_told_in_one_number() -> None:
    assert read_usage(render_usage(Usage(1, 5, 6, 3, 4, cache_write_1h=2))) == Usage(1, 5, 6, 5, 4)
