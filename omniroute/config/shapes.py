"""Which alternative of a union was meant, and how to say that none was.

Always true: what is said about a union is about one of its alternatives, or lists them; never what ``jsonschema``
says of all of them together.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omniroute.config.document.base import STATUS
from omniroute.config.faults import Fault, Spot
from omniroute.config.forms import form, kind_of
from omniroute.config.keywords import Moment, Problem
from omniroute.config.words import did_you_mean, member, toml, toml_key

_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?")
_OTHER_KIND = frozenset({"type", "format"})


def meant_branch(problem: Problem) -> int | None:
    """Give the index of the alternative that a value was meant to be, by its kind and by the keys that it has."""
    fitting: list[int] = []
    named: list[int] = []
    for branch, inside in problem.branches.items():
        wrong = {each.keyword for each in inside if each.path == problem.path}
        if wrong & _OTHER_KIND:
            continue
        fitting.append(branch)
        if "required" not in wrong:
            named.append(branch)
    if named:
        return named[0]
    return fitting[0] if len(fitting) == 1 else None


def no_shape(problem: Problem) -> Fault:
    """Say that a value has none of the shapes that its key takes, and list them."""
    schemas = [inside[0].schema for inside in problem.branches.values()]
    given = list(problem.value) if isinstance(problem.value, dict) else []
    known = [key for schema in schemas for key in schema.get("required", ())]
    hints = [hint for hint in (did_you_mean(name, known) for name in given) if hint]
    shapes = [shape for schema in schemas for shape in _shapes(schema)]
    return Fault(
        "OR2007",
        f"{member(problem.path)} is {kind_of(problem.value)} that is not understood",
        Spot(problem.path),
        label="none of the shapes that this key takes",
        hint=hints[0] if hints else _unquoted(problem),
        note=f"it takes {', or '.join(shapes)}",
    )


def _unquoted(problem: Problem) -> str:
    """Show a date or a time without the quotes that it was written in."""
    text = problem.value if isinstance(problem.value, str) and not isinstance(problem.value, Moment) else ""
    dated = any(inside[0].schema.get("format") for inside in problem.branches.values())
    return f"without quotes: {toml_key(str(problem.path[-1]))} = {text}" if dated and _DATED.fullmatch(text) else ""


def _shapes(schema: Mapping[str, Any]) -> Iterator[str]:
    """Give the shapes of one alternative as they are written; none of what is not supported yet."""
    if "enum" in schema:
        yield from (toml(each) for each in schema["enum"])
    elif "format" in schema or "pattern" in schema:
        yield form(schema.get("format") or schema["pattern"])
    else:
        keys = [key for key in schema.get("required", ()) if STATUS not in schema["properties"][key]]
        yield from (f"{{ {toml_key(key)} = … }}" for key in keys)
