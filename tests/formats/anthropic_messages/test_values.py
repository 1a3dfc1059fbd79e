"""JSON is decoded and encoded leniently."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.anthropic_messages.values import decode, encode, read_cache, rest, restate, write_cache
from omniroute.ir.parts import CacheHint
from tests.support.laws import often


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":[1,2.5,null]}', {"a": [1, 2.5, None]}),
        ('{"a":1}', {"a": 1}),
        (b'{"a":"\\ud83d x"}', {"a": "? x"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        ('{"a":"\\udead"}', {"a": "?"}),
        (b"[NaN]", None),
        (b"[1e999]", None),
        (b"", None),
        (b"{", None),
        (b"[" * 100_000, None),
    ],
)
def test_json_is_read_leniently(data: bytes | str, value: Any) -> None:
    assert decode(data) == value


@given(st.binary())
@settings(max_examples=often(50), deadline=None)
def test_no_bytes_crash_the_reading(data: bytes) -> None:
    decode(data)


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    assert encode({"a": "é\ud800"}) == '{"a":"é?"}'.encode()
    assert encode({"a": "é"}) == '{"a":"é"}'.encode()


def test_members_that_are_not_known_are_kept_and_put_back() -> None:
    extras = rest({"known": 1, "more": 2, "none": None}, frozenset({"known"}))
    assert extras == {"more": 2}
    target: dict[str, Any] = {"a": 1}
    restate(target, {"more": 2, "=a": 3})
    restate(target, None)
    assert target == {"a": 3, "more": 2}


@pytest.mark.parametrize(
    ("control", "hint", "extras"),
    [
        (None, None, {}),
        ({"type": "ephemeral"}, CacheHint(), {}),
        ({"type": "ephemeral", "ttl": "1h"}, CacheHint("1h"), {}),
        ({"type": "ephemeral", "scope": "global"}, CacheHint(), {"cache_control": {"scope": "global"}}),
        ({"type": "eternal"}, None, {"cache_control": {"type": "eternal"}}),
        ({"type": "ephemeral", "ttl": 5}, None, {"cache_control": {"type": "ephemeral", "ttl": 5}}),
        ("yes", None, {"cache_control": "yes"}),
    ],
)
def test_cache_control_is_read(control: Any, hint: CacheHint | None, extras: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    assert read_cache({"cache_control": control}, found) == hint
    assert found == extras


def test_cache_control_is_written() -> None:
    assert write_cache(CacheHint()) == {"type": "ephemeral"}
    assert write_cache(CacheHint("1h")) == {"type": "ephemeral", "ttl": "1h"}
