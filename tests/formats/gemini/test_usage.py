"""Tokens as this format counts them."""

from typing import Any

import pytest

from omniroute.formats.gemini.usage import read_usage, write_usage
from omniroute.ir.usage import Usage

CASES: list[tuple[Any, Usage | None]] = [
    (None, None),
    ({"trafficType": "ON_DEMAND"}, None),
    ({"totalTokenCount": 3}, None),
    ({"promptTokenCount": 10}, Usage(input=10)),
    ({"prompt_token_count": "10", "candidatesTokenCount": 2.0}, Usage(input=10, output=2)),
    (
        {"promptTokenCount": 10, "cachedContentTokenCount": 8, "candidatesTokenCount": 3, "thoughtsTokenCount": 4},
        Usage(input=2, output=7, cache_read=8, reasoning=4),
    ),
    ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(cache_read=5)),
    ({"promptTokenCount": 5, "toolUsePromptTokenCount": 90}, Usage(input=95)),
    ({"thoughtsTokenCount": 4}, Usage(output=4, reasoning=4)),
]


@pytest.mark.parametrize(("reported", "expected"), CASES)
def test_no_token_is_counted_twice_and_none_is_made_up(reported: Any, expected: Usage | None) -> None:
    assert read_usage(reported) == expected


@pytest.mark.parametrize("usage", [Usage(), Usage(2, 7, 8, 0, 4), Usage(1, 1, 0, 5)])
def test_usage_is_written_so_that_all_adds_up(usage: Usage) -> None:
    said = write_usage(usage)
    assert said["totalTokenCount"] == usage.prompt + usage.output
    found = read_usage(said)
    assert found is not None
    assert (found.prompt, found.output, found.cache_read) == (usage.prompt, usage.output, usage.cache_read)
    assert found.reasoning == usage.reasoning
