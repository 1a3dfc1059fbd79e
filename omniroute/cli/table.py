"""Tables of text, readable wherever they are printed.

Always true: nothing is cut. Where lines would be longer than the terminal is wide, the one column of long names gives
way: what does not fit beside the rest stands on a line of its own. Cells are drawn without control characters.
"""

from collections.abc import Iterator, Sequence

import msgspec

from omniroute.config.render.cells import clean, width

GAP = "  "
INDENT = "    "


class Column(msgspec.Struct, frozen=True):
    """A column: ``words`` stand at the left, figures at the right."""

    title: str
    words: bool = False


Lines = Sequence[Sequence[str]]


def table(columns: Sequence[Column], rows: Lines, limit: int | None, *, named_last: bool = False) -> str:
    """Draw a table.

    Args:
        columns: the columns; the first one holds the long names, or the last one where ``named_last`` is set.
        rows: the cells.
        limit: how many cells a line may take; None where lines may be of any length.
        named_last: whether the long names stand at the end.
    """
    lines = [[each.title for each in columns], *([clean(cell) for cell in row] for row in rows)]
    whole = _aligned(columns, lines)
    if limit is None or max(map(width, whole)) <= limit:
        return "\n".join(whole)
    return "\n".join(_below(columns, lines) if named_last else _above(columns, lines, limit))


def _below(columns: Sequence[Column], lines: Lines) -> Iterator[str]:
    """Put every name under its figures."""
    for figures, line in zip(_aligned(columns[:-1], [line[:-1] for line in lines]), lines, strict=True):
        yield figures
        yield INDENT + line[-1]


def _above(columns: Sequence[Column], lines: Lines, limit: int) -> Iterator[str]:
    """Put names over their figures where they do not fit before them."""
    figures = _aligned(columns[1:], [line[1:] for line in lines])
    space = max(limit - max(map(width, figures)) - len(GAP), len(INDENT))
    for line, rest in zip(lines, figures, strict=True):
        fits = width(line[0]) <= space
        if not fits:
            yield line[0]
        yield _padded(line[0] if fits else "", space, columns[0]) + GAP + rest


def _aligned(columns: Sequence[Column], lines: Lines) -> list[str]:
    """Write each line with its cells one under the other."""
    widths = [max(map(width, cells)) for cells in zip(*lines, strict=True)]
    return [GAP.join(map(_padded, line, widths, columns)).rstrip() for line in lines]


def _padded(cell: str, wide: int, column: Column) -> str:
    space = " " * (wide - width(cell))
    return cell + space if column.words else space + cell
