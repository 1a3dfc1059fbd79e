"""Decoding leniently, and keeping members."""

import math
from typing import Any

import msgspec
import pytest

from omniroute.formats.openai_responses.wire import Saying, keep, listed, loads, members, put_back, text
from omniroute.ir.parts import CacheHint
from omniroute.names import Format
from tests.formats.openai_responses.exchange import paths


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b"", None),
        (b"{", None),
        (b'"\xff"', "\ufffd"),
        (b'"a\\ud83d"', "a?"),
        (b'["\\ud83d", 1, -9223372036854775808, 18446744073709551616]', ["?", 1, -(2**63), float(2**64)]),
        (b'["\\ud83d", 9999999999999999999999]', ["?", 1e22]),
        (b"[" * 100_000, None),
    ],
)
def test_json_is_decoded_as_leniently_as_clients_do_and_can_be_written_again(data: bytes, value: Any) -> None:
    assert loads(data) == value
    assert loads(msgspec.Raw(data)) == value
    msgspec.json.encode(loads(data))


def test_what_is_no_number_in_json_is_decoded() -> None:
    assert math.isnan(loads(b"[NaN]")[0])


def test_members_that_are_kept_come_back() -> None:
    value: dict[str, Any] = {
        "type": "x",
        "id": "1",
        "mood": "good",
        "annotations": [],
        "name": None,
        "more": {"a": None},
    }
    kept = keep(value, ("type",))
    assert kept == {"=id": "1", "mood": "good", "=annotations": [], "more": {"a": None}}
    assert put_back(kept) == {"id": "1", "mood": "good", "annotations": [], "more": {"a": None}}
    assert put_back(kept, ("=id", "more")) == {"mood": "good", "annotations": []}
    assert keep({"type": "x"}, ("type",)) is None
    assert put_back(None) == {}


def test_what_is_of_another_kind_counts_as_absent() -> None:
    assert (members([]), listed({}), text(1), text("")) == ({}, [], None, None)
    assert (members({"a": 1}), listed([1]), text("a")) == ({"a": 1}, [1], "a")


def test_extras_and_cache_hints_of_another_format_are_losses() -> None:
    own, other = Saying(Format.OPENAI_RESPONSES), Saying(Format.OPENAI_CHAT)
    for say in (own, other):
        say.drop_cache(CacheHint(), "a")
        say.drop_cache(None, "b")
    assert own.extras({"x": 1, "=y": 2}, "c") == {"x": 1, "y": 2}
    assert other.extras({"x": 1, "=y": 2}, "c") == {}
    other.lose("d")
    assert own.losses == []
    assert paths(other.losses) == ["a.cache dropped setting", "c.extras.x dropped setting", "d dropped content"]
