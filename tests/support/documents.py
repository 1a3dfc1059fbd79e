"""Generated configuration documents: what the schema allows, and what becomes of that when it is tampered with."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any

from hypothesis import strategies as st

from omniroute.config.keywords import inlined
from tests.support.written import SCHEMA

WHOLE = inlined(SCHEMA)

ANYTHING = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "env:A", "30s", "10MiB", "x/y", "a", "priority", "none", "30s\n", "1", "true", "sk-1234567890abcdefgh"]
    ),
    st.dates(),
    st.just(datetime(2027, 1, 1, tzinfo=UTC)),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["header", "model", "a"]), st.text(max_size=3), max_size=2),
)
"""Values that TOML can hold, most of them out of place wherever they are put."""


def allowed(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Generate what a schema allows."""
    if "oneOf" in node:
        return st.one_of([allowed(each) for each in node["oneOf"]])
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    make: dict[str, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
        "object": _table,
        "array": lambda each: st.lists(allowed(each["items"]), min_size=each.get("minItems", 0), max_size=3),
        "string": _string,
        "integer": lambda each: st.integers(each.get("minimum"), each.get("maximum")),
        "number": lambda each: (
            st.floats(each["minimum"], each["maximum"]) | st.integers(ceil(each["minimum"]), floor(each["maximum"]))
        ),
        "boolean": lambda _: st.booleans(),
    }
    return make[node["type"]](node)


def _string(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if node.get("format") == "date":
        return st.dates()
    if node.get("format") == "date-time":
        return st.datetimes(timezones=st.just(UTC))
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True)
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=node.get("minLength", 0), max_size=8)


def _table(node: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in node:
        names = st.from_regex(node["propertyNames"]["pattern"], fullmatch=True)
        return st.dictionaries(names, allowed(node["additionalProperties"]), max_size=2)
    required = node.get("required", [])
    keys = {name: st.deferred(lambda each=each: allowed(each)) for name, each in node["properties"].items()}
    return st.fixed_dictionaries(
        {name: keys[name] for name in required},
        optional={name: each for name, each in keys.items() if name not in required},
    )


DOCUMENTS = allowed(WHOLE)


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a document in which one value, anywhere, was replaced, added or taken away."""
    document = {"server": {"port": 1}} | copy.deepcopy(draw(DOCUMENTS))
    table, key = draw(st.sampled_from(_places(document)))
    match draw(st.sampled_from(["replace", "replace", "add", "remove"])):
        case "replace":
            table[key] = draw(ANYTHING)
        case "add" if isinstance(table, dict):
            table[draw(st.text(max_size=4))] = draw(ANYTHING)
        case "add":
            table.append(draw(ANYTHING))
        case _:
            del table[key]
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Give every place of a document, as its table or array and the key or index in it."""
    if isinstance(value, dict):
        return [(value, key) for key in value] + [place for each in value.values() for place in _places(each)]
    if isinstance(value, list):
        return [(value, index) for index in range(len(value))] + [place for each in value for place in _places(each)]
    return []
