import math
from datetime import UTC, date, datetime, time

import pytest

from omniroute.config.keywords import Endless, Moment, as_json, inlined, problems

KEY = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "f": {"type": "number", "minimum": 0},
        "s": {"type": "string", "pattern": "^[a-z]+$"},
        "when": {"oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
        "named": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}},
        "later": {"type": "string", "x-omniroute-status": "planned"},
    },
}


def keywords(value: object) -> list[tuple[tuple[str | int, ...], str]]:
    return [(each.path, each.keyword) for each in problems(KEY, {"x": 0} | value if isinstance(value, dict) else {})]


@pytest.mark.parametrize(
    ("value", "keyword"),
    [
        ({"n": 1.0}, "type"),
        ({"n": True}, "type"),
        ({"n": "1"}, "type"),
        ({"f": math.nan}, "type"),
        ({"f": math.inf}, "type"),
        ({"f": True}, "type"),
        ({"f": -1}, "minimum"),
        ({"s": "abc\n"}, "pattern"),
        ({"s": "ABC"}, "pattern"),
        ({"s": date(2027, 1, 1)}, "type"),
        ({"when": "2027-01-01"}, "oneOf"),
        ({"when": time(7, 32)}, "oneOf"),
        ({"when": datetime(2027, 1, 1)}, "oneOf"),  # noqa: DTZ001 - a local date-time is what is refused
        ({"when": 20270101}, "oneOf"),
        ({"named": 1}, "type"),
        ({"later": "x"}, "x-omniroute-status"),
    ],
)
def test_what_the_models_refuse_is_refused(value: dict[str, object], keyword: str) -> None:
    assert keywords(value)[0] == (tuple(value), keyword)


@pytest.mark.parametrize(
    "value",
    [
        {"n": 1},
        {"f": 1},
        {"f": 0.5},
        {"s": "abc"},
        {"when": date(2027, 1, 1)},
        {"when": datetime(2027, 1, 1, tzinfo=UTC)},
        {"named": {"a": 1}},
        {"choice": "a"},
    ],
)
def test_what_the_models_take_is_taken(value: dict[str, object]) -> None:
    assert keywords(value) == []


def test_a_bad_name_is_found_at_its_own_path() -> None:
    ((path, keyword),) = keywords({"named": {"a": 1, "B": 2}})
    assert (path, keyword) == (("named", "B"), "propertyNames")


def test_a_union_keeps_the_problems_of_each_alternative() -> None:
    (union,) = problems(KEY, {"when": 1})
    assert {branch: [each.keyword for each in inside] for branch, inside in union.branches.items()} == {
        0: ["type"],
        1: ["type"],
    }


def test_dates_become_strings_that_remember_what_they_were() -> None:
    copy = as_json({"a": [date(2027, 1, 1), "2027-01-01"]})
    assert copy == {"a": ["2027-01-01", "2027-01-01"]}
    assert isinstance(copy["a"][0], Moment)
    assert not isinstance(copy["a"][1], Moment)


def test_a_number_without_end_can_be_compared_and_not_printed() -> None:
    (number, short) = as_json([16**5000, 2**63])
    assert isinstance(number, Endless)
    assert number > 10
    assert repr(number) == "…"
    assert not isinstance(short, Endless)
    assert keywords({"f": -(16**5000)}) == [(("f",), "minimum")]


def test_references_are_replaced_by_what_they_refer_to_and_keep_what_stands_beside_them() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A", "x-mark": True}, "b": {"items": [{"$ref": "#/$defs/A"}]}},
        "$defs": {"A": {"properties": {"c": {"$ref": "#/$defs/B"}}}, "B": {"type": "string"}},
    }
    inner = {"properties": {"c": {"type": "string"}}}
    assert inlined(schema) == {"properties": {"a": inner | {"x-mark": True}, "b": {"items": [inner]}}}
    assert inlined({"type": "object"}) == {"type": "object"}
