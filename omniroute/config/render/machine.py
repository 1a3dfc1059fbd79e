"""Findings as one JSON document, for programs: the contract in ``schemas/diagnostics.schema.json``.

Always true: the document is valid against that schema; every key is there, with null or nothing in it where there is
nothing to say, but for ``worst_cases``, which is there where it was asked for; all findings are in it. Lines and
columns are 1-based and count code points, bytes are 0-based offsets into the file as UTF-8, and ``highlight`` counts
code points of the snippet's own line, in which secrets are masked.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.render.context import RenderContext
from omniroute.config.render.excerpt import cut, line_at
from omniroute.config.render.listing import number
from omniroute.config.render.mask import Masks
from omniroute.config.rules import RULES
from omniroute.config.source import Path, Place, Position, Source
from omniroute.config.waits import Bound
from omniroute.names import Severity

LIMIT = 240
"""The longest snippet, in code points."""


class Point(msgspec.Struct, frozen=True):
    """A point in a file."""

    line: int
    column: int
    byte: int


class Location(msgspec.Struct, frozen=True):
    """A stretch of a file."""

    file: str
    start: Point
    end: Point


class Snippet(msgspec.Struct, frozen=True):
    """The line that a finding begins on, and its marked stretch."""

    line: str
    highlight: tuple[int, int]


class RelatedPlace(msgspec.Struct, frozen=True):
    """Another place that a finding speaks of."""

    file: str
    start: Point
    message: str


class Replacement(msgspec.Struct, frozen=True):
    """New text for a stretch of a file."""

    file: str
    byte_start: int
    byte_end: int
    text: str


class Fix(msgspec.Struct, frozen=True):
    """Edits that mend a fault together; ``safe`` says that a program may make them without asking."""

    applicability: Literal["safe"]
    edits: tuple[Replacement, ...]


class Finding(msgspec.Struct, frozen=True):
    """One diagnostic."""

    code: str
    name: str
    severity: Severity
    summary: str
    path: Path
    location: Location | None
    snippet: Snippet | None
    label: str
    related: tuple[RelatedPlace, ...]
    hint: str
    note: str
    fix: Fix | None
    docs: str


class Config(msgspec.Struct, frozen=True):
    """The configuration that was checked; there is no hash of one that could not be compiled."""

    hash: str | None
    files: int


class Report(msgspec.Struct, frozen=True):
    """The document."""

    format_version: Literal["1.0"]
    valid: bool
    errors: int
    warnings: int
    config: Config
    diagnostics: tuple[Finding, ...]
    worst_cases: tuple[Bound, ...] | msgspec.UnsetType = msgspec.UNSET


def render_json(diagnostics: Sequence[Diagnostic], masks: Masks, context: RenderContext) -> str:
    """Render sorted findings, all of them."""
    report = Report(
        format_version="1.0",
        valid=number(diagnostics, Severity.ERROR) == 0,
        errors=number(diagnostics, Severity.ERROR),
        warnings=number(diagnostics, Severity.WARNING),
        config=Config(context.config_hash and f"sha256:{context.config_hash}", context.files),
        diagnostics=tuple(_finding(each, masks) for each in diagnostics),
        worst_cases=context.worst_cases if context.worst_cases is not None else msgspec.UNSET,
    )
    return written(report)


def written(document: object) -> str:
    """Write a document as JSON, indented, with a line feed at its end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _finding(diagnostic: Diagnostic, masks: Masks) -> Finding:
    place = diagnostic.place
    return Finding(
        code=diagnostic.code,
        name=RULES[diagnostic.code].name,
        severity=diagnostic.severity,
        summary=diagnostic.summary,
        path=diagnostic.path,
        location=_location(place) if place else None,
        snippet=_snippet(place, masks) if place else None,
        label=diagnostic.label,
        related=tuple(_related(each) for each in diagnostic.related),
        hint=diagnostic.hint,
        note=diagnostic.note,
        fix=Fix("safe", tuple(_replacement(each) for each in diagnostic.fix)) if diagnostic.fix else None,
        docs=f"rules/{diagnostic.code}",
    )


def _location(place: Place) -> Location:
    return Location(place.source.name, _point(place.source, place.span.start), _point(place.source, place.span.end))


def _point(source: Source, position: Position) -> Point:
    return Point(position.line, position.column, _byte(source, position.offset))


def _byte(source: Source, offset: int) -> int:
    return len(source.text[:offset].encode())


def _snippet(place: Place, masks: Masks) -> Snippet:
    line = cut(line_at(place, masks), LIMIT)
    return Snippet(line.text, (line.start, line.end))


def _related(related: Related) -> RelatedPlace:
    place = related.place
    return RelatedPlace(place.source.name, _point(place.source, place.span.start), related.message)


def _replacement(edit: Edit) -> Replacement:
    source, span = edit.place.source, edit.place.span
    return Replacement(source.name, _byte(source, span.start.offset), _byte(source, span.end.offset), edit.text)
