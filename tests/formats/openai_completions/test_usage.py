"""Tokens of an answer."""

import pytest
from hypothesis import given, settings

from omniroute.formats.openai_completions.usage import read_usage, write_usage
from omniroute.ir.usage import Usage
from tests.support.ir_values import usages


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": "5", "completion_tokens": True}, None),
        ({"prompt_tokens": 5, "completion_tokens": 2.0}, Usage(5, 2)),
        ({"prompt_tokens": 5}, Usage(5)),
        ({"completion_tokens": 5}, Usage(0, 5)),
        ({"prompt_tokens": -1, "completion_tokens": 2**60}, None),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3}}, Usage(2, cache_read=3)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(0, cache_read=5)),
        ({"prompt_tokens": 5, "prompt_tokens_details": []}, Usage(5)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"audio_tokens": 9}}, Usage(5, audio_in=5)),
        ({"completion_tokens": 5, "completion_tokens_details": {"audio_tokens": 4}}, Usage(0, 5, audio_out=4)),
        ({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 9}}, Usage(0, 5, reasoning=5)),
    ],
)
def test_usage_is_what_was_reported(reported: object, usage: Usage | None) -> None:
    assert read_usage(reported) == usage


@given(usages)
@settings(max_examples=50, deadline=None)
def test_what_was_written_is_read_again(usage: Usage) -> None:
    written = write_usage(usage)
    assert written["total_tokens"] == usage.prompt + usage.output
    again = read_usage(written)
    assert again == Usage(
        usage.prompt - usage.cache_read,
        usage.output,
        usage.cache_read,
        reasoning=usage.reasoning,
        audio_in=usage.audio_in,
        audio_out=usage.audio_out,
    )


def test_details_are_written_where_there_are_any() -> None:
    assert set(write_usage(Usage(1, 2))) == {"prompt_tokens", "completion_tokens", "total_tokens"}
