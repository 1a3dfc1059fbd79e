"""How text stands on a terminal: what is drawn for each character, and how many cells it takes.

Always true: what is drawn holds no control character and nothing that turns the direction of writing, so no
configuration can move a cursor or make a line read otherwise than it is; and a text of n characters gives n widths.

The widths are those of Unicode's annex 11 (https://www.unicode.org/reports/tr11/), with the emoji sequences that
terminals agree upon. Nothing here knows a terminal's own habits, so exotic sequences may be off by a cell.
"""

import unicodedata

TAB = "    "
"""A tab is drawn as four spaces, wherever it stands."""

_CONTROL_PICTURES = 0x2400
_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_ZERO = frozenset({"Mn", "Me", "Cf"})
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSEEN = frozenset(
    "\u00ad\u200b\u2060\ufeff"  # parts words, or marks the order of bytes
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # turns the direction of writing
)


def glyph(character: str) -> str:
    """Give what is drawn for one character: itself, spaces for a tab, or a picture of what cannot be shown."""
    code = ord(character)
    if character == "\t":
        return TAB
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    return "�" if character in _UNSEEN or unicodedata.category(character) in _UNSHOWN else character


def clean(text: str) -> str:
    """Draw a text that stands on one line."""
    return "".join(map(glyph, text))


def widths(text: str) -> list[int]:
    """Give the number of cells that each character of a line takes.

    A sequence counts at its first character: what is joined to it, modifies it or is drawn over it takes nothing.
    """
    found: list[int] = []
    for index, character in enumerate(text):
        before = text[index - 1] if index else ""
        if character == _EMOJI_STYLE and before and found[-1] == 1:
            found[-1] = 2
        found.append(0 if before == _JOINER or _modifies(character, before) else _alone(character))
    return found


def width(text: str) -> int:
    """Give the number of cells that a line takes."""
    return sum(widths(text))


def _modifies(character: str, before: str) -> bool:
    """Say whether this is a skin tone behind an emoji that takes one."""
    return "\U0001f3fb" <= character <= "\U0001f3ff" and before != "" and _alone(before) == 2


def _alone(character: str) -> int:
    if character == "\t":
        return len(TAB)
    if character in _UNSEEN:
        return 1
    if unicodedata.category(character) in _ZERO or "\u1160" <= character <= "\u11ff":  # vowels and finals of Hangul
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
