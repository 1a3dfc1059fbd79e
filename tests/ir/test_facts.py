"""What a request asks for, as a value."""

import pytest

from omniroute.ir.facts import Facts
from omniroute.names import Format, ProviderName


def test_requests_that_ask_the_same_have_the_same_facts() -> None:
    one, other = (Facts("smart", Format.OPENAI_CHAT, stream=True) for _ in range(2))
    assert one == other
    assert len({one, other}) == 1


def test_no_provider_is_named_unless_the_path_names_one() -> None:
    plain = Facts("smart", Format.OPENAI_CHAT, stream=True)
    assert plain.provider is None
    assert plain != Facts("smart", Format.OPENAI_CHAT, stream=True, provider=ProviderName("house"))


def test_facts_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Facts("smart", Format.OPENAI_CHAT, stream=True).asked = "other"  # type: ignore[misc]  # it is frozen
