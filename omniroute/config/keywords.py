"""The validator: ``jsonschema`` for draft 2020-12, with our marks as keywords and TOML's types.

Always true: it judges exactly as the document models do. A pattern must match the whole text; 1.0 is no integer and
nan no number; a date of TOML is a string with that format, and a string in quotes is never a date.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from omniroute.config.document.base import STATUS
from omniroute.config.source import Path


class Moment(str):
    """A date or a time of TOML, as it is seen by the schema: a string that has one of its formats."""

    __slots__ = ("kind",)

    kind: str


class Endless(int):
    """A whole number with more digits than anybody would write, or Python would print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "…"


class Problem(msgspec.Struct, frozen=True):
    """Something that the schema does not allow.

    ``keyword`` is the one of the schema that says so and ``wanted`` its value; ``schema`` is the part of the schema
    that it stands in, and ``value`` the part of the document that it is about. A union's problem holds those of each
    of its alternatives.
    """

    path: Path
    keyword: str
    wanted: Any
    value: Any
    schema: Mapping[str, Any]
    branches: Mapping[int, tuple["Problem", ...]] = MappingProxyType({})


def as_json(value: Any) -> Any:
    """Copy a document with dates and times as JSON Schema knows them, and with no number that cannot be printed."""
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return Endless(value)
    if isinstance(value, date | time):
        moment = Moment(value.isoformat())
        moment.kind = _format_of(value)
        return moment
    return value


def problems(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Problem]:
    """Give everything in a document that its schema does not allow."""
    return map(_problem, _Validator(inlined(schema)).iter_errors(as_json(values)))


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put definitions in the place of what refers to them, which no definition of ours does to itself.

    Looking references up took half of the time of a validation; and what is said of a key is now beside what is
    said of its table.
    """
    return dict(_inlined(schema, schema["$defs"])) if "$defs" in schema else dict(schema)


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    here = {key: _inlined(each, definitions) for key, each in node.items() if key not in {"$ref", "$defs"}}
    if "$ref" not in node:
        return here
    return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions) | here


def _problem(error: ValidationError) -> Problem:
    branches: dict[int, tuple[Problem, ...]] = {}
    for each in error.context or ():
        branch = int(each.schema_path[0])
        branches[branch] = (*branches.get(branch, ()), _problem(each))
    schema = error.schema if isinstance(error.schema, dict) else {}
    path = tuple(error.absolute_path)
    return Problem(path, str(error.validator), error.validator_value, error.instance, schema, branches)


_LONGEST = 64


def _format_of(value: date | time) -> str:
    """Name the format of a date or time; a date-time of JSON Schema (RFC 3339) has an offset."""
    if isinstance(value, datetime):
        return "date-time" if value.tzinfo is not None else "local date-time"
    return "date" if isinstance(value, date) else "time"


def _pattern(validator: Validator, pattern: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    del validator, schema
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError("pattern")


def _type(validator: Validator, types: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    unquoted = isinstance(instance, Moment) and "format" not in schema
    if unquoted or not validator.is_type(instance, types):
        yield ValidationError("type")


def _format(validator: Validator, name: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    del validator, schema
    if isinstance(instance, str) and getattr(instance, "kind", None) != name:
        yield ValidationError("format")


def _names(
    validator: Validator, names: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    del validator, schema
    if isinstance(instance, dict):
        for name in instance:
            if not re.fullmatch(names["pattern"], name):
                yield ValidationError("name", path=(name,))


def _status(validator: Validator, status: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    del validator, status, instance, schema
    yield ValidationError("planned")


def _is_integer(_: object, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


def _is_number(_: object, instance: object) -> bool:
    return _is_integer(_, instance) or (isinstance(instance, float) and math.isfinite(instance))


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})

_Validator = extend(  # type: ignore[no-untyped-call]  # its stubs leave it open
    Draft202012Validator,
    {
        "pattern": _pattern,
        "type": _type,
        "format": _format,
        "propertyNames": _names,
        STATUS: _status,
    },
    type_checker=_TYPES,
)
