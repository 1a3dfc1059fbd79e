"""JSON is read as leniently as others read it, and what was read can be written."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.jsontext import dumps, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'"half \\ud83d"', "half \ud83d"),
        (b'{"bad": "\xff"}', {"bad": "\ufffd"}),
        (b"1e400", float("inf")),
        (b"", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b"[DONE]", None),
    ],
)
def test_json_is_read_and_anything_else_is_nothing(text: bytes, value: object) -> None:
    assert loads(text) == value


def test_half_a_surrogate_pair_is_written_as_the_escape_that_it_was() -> None:
    assert dumps({"a": "half \ud83d", "é": 1}) == b'{"a":"half \\ud83d","\\u00e9":1}'
    assert dumps({"é": 1}) == '{"é":1}'.encode()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_what_is_read_is_written_again(value: object) -> None:
    assert loads(dumps(loads(json.dumps(value).encode()))) == value


@given(st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_reading_never_fails(data: bytes) -> None:
    dumps(loads(data))
