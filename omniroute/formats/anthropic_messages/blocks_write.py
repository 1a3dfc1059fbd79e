"""Writes the parts of a request as content blocks.

Source: Anthropic API reference, "Create a Message" (https://platform.claude.com/docs/en/api/messages/create),
``messages``; "Vision", "PDF support" and "Extended thinking" of the guides there.

Always true: what is not written is among ``losses``, but for empty text, which says nothing and which the API refuses.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from omniroute.formats.anthropic_messages.blocks_read import OWN, Block
from omniroute.formats.anthropic_messages.values import decode, restate, write_cache
from omniroute.ir.loss import Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    Extras,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Signature,
    Source,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)

FOREIGN = "it is a member of another format"
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_ALIASES = {"image/jpg": "image/jpeg"}
PDF = "application/pdf"
TEXT = "text/plain"
TTLS = frozenset({"5m", "1h"})

_SAFE_ID = re.compile("[a-zA-Z0-9_-]+")
_UNSAFE = re.compile("[^a-zA-Z0-9_-]")
_RESULT_PARTS = (Text, Image, Document, Opaque, Refusal)


def safe_id(identifier: str) -> str:
    """Give a call's id in the letters that the API takes (``^[a-zA-Z0-9_-]+$``), always the same for the same id."""
    if _SAFE_ID.fullmatch(identifier):
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_UNSAFE.sub('_', identifier)}_{digest}"


def tool_input(arguments: str) -> tuple[dict[str, Any], bool]:
    """Give a call's arguments as the object that the API demands, and whether that is what they were.

    No arguments are an empty object; what is no JSON object is sent whole, as text, under ``input``.
    """
    if not arguments.strip():
        return {}, True
    value = decode(arguments)
    return (value, True) if isinstance(value, dict) else ({"input": arguments}, False)


class BlockWriter:
    """Writes blocks; ``own`` says whether the request was read from this very format."""

    def __init__(self, *, own: bool) -> None:
        """Begin without a loss."""
        self.losses: list[Loss] = []
        self.own = own
        self._writers: dict[type, Callable[[Any, str], Block | None]] = {
            Text: self._text,
            Refusal: self._refusal,
            Image: self._image,
            Audio: self._audio,
            Document: self._document,
            ToolCall: self._tool_call,
            ToolResult: self._tool_result,
            Thought: self._thought,
            Opaque: self._opaque,
        }

    def blocks(self, parts: Iterable[Part], path: str) -> list[Block]:
        """Write parts; ``path`` is the IR's path of what they are parts of."""
        written = [self._block(part, f"{path}[{place}]") for place, part in enumerate(parts)]
        return [block for block in written if block is not None]

    def finish(self, target: Block, cache: CacheHint | None, extras: Extras | None, path: str) -> Block:
        """Put the members onto a block, or a tool, that any may have."""
        if self.own:
            restate(target, extras)
        else:
            self.losses += foreign(extras, path, FOREIGN)
        if cache is None:
            return target
        if not self.own and cache.ttl is not None and cache.ttl not in TTLS:
            self.losses.append(approximated(f"{path}.cache", "caches last 5m or 1h; 5m is the default"))
            cache = CacheHint()
        more = target.get("cache_control")
        target["cache_control"] = {**write_cache(cache), **(more if isinstance(more, dict) else {})}
        return target

    def _block(self, part: Part, path: str) -> Block | None:
        """Write one part; None for one that cannot be said, or says nothing."""
        return self._writers[type(part)](part, path)

    def _drop(self, path: str, why: str) -> None:
        """Note content that cannot be said."""
        self.losses.append(dropped(path, why, weight=Weight.CONTENT))

    def _signature(self, signature: Signature | None, path: str) -> None:
        """Note a signature where this format has none."""
        if signature is not None:
            self.losses.append(dropped(f"{path}.signature", "only thoughts are signed in this format"))

    def _text(self, part: Text, path: str) -> Block | None:
        self._signature(part.signature, path)
        if not part.text.strip() and not (self.own and part.text):
            if part.text or part.cache or part.extras:
                self.losses.append(dropped(path, "the API refuses text without a word in it"))
            return None
        return self.finish({"type": "text", "text": part.text}, part.cache, part.extras, path)

    def _refusal(self, part: Refusal, path: str) -> Block | None:
        self.losses.append(approximated(path, "a refusal is said as text"))
        return self._text(Text(part.text, extras=part.extras), path)

    def _image(self, part: Image, path: str) -> Block | None:
        self._signature(part.signature, path)
        source = self._image_source(part.source)
        if source is None:
            self._drop(path, f"the API takes no such image ({_kind(part.source)})")
            return None
        if part.detail is not None:
            self.losses.append(dropped(f"{path}.detail", "this format has no such setting"))
        return self.finish({"type": "image", "source": source}, part.cache, part.extras, path)

    def _image_source(self, source: Source) -> Block | None:
        """Write where an image is; None where it cannot be said."""
        match source:
            case Inline(media_type=media_type, data=data):
                said = media_type if self.own else _ALIASES.get(media_type.lower(), media_type.lower())
                return {"type": "base64", "media_type": said, "data": data} if self.own or said in IMAGES else None
            case Url(href=href):
                return {"type": "url", "url": href}
            case FileRef(id=identifier) if self.own:
                return {"type": "file", "file_id": identifier}
            case _:
                return None

    def _audio(self, _part: Audio, path: str) -> None:
        self._drop(path, "this format has no sound")

    def _document(self, part: Document, path: str) -> Block | None:
        source = self._document_source(part.source, path)
        if source is None:
            self._drop(path, f"the API takes PDF and plain text only ({_kind(part.source)})")
            return None
        block: Block = {"type": "document", "source": source}
        if part.name is not None:
            block["title"] = part.name
        return self.finish(block, part.cache, part.extras, path)

    def _document_source(self, source: Source, path: str) -> Block | None:
        """Write where a document is; None where it cannot be said."""
        match source:
            case Plain(text=text, media_type=media_type):
                return self._plain(text, media_type, path)
            case Inline(media_type=media_type, data=data) if media_type == PDF or self.own:
                return {"type": "base64", "media_type": media_type, "data": data}
            case Inline(media_type=media_type, data=data) if media_type.startswith("text/"):
                words = _decoded(data)
                return None if words is None else self._plain(words, media_type, path)
            case Url(href=href) if _may_be_pdf(source):
                return {"type": "url", "url": href}
            case FileRef(id=identifier) if self.own:
                return {"type": "file", "file_id": identifier}
            case _:
                return None

    def _plain(self, text: str, media_type: str, path: str) -> Block:
        """Write a document of plain text."""
        if media_type != TEXT and not self.own:
            self.losses.append(approximated(f"{path}.source", f"{media_type} is sent as {TEXT}"))
            media_type = TEXT
        return {"type": "text", "media_type": media_type, "data": text}

    def _tool_call(self, part: ToolCall, path: str) -> Block:
        self._signature(part.signature, path)
        value, same = tool_input(part.arguments)
        if not same:
            why = 'arguments are an object in this format: these are sent whole, as text, under "input"'
            self.losses.append(approximated(f"{path}.arguments", why))
        if part.namespace is not None:
            self.losses.append(dropped(f"{path}.namespace", "tools have no groups in this format"))
        block = {"type": "tool_use", "id": self._id(part.id, path), "name": part.name, "input": value}
        return self.finish(block, part.cache, part.extras, path)

    def _tool_result(self, part: ToolResult, path: str) -> Block:
        inner = f"{path}.parts"
        content = []
        for place, each in enumerate(part.parts):
            if isinstance(each, _RESULT_PARTS):
                block = self._block(each, f"{inner}[{place}]")
                content += [] if block is None else [block]
            else:
                self._drop(f"{inner}[{place}]", "a tool's result is text, images and documents in this format")
        block = {"type": "tool_result", "tool_use_id": self._id(part.id, path)}
        if content:
            block["content"] = content
        if part.is_error:
            block["is_error"] = True
        return self.finish(block, part.cache, part.extras, path)

    def _id(self, identifier: str, path: str) -> str:
        """Write a call's id."""
        safe = safe_id(identifier)
        if safe != identifier:
            self.losses.append(approximated(f"{path}.id", "ids are letters, digits, _ and - in this format"))
        return safe

    def _thought(self, part: Thought, path: str) -> Block | None:
        signature = part.signature
        if signature is None or signature.format is not OWN:
            self._unsigned(part, path)
            return None
        if part.redacted:
            block = {"type": "redacted_thinking", "data": signature.data}
        else:
            block = {"type": "thinking", "thinking": part.text, "signature": signature.data}
        return self.finish(block, None, part.extras, path)

    def _unsigned(self, part: Thought, path: str) -> None:
        """Note a thought that the API would refuse."""
        if part.signature is not None:
            self.losses.append(dropped(f"{path}.signature", "it was signed by a provider of another format"))
        self.losses.append(dropped(path, "only thoughts signed by a provider of this format can be sent back"))

    def _opaque(self, part: Opaque, path: str) -> Block | None:
        if part.format is OWN and isinstance(part.json, dict):
            return part.json
        self._drop(path, f"only {part.format} knows what it is")
        return None


def _may_be_pdf(source: Url) -> bool:
    """Whether what stands at an address is a PDF, as far as is said."""
    return source.media_type in {None, PDF}


def _kind(source: Source) -> str:
    """Name the kind of a source."""
    match source:
        case Inline(media_type=media_type):
            return media_type
        case Url(media_type=media_type):
            return media_type or "an address"
        case FileRef():
            return "a file of another provider"
        case Plain(media_type=media_type):
            return media_type


def _decoded(data: str) -> str | None:
    """Decode text that is sent as base64; None where it is none."""
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
