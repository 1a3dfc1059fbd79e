"""The schemas of this format, said as JSON Schema."""

from typing import Any

import pytest

from omniroute.formats.gemini.schema import to_json_schema

CASES: list[tuple[Any, Any]] = [
    ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
    ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
    ({"type": "STRING", "nullable": False}, {"type": "string"}),
    ({"nullable": True}, {}),
    ({"any_of": [{"type": "INTEGER"}], "nullable": True}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ({"type": 6, "properties": {"type": {"type": 1}}}, {"type": "object", "properties": {"type": {"type": "string"}}}),
    ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
    ({"type": True}, {"type": True}),
    ({"type": 99}, {"type": 99}),
    (
        {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "2", "max_items": "x"},
        {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": "x"},
    ),
    (
        {"properties": 1, "anyOf": 2, "additionalProperties": False},
        {"properties": 1, "anyOf": 2, "additionalProperties": False},
    ),
    ({"property_ordering": ["a"], "format": "int32", "title": None}, {"propertyOrdering": ["a"], "format": "int32"}),
    ("x", "x"),
]


@pytest.mark.parametrize(("schema", "expected"), CASES)
def test_a_schema_is_said_as_json_schema(schema: Any, expected: Any) -> None:
    assert to_json_schema(schema) == expected
