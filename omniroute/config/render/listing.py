"""Findings in the order in which they are read, and how many of them a person is shown.

Always true: the order is by file, line, column and code, whatever order the findings were made in; what stands in no
file comes first. A person sees the worst of a long list, not its top.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.cells import clean
from omniroute.names import Severity

PER_FILE = 20
"""How many findings of one file a person is shown."""


class Group(msgspec.Struct, frozen=True):
    """The findings of one file: those to show, in order, and those too many."""

    file: str
    shown: tuple[Diagnostic, ...]
    hidden: tuple[Diagnostic, ...]


def arrange(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort findings by file, line, column and code."""
    return tuple(sorted(diagnostics, key=_position))


def groups(arranged: Sequence[Diagnostic]) -> tuple[Group, ...]:
    """Part sorted findings by file, and choose of each what to show: errors before warnings before hints."""
    return tuple(_group(file, tuple(found)) for file, found in groupby(arranged, key=file_of))


def file_of(diagnostic: Diagnostic) -> str:
    """Give the name of the file that a finding is in, empty for none."""
    return diagnostic.place.source.name if diagnostic.place else ""


def number(diagnostics: Iterable[Diagnostic], severity: Severity) -> int:
    """Count the findings of one severity."""
    return sum(each.severity is severity for each in diagnostics)


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """Say how many there are of each severity: ``2 errors, 1 warning``; nothing for none."""
    found = ((number(diagnostics, severity), f"{severity}s") for severity in Severity)
    return ", ".join(counted(many, plural) for many, plural in found if many)


def rest(group: Group) -> str:
    """Say how many findings of a file are not shown."""
    where = f" in {clean(group.file)}" if group.file else ""
    return f"and {len(group.hidden):,} more{where}, not shown: {tally(group.hidden)}"


def counted(many: int, plural: str) -> str:
    """Say a number of things, given their plural: ``1 alias``, ``1,500 providers``."""
    return f"{many:,} {plural if many != 1 else _singular(plural)}"


def _singular(plural: str) -> str:
    for ending, replacement in (("ies", "y"), ("ses", "s"), ("s", "")):
        if plural.endswith(ending):
            return plural.removesuffix(ending) + replacement
    return plural


def _position(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    place = diagnostic.place
    if place is None:
        return ("", 0, 0, diagnostic.code)
    return (place.source.name, place.span.start.line, place.span.start.column, diagnostic.code)


def _group(file: str, found: tuple[Diagnostic, ...]) -> Group:
    worst_first = sorted(range(len(found)), key=lambda index: tuple(Severity).index(found[index].severity))
    chosen = set(worst_first[:PER_FILE])
    return Group(
        file=file,
        shown=tuple(each for index, each in enumerate(found) if index in chosen),
        hidden=tuple(each for index, each in enumerate(found) if index not in chosen),
    )
