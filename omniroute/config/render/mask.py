"""What an excerpt must not show: the secrets on a line, and what stands in their place.

Always true: of what lies under the span of a masked diagnostic, no rendering of the same run shows more than three
characters that everybody knows, whichever finding the excerpt belongs to, on whichever line of the span; and what
stands there has the same length for every secret. Since a secret can stand on a line before anybody has judged it
(the file may not even parse), what gives itself away as one by its looks is hidden too.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.leaks import PREFIXES, looks_secret
from omniroute.config.source import Source

BULLETS = "•" * 12

_PREFIX_SHOWN = 3
_QUOTES = ('"""', "'''", '"', "'")
_STRING = r"""(?:"(?:\\[^\n]|[^"\\\n])*"?|'[^'\n]*'?)"""
_VALUE = rf"""
    "{{3}}(?s:.*?)(?:"{{3}}|\Z) | '{{3}}(?s:.*?)(?:'{{3}}|\Z)   # in triple quotes, over any number of lines
    | {_STRING}                                           # in quotes, perhaps never closed
    | \[(?:{_STRING}|[^\]"'])*\]?                        # in an array, where it should not be
    | [^\s"'\[{{][^\s,}}]*                                 # without any
"""
_KEYS = (
    "(?:x-)?(?:goog-)?api[-_]key",
    "client[-_]secret",
    "(?:proxy-)?authorization",
    *("cookie", "password", "secret", "token"),
)
"""What stands before a secret, in ours or in another's language for configurations."""

_FIRST = "[xgacpst]"
"""How each of them begins: where a text does not, none of them is tried, which halves the time."""

_TOKEN = re.compile(r"[A-Za-z0-9_.-]{16,}")
_TELLTALES = (
    re.compile(
        rf"""
        (?<![\w-])(?={_FIRST})(?:{"|".join(_KEYS)})["']?[ \t]*=[ \t]*
        (?!["']*(?:env:\w+(?![^\s"',}}])|file:|keyring:))(?P<secret>{_VALUE})
        """,
        re.VERBOSE | re.IGNORECASE,
    ),
    re.compile(r"""["'](?:bearer|basic|token)[ \t]+(?P<secret>[^\s"']+)""", re.IGNORECASE),
    re.compile(r"""://[^/\s:@"']*:(?P<secret>[^/\s@"']+)@"""),
)

_Range = tuple[int, int]
"""The first character, and the one behind the last."""


class Masked(msgspec.Struct, frozen=True):
    """A line as it may be shown, and what became of the stretches that may not: (start, end, what stands there)."""

    text: str
    hidden: tuple[tuple[int, int, str], ...] = ()

    def start(self, column: int) -> int:
        """Give the place in ``text`` of a stretch's first character, by its 0-based place in the line as written."""
        return self._moved(column, behind=False)

    def end(self, column: int) -> int:
        """Give the place in ``text`` behind a stretch's last character."""
        return self._moved(column, behind=True)

    def _moved(self, column: int, *, behind: bool) -> int:
        moved = column
        for start, end, shown in self.hidden:
            if column >= end:
                moved += len(shown) - (end - start)
            elif column > start:
                return moved - (column - start) + (len(shown) if behind else 0)
        return moved


class Masks:
    """Where the secrets of one run are."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note the places of all masked diagnostics."""
        self._ranges: dict[tuple[str, bool], list[_Range]] = {}
        self._told: dict[Source, list[_Range]] = {}
        for each in diagnostics:
            if each.masked and each.place is not None:
                span = each.place.span
                self._of(each.place.source).append((span.start.offset, span.end.offset))

    def line(self, source: Source, begin: int, end: int) -> Masked:
        """Mask a line of a source, which goes from one offset to another."""
        text = source.text[begin:end]
        covered = [
            (max(start - begin, 0), min(stop - begin, len(text)))
            for start, stop in (*self._of(source), *self._told_of(source))
            if start < end and stop > begin
        ]
        tokens = [found.span() for found in _TOKEN.finditer(text) if looks_secret(found.group())]
        return _masked(text, _merged([*covered, *tokens]))

    def _of(self, source: Source) -> list[_Range]:
        return self._ranges.setdefault((source.name, source.shipped), [])

    def _told_of(self, source: Source) -> list[_Range]:
        """Find what the text before it gives away, in the whole source: a secret may go over several lines."""
        if source not in self._told:
            found = (each for telltale in _TELLTALES for each in telltale.finditer(source.text))
            self._told[source] = [each.span("secret") for each in found]
        return self._told[source]


def _merged(ranges: list[_Range]) -> list[_Range]:
    """Put ranges in order, and make one of those that overlap."""
    merged: list[_Range] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _masked(text: str, ranges: Sequence[_Range]) -> Masked:
    hidden = tuple((start, end, _cover(text[start:end])) for start, end in ranges)
    parts: list[str] = []
    at = 0
    for start, end, shown in hidden:
        parts += (text[at:start], shown)
        at = end
    return Masked("".join((*parts, text[at:])), hidden)


def _cover(secret: str) -> str:
    """Give what stands in a secret's place: its quotes, how it begins if that is no secret, and bullets."""
    opening = next((quote for quote in _QUOTES if secret.startswith(quote)), "")
    inner = secret[len(opening) :]
    closing = next((quote for quote in _QUOTES if inner.endswith(quote) and opening in {"", quote}), "")
    prefix = inner[:_PREFIX_SHOWN] if inner.startswith(PREFIXES) else ""
    return f"{opening}{prefix}{BULLETS}{closing}"
