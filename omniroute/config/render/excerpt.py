"""The line of a source that a finding is about, and the stretch of it to mark.

Always true: a line is masked before anything else is done with it, so what leaves this module may be shown; it has a
bounded length, however long the line is; and the marked stretch lies within it.

A line ends where TOML ends it, at a line feed with or without a carriage return, and nowhere else.
"""

from collections.abc import Sequence

import msgspec

from omniroute.config.render.cells import clean, widths
from omniroute.config.render.mask import Masks
from omniroute.config.source import Place

LEAD = 2
"""How many lines above are looked at for the header of the table."""

_ELLIPSIS = "…"


class Line(msgspec.Struct, frozen=True):
    """A masked line and its marked stretch, in 0-based code points, ``end`` being the one behind the last."""

    number: int
    text: str
    start: int
    end: int


class Drawn(msgspec.Struct, frozen=True):
    """A line as it is drawn, how many cells stand before the mark, and how many it covers."""

    text: str
    indent: int
    width: int


def line_at(place: Place, masks: Masks) -> Line:
    """Give the line that a place begins on. Where the place goes on behind the line, the mark goes to its end."""
    source, span = place.source, place.span
    begin = span.start.offset - (span.start.column - 1)
    end = _line_end(source.text, begin)
    masked = masks.line(source, begin, end)
    start = masked.start(min(span.start.offset, end) - begin)
    stop = masked.end(min(max(span.end.offset, span.start.offset), end) - begin)
    return Line(span.start.line, masked.text, start, max(start, stop))


def lead(place: Place, masks: Masks) -> tuple[Line, ...]:
    """Give the lines above from the header of the table on, if that is near; else none."""
    source, start = place.source, place.span.start
    begin = start.offset - (start.column - 1)
    above: list[Line] = []
    while begin > 0 and len(above) < LEAD and not source.text.startswith("[", begin):
        begin = source.text.rfind("\n", 0, begin - 1) + 1
        masked = masks.line(source, begin, _line_end(source.text, begin))
        above.insert(0, Line(start.line - len(above) - 1, masked.text, 0, 0))
    return tuple(above) if above and above[0].text.startswith("[") else ()


def cut(line: Line, limit: int) -> Line:
    """Give a line of at most ``limit`` code points: a window on its mark, and an ellipsis for what lies beside it."""
    first, last = _window([1] * len(line.text), line, limit)
    before = _ELLIPSIS if first else ""
    behind = _ELLIPSIS if last < len(line.text) else ""
    shift = len(before) - first
    return Line(line.number, before + line.text[first:last] + behind, line.start + shift, min(line.end, last) + shift)


def draw(line: Line, limit: int) -> Drawn:
    """Draw a line in at most ``limit`` cells, a window on its mark; a mark is at least one cell wide."""
    cells = widths(line.text)
    first, last = _window(cells, line, limit)
    before = _ELLIPSIS if first else ""
    behind = _ELLIPSIS if last < len(cells) else ""
    return Drawn(
        text=before + clean(line.text[first:last]) + behind,
        indent=len(before) + sum(cells[first : line.start]),
        width=max(1, sum(cells[line.start : min(line.end, last)])),
    )


def _line_end(text: str, begin: int) -> int:
    end = text.find("\n", begin)
    end = len(text) if end < 0 else end
    return end - 1 if text.endswith("\r", begin, end) else end


def _window(cells: Sequence[int], line: Line, limit: int) -> tuple[int, int]:
    """Choose the characters to show: all, or a third of the room before the mark's start and the rest behind."""
    if sum(cells) <= limit:
        return 0, len(cells)
    room = limit - 2 * len(_ELLIPSIS)
    first = _back(cells, line.start, room // 3)
    last = first
    while last < len(cells) and room >= cells[last]:
        room -= cells[last]
        last += 1
    return _back(cells, first, room), last


def _back(cells: Sequence[int], at: int, room: int) -> int:
    """Go back from a character as far as there is room."""
    while at > 0 and room >= cells[at - 1]:
        at -= 1
        room -= cells[at]
    return at
