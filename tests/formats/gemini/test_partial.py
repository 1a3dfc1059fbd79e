"""Arguments that come in pieces."""

import json
from typing import Any

import pytest

from omniroute.formats.gemini.partial import PartialCall

CASES: list[tuple[list[Any], Any]] = [
    ([], {}),
    ([{"jsonPath": "$.a", "stringValue": "x"}], {"a": "x"}),
    ([{"json_path": "$.a", "string_value": "x"}], {"a": "x"}),
    (
        [{"jsonPath": "$['a.b']", "numberValue": 1.5}, {"jsonPath": '$["c"]', "boolValue": False}],
        {"a.b": 1.5, "c": False},
    ),
    ([{"jsonPath": "$.a[0].b", "nullValue": "NULL_VALUE"}], {"a": [{"b": None}]}),
    (
        [
            {"jsonPath": "$.a", "stringValue": "x", "willContinue": True},
            {"jsonPath": "$.a", "stringValue": "y"},
            {"jsonPath": "$.a", "stringValue": "z"},
        ],
        {"a": "xy"},
    ),
    ([{"jsonPath": "$.a[5]", "numberValue": 1}], {"a": []}),
    ([{"jsonPath": "$.a[999999999].b", "numberValue": 1}], {"a": []}),
    ([{"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a.b.c", "numberValue": 1}], {"a": "x"}),
    ([{"jsonPath": "a", "numberValue": 1}, {"jsonPath": "$", "numberValue": 1}, {"jsonPath": "$.a"}, 3], {}),
    (
        [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}, {"jsonPath": "$.a", "numberValue": 1}],
        {"a": "x"},
    ),
]


@pytest.mark.parametrize(("pieces", "expected"), CASES)
def test_arguments_are_put_together(pieces: list[Any], expected: Any) -> None:
    call = PartialCall("f", None, None)
    for piece in pieces:
        call.take({"partialArgs": [piece]})
    assert json.loads(call.arguments()) == expected


def test_whole_arguments_may_come_as_well() -> None:
    call = PartialCall("f", None, None)
    call.take({"args": {"a": 1}, "partialArgs": [{"jsonPath": "$.b", "numberValue": 2}]})
    assert json.loads(call.arguments()) == {"a": 1, "b": 2}
