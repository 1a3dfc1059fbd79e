"""TOML text as values, and the place in the text of each of them.

``tomllib`` gives the values and alone judges what is TOML; ``config.positions`` gives the places.

Always true: a document that is accepted has a span for every table, key and array item, and for nothing else; no text
makes anything here raise; a fault stands where ``tomllib`` puts it, or at the text that it speaks of; no words of ours
hold anything of a value (what an excerpt may show is for those who render it).
"""

import re
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.positions import Conflict, Scan, Stretch
from omniroute.config.source import Path, Place, Position, Source, Span
from omniroute.names import Severity


class Comment(msgspec.Struct, frozen=True):
    """A comment: its text from the ``#`` to the end of the line, without the line end, and its span."""

    text: str
    span: Span


class Parsed(msgspec.Struct, frozen=True):
    """A document and its places.

    A path's components are names as ``tomllib`` gives them (unescaped), and indices for the items of arrays, whether
    they are written in brackets or as ``[[headers]]``.

    ``keys`` says where a name was written: as the key of a value or the end of a header, the first time, or else
    where it was first mentioned on the way to something deeper. Items of arrays have none.

    ``spans`` says where a value stands: its text, where it is written as a value; the text between the brackets,
    without the blanks around it, where a header makes the table (for an array of tables, the first of its headers);
    the first mention of its name, where only dotted keys or the headers of its subtables make the table.

    ``comments`` stand in the order of the text.
    """

    source: Source
    values: dict[str, Any]
    keys: Mapping[Path, Span]
    spans: Mapping[Path, Span]
    comments: tuple[Comment, ...]


def parse(source: Source) -> tuple[Parsed | None, tuple[Diagnostic, ...]]:
    """Read a document.

    Returns:
        The document and nothing else, or None and what is wrong: ``tomllib`` stops at the first fault, so there is
        one for each file (OR1001 where the syntax is wrong, OR1002 where something is defined twice).
    """
    text = source.text
    if text.startswith(_BYTE_ORDER_MARK):
        return None, (_marked(source),)
    try:
        values = tomllib.loads(text)
    except RecursionError:
        return None, (_too_deep(source, Scan(text)),)
    except ValueError as error:
        return None, (_refused(source, error),)
    scan = Scan(text)
    if scan.too_deep:
        return None, (_too_deep(source, scan),)
    lines = _Lines(text)
    return Parsed(
        source=source,
        values=values,
        keys=_Spans(scan.keys, lines),
        spans=_Spans(scan.spans, lines),
        comments=tuple(Comment(text[slice(*stretch)], lines.span(stretch)) for stretch in scan.comments),
    ), ()


def place(parsed: Parsed, path: Path, *, key: bool = False) -> Place:
    """Give the place of a value, or of its key.

    What has no such place (a missing key, the key of an item) is at its nearest ancestor that has one, and in the end
    at the start of the file. For a key, the place of the value itself goes before those of its ancestors.
    """
    for length in range(len(path), 0, -1):
        near = path[:length]
        span = (parsed.keys.get(near) if key else None) or parsed.spans.get(near)
        if span is not None:
            return Place(parsed.source, span)
    return _place(parsed.source, (0, 0))


class _Lines:
    """The lines of a text, to find the line and column of an offset."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def position(self, offset: int) -> Position:
        line = bisect_right(self.starts, offset)
        return Position(line, offset - self.starts[line - 1] + 1, offset)

    def span(self, stretch: Stretch) -> Span:
        start, end = stretch
        return Span(self.position(start), self.position(end))


class _Spans(Mapping[Path, Span]):
    """Spans whose lines and columns are found when they are asked for, which for most of a document is never."""

    def __init__(self, stretches: Mapping[Path, Stretch], lines: _Lines) -> None:
        self._stretches = stretches
        self._lines = lines

    def __getitem__(self, path: Path) -> Span:
        return self._lines.span(self._stretches[path])

    def __contains__(self, path: object) -> bool:
        return path in self._stretches

    def __iter__(self) -> Iterator[Path]:
        return iter(self._stretches)

    def __len__(self) -> int:
        return len(self._stretches)


def _place(source: Source, stretch: Stretch) -> Place:
    return Place(source, _Lines(source.text).span(stretch))


_BYTE_ORDER_MARK = "\ufeff"

_TOKEN = re.compile(r"[^\s\x00-\x1f\x7f,\]}#=]+|[^\r\n]?")
_SPOKEN = re.compile(r"(?P<reason>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
"""How ``tomllib`` words an error; its offset is an attribute only from Python 3.14 on, these words are in all."""


def _token(text: str, offset: int, scan: Scan) -> Stretch:
    """Give what begins here: nothing at the end of a line; and at the end of a text, that of what is written in it."""
    del scan
    if offset == len(text):
        offset = len(text.rstrip())
        return offset, offset
    found = _TOKEN.match(text, offset)
    return found.span() if found else (offset, offset)


def _string(text: str, offset: int, scan: Scan) -> Stretch:
    """Give the first line of the string that the scanner could not pass."""
    if text[scan.at : scan.at + 1] not in {'"', "'"}:
        return _token(text, offset, scan)
    return scan.at, min(offset, _line(text, scan.at)[1])


def _escape(text: str, offset: int, scan: Scan) -> Stretch:
    """Give the escape that ends here, without the end of its line."""
    del scan
    start = text.rfind("\\", 0, offset)
    return start, min(offset, _line(text, start)[1])


def _line(text: str, offset: int) -> Stretch:
    """Give the line that an offset is in, without its end."""
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    return text.rfind("\n", 0, offset) + 1, end - text.endswith("\r", 0, end)


class _Fault(msgspec.Struct, frozen=True):
    """What is said about a reason of ``tomllib``: our words, what to do, and the text that it is about.

    ``behind`` marks what is said of something right behind a value.
    """

    words: str
    hint: str = ""
    about: Callable[[str, int, Scan], Stretch] = _token
    behind: bool = False


_NO_VALUE = _Fault(
    "expected a value", "a string stands in quotes, a duration or a size too; true and false are written in lower case"
)
_OPEN_STRING = _Fault("this string is not closed", "end it with the quotation mark that begins it", _string)
_CONTROL = _Fault("a control character cannot stand here", "remove it; in a string it can be written as an escape")
_HEADER_END = "a header is one line: its name, in brackets"
_ESCAPE_HINT = r"write \\ for a backslash, or put the string in single quotes, where nothing is escaped"

# By what tomllib's reason begins with; the first that fits is taken.
_FAULTS = {
    "Expected '=' after a key": _Fault(
        "expected '=' after a key", "a name with other characters than A-Z a-z 0-9 _ - stands in quotes"
    ),
    "Expected newline or end of document": _Fault(
        "expected the end of the line", "each key has a line of its own", behind=True
    ),
    "Expected ']]'": _Fault("expected ']]' after the table's name", _HEADER_END),
    "Expected ']'": _Fault("expected ']' after the table's name", _HEADER_END),
    "Invalid initial character for a key part": _Fault(
        "expected a key", "an inline table stands on one line, with no comma after its last pair"
    ),
    "Invalid statement": _Fault("expected a key, a [table] or a comment"),
    "Unclosed array": _Fault(
        "expected ',' or ']' in an array", "items are parted by commas, and ']' ends the array", behind=True
    ),
    "Unclosed inline table": _Fault(
        "expected ',' or '}' in an inline table", "an inline table stands on one line", behind=True
    ),
    "Unterminated string": _OPEN_STRING,
    "Expected \"'": _OPEN_STRING,
    r"Illegal character '\n'": _OPEN_STRING,
    r"Found invalid character '\n'": _OPEN_STRING,
    "Illegal character": _CONTROL,
    "Found invalid character": _CONTROL,
    "Unescaped": _Fault("unknown escape in a string", _ESCAPE_HINT, _escape),
    "Invalid hex value": _Fault(
        "incomplete escape in a string", r"\u takes four hexadecimal digits, and \U eight", _escape
    ),
    "Escaped character": _Fault("this escape is not a Unicode character", "write the character itself", _escape),
    "Invalid value": _NO_VALUE,
    "Invalid date": _Fault("no such date or time"),
    "Exceeds the limit": _Fault("a number has too many digits"),
}
_TWICE = ("Cannot ", "Duplicate ")
_TWICE_HINTS = {
    "key": "keep one of the two",
    "table": "put the keys of both under one header",
    "": "write all that belongs to it in one place",
}


def _refused(source: Source, error: ValueError) -> Diagnostic:
    """Say why ``tomllib`` refused a text; what stands behind the fault is not looked at."""
    text = source.text
    reason, offset = _located(text, error)
    scan = Scan(text[:offset])
    if scan.conflict is not None and reason.startswith(_TWICE):
        return _duplicate(source, scan.conflict)
    fault = next((each for start, each in _FAULTS.items() if reason.startswith(start)), _Fault(reason))
    start, end = _last(scan)
    joined = offset < len(text) and end == offset and not text[offset].isspace()
    if fault.behind and joined and text[start] not in "\"'[{":
        fault, offset = _NO_VALUE, start
    return _wrong(source, scan, fault, fault.about(text, offset, scan))


def _located(text: str, error: ValueError) -> tuple[str, int]:
    """Give the reason of an error, and the offset to which it points."""
    spoken = _SPOKEN.fullmatch(str(error))
    if spoken is None:
        return str(error), _too_long(text)
    if spoken["line"] is None:
        return spoken["reason"], len(text)
    return spoken["reason"], _Lines(text).starts[int(spoken["line"]) - 1] + int(spoken["column"]) - 1


def _too_long(text: str) -> int:
    """Find the integer that has more digits than Python converts: that error comes without a place."""
    limit = sys.get_int_max_str_digits()
    stretches = Scan(text).spans.values()
    return next((start for start, end in stretches if end - start > limit and text[start] in "+-0123456789"), 0)


def _last(scan: Scan) -> Stretch:
    """Give the last value that the scanner began to read."""
    return next(reversed(scan.spans.values()), (0, 0))


def _wrong(source: Source, scan: Scan, fault: _Fault, stretch: Stretch) -> Diagnostic:
    """Make a finding of a fault; what is still open from an earlier line may be its cause."""
    related: tuple[Related, ...] = ()
    if scan.holders and scan.holders[0].start < _line(source.text, stretch[0])[0]:
        start = scan.holders[0].start
        related = (Related(_place(source, (start, start + 1)), "still open from here"),)
    return Diagnostic(
        code="OR1001",
        severity=Severity.ERROR,
        summary=f"syntax error: {fault.words}",
        place=_place(source, stretch),
        label=fault.words,
        related=related,
        hint=fault.hint,
    )


def _duplicate(source: Source, conflict: Conflict) -> Diagnostic:
    return Diagnostic(
        code="OR1002",
        severity=Severity.ERROR,
        summary=f"duplicate {conflict.noun or 'key'} `{conflict.written}`",
        place=_place(source, conflict.second),
        path=conflict.path,
        label="defined a second time" if conflict.noun else "defined before, and not to be added to here",
        related=(Related(_place(source, conflict.first), "first defined here"),),
        hint=_TWICE_HINTS[conflict.noun],
    )


def _marked(source: Source) -> Diagnostic:
    mark = _place(source, (0, 1))
    return Diagnostic(
        code="OR1001",
        severity=Severity.ERROR,
        summary="syntax error: the file begins with a byte order mark",
        place=mark,
        label="byte order mark (U+FEFF)",
        hint="save the file as UTF-8 without a byte order mark",
        fix=(Edit(mark, ""),),
    )


def _too_deep(source: Source, scan: Scan) -> Diagnostic:
    deepest = max(scan.spans, key=len, default=())
    fault = _Fault("nested too deeply", "no setting needs so many levels; a bracket may be missing before this one")
    return _wrong(source, scan, fault, scan.spans.get(deepest, (0, 0)))
