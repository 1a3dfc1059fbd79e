"""A whole answer, as a value."""

import msgspec
import pytest
from hypothesis import given, settings

from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import Format
from tests.support.ir_values import whole
from tests.support.laws import often


@given(whole)
@settings(max_examples=often(50), deadline=None)
def test_an_answer_does_not_change(response: GenerateResponse) -> None:
    with pytest.raises(AttributeError):
        response.parts = ()  # type: ignore[misc]  # that it is frozen is what is tested
    assert msgspec.structs.replace(response) == response


def test_what_a_provider_did_not_say_is_not_made_up() -> None:
    answer = GenerateResponse(Format.OLLAMA, ())
    assert {getattr(answer, name) for name in answer.__struct_fields__} == {Format.OLLAMA, (), None}


def test_reasons_for_an_end_are_words_of_their_own() -> None:
    assert [each.value for each in Finish] == ["stop", "length", "tools", "refused", "pause", "other"]
