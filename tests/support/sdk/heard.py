"""What a client heard of an answer, in words that belong to no wire format.

Always true: this is made of what an official SDK parsed, and of nothing that the package read or wrote.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

NONE: Mapping[str, str] = MappingProxyType({})
"""No headers beside the SDK's own."""


@dataclass
class Spent:
    """Tokens: all that were sent, cached ones among them; all that came, thinking among them."""

    prompt: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass
class Heard:
    """An answer, as far as every format has words for it.

    ``text`` holds refusals too, where they stood. ``calls`` are names and decoded arguments, in order. ``finish`` is
    ``stop``, ``length``, ``tools``, ``refused``, ``pause``, ``other``, or None where the answer does not say; a stop
    with calls counts as ``tools``, and one with words of refusal as ``refused``, since half of the formats make no
    difference. ``error`` is the class that the SDK
    raised, with the ``status`` that it found, its ``kind`` in the format's own word, and its ``message``; what was
    heard before that is kept.
    """

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    finish: str | None = None
    spent: Spent | None = None
    model: str | None = None
    refused: bool = False
    error: str | None = None
    status: int | None = None
    kind: str | None = None
    message: str = ""

    def ended(self, word: str | None, table: Mapping[str, str]) -> None:
        """Take a format's own word for why the answer ended."""
        if word is None:
            return
        self.finish = table.get(word, "other")
        if self.finish in {"stop", "tools"}:
            self.finish = "tools" if self.calls else "refused" if self.refused else "stop"

    def failed(self, error: Exception, status: int | None, message: str, kind: str | None = None) -> None:
        """Take what the SDK raised."""
        self.error, self.status, self.kind, self.message = type(error).__name__, status, kind, message


def arguments(text: str) -> Any:
    """Read a call's arguments: JSON where they are, else the text itself; nothing at all is an empty object."""
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text
