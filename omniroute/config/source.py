"""Where configuration text comes from, and places within it.

Always true: lines and columns are 1-based and count Unicode code points; ``offset`` is a 0-based code-point
index into ``Source.text``. Bytes appear only where a diagnostic is rendered for a machine.
"""

import msgspec

Path = tuple[str | int, ...]
"""A place in a document: table keys, and indices into arrays."""


class Source(msgspec.Struct, frozen=True):
    """One configuration file as it was read.

    ``name`` is the path to show to people, ``text`` its decoded content, line ends as they are in the file.
    ``shipped`` marks files of the catalogue that comes with the gateway.
    """

    name: str
    text: str
    shipped: bool = False


class Position(msgspec.Struct, frozen=True, order=True):
    """A point in a source."""

    line: int
    column: int
    offset: int


class Span(msgspec.Struct, frozen=True, order=True):
    """A stretch of a source; ``end`` is the point behind its last character."""

    start: Position
    end: Position


class Place(msgspec.Struct, frozen=True):
    """A span, and the source that it is a part of."""

    source: Source
    span: Span
