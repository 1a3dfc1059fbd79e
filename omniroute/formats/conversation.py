"""Which conversation a request belongs to, found in its bytes without reading them.

A client names its conversation in a header, or in a member of its body that a provider documents for it:
``prompt_cache_key`` (https://platform.openai.com/docs/guides/prompt-caching), ``conversation``
(https://platform.openai.com/docs/api-reference/responses/create) or a part of ``metadata.user_id``
(https://platform.claude.com/docs/en/api/messages/create), where agents put it. Where none does, a fingerprint of how
the conversation begins tells its turns from those of others: the caller, the model, the first words of the
instructions, and the last words that stand before the first answer. Those are the user's own: agents put the same ones
before them in every conversation.

Always true: two callers never share a key. Looking takes no longer for a longer conversation, of which no more than
``WINDOW`` bytes are looked at. A fingerprint does not change when cache markers move, and is the same in every turn
that holds the first one unchanged. A request that begins a conversation is remembered under it, and not steered by it,
so that one prompt that is sent again and again is still shared out among targets.
"""

import re
from hashlib import sha256
from typing import Literal

import msgspec

from omniroute.formats.codec import Asked, Fields

Sticky = Literal["auto", "explicit", "off"]

LONGEST_NAMING = 2 * 1024
"""Bytes of a member in which a conversation's id is looked for."""
WINDOW = 16 * 1024
"""Bytes of a conversation in which its first answer is looked for."""
SHORT = 24
"""Digits of a fingerprint, in hex: enough for no two to be the same by chance."""
SAMPLE, TAIL = 128, 256
"""Bytes of the instructions and of the user's words that count, once markers are taken out."""
_ROOM = 256
"""Bytes that are read beyond those, for the markers that are taken out."""

LONGEST_OPENING = 2 * 1024
"""Bytes of an answer before the word that betrays it, where it begins with what was said."""
_CLOSING, _BETWEEN = 16, b" \t\r\n,]"
"""How much is looked at, and what is left behind, between a message and the next, or the end of them all."""
_CACHE_MARKED = b'"cache_control"'
_CACHE = re.compile(rb',\s*"cache_control"\s*:\s*\{[^{}]*\}')
_TEXT = re.compile(rb'(?:\{\s*"id"\s*:\s*)?"([^"\\]{1,256})"')
_USER = re.compile(
    rb"""\s*\{ [^{}]*? "user_id" \s* : \s* "(?:[^"\\]|\\.){0,512}? (?: _session_ | \\"session_id\\"\s*:\s*\\" )
         ([0-9A-Za-z._-]{8,128})""",
    re.VERBOSE,
)

# literal tables: where clients name a conversation, where its turns stand, where its instructions do
_NAMES = (("prompt_cache_key", _TEXT), ("conversation", _TEXT), ("metadata", _USER))
_TURNS: dict[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = {
    "messages": ((b'"assistant"',), (b'{"role"', b'{"content"')),
    "input": (
        (b'"assistant"', b'"function_call"', b'"reasoning"'),
        (b'{"type"', b'{"role"', b'{"id"', b'{"arguments"'),
    ),
    "contents": ((b'"model"',), (b'{"role"', b'{"parts"')),
}
"""The members that hold the turns: what betrays the first of them that a model wrote, and how a turn begins."""
_INSTRUCTIONS = frozenset({"system", "instructions", "systemInstruction", "system_instruction"})
_CONTINUED = "previous_response_id"
"""What is sent with it are the newest turns alone, which have nothing in common with those before."""


class Conversation(msgspec.Struct, frozen=True):
    """What a request belongs to.

    ``named`` is the id that the client gave it, None where it gave none. ``session`` is the key under which it is
    looked up who answered last; the ``str`` of ``guess`` is the key under which that is remembered where the client
    gave no id. Either is None where there is nothing to be looked up, or remembered.
    """

    named: str | None = None
    session: str | None = None
    guess: "str | Beginning | None" = None


_NONE = Conversation()


class Beginning(msgspec.Struct, frozen=True):
    """How a conversation begins, whose fingerprint is only worked out where somebody wants to remember it.

    ``turns`` is the member of ``asked`` that holds its turns, ``answer`` is where the first mark of an answer stands,
    or where what is looked at ends.
    """

    caller: str
    asked: Asked
    turns: str
    answer: int

    def __str__(self) -> str:
        """Give the fingerprint, and before it the caller."""
        asked = self.asked
        body, turns = asked.body, asked.fields[self.turns]
        since = turns.start
        until = end = _first_turn(body, turns, self.answer, _TURNS[self.turns][1])
        told = next((where for name, where in asked.fields.items() if name in _INSTRUCTIONS), None)
        if told is not None:
            since, until = told.start, told.stop
        begins = body[since : min(until, since + SAMPLE + _ROOM)]
        ends = body[max(turns.start, end - TAIL - _ROOM) : end]
        if _CACHE_MARKED in begins or _CACHE_MARKED in ends:
            begins, ends = _CACHE.sub(b"", begins), _CACHE.sub(b"", ends)
        model = asked.model.encode("utf-8", "surrogatepass")
        digest = sha256(b"%b\0%b\0%b" % (model, begins[:SAMPLE], ends[-TAIL:])).hexdigest()
        return f"{self.caller}#{digest[:SHORT]}"


def conversation_of(asked: Asked, caller: str, named: str | None = None, sticky: Sticky = "auto") -> Conversation:
    """Find the conversation that a request belongs to.

    Args:
        asked: the request.
        caller: the name of its key, in which is neither ``/`` nor ``#``; "" for none.
        named: what its headers call the conversation.
        sticky: ``explicit``: only what the client names is a conversation; ``off``: nothing is kept together.
    """
    if named is None:
        named = _named(asked.body, asked.fields)
    if named is not None:
        return Conversation(named, None if sticky == "off" else f"{caller}/{named}")
    return _guessed(asked, caller) if sticky == "auto" else _NONE


def _named(body: bytes, fields: Fields) -> str | None:
    """Give the id that the body itself holds."""
    for name, shape in _NAMES:
        if name in fields:
            start = fields[name].start
            found = shape.match(body, start, min(fields[name].stop, start + LONGEST_NAMING))
            if found is not None:
                return found[1].decode("utf-8", "replace")
    return None


def _guessed(asked: Asked, caller: str) -> Conversation:
    """Give the fingerprint; without turns, or with the newest of them alone, there is none.

    It is worked out at once only where an answer is, or may be, among the turns: else nobody looks it up.
    """
    fields = asked.fields
    for name, (marks, _) in _TURNS.items():
        if name in fields and _CONTINUED not in fields:
            turns = fields[name]
            first = min(turns.stop, turns.start + WINDOW)
            for mark in marks:
                found = asked.body.find(mark, turns.start, first)
                first = found if found >= 0 else first
            guess = Beginning(caller, asked, name, first)
            if first == turns.stop:
                return Conversation(None, None, guess)
            key = str(guess)
            return Conversation(None, key, key)
    return _NONE


def _first_turn(body: bytes, turns: slice, first: int, openings: tuple[bytes, ...]) -> int:
    """Give where the turns end that stand before the first answer.

    A mark stands within the answer, so its message has to be left behind, from its first member on.
    """
    start: int = turns.start
    edge = start + WINDOW
    if first == edge < turns.stop:
        return edge
    if first < turns.stop:
        opened = max([body.rfind(opening, max(start, first - LONGEST_OPENING), first) for opening in openings])
        first = opened if opened >= 0 else first
    closing = max(start, first - _CLOSING)
    return closing + len(body[closing:first].rstrip(_BETWEEN))
