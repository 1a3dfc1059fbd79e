"""Tokens, counted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.usage import Usage

tokens = st.integers(0, 2**53)


@given(tokens, tokens, tokens, tokens, tokens)
def test_all_that_was_sent_is_the_four_classes_of_input_together(
    sent: int, read: int, written: int, hour: int, said: int
) -> None:
    usage = Usage(sent, said, read, written, said, hour, audio_in=sent, audio_cache_read=read, audio_out=said)
    assert usage.prompt == sent + read + written + hour


def test_what_is_not_told_is_zero() -> None:
    assert (Usage().prompt, Usage().output, Usage().reasoning) == (0, 0, 0)


def test_usage_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Usage().input = 1  # type: ignore[misc]  # that it is frozen is what is tested
