"""Findings that the one who wrote the file has looked at and allowed, by a comment beside the line.

    require_api_key = false  # omniroute: allow(OR4003) the proxy in front of it checks who calls

A comment that ends a line acts on that line; one that stands alone acts on the next line with something on it. It
takes warnings and hints. Of errors it takes only those of the OR4 family, and everything of that family only with
a reason. What is written in clear at a secret's own key (``api_key``) stays an error all the same, since only
references can be read there (``config.load``).

Always true: a comment that does not act is itself a finding (OR5002) or gets a note on the one that it failed to
take, so none is believed to act that does not; and a finding is never changed in another way.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.config.rules import ON_REQUEST, RULES
from omniroute.config.source import Place, Position, Source, Span
from omniroute.config.toml import Comment
from omniroute.names import Severity

STRICT_FAMILY = "OR4"
"""The family whose findings, errors among them, may be allowed, and only with a reason."""

_MEANT = re.compile(r"#\s*omniroute:\s*(?:allow\b|\w+\(|.*\bOR\d{4}\b)", re.IGNORECASE)
_FORM = re.compile(r"#\s*omniroute:\s*allow\(\s*(OR\d{4}(?:\s*,\s*OR\d{4})*)\s*\)(.*)")
_CODE = re.compile(r"OR\d{4}")

_Line = tuple[str, bool, int]
"""A source's name, whether it is a shipped one, and the number of a line."""


class _Allowance(msgspec.Struct, frozen=True):
    """One code that a comment allows: on which line, why, and where in the comment it stands."""

    code: str
    reason: str
    line: _Line
    place: Place


def apply(
    diagnostics: Sequence[Diagnostic], comments_by_source: Iterable[tuple[Source, Sequence[Comment]]]
) -> tuple[Diagnostic, ...]:
    """Take away what is allowed, and add what is wrong with the comments that allow it.

    A comment that matches nothing is reported only where no error is left: a configuration that is refused early is
    not looked at for what the later checks would have found. Nor is one reported for a rule that is looked at only on
    request.
    """
    allowances, faults = _read(comments_by_source)
    at_line = {(each.line, each.code): each for each in reversed(allowances)}
    matched: set[_Allowance] = set()
    left: list[Diagnostic] = []
    for diagnostic in diagnostics:
        allowance = _for(diagnostic, at_line)
        if allowance is None:
            left.append(diagnostic)
        else:
            left += _judged(diagnostic, allowance, first=allowance not in matched)
            matched.add(allowance)
    idle = () if has_errors(tuple(left)) else (each for each in allowances if each not in matched)
    return (*left, *faults, *(_unused(each) for each in idle if each.code not in ON_REQUEST))


def _read(
    comments_by_source: Iterable[tuple[Source, Sequence[Comment]]],
) -> tuple[list[_Allowance], list[Diagnostic]]:
    """Take apart the comments that are meant for us."""
    allowances: list[_Allowance] = []
    faults: list[Diagnostic] = []
    for source, comments in comments_by_source:
        for comment in (each for each in comments if _MEANT.match(each.text)):
            form = _FORM.fullmatch(comment.text)
            if form is None:
                faults.append(_malformed(Place(source, comment.span)))
                continue
            line = _acts_on(source, comment)
            for code in _CODE.finditer(comment.text, *form.span(1)):
                place = Place(source, _within(comment.span, *code.span()))
                if code[0] in RULES:
                    allowances.append(_Allowance(code[0], form[2].strip(), line, place))
                else:
                    faults.append(_unknown(place, code[0]))
    return allowances, faults


def _acts_on(source: Source, comment: Comment) -> _Line:
    """Find the line that a comment acts on: its own, or the next with something on it, or line 0, which is none."""
    start = comment.span.start
    line = start.line
    if not source.text[start.offset - (start.column - 1) : start.offset].strip():
        behind = source.text[comment.span.end.offset :].split("\n")
        further = (index for index, each in enumerate(behind) if each.strip() and not each.lstrip().startswith("#"))
        distance = next(further, None)
        line = line + distance if distance is not None else 0
    return (source.name, source.shipped, line)


def _within(span: Span, first: int, behind: int) -> Span:
    """Give a stretch of a comment, which is on one line."""
    start = span.start
    return Span(
        Position(start.line, start.column + first, start.offset + first),
        Position(start.line, start.column + behind, start.offset + behind),
    )


def _for(diagnostic: Diagnostic, at_line: Mapping[tuple[_Line, str], _Allowance]) -> _Allowance | None:
    """Find what allows a finding: a comment for the line that it begins on, or at the end of its last one."""
    if diagnostic.place is None:
        return None
    source, span = diagnostic.place.source, diagnostic.place.span
    lines = ((source.name, source.shipped, number) for number in (span.start.line, span.end.line))
    return next((at_line[line, diagnostic.code] for line in lines if (line, diagnostic.code) in at_line), None)


def _judged(diagnostic: Diagnostic, allowance: _Allowance, *, first: bool) -> tuple[Diagnostic, ...]:
    """Give what is left of a finding that somebody wants to allow; ``first`` says that its comment is new."""
    if diagnostic.code.startswith(STRICT_FAMILY):
        return () if allowance.reason else (_without_reason(diagnostic, allowance),)
    if diagnostic.severity is Severity.ERROR:
        return (diagnostic, _not_allowable(allowance)) if first else (diagnostic,)
    return ()


def _without_reason(diagnostic: Diagnostic, allowance: _Allowance) -> Diagnostic:
    start = allowance.place.span.start
    words = (
        f"the comment at {allowance.place.source.name}:{start.line}:{start.column} does not allow this: "
        f"a finding of the {STRICT_FAMILY} family needs a reason, written behind the bracket"
    )
    return msgspec.structs.replace(diagnostic, note="\n".join(filter(None, (diagnostic.note, words))))


def _not_allowable(allowance: _Allowance) -> Diagnostic:
    return _finding(
        allowance.place,
        f"{allowance.code} is an error and cannot be allowed by a comment",
        label="does not act",
        hint="mend the error, then remove the comment",
    )


def _unused(allowance: _Allowance) -> Diagnostic:
    number = allowance.line[2]
    return _finding(
        allowance.place,
        f"the comment allows {allowance.code}, and there is no such finding",
        label=f"nothing to allow on line {number}" if number else "no line follows",
        hint="remove the comment, or this code from it",
    )


def _unknown(place: Place, code: str) -> Diagnostic:
    return _finding(
        place,
        f"the comment allows {code}, and there is no such code",
        label="unknown code",
        hint="`omniroute rule` lists all codes",
    )


def _malformed(place: Place) -> Diagnostic:
    return _finding(
        place,
        "the comment seems to allow a finding, and is not understood",
        label="does not act",
        hint="write `# omniroute: allow(CODE) reason`, with a comma between several codes",
    )


def _finding(place: Place, summary: str, *, label: str, hint: str = "") -> Diagnostic:
    return Diagnostic("OR5002", RULES["OR5002"].severity, summary, place, label=label, hint=hint)
