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

from omniroute.formats.codec import Asked, Field

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
    looked up who answered last, ``guess`` the fingerprint under which that is remembered where the client gave no id;
    either is None where there is nothing to be looked up, or remembered.
    """

    named: str | None = None
    session: str | None = None
    guess: str | None = None


_NONE = Conversation()


def conversation_of(asked: Asked, caller: str, named: str | None = None, sticky: Sticky = "auto") -> Conversation:
    """Find the conversation that a request belongs to.

    Args:
        asked: the request.
        caller: the name of its key, in which is neither ``/`` nor ``#``; "" for none.
        named: what its headers call the conversation.
        sticky: ``explicit``: only what the client names is a conversation; ``off``: nothing is kept together.
    """
    fields: dict[str, Field] | None = None
    if named is None:
        fields = {field.name: field for field in asked.fields}
        named = _named(asked.body, fields)
    if named is not None:
        return Conversation(named, None if sticky == "off" else f"{caller}/{named}")
    return _guessed(asked, caller, fields) if fields and sticky == "auto" else _NONE


def _named(body: bytes, fields: dict[str, Field]) -> str | None:
    """Give the id that the body itself holds."""
    for name, shape in _NAMES:
        if name in fields:
            start = fields[name].start
            found = shape.match(body, start, min(fields[name].end, start + LONGEST_NAMING))
            if found is not None:
                return found[1].decode("utf-8", "replace")
    return None


def _guessed(asked: Asked, caller: str, fields: dict[str, Field]) -> Conversation:
    """Give the fingerprint; without turns, or with the newest of them alone, there is none."""
    turns = fields.get("messages") or fields.get("input") or fields.get("contents")
    if turns is None or _CONTINUED in fields:
        return _NONE
    body, start = asked.body, turns.start
    end, goes_on = _first_turn(body, turns)
    since, until = start, end
    if not _INSTRUCTIONS.isdisjoint(fields):
        told = next(field for name, field in fields.items() if name in _INSTRUCTIONS)
        since, until = told.start, told.end
    begins = body[since : since + SAMPLE + _ROOM] if since + SAMPLE + _ROOM < until else body[since:until]
    ends = body[end - TAIL - _ROOM : end] if end - TAIL - _ROOM > start else body[start:end]
    if _CACHE_MARKED in begins or _CACHE_MARKED in ends:
        begins, ends = _CACHE.sub(b"", begins), _CACHE.sub(b"", ends)
    model = asked.model.encode("utf-8", "surrogatepass")
    digest = sha256(b"%b\0%b\0%b" % (model, begins[:SAMPLE], ends[-TAIL:])).hexdigest()
    guess = f"{caller}#{digest[:SHORT]}"
    return Conversation(None, guess if goes_on else None, guess)


def _first_turn(body: bytes, turns: Field) -> tuple[int, bool]:
    """Give where the turns end that stand before the first answer, and whether there is one, or may be.

    A mark stands within the answer, so its message has to be left behind, from its first member on.
    """
    marks, openings = _TURNS[turns.name]
    first = edge = min(turns.end, turns.start + WINDOW)
    for mark in marks:
        found = body.find(mark, turns.start, first)
        if found >= 0:
            first = found
    if first == edge and edge < turns.end:
        return edge, True
    goes_on = first < edge
    if goes_on:
        nearest = max(turns.start, first - LONGEST_OPENING)
        opened = max([body.rfind(opening, nearest, first) for opening in openings])
        first = opened if opened >= 0 else first
    closing = max(turns.start, first - _CLOSING)
    return closing + len(body[closing:first].rstrip(_BETWEEN)), goes_on
