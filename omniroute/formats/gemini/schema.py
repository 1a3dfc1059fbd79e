"""The schemas of this format, said as JSON Schema.

``parameters`` and ``responseSchema`` hold a subset of OpenAPI 3.0's schema object: types may be upper case,
``nullable`` stands beside the type, whole numbers may be strings. Source: Gemini API reference, "Schema"
(https://ai.google.dev/api/caching#Schema). Members spelled in snake_case are the same (protocol buffers' mapping).

Always true: whatever is given, the answer is JSON; what is not understood stays as it is.
"""

from collections.abc import Callable
from typing import Any

from omniroute.formats.gemini.wire import count

# literal tables
_TYPES = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object", 7: "null"}
_SNAKE = {
    "any_of": "anyOf",
    "additional_properties": "additionalProperties",
    "max_items": "maxItems",
    "max_length": "maxLength",
    "max_properties": "maxProperties",
    "min_items": "minItems",
    "min_length": "minLength",
    "min_properties": "minProperties",
    "property_ordering": "propertyOrdering",
}
_WHOLE = frozenset({"maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"})


def to_json_schema(schema: object) -> Any:
    """Say a schema object as JSON Schema (2020-12)."""
    if not isinstance(schema, dict):
        return schema
    members: dict[str, Any] = schema
    said: dict[str, Any] = {}
    for written, value in members.items():
        name = _SNAKE.get(written, written)
        if value is not None and name != "nullable":
            said[name] = _RULES.get(name, _same)(value)
    return _nullable(said) if members.get("nullable") is True else said


def _same(value: object) -> object:
    """Leave a value as it is."""
    return value


def _whole(value: object) -> object:
    """Read a whole number that may be written as a string."""
    number = count(value)
    return value if number is None else number


def _type(value: object) -> object:
    """Give a type's name in lower case, also of one that is written as its number."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [_type(each) for each in value]
    return _TYPES.get(value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _list(value: object) -> object:
    """Say each schema of a list."""
    return [to_json_schema(each) for each in value] if isinstance(value, list) else value


def _properties(value: object) -> object:
    """Say the schema of each property."""
    return {name: to_json_schema(each) for name, each in value.items()} if isinstance(value, dict) else value


def _nullable(said: dict[str, Any]) -> dict[str, Any]:
    """Allow null as well."""
    kind = said.get("type")
    if isinstance(kind, str):
        said["type"] = [kind, "null"]
        if isinstance(said.get("enum"), list):
            said["enum"] = [*said["enum"], None]
    elif isinstance(said.get("anyOf"), list):
        said["anyOf"] = [*said["anyOf"], {"type": "null"}]
    return said


# literal table: how a member's value is said
_RULES: dict[str, Callable[[Any], Any]] = {
    "type": _type,
    "items": to_json_schema,
    "additionalProperties": to_json_schema,
    "anyOf": _list,
    "properties": _properties,
    **dict.fromkeys(_WHOLE, _whole),
}
