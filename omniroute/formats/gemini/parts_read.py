"""Reads parts: of a client's request, and of a model's answer.

Source: Gemini API reference, "Part" (https://ai.google.dev/api/caching#Part).

Always true: what is not modelled is in ``extras`` under its own name, and a part that is not understood is ``Opaque``,
so that written again in this format it is the same.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.wire import many, members, named, rest, text
from omniroute.ir.parts import (
    Audio,
    Document,
    Extras,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Signature,
    Source,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.signatures import unpack
from omniroute.names import Format

SIGNATURE = "thoughtSignature"
DUMMY = "skip_thought_signature_validator"
"""What stands where a call's signature is wanted and there is none of this format's
(https://ai.google.dev/gemini-api/docs/thought-signatures#faqs)."""

# literal table: the values documented there, as they are and as base64 by clients that take them for bytes
_DUMMIES = frozenset(
    {
        DUMMY,
        "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
        "context_engineering_is_the_way_to_go",
        "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv",
    }
)
_KEPT_FILES = ("gs://", "files/", "https://generativelanguage.googleapis.com/")
"""How the addresses of files begin that only this format's providers can fetch."""

MARKED = base64.b64encode(b"omniroute").decode()
"""How every signature begins that ``ir.signatures`` marked, whatever its format."""

_URLSAFE = str.maketrans("-_", "+/")


class Scope:
    """Where parts are read: a conversation, or an answer, with its ``calls``.

    ``foreign`` turns true with the first signature of another format, which a gateway gave the client.
    """

    def __init__(self, calls: Calls) -> None:
        """Begin before the first part."""
        self.calls = calls
        self.foreign = False

    def signature(self, part: Mapping[str, Any]) -> Signature | None:
        """Read a part's signature, if it has one; clients may have changed it to URL-safe base64 (RFC 4648 §5)."""
        data = text(part.get(SIGNATURE))
        if data is None or data in _DUMMIES:
            return None
        if data.startswith(MARKED):
            found = unpack(data.translate(_URLSAFE), Format.GEMINI)
            if found.format is not Format.GEMINI:
                self.foreign = True
                return found
        return Signature(Format.GEMINI, data)


def read_part(value: object, scope: Scope) -> Part:
    """Read a part, given as decoded JSON."""
    if isinstance(value, str):
        return Text(value)
    part = members(value)
    for name, read in _READERS.items():
        if name in part:
            return read(part, scope) or Opaque(Format.GEMINI, value)
    if SIGNATURE in part and part.keys() <= {"thought", SIGNATURE}:
        return _unsaid(part, scope)
    return Opaque(Format.GEMINI, value)


def _extras(part: Mapping[str, Any], *read: str, **restated: Any) -> Extras | None:
    """Give what was not read of a part, with what only says again; a dummy signature says nothing to other formats."""
    extras = rest(part, read)
    if text(part.get(SIGNATURE)) in _DUMMIES:
        extras.pop(SIGNATURE, None)
        extras[f"={SIGNATURE}"] = part[SIGNATURE]
    extras.update({f"={name}": value for name, value in restated.items()})
    return extras or None


def _text(part: dict[str, Any], scope: Scope) -> Part | None:
    """Read words, said or thought."""
    words = part["text"]
    if not isinstance(words, str):
        return None
    extras = _extras(part, "text", "thought", SIGNATURE)
    kind = Thought if part.get("thought") is True else Text
    return kind(words, scope.signature(part), extras=extras)


def _unsaid(part: dict[str, Any], scope: Scope) -> Part:
    """Read a part that is nothing but a signature."""
    signature = scope.signature(part)
    if part.get("thought") is not True:
        return Text("", signature, extras=_extras(part, "thought", SIGNATURE, text=None))
    redacted = signature is not None and signature.format is not Format.GEMINI
    extras = None if redacted else _extras(part, "thought", SIGNATURE, text=None)
    return Thought("", signature, redacted=redacted, extras=extras)


def _inline(part: dict[str, Any], scope: Scope) -> Part | None:
    """Read bytes within the message."""
    blob = members(part["inlineData"])
    kind, data = text(blob.get("mimeType")), blob.get("data")
    if kind is None or not isinstance(data, str):
        return None
    return _media(part, "inlineData", rest(blob, ("mimeType", "data")), Inline(kind, data), scope)


def _file(part: dict[str, Any], scope: Scope) -> Part | None:
    """Read a file's address: of one that the provider keeps, or of any that it can fetch."""
    blob = members(part["fileData"])
    kind, uri = text(blob.get("mimeType")), text(blob.get("fileUri"))
    if kind is None or uri is None:
        return None
    source = FileRef(uri, kind) if uri.startswith(_KEPT_FILES) else Url(uri, kind)
    return _media(part, "fileData", rest(blob, ("mimeType", "fileUri")), source, scope)


def _media(part: dict[str, Any], name: str, more: dict[str, Any], source: Source, scope: Scope) -> Part | None:
    """Tell by its media type what some bytes are; moving pictures only this format knows."""
    kind = (getattr(source, "media_type", None) or "").lower().partition("/")[0]
    if kind == "video":
        return None
    if kind == "image":
        extras = {**(_extras(part, name, SIGNATURE) or {}), **({name: more} if more else {})}
        return Image(source, signature=scope.signature(part), extras=extras or None)
    title = None if kind == "audio" else text(more.get("displayName"))
    if title is not None:
        del more["displayName"]
    extras = {**(_extras(part, name) or {}), **({name: more} if more else {})}
    return Audio(source, extras=extras or None) if kind == "audio" else Document(source, title, extras=extras or None)


def _call(part: dict[str, Any], scope: Scope) -> Part | None:
    """Read a call; without arguments it has none, which is an empty object."""
    call = members(part["functionCall"])
    name, given = text(call.get("name")), text(call.get("id"))
    arguments = call.get("args", {})
    if name is None or not isinstance(arguments, dict):
        return None
    restated = {} if given else {"id": None}
    extras = _extras(part, "functionCall", SIGNATURE, **restated) or {}
    more = rest(call, ("name", "id", "args"))
    return ToolCall(
        id=scope.calls.called(name, given),
        name=name,
        arguments=msgspec.json.encode(arguments).decode(),
        signature=scope.signature(part),
        extras={**extras, "functionCall": more} if more else extras or None,
    )


def _result(part: dict[str, Any], scope: Scope) -> Part | None:
    """Read a result: ``output`` or ``error`` of its response are what the tool said, else all of it is."""
    said = members(part["functionResponse"])
    name, given, response = text(said.get("name")), text(said.get("id")), said.get("response", {})
    if not isinstance(response, dict):
        return None
    restated: dict[str, Any] = {"response": said.get("response")}
    if given is None:
        restated["id"] = None
    if name is None:
        restated["name"] = None
    extras = _extras(part, "functionResponse", **restated) or {}
    more = rest(said, ("name", "id", "response", "parts"))
    return ToolResult(
        id=scope.calls.answered(name, given),
        parts=(*_said(response), *(read_part(each, scope) for each in many(said.get("parts")))),
        name=name,
        is_error=response.get("error") is not None,
        extras={**extras, "functionResponse": more} if more else extras,
    )


def _said(response: dict[str, Any]) -> tuple[Part, ...]:
    """Give what a tool said."""
    if not response:
        return ()
    told = named(response)
    value = told.popitem()[1] if len(told) == 1 and told.keys() <= {"output", "error"} else response
    return (Text(value if isinstance(value, str) else msgspec.json.encode(value).decode()),)


# literal table: the member that says what a part is → its reader; the first that is there decides
_READERS: dict[str, Callable[[dict[str, Any], Scope], Part | None]] = {
    "text": _text,
    "functionCall": _call,
    "functionResponse": _result,
    "inlineData": _inline,
    "fileData": _file,
}
