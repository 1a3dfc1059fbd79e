"""Everything in a document that the schema does not allow, in words.

Always true: all faults are found in one run; a value is only quoted where it is short and cannot be a secret; what
is wrong inside something that is not supported yet is not worth a second finding. Unions are explained by the shape
that was meant (``config/shapes.py``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from omniroute import __version__
from omniroute.config.document.base import SECRET, STATUS
from omniroute.config.faults import Fault, Spot
from omniroute.config.forms import form, kind, kind_of, slug
from omniroute.config.keywords import Endless, Moment, Problem, problems
from omniroute.config.layers import Catalogue
from omniroute.config.leaks import looks_secret, seems_random
from omniroute.config.plain import plain_secret
from omniroute.config.shapes import meant_branch, no_shape
from omniroute.config.source import Path
from omniroute.config.words import ENTITIES, listed, meant, member, owner, toml, toml_key

_SHORT = 40
"""A value longer than this is not quoted in a message."""


def validate(values: Mapping[str, Any], schema: Mapping[str, Any], catalogue: Catalogue) -> tuple[Fault, ...]:
    """Find every fault; the catalogue knows which variable a secret is usually kept in."""
    faults = list(_explained(tuple(problems(schema, values)), catalogue))
    planned = [fault.spot.path for fault in faults if fault.code == "OR2006"]
    kept = (each for each in faults if each.code == "OR2006" or each.masked or not _inside(each.spot.path, planned))
    return tuple(kept)


def _inside(path: Path, tables: Iterable[Path]) -> bool:
    return any(path[: len(table)] == table for table in tables)


def _explained(found: tuple[Problem, ...], catalogue: Catalogue) -> Iterator[Fault]:
    """Say each problem in words; those of the keys of one table are looked at together.

    Of a value of another type than is wanted, nothing else is worth saying.
    """
    mistyped = {each.path for each in found if each.keyword == "type"}
    unknown: dict[Path, Problem] = {}
    missing: dict[Path, Problem] = {}
    for each in found:
        if each.keyword == "additionalProperties":
            unknown[each.path] = each
        elif each.keyword == "required":
            missing[each.path] = each
        elif each.path in mistyped and each.keyword not in {"type", STATUS}:
            continue
        elif each.keyword == "oneOf":
            yield from _union(each, catalogue)
        else:
            yield _single(each, catalogue)
    for path in unknown | missing:
        yield from _keys(path, unknown.get(path), missing.get(path))


def _union(problem: Problem, catalogue: Catalogue) -> Iterator[Fault]:
    """Explain a union by the alternative that was meant, or list its shapes."""
    branch = meant_branch(problem)
    if branch is None:
        yield no_shape(problem)
    else:
        yield from _explained(problem.branches[branch], catalogue)


def _single(problem: Problem, catalogue: Catalogue) -> Fault:
    if problem.schema.get(SECRET) and isinstance(problem.value, str):
        return plain_secret(problem.path, problem.value, catalogue)
    return _EXPLAINED[problem.keyword](problem)


def _keys(path: Path, unknown: Problem | None, missing: Problem | None) -> Iterator[Fault]:
    """Explain unknown and missing keys of one table; one that was probably meant for the other makes one finding."""
    absent = _absent(missing)
    present = unknown.value if unknown is not None else {}
    properties = unknown.schema["properties"] if unknown is not None else {}
    acting = [key for key, schema in properties.items() if STATUS not in schema]
    for name in _surplus(unknown):
        close = meant(name, absent) or meant(name, properties.keys() - present.keys())
        both = close in absent
        if both:
            absent.remove(str(close))
        yield (
            _unknown_key(path, name, close, acting, both=both) if path else _unknown_root(present, name, close, acting)
        )
    for name in absent:
        yield Fault(
            "OR2002",
            f"{owner(path)} lacks the key `{name}`",
            Spot(path),
            label=f"`{name}` is required here",
            hint=_example(missing, name),
        )


def _surplus(problem: Problem | None) -> list[str]:
    return [] if problem is None else [name for name in problem.value if name not in problem.schema["properties"]]


def _absent(problem: Problem | None) -> list[str]:
    return [] if problem is None else [name for name in problem.wanted if name not in problem.value]


def _unknown_key(path: Path, name: str, close: str | None, known: list[str], *, both: bool) -> Fault:
    spot = Spot((*path, name), key=True)
    return Fault(
        "OR2003",
        f"unknown key `{name}` in {owner(path)}",
        spot,
        label="not a key of this table",
        hint=f"did you mean `{close}`?" if close else f"its keys are {listed(known, 'and')}",
        note=f"`{close}` is required here; with the right name, both are mended" if both else "",
        fix=((spot, str(close)),) if close else (),
    )


def _unknown_root(present: Mapping[str, Any], name: str, close: str | None, known: list[str]) -> Fault:
    """Say that a configuration has no such key, or no such table."""
    kind_of_key, written = ("table", f"[{name}]") if isinstance(present[name], dict) else ("key", name)
    spot = Spot((name,), key=True)
    return Fault(
        "OR2003",
        f"unknown {kind_of_key} `{written}`",
        spot,
        label=f"a configuration has no such {kind_of_key}",
        hint=f"did you mean `{close}`?" if close else f"it may have {listed(known, 'and')}",
        fix=((spot, str(close)),) if close else (),
    )


def _example(problem: Problem | None, name: str) -> str:
    """Show a key as it could be written, or else say what it is."""
    known = problem.schema["properties"].get(name, {}) if problem is not None else {}
    if known.get("examples"):
        return f"for example: {toml_key(name)} = {toml(known['examples'][0])}"
    return str(known.get("description", "")).rstrip(".")


def _shown(problem: Problem) -> str:
    """Show the key of a value as it could be written."""
    schema, key = problem.schema, problem.path[-1]
    examples = schema.get("examples") or ([schema["default"]] if "default" in schema else [])
    return f"for example: {toml_key(key)} = {toml(examples[0])}" if examples and isinstance(key, str) else ""


def _quoted(value: Any) -> str:
    """Quote a value where it is short and no secret, else say what it is."""
    if isinstance(value, Endless) or _hides_secret(value) or len(toml(value)) > _SHORT:
        return "this value"
    return f"`{toml(value)}`"


def _hides_secret(value: Any) -> bool:
    return isinstance(value, str) and (looks_secret(value) or seems_random(value))


def _type(problem: Problem) -> Fault:
    wanted = str(problem.wanted)
    mended = _retyped(problem.value, wanted)
    return Fault(
        "OR2001",
        f"{member(problem.path)} must be {kind(wanted)}, and is {kind_of(problem.value)}",
        Spot(problem.path),
        label=f"expected {kind(wanted)}",
        hint=f"write {toml_key(str(problem.path[-1]))} = {mended}"
        if mended and isinstance(problem.path[-1], str)
        else _shown(problem),
        fix=((Spot(problem.path), mended),) if mended else (),
        masked=bool(problem.schema.get(SECRET)),
    )


def _retyped(value: Any, wanted: str) -> str:
    """Write a value in the type that is wanted, where there is no doubt how."""
    if wanted == "array" and isinstance(value, str) and not isinstance(value, Moment) and not _hides_secret(value):
        return toml([value])
    if wanted == "integer" and isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
        return str(int(value))
    if wanted == "boolean" and value in ("true", "false"):
        return str(value)
    return ""


def _enum(problem: Problem) -> Fault:
    allowed = [str(each) for each in problem.wanted]
    close = meant(problem.value, allowed) if isinstance(problem.value, str) else None
    return Fault(
        "OR2004",
        f"{_quoted(problem.value)} is not allowed as {member(problem.path)}",
        Spot(problem.path),
        label="not one of the allowed values",
        hint=f"did you mean `{close}`?" if close else f"it takes {listed(allowed)}",
        fix=((Spot(problem.path), toml(close)),) if close else (),
    )


def _pattern(problem: Problem) -> Fault:
    return Fault(
        "OR2004",
        f"{_quoted(problem.value)} is not allowed as {member(problem.path)}",
        Spot(problem.path),
        label=f"expected {form(problem.wanted)}",
        hint=_shown(problem),
    )


def _limit(problem: Problem) -> Fault:
    words = {"minimum": "at least", "maximum": "at most"}
    return Fault(
        "OR2004",
        f"{_quoted(problem.value)} is not allowed as {member(problem.path)}",
        Spot(problem.path),
        label=f"must be {words[str(problem.keyword)]} {toml(problem.wanted)}",
    )


def _empty(problem: Problem) -> Fault:
    return Fault(
        "OR2004",
        f"{member(problem.path)} is empty",
        Spot(problem.path),
        label="must not be empty",
        hint=_shown(problem),
    )


def _name(problem: Problem) -> Fault:
    better = slug(str(problem.path[-1]))
    return Fault(
        "OR2005",
        f"{ENTITIES[str(problem.path[-2])]} name `{problem.path[-1]}` is not allowed",
        Spot(problem.path, key=True),
        label=f"expected {form(problem.wanted['pattern'])}",
        hint=f"for example `{better}`" if better else "",
    )


def _planned(problem: Problem) -> Fault:
    return Fault(
        "OR2006",
        f"{member(problem.path)} is not supported yet",
        Spot(problem.path, key=True),
        label=f"OmniRoute {__version__} would ignore this",
        hint="remove it until a version that acts on it is installed",
    )


_EXPLAINED: dict[str, Callable[[Problem], Fault]] = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "format": _pattern,
    "minimum": _limit,
    "maximum": _limit,
    "minItems": _empty,
    "minLength": _empty,
    "propertyNames": _name,
    STATUS: _planned,
}
