"""The parts that messages and answers are made of.

Always true: a part says what it says in nobody's dialect. What only one wire format knows of it is in ``extras``,
under that format's own member names, and is put back when that format is written again; nothing else reads it.
Tool arguments stay the text they came as, so that no number and no key order drifts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.names import Format

Extras = Mapping[str, Any]
"""Members that the IR does not model, as decoded JSON, by the name they have in the format they were read from."""


class Inline(msgspec.Struct, frozen=True):
    """Bytes within the message: base64 (RFC 4648 §4) as it was sent, and their media type (RFC 6838)."""

    media_type: str
    data: str


class Url(msgspec.Struct, frozen=True):
    """Bytes that whoever reads the message fetches."""

    href: str
    media_type: str | None = None


class FileRef(msgspec.Struct, frozen=True):
    """A file that was uploaded to the provider, by the id it was given there."""

    id: str
    media_type: str | None = None


class Plain(msgspec.Struct, frozen=True):
    """A document that is plain text, unencoded."""

    text: str
    media_type: str = "text/plain"


Source = Inline | Url | FileRef | Plain


class CacheHint(msgspec.Struct, frozen=True):
    """The wish that the provider caches the prompt up to here; ``ttl`` is a duration such as ``5m``, or None."""

    ttl: str | None = None


class Signature(msgspec.Struct, frozen=True):
    """What a provider wants back unchanged beside a thought, a call or a text, to know them as its own.

    ``format`` is the wire format whose providers can read it: sent to any other it means nothing.
    """

    format: Format
    data: str


class Text(msgspec.Struct, frozen=True):
    """Words."""

    text: str = ""
    signature: Signature | None = None
    cache: CacheHint | None = None
    extras: Extras | None = None


class Image(msgspec.Struct, frozen=True):
    """A picture; ``detail`` is how closely it is to be looked at (``low``, ``high``, ``auto`` …)."""

    source: Source
    detail: str | None = None
    signature: Signature | None = None
    cache: CacheHint | None = None
    extras: Extras | None = None


class Audio(msgspec.Struct, frozen=True):
    """Sound."""

    source: Source
    cache: CacheHint | None = None
    extras: Extras | None = None


class Document(msgspec.Struct, frozen=True):
    """A document, such as a PDF; ``name`` is its title or file name."""

    source: Source
    name: str | None = None
    cache: CacheHint | None = None
    extras: Extras | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """The model calls a tool of the client's.

    ``arguments`` is JSON text, or free text where ``custom`` is true. ``id`` is never empty: a reader makes one up,
    unique within the conversation, where its format has none. ``namespace`` is the group that the tool belongs to.
    """

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    namespace: str | None = None
    signature: Signature | None = None
    cache: CacheHint | None = None
    extras: Extras | None = None


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool answered to the call ``id``; ``name`` is the tool's, where the format says it."""

    id: str
    parts: "tuple[Part, ...]" = ()
    name: str | None = None
    is_error: bool = False
    custom: bool = False
    cache: CacheHint | None = None
    extras: Extras | None = None


class Thought(msgspec.Struct, frozen=True):
    """What the model thought, as far as it is shown; ``redacted`` where only the signature may be known."""

    text: str = ""
    signature: Signature | None = None
    redacted: bool = False
    extras: Extras | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The model's words for not answering."""

    text: str = ""
    extras: Extras | None = None


class Opaque(msgspec.Struct, frozen=True):
    """A part that only its own format knows, as decoded JSON."""

    format: Format
    json: Any


Part = Text | Image | Audio | Document | ToolCall | ToolResult | Thought | Refusal | Opaque
