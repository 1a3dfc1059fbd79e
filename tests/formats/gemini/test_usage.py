"""Tokens as this format counts them."""

from typing import Any

import pytest

from omniroute.formats.gemini.usage import read_usage, write_usage
from omniroute.ir.usage import Usage


def parts(text: int, audio: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": text}, {"modality": "AUDIO", "tokenCount": audio}]


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
    (
        {"promptTokenCount": 50, "promptTokensDetails": parts(20, 30), "candidatesTokenCount": 9}
        | {"candidatesTokensDetails": parts(4, 5), "thoughtsTokenCount": 6},
        Usage(input=50, output=15, reasoning=6, audio_in=30, audio_out=5),
    ),
    (
        {"promptTokenCount": 50, "promptTokensDetails": parts(20, 30)}
        | {"cachedContentTokenCount": 40, "cacheTokensDetails": parts(15, 25)},
        Usage(input=10, cache_read=40, audio_in=5, audio_cache_read=25),
    ),
    (
        {"prompt_token_count": 9, "prompt_tokens_details": [{"modality": "AUDIO", "token_count": 9}]},
        Usage(input=9, audio_in=9),
    ),
    (
        {"promptTokenCount": 5, "toolUsePromptTokenCount": 7, "toolUsePromptTokensDetails": parts(3, 4)},
        Usage(input=12, audio_in=4),
    ),
    # parts that are more than what they are parts of
    (
        {"promptTokenCount": 5, "promptTokensDetails": parts(0, 9), "candidatesTokenCount": 1}
        | {"candidatesTokensDetails": parts(0, 9), "cacheTokensDetails": parts(0, 9)},
        Usage(input=5, output=1, audio_in=5, audio_out=1),
    ),
    ({"promptTokenCount": 5, "promptTokensDetails": "all"}, Usage(input=5)),
]


@pytest.mark.parametrize(("reported", "expected"), CASES)
def test_no_token_is_counted_twice_and_none_is_made_up(reported: Any, expected: Usage | None) -> None:
    assert read_usage(reported) == expected


@pytest.mark.parametrize(
    "usage",
    [
        *(Usage(), Usage(2, 7, 8, 0, 4), Usage(1, 1, 0, 5), Usage(1, 1, 0, 5, cache_write_1h=3)),
        Usage(20, 30, 10, 0, 10, audio_in=15, audio_out=20, audio_cache_read=10),
    ],
)
def test_usage_is_written_so_that_all_adds_up(usage: Usage) -> None:
    said = write_usage(usage)
    assert said["totalTokenCount"] == usage.prompt + usage.output
    found = read_usage(said)
    assert found is not None
    assert (found.prompt, found.output, found.cache_read) == (usage.prompt, usage.output, usage.cache_read)
    assert found.reasoning == usage.reasoning
    assert (found.audio_in, found.audio_out) == (usage.audio_in, usage.audio_out)
    assert found.audio_cache_read == usage.audio_cache_read
