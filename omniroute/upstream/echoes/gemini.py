"""The echo in gemini, with its token counter. The model, and whether to stream, are in the path.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/tokens.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec

from omniroute.upstream.echoes.core import (
    EVENTS,
    JSON,
    UNREADABLE,
    Call,
    Limit,
    Played,
    Said,
    Turn,
    count,
    echo,
    record,
    whole,
)

_RESULT = "functionResponse"
_ASIDE = frozenset({"thought", "thoughtSignature", "partMetadata", "mediaResolution", "videoMetadata"})
"""What stands in a part beside what it holds."""


class _Content(msgspec.Struct):
    role: str | None = None
    parts: list[dict[str, Any]] = []

    def turn(self) -> Turn:
        said = [part for part in self.parts if _RESULT not in part]
        speaks = self.role in {None, "user"} and (said or not self.parts)
        return Turn(_joined(self.parts), _joined(said) if speaks else None)


class _Config(msgspec.Struct, rename="camel"):
    max_output_tokens: Limit | None = None


class _Asked(msgspec.Struct, rename="camel"):
    contents: Annotated[list[_Content], msgspec.Meta(min_length=1)]
    system_instruction: _Content | None = None
    generation_config: _Config | None = None

    def turns(self) -> list[Turn]:
        system = [Turn(_joined(self.system_instruction.parts))] if self.system_instruction is not None else []
        return system + [content.turn() for content in self.contents]


class _Counted(msgspec.Struct, rename="camel"):
    """What can be counted: contents alone, or a whole request."""

    contents: list[_Content] = []
    generate_content_request: _Asked | None = None

    def turns(self) -> list[Turn]:
        if self.generate_content_request is not None:
            return self.generate_content_request.turns()
        return [content.turn() for content in self.contents]


def generate_content(call: Call) -> Played:
    """Answer ``/models/{model}:generateContent``."""
    said = _said(call)
    return said if isinstance(said, Played) else whole(_piece(call, said.text, said, said.written))


def stream_generate_content(call: Call) -> Played:
    """Answer ``/models/{model}:streamGenerateContent``: events with ``alt=sse``, else a JSON array."""
    said = _said(call)
    if isinstance(said, Played):
        return said
    if parse_qs(call.query).get("alt") == ["sse"]:
        return Played(200, EVENTS, (record(piece) for piece in _pieces(call, said)))
    return Played(200, JSON, _array(_pieces(call, said)))


def count_tokens(call: Call) -> Played:
    """Answer ``/models/{model}:countTokens``."""
    try:
        asked = msgspec.json.decode(call.body, type=_Counted)
    except UNREADABLE as error:
        return _refused(error)
    return whole({"totalTokens": (total := count(asked.turns())), "promptTokensDetails": _details(total)})


def _said(call: Call) -> Said | Played:
    """Give the answer, or the refusal of a request that cannot be read."""
    try:
        asked = msgspec.json.decode(call.body, type=_Asked)
    except UNREADABLE as error:
        return _refused(error)
    config = asked.generation_config or _Config()
    return echo(asked.turns(), config.max_output_tokens)


def _joined(parts: Sequence[dict[str, Any]]) -> str:
    """Give the text of parts; one that is not text is named in brackets."""
    return " ".join(map(_words, parts))


def _words(part: dict[str, Any]) -> str:
    text = part.get("text")
    if isinstance(text, str):
        return text
    return f"[{next((name for name in part if name not in _ASIDE), 'part')}]"


def _pieces(call: Call, said: Said) -> Iterator[dict[str, Any]]:
    for written, word in enumerate(said.words, 1):
        yield _piece(call, word, said, written)


def _piece(call: Call, text: str, said: Said, written: int) -> dict[str, Any]:
    """Write an answer, or a piece of one; usage is of all pieces so far, and the last piece says how it ended."""
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if written == said.written:
        candidate["finishReason"] = "MAX_TOKENS" if said.cut else "STOP"
    usage = {
        "promptTokenCount": said.read,
        "candidatesTokenCount": written,
        "totalTokenCount": said.read + written,
        "promptTokensDetails": _details(said.read),
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": call.model,
        "responseId": f"echo-{call.number}",
    }


def _details(total: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": total}]


def _array(pieces: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    before = b"["
    for piece in pieces:
        yield before + msgspec.json.encode(piece)
        before = b",\r\n"
    yield b"]"


def _refused(reason: object) -> Played:
    """Answer in the shape of https://cloud.google.com/apis/design/errors."""
    message = f"The echo cannot read this request: {reason}"
    return whole({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, 400)
