"""Places in sources, by the text that stands there."""

from omniroute.config.source import Place, Position, Source, Span


def position(text: str, offset: int) -> Position:
    start = text.rfind("\n", 0, offset) + 1
    return Position(text.count("\n", 0, offset) + 1, offset - start + 1, offset)


def between(source: Source, start: int, end: int) -> Place:
    return Place(source, Span(position(source.text, start), position(source.text, end)))


def at(source: Source, needle: str, *, after: str = "") -> Place:
    """Find the first ``needle`` behind the first ``after``."""
    start = source.text.index(needle, source.text.index(after) + len(after))
    return between(source, start, start + len(needle))
