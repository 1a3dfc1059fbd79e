"""Tokens, counted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.usage import Usage

tokens = st.integers(0, 2**53)


@given(tokens, tokens, tokens, tokens)
def test_all_that_was_sent_is_the_three_classes_of_input_together(
    sent: int, read: int, written: int, said: int
) -> None:
    usage = Usage(input=sent, output=said, cache_read=read, cache_write=written)
    assert usage.prompt == sent + read + written


def test_what_is_not_told_is_zero() -> None:
    assert (Usage().prompt, Usage().output, Usage().reasoning) == (0, 0, 0)


def test_usage_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Usage().input = 1  # type: ignore[misc]  # that it is frozen is what is tested
