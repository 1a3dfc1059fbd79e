"""The JSON of this format."""

import json
from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.gemini import wire


def test_both_spellings_of_a_name_are_read_and_null_is_absent() -> None:
    given = {"mime_type": "a", "fileUri": "b", "x_own": 1, "topP": None}
    assert wire.named(given) == {"mimeType": "a", "fileUri": "b", "x_own": 1}
    assert given["topP"] is None
    assert wire.members([1]) == {}


@pytest.mark.parametrize(("value", "expected"), [(None, []), ([1], [1]), ({"a": 1}, [{"a": 1}]), ("x", ["x"])])
def test_a_single_value_stands_for_a_list(value: Any, expected: list[Any]) -> None:
    assert wire.many(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.0, 3), ("3", 3), (True, None), (-1, None), ("x", None), (None, None), (2**60, None), ("9" * 40, None)],
)
def test_a_number_of_tokens_is_read_however_it_is_written(value: Any, expected: int | None) -> None:
    assert wire.count(value) == expected


def test_text_is_a_string_with_something_in_it() -> None:
    assert [wire.text(value) for value in ("a", "", 1, None)] == ["a", None, None, None]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'"\\ud83d"', "?"),
        (b'"\xff"', "\ufffd"),
        (b"[NaN]", [None]),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_json_is_decoded_leniently(data: bytes, expected: Any) -> None:
    assert wire.loads(data) == expected


def test_json_is_encoded_even_where_utf_8_cannot_hold_it() -> None:
    assert json.loads(wire.encode({"a": "x\ud83dy"})) == {"a": "x?y"}


def test_members_of_other_kinds_are_refused_by_name() -> None:
    cases: list[tuple[Any, Any, str]] = [
        (wire.want_object, [1], "an object, and is an array"),
        (wire.want_text, 1, "a string, and is a number"),
        (wire.want_number, True, "a number, and is true"),
        (wire.want_number, "x", "a number, and is a string"),
        (wire.want_integer, 1.5, "an integer, and is a number"),
    ]
    for want, value, words in cases:
        with pytest.raises(Malformed, match=f'"a.b" must be {words}') as refused:
            want(value, "a.b")
        assert refused.value.param == "a.b"


def test_members_of_the_documented_kinds_are_read() -> None:
    assert wire.want_object(None, "a") == {}
    assert wire.want_text("x", "a") == "x"
    assert wire.want_number(None, "a") is None
    assert wire.want_number("1.5", "a") == 1.5
    assert wire.want_integer(None, "a") is None
    assert wire.want_integer("50", "a") == 50
    assert wire.rest({"a": 1, "b": 2}, ["a"]) == {"b": 2}


@pytest.mark.parametrize("value", ["inf", "nan", float("inf")])
def test_no_integer_is_made_of_what_is_not_finite(value: Any) -> None:
    with pytest.raises(Malformed):
        wire.want_integer(value, "a")
