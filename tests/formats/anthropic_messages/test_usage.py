"""Usage is counted once, in the convention of the IR."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.formats.anthropic_messages.usage import count, read_usage, write_usage
from omniroute.ir.usage import Usage


def kept(whole: int | None, minutes: int, hour: int) -> dict[str, Any]:
    parted = {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}
    return {"input_tokens": 1, "cache_creation_input_tokens": whole, "cache_creation": parted}


COMPACTED = {
    "input_tokens": 180,
    "output_tokens": 8,
    "iterations": [
        {"type": "compaction", "input_tokens": 100, "output_tokens": 83, "cache_read_input_tokens": 5},
        {"type": "message", "input_tokens": 180, "output_tokens": 8},
        "odd",
    ],
}


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": "7", "output_tokens": True}, None),
        ({"input_tokens": 7}, Usage(7)),
        ({"output_tokens": 7.0}, Usage(output=7)),
        (
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4,
                "output_tokens_details": {"thinking_tokens": 1},
            },
            Usage(1, 2, 3, 4, 1),
        ),
        (
            {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 9}},
            Usage(1, 2, 0, 0, 2),
        ),
        ({"input_tokens": 1, "output_tokens": -2, "cache_read_input_tokens": None}, Usage(1)),
        (COMPACTED, Usage(280, 91, 5)),
        ({"input_tokens": 1, "iterations": 7}, Usage(1)),
        (kept(300, 100, 200), Usage(1, cache_write=100, cache_write_1h=200)),
        (kept(300, 0, 500), Usage(1, cache_write_1h=300)),
        (kept(300, 100, 0), Usage(1, cache_write=300)),
        (kept(None, 100, 200), Usage(1, cache_write=100, cache_write_1h=200)),
        ({"input_tokens": 1, "cache_creation_input_tokens": 7, "cache_creation": None}, Usage(1, cache_write=7)),
    ],
)
def test_usage_is_read(value: Any, usage: Usage | None) -> None:
    assert read_usage(value) == usage


@given(st.builds(Usage, *[st.integers(0, 2**40)] * 4, cache_write_1h=st.integers(0, 2**40)))
def test_usage_returns(usage: Usage) -> None:
    assert read_usage(write_usage(usage)) == usage
    thought = msgspec.structs.replace(usage, reasoning=usage.output)
    assert read_usage(write_usage(thought)) == thought


def test_unknown_usage_counts_nothing() -> None:
    assert write_usage(None) == {"input_tokens": 0, "output_tokens": 0}


def test_what_no_answer_can_have_is_no_count() -> None:
    assert count(2**60) is None
    assert count(-1) is None
