"""From text to a snapshot: what ``serve``, ``check`` and every other command call.

Always true: this is a function of its arguments; whatever it is given it finds every fault it can and raises
nothing; there is a snapshot exactly where there is no error.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from omniroute.config import suppress
from omniroute.config.check import check, entity
from omniroute.config.checks.world import World
from omniroute.config.compile import compile_document
from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.config.document import Document
from omniroute.config.faults import Fault, Spot, diagnose, without_secrets
from omniroute.config.layers import NAMED, Catalogue, Merged, Values, complete, merge
from omniroute.config.plain import secrets_in_clear
from omniroute.config.references import names_of
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Path, Source
from omniroute.config.toml import Parsed, parse
from omniroute.config.validate import validate
from omniroute.config.words import member

_FIRM = "a comment cannot allow this: the key takes a reference to a secret, and nothing else can be read from it"

_COUNTED = ("providers", "aliases", "combos", "keys", "policies", "budgets")


class Loaded(msgspec.Struct, frozen=True):
    """What came of loading: a snapshot and its document where there is no error, and every finding.

    ``counts`` are the numbers of things of each kind that are written, sound or not, by their table's name.
    """

    snapshot: Snapshot | None
    document: Document | None
    diagnostics: tuple[Diagnostic, ...]
    counts: Mapping[str, int]


Further = Callable[[Snapshot], Iterable[Fault]]
"""What else is looked for, in a configuration without an error."""


def load(
    shipped: Sequence[Source],
    written: Sequence[Source],
    schema: Mapping[str, Any],
    today: date,
    further: Further | None = None,
) -> Loaded:
    """Load a configuration.

    Args:
        shipped: the catalogue that comes with the gateway, one file for each provider.
        written: the user's files, in order.
        schema: the JSON Schema of such a file.
        today: the day by which keys are called expired.
        further: what to look for besides, on request; it gives no errors.
    """
    catalogue = Catalogue(shipped)
    parsed, found = _parsed(written)
    merged, twice = merge(parsed)
    faults = validate(merged.values, schema, catalogue)
    broken = frozenset(entity(each.spot.path) for each in faults) | {entity(each.path) for each in twice}
    sound = complete(_without_broken(merged.values, faults), catalogue)
    document, mismatches = _converted(sound)
    faults += tuple(secrets_in_clear(merged.values, {fault.spot.path for fault in faults if fault.masked}))
    if document is not None:
        whole = len(parsed) == len(written)
        world = World(document, merged, catalogue, names_of(document), today, broken, whole)
        faults += check(world)
    found += [
        *map(without_secrets, twice),
        *(diagnose(fault, merged) for fault in (*faults, *mismatches)),
        *catalogue.found,
    ]
    left = _in_order(_allowed(found, faults, parsed, merged), written)
    if document is not None and has_errors(left):
        document = None
    snapshot = _compiled(document, catalogue, written) if document is not None else None
    if snapshot is not None and further is not None:
        found += [diagnose(fault, merged) for fault in further(snapshot)]
        left = _in_order(_allowed(found, faults, parsed, merged), written)
    return Loaded(
        snapshot=snapshot,
        document=document,
        diagnostics=left,
        counts=_counts(merged.values),
    )


def _compiled(document: Document, catalogue: Catalogue, written: Sequence[Source]) -> Snapshot:
    """Compile a document; by which other names its providers are known, and what they charge, the catalogue says."""
    prefixes = {prefix: name for name in document.providers for prefix in catalogue.aliases(name)}
    prices = {name: catalogue.prices(name) for name in document.providers}
    return compile_document(document, [each.name for each in written], prefixes, prices)


def _parsed(written: Sequence[Source]) -> tuple[list[Parsed], list[Diagnostic]]:
    parsed: list[Parsed] = []
    found: list[Diagnostic] = []
    for source in written:
        file, faults = parse(source)
        found += map(without_secrets, faults)
        if file is not None:
            parsed.append(file)
    return parsed, found


def _without_broken(values: Values, faults: Iterable[Fault]) -> Values:
    """Leave out what has a fault: a named thing as a whole, of other tables only the key, with the list that it has."""
    result = values
    for fault in faults:
        path = fault.spot.path
        keys = tuple(takewhile(lambda step: isinstance(step, str), path))
        result = _without(result, entity(path) if path and path[0] in NAMED else keys)
    return result


def _without(values: Any, path: Path) -> Any:
    """Copy a document without what is at a path, if it is there."""
    if not path or not isinstance(values, dict) or path[0] not in values:
        return values
    key = str(path[0])
    if len(path) == 1:
        return {each: value for each, value in values.items() if each != key}
    return values | {key: _without(values[key], path[1:])}


def _converted(values: Values) -> tuple[Document | None, tuple[Fault, ...]]:
    """Make the document; what the schema let through and the models refuse is a fault of ours (OR2999)."""
    try:
        return Document.model_validate(values), ()
    except ValidationError as error:
        return None, tuple(_mismatch(tuple(each["loc"]), each["type"]) for each in error.errors(include_input=False))


def _mismatch(path: Path, kind: str) -> Fault:
    return Fault(
        "OR2999",
        f"{member(path)} passed the schema and was refused by the gateway ({kind})",
        Spot(path),
        label="this is a fault of OmniRoute",
        hint="please report it, with this line",
    )


def _allowed(
    found: Sequence[Diagnostic], faults: Iterable[Fault], parsed: Iterable[Parsed], merged: Merged
) -> tuple[Diagnostic, ...]:
    """Take away what comments allow, but not what stands where only a reference to a secret can be read."""
    left = suppress.apply(found, [(each.source, each.comments) for each in parsed])
    places = {each.place for each in left if each.code == "OR4001"}
    firm = (diagnose(fault, merged) for fault in faults if fault.firm)
    return (*left, *(replace(each, note=f"{_FIRM}\n{each.note}") for each in firm if each.place not in places))


def _in_order(found: Iterable[Diagnostic], written: Sequence[Source]) -> tuple[Diagnostic, ...]:
    """Sort findings by file, in the order of the files, and by place; those without a place come first."""
    order = {(source.name, source.shipped): index for index, source in enumerate(written)}

    def position(each: Diagnostic) -> tuple[int, int, str]:
        if each.place is None:
            return (-1, 0, each.code)
        source = each.place.source
        return (order.get((source.name, source.shipped), len(order)), each.place.span.start.offset, each.code)

    return tuple(sorted(found, key=position))


def _counts(values: Values) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for table in _COUNTED:
        value = values.get(table)
        counts[table] = len(value) if isinstance(value, dict) else 0
    return MappingProxyType(counts)
