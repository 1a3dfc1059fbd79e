"""What every echo says, whatever the wire format: what it was told by the last user, and what it is.

Its tokens are whitespace-separated words, of what it reads and of its answer alike; a content part that is not text
counts as one, and is named in brackets. The limits on an answer's length are kept, everything else that asks for a
different answer (temperature, tools, stop) is ignored.

Always true: pure; the same call gives the same bytes.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Annotated, Any

import msgspec

ECHO = 'You said: "{}".'
SILENCE = "You said nothing: there is no message from a user."
ABOUT = (
    " I am the echo inside OmniRoute: no model, no key, no network. Your gateway works;"
    " add a provider, and a model answers in my place."
)

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What reading a body can raise."""

Limit = Annotated[int, msgspec.Meta(ge=1)]
"""A limit on an answer's length, in tokens."""

_WORD = re.compile(r"\S+\s*")
"""A word with the space behind it; the answer begins with a word, so these make up the whole of it."""


class Call(msgspec.Struct, frozen=True):
    """A request: its body, a number that no other answer of this process has, and the time in Unix seconds.

    ``model`` and ``query`` are what its URL says, for formats that say something there.
    """

    body: bytes
    number: int
    now: int
    model: str = ""
    query: str = ""


class Played(msgspec.Struct, frozen=True):
    """A whole answer: ``pieces`` are what a reader gets one after the other."""

    status: int
    content_type: str
    pieces: Iterable[bytes]


class Turn(msgspec.Struct, frozen=True):
    """A part of what was told: all its text, which is counted, and what a user says in it, None where none speaks."""

    text: str
    said: str | None = None


class Said(msgspec.Struct, frozen=True):
    """What is answered, word by word, and its account: tokens that were read, and whether a limit cut it short."""

    words: Sequence[str]
    read: int
    cut: bool

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.words)

    @property
    def written(self) -> int:
        """Tokens of the answer."""
        return len(self.words)


class Part(msgspec.Struct):
    """A content part of a format whose parts have a type."""

    type: str
    text: str = ""

    def words(self) -> str:
        """Give its text; where it is not text, its type in brackets."""
        return self.text if self.type == "text" else f"[{self.type.removesuffix('_url')}]"


def joined(content: str | Sequence[Part] | None) -> str:
    """Give the text of a message's content; parts are joined by a space."""
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(part.words() for part in content)


def echo(turns: Sequence[Turn], *limits: int | None) -> Said:
    """Answer the last user that speaks.

    Args:
        turns: what was told, in order.
        limits: the most tokens that the answer may have, each None where nothing is asked; the lowest counts.
    """
    heard = next((turn.said for turn in reversed(turns) if turn.said is not None), "")
    text = (ECHO.format(heard) if heard else SILENCE) + ABOUT
    limit = min((limit for limit in limits if limit is not None), default=None)
    words = [word.group() for word in islice(_WORD.finditer(text), limit)]
    cut = sum(map(len, words)) < len(text)
    if cut:
        words[-1] = words[-1].rstrip()
    return Said(words, count(turns), cut)


def count(turns: Iterable[Turn]) -> int:
    """Count the tokens of what was told."""
    return sum(sum(1 for _ in _WORD.finditer(turn.text)) for turn in turns)


def whole(value: object, status: int = 200) -> Played:
    """Answer with a JSON document."""
    return Played(status, JSON, [msgspec.json.encode(value)])


def record(event: dict[str, Any], *, named: bool = False) -> bytes:
    """Write an event of a stream; a named one bears its type as the event's name."""
    name = f"event: {event['type']}\n" if named else ""
    return b"%bdata: %b\n\n" % (name.encode(), msgspec.json.encode(event))
