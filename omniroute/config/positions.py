"""A scanner that finds where the keys, values and comments of a TOML text stand.

It judges nothing: ``tomllib`` does, and this accepts rather more than TOML. It has to be right about text that
``tomllib`` has accepted, and about the part of a refused text before the fault. Written for ``config.toml``, the only
module that uses it.

Always true: no text makes it raise, and none takes more than time linear in its length (times its depth, which is
bounded); in what ``tomllib`` accepts it finds no conflict, and exactly the paths that ``tomllib`` finds. The language
is TOML 1.0 (https://toml.io/en/v1.0.0).
"""

import re
import tomllib
from enum import Enum, auto

import msgspec

from omniroute.config.source import Path

Stretch = tuple[int, int]
"""Offsets of a stretch of text: of its first character, and behind its last."""

_Part = tuple[str, int, int]
"""One component of a key: its name, and its stretch."""

_DEEPEST = 1000
"""The longest path that is followed: twice as deep as ``tomllib`` goes under Python's usual recursion limit."""

# Possessive quantifiers throughout: nothing is matched in a second way, so no text takes more than linear time.
_BASIC = r'"(?!"")(?:[^"\\\n]++|\\[^\n])*+"'
_LITERAL = r"'(?!'')[^'\n]*+'"
_PART = re.compile(rf"[A-Za-z0-9_-]++|{_BASIC}|{_LITERAL}")
_SCALAR = re.compile(
    rf"""{_BASIC}
    |{_LITERAL}
    |"{{3}}(?:[^"\\]++|\\[\s\S]|"{{1,2}}(?!"))*+"{{3,5}}
    |'{{3}}(?:[^']++|'{{1,2}}(?!'))*+'{{3,5}}
    |\d{{4}}-\d\d-\d\d[ ]\d\d:[^ \t\r\n,\#\]}}]++
    |[^ \t\r\n,\#\[\]{{}}="'][^ \t\r\n,\#\]}}]*+""",
    re.VERBOSE,
)
_PLAIN_KEY = re.compile(r"([A-Za-z0-9_-]++)[ \t]*+=[ \t]*+")
_BLANK = re.compile(r"[ \t]*+")
_FILLER = re.compile(r"[ \t\r\n]*+")
_FILLER_OR_COMMA = re.compile(r"[ \t\r\n,]*+")
_TO_LINE_END = re.compile(r"[^\r\n]*+")
_CLOSERS = {"[": "]", "{": "}"}


class Conflict(msgspec.Struct, frozen=True):
    """A name that is taken.

    ``noun`` says what wanted it a second time: a ``key``, a ``table``, or nothing if it was only to be passed on the
    way to something deeper. ``written`` is how it is written there, from its statement's beginning.
    """

    path: Path
    noun: str
    written: str
    first: Stretch
    second: Stretch


class Holder(msgspec.Struct):
    """An array or inline table that is still open, and how many of an array's items have begun."""

    path: Path
    start: int
    closer: str
    count: int = 0


class _Made(Enum):
    """What made a table, which decides what may still be added to it."""

    HEADER = auto()
    ARRAY = auto()
    DOTTED = auto()
    IMPLIED = auto()


_PASSABLE = {_Made.IMPLIED: frozenset(_Made), _Made.DOTTED: frozenset({_Made.DOTTED, _Made.IMPLIED})}
"""The tables that a header, and those that a dotted key, may pass: a dotted key adds to no table with a header."""


class _StumbleError(Exception):
    """The scanner cannot make sense of what stands at this offset."""

    def __init__(self, offset: int, *, too_deep: bool = False) -> None:
        super().__init__(offset)
        self.offset = offset
        self.too_deep = too_deep


class Scan:
    """One pass over a text, up to its end or to what makes no sense.

    Attributes:
        keys: where names stand: that of a value's key or a header's end, or else the first mention on the way deeper.
        spans: where values stand, in the order in which they begin; a table's is that of its header or its key.
        comments: the stretches of all comments, without their line ends.
        holders: the arrays and inline tables, outermost first, that were open where the pass ended.
        conflict: the last name that was taken already, if there is one. What it was wanted for is kept under an index
            of -1, which no document has, so that its content meets nothing.
        at: where the pass ended.
        too_deep: whether it ended because the next path would be too long.
    """

    def __init__(self, text: str) -> None:
        """Scan all of ``text``. Commas between items count as blanks, since ``tomllib`` judges them."""
        self.keys: dict[Path, Stretch] = {}
        self.spans: dict[Path, Stretch] = {}
        self.comments: list[Stretch] = []
        self.holders: list[Holder] = []
        self.conflict: Conflict | None = None
        self.at = len(text)
        self.too_deep = False
        self._text = text
        self._table: Path = ()
        self._made: dict[Path, _Made] = {}
        self._last: dict[Path, int] = {}
        try:
            self._document()
        except _StumbleError as stumble:
            self.at, self.too_deep = stumble.offset, stumble.too_deep

    def _document(self) -> None:
        offset = self._fill(_FILLER, 0)
        while offset < len(self._text):
            if self._text.startswith("[", offset):
                offset = self._header(offset)
            else:
                offset = self._pair(self._table, offset)
                while self.holders:
                    offset = self._inside(self.holders[-1], offset)
            offset = self._fill(_FILLER, offset)

    def _fill(self, filler: re.Pattern[str], offset: int) -> int:
        """Pass what stands between things, and note the comments in it."""
        while True:
            offset = _end(filler, self._text, offset)
            if not self._text.startswith("#", offset):
                return offset
            end = _end(_TO_LINE_END, self._text, offset)
            self.comments.append((offset, end))
            offset = end

    def _pass_over(self, expected: str, offset: int) -> int:
        """Pass a mark that must stand here, and the blanks behind it."""
        if not self._text.startswith(expected, offset):
            raise _StumbleError(offset)
        return _end(_BLANK, self._text, offset + len(expected))

    def _header(self, offset: int) -> int:
        many = self._text.startswith("[[", offset)
        parts, offset = self._parts(offset + 1 + many)
        path: Path = ()
        for part in parts[:-1]:
            path = self._through(path, part, parts[0], _Made.IMPLIED)
        self._table = self._open(path, parts, _Made.ARRAY if many else _Made.HEADER)
        return self._pass_over("]]" if many else "]", offset)

    def _pair(self, table: Path, offset: int) -> int:
        """Read a key, and as much of its value as ``_begin`` reads."""
        plain = _PLAIN_KEY.match(self._text, offset)
        if plain is not None:
            parts, offset = [(plain[1], *plain.span(1))], plain.end()
        else:
            parts, offset = self._parts(offset)
            offset = self._pass_over("=", offset)
        return self._begin(self._assign(table, parts), offset)

    def _inside(self, holder: Holder, offset: int) -> int:
        """Read an array's next item, an inline table's next pair, or the bracket that ends either."""
        offset = self._fill(_FILLER_OR_COMMA, offset)
        if self._text.startswith(holder.closer, offset):
            self.spans[holder.path] = (holder.start, offset + 1)
            self.holders.pop()
            return offset + 1
        if holder.closer == "}":
            return self._pair(holder.path, offset)
        path = _deeper(holder.path, holder.count, offset)
        holder.count += 1
        return self._begin(path, offset)

    def _begin(self, path: Path, offset: int) -> int:
        """Read a value that holds nothing, or the bracket that begins one that does."""
        found = _SCALAR.match(self._text, offset)
        if found is not None:
            self.spans[path] = found.span()
            return found.end()
        closer = _CLOSERS.get(self._text[offset : offset + 1])
        if closer is None:
            raise _StumbleError(offset)
        self.holders.append(Holder(path, offset, closer))
        self.spans[path] = (offset, offset + 1)
        return offset + 1

    def _parts(self, offset: int) -> tuple[list[_Part], int]:
        """Read a key, dotted or not, and the blanks behind it."""
        parts: list[_Part] = []
        while True:
            offset = _end(_BLANK, self._text, offset)
            found = _PART.match(self._text, offset)
            if found is None:
                raise _StumbleError(offset)
            parts.append((_name(found[0], offset), offset, found.end()))
            offset = _end(_BLANK, self._text, found.end())
            if not self._text.startswith(".", offset):
                return parts, offset
            offset += 1

    def _open(self, path: Path, parts: list[_Part], made: _Made) -> Path:
        """Make the table that a header names, or the next item of its array; give its path."""
        name, start, end = parts[-1]
        path, inner = _deeper(path, name, start), (parts[0][1], end)
        before = self._made.get(path)
        if path not in self.spans or (before is _Made.IMPLIED and made is _Made.HEADER):
            self._made[path] = made
            self.keys[path] = (start, end)
            self.spans[path] = inner
        elif before is not _Made.ARRAY or made is not _Made.ARRAY:
            return self._refuse(path, inner, inner, "table" if before else "key")
        if made is _Made.HEADER:
            return path
        self._last[path] = self._last.get(path, -1) + 1
        path = _deeper(path, self._last[path], start)
        self.spans[path] = inner
        return path

    def _assign(self, path: Path, parts: list[_Part]) -> Path:
        """Note a value's key, and the tables that it makes on its way; give the value's path."""
        for part in parts[:-1]:
            path = self._through(path, part, parts[0], _Made.DOTTED)
        name, start, end = parts[-1]
        path = _deeper(path, name, start)
        if path in self.spans:
            return self._refuse(path, (start, end), (parts[0][1], end), "key")
        self.keys[path] = (start, end)
        return path

    def _through(self, path: Path, part: _Part, first: _Part, made: _Made) -> Path:
        """Go through a table to something deeper, and make it if it is not there; give its path."""
        name, start, end = part
        path = _deeper(path, name, start)
        before = self._made.get(path)
        if path not in self.spans:
            self._made[path] = made
            self.keys[path] = self.spans[path] = (start, end)
        elif before not in _PASSABLE[made]:
            return self._refuse(path, (start, end), (first[1], end), "")
        elif made is _Made.DOTTED:
            self._made[path] = made
        return (*path, self._last[path]) if before is _Made.ARRAY else path

    def _refuse(self, path: Path, second: Stretch, written: Stretch, noun: str) -> Path:
        """Note that a name is taken; give the path under which to go on."""
        own_header = self._made.get(path) in {_Made.HEADER, _Made.ARRAY}
        first = self.spans[path] if own_header else self.keys[path]
        self.conflict = Conflict(path, noun, self._text[slice(*written)], first, second)
        return (*path, -1)


def _end(pattern: re.Pattern[str], text: str, offset: int) -> int:
    """Give the end of what a pattern matches here, which may be nothing."""
    found = pattern.match(text, offset)
    return found.end() if found else offset


def _deeper(path: Path, component: str | int, offset: int) -> Path:
    if len(path) >= _DEEPEST:
        raise _StumbleError(offset, too_deep=True)
    return (*path, component)


def _name(written: str, offset: int) -> str:
    """Give the name that a part of a key stands for."""
    if written[0] not in "\"'":
        return written
    if written[0] == "'" or "\\" not in written:
        return written[1:-1]
    try:
        return str(tomllib.loads(f"name = {written}")["name"])
    except tomllib.TOMLDecodeError:
        raise _StumbleError(offset) from None
