"""When two requests are alike but for the words of their last question, and what those words are.

An embedding says how near in meaning two texts are. Everything else of a request is compared to the byte: whose it
is, the model, the system prompt, tools, sampling, the form of the answer, and all of the conversation before the last
text of the user. It is the ``partition``: only requests with one partition are ever compared.

Always true:

1. Two requests with one partition differ in nothing but ``text``, and not in what an embedding tells badly:

   - numbers and other literals of the text (words with a digit or one of ``LITERAL``'s signs), in their order;
   - what is behind its first ``COMPARED`` bytes, because many embedding models leave out, without a word, what is
     longer than they take (256 to 512 tokens are common).

2. What is comparable is found by what is known to be harmless: the user speaks last, and in words alone; one answer is
   asked for, at a temperature of 0 or none (``sameness.cacheable``); a body that this module cannot take apart with
   certainty is not comparable.
3. Two texts that differ by one word, or only in the order of their words, are told apart (``reworded``): there the
   difference is what was asked. Embeddings hardly see it: to one model, a question and its negation have a similarity
   of 0.99, "enable" and "disable" of 0.97, and of 0.98 paraphrases have. No rule here knows a language, so what
   paraphrases and opposites have in common beyond that is left to the embedding, and to the threshold.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.sameness import Naming, cacheable, digest
from omniroute.formats.translate import Translation
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Role
from omniroute.names import Format

LONGEST = 8_000
"""Characters of a text that is compared."""
COMPARED = 1_000
"""Bytes of it that an embedding sees: about 250 tokens."""
LITERAL = re.compile(r"\S*[\d_/\\@#$%&*=+<>|~^`{}\[\]]\S*")

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s!-~]")
_EDGES = ".,;:!?\"'()"
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_HOLE = ("",)
"""What stands where the text was; a JSON value is never a tuple of one word."""

# literal table: the member that holds the conversation. Completions are missing, which go on with the words themselves
_CONVERSATION: dict[Format, str] = {
    Format.OPENAI_CHAT: "messages",
    Format.OPENAI_RESPONSES: "input",
    Format.ANTHROPIC_MESSAGES: "messages",
    Format.GEMINI: "contents",
    Format.OLLAMA: "messages",
}


class Likeness(msgspec.Struct, frozen=True):
    """A request as it is compared: by ``text``, and only with those of the same ``partition`` (32 bytes)."""

    text: str
    partition: bytes


def likeness(asked: Asked, translation: Translation, naming: Sequence[Naming]) -> Likeness | None:
    """Say how a request is compared; None where it is not.

    Args:
        asked: the request as it came.
        translation: what reads it.
        naming: what says, beside the body, where it goes and for whom: the caller, format, route, headers that go on.
    """
    if translation.codec.format not in _CONVERSATION or not cacheable(asked):
        return None
    try:
        text = _last_text(translation.request)
        if text is None:
            return None
        seen = text.encode()[:COMPARED].decode(errors="ignore")
        rest = _rest(asked, _CONVERSATION[translation.codec.format], text)
    except (Malformed, ValueError, RecursionError, msgspec.DecodeError):
        return None
    if rest is None:
        return None
    said, names = rest
    exactly = ("semantic", tuple(naming), asked.model, asked.stream, names, _literals(seen), text[len(seen) :])
    return Likeness(seen, digest(exactly, said))


def reworded(one: str, other: str) -> bool:
    """Whether two texts say the same, or say it in words that differ by so much that their meaning can be compared.

    Capitals and the punctuation of ASCII do not count; any other sign is a word. In scripts that put no spaces between
    words, a sentence is one word.
    """
    words, others = (_WORD.findall(each.casefold()) for each in (one, other))
    if words == others:
        return bool(words) or one == other
    shorter = min(len(words), len(others))
    begin = next((at for at in range(shorter) if words[at] != others[at]), shorter)
    left = shorter - begin
    end = next((at for at in range(left) if words[-1 - at] != others[-1 - at]), left)
    if max(len(words), len(others)) - begin - end <= 1:
        return False
    return len(words) != len(others) or sorted(words) != sorted(others)


def _last_text(request: GenerateRequest) -> str | None:
    """Give the last text, if the user speaks last, and in nothing but words."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role is not Role.USER or not last.parts:
        return None
    part = last.parts[-1]
    if not isinstance(part, Text) or not all(isinstance(each, Text) for each in last.parts):
        return None
    return part.text if part.text.strip() and len(part.text) <= LONGEST else None


def _rest(asked: Asked, conversation: str, text: str) -> tuple[bytes, Naming] | None:
    """Give all bytes of a body but those of the text, and what says which of them are which.

    ``conversation`` is the member at whose end the text stands.
    """
    said: list[bytes] = []
    names: list[Naming] = []
    found = False
    for name, where in asked.fields.items():
        value = asked.body[where]
        if name == conversation:
            elements = _ELEMENTS.decode(value) if value.startswith(b"[") else [msgspec.Raw(value)]
            hole = _without(bytes(elements[-1]), text) if elements else None
            if hole is None:
                return None
            found = True
            parts = [*map(bytes, elements[:-1]), hole]
        else:
            parts = [value]
        said.extend(parts)
        names.append((name, *map(len, parts)))
    return (b"".join(said), tuple(names)) if found else None


def _without(element: bytes, text: str) -> bytes | None:
    """Give the last element of a conversation with a hole where the text was; None where it does not stand there once.

    Members of an object stay a list of pairs, so that one that stands twice is not lost.
    """
    value: object = json.loads(element, object_pairs_hook=tuple)
    holes: list[None] = []
    left = _cut(value, text, holes)
    return repr(left).encode() if len(holes) == 1 else None


def _cut(value: object, text: str, holes: list[None]) -> object:
    """Give a JSON value with holes where a text was; each is noted."""
    if value == text:
        holes.append(None)
        return _HOLE
    if isinstance(value, list):
        return [_cut(each, text, holes) for each in value]
    if isinstance(value, tuple):
        return tuple([(name, _cut(each, text, holes)) for name, each in value])
    return value


def _literals(text: str) -> tuple[str, ...]:
    """Give the words of a text that have to be the same, in their order."""
    return tuple([found.strip(_EDGES) for found in LITERAL.findall(text)])
