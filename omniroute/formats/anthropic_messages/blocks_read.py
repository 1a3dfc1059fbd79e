"""Reads content blocks, of requests and of answers, into parts.

Source: Anthropic API reference, "Messages" (https://platform.claude.com/docs/en/api/messages), ``content``.

Always true: a block of a type that is not known here is an ``Opaque`` part, whole; every member of a known one is in
its part, modelled or among its ``extras``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.values import encode, read_cache, rest
from omniroute.ir.parts import (
    Document,
    Extras,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Source,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.signatures import unpack
from omniroute.names import Format

OWN = Format.ANTHROPIC_MESSAGES
Block = dict[str, Any]

_TEXT = frozenset({"type", "text", "cache_control"})
_IMAGE = frozenset({"type", "source", "cache_control"})
_DOCUMENT = frozenset({"type", "source", "title", "cache_control"})
_TOOL_USE = frozenset({"type", "id", "name", "input", "cache_control"})
_TOOL_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})
_THINKING = frozenset({"type", "thinking", "signature"})
_REDACTED = frozenset({"type", "data"})
_SOURCES: dict[str, frozenset[str]] = {
    "base64": frozenset({"type", "media_type", "data"}),
    "text": frozenset({"type", "media_type", "data"}),
    "url": frozenset({"type", "url"}),
    "file": frozenset({"type", "file_id"}),
}
_DIRECT = {"type": "direct"}


class _Input(msgspec.Struct, gc=False):
    """The one thing of a block that is read as it is written."""

    type: str = ""
    input: msgspec.Raw = msgspec.Raw(b"")


class _Turn(msgspec.Struct, gc=False):
    """A message."""

    content: list[_Input] | str = ""


_CONVERSATION = msgspec.json.Decoder(list[_Turn])
_ANSWER = msgspec.json.Decoder(_Turn)


def keep_request_inputs(written: bytes, messages: Sequence[Any]) -> None:
    """Put, into freshly decoded messages, the arguments of every call as they are written, so that nothing drifts.

    Args:
        written: the messages as they were sent.
        messages: the same, decoded.
    """
    if not _calls(messages):
        return
    try:
        turns = _CONVERSATION.decode(written)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    for message, turn in zip(messages, turns, strict=True):
        _keep(message.get("content"), turn)


def _calls(messages: Sequence[Any]) -> bool:
    """Say whether there is a call among the blocks of decoded messages."""
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            for block in content:
                if isinstance(block, dict) and block.get("type") == "tool_use":
                    return True
    return False


def keep_answer_inputs(body: bytes, content: Sequence[Any]) -> None:
    """Do the same with an answer's ``content``."""
    try:
        turn = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    _keep(content, turn)


def _keep(content: Any, turn: _Turn) -> None:
    """Put a message's arguments into its blocks."""
    if isinstance(turn.content, str):
        return
    for block, raw in zip(content, turn.content, strict=True):
        if raw.type == "tool_use" and raw.input:
            block["input"] = raw.input


def read_blocks(content: Any, path: str) -> tuple[Part, ...]:
    """Read a message's content: a string, or blocks.

    Raises:
        Malformed: it is neither, or a block is not what its type says.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise Malformed(f'"{path}" must be a string or an array of content blocks', path)
    return tuple([read_block(block, f"{path}[{place}]") for place, block in enumerate(content)])


def read_block(block: Any, path: str) -> Part:
    """Read a block.

    Raises:
        Malformed: it is not what its type says.
    """
    if not isinstance(block, dict):
        raise Malformed(f'"{path}" must be a content block, an object with a "type"', path)
    kind = block.get("type")
    if not isinstance(kind, str):
        raise Malformed(f'"{path}.type" must be a string: the type of the content block', f"{path}.type")
    read = READERS.get(kind)
    return Opaque(OWN, block) if read is None else read(block, path)


def read_extras(block: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Give a block's members that its part does not model.

    That the model itself made a call (``caller``) is the rule, and says nothing to another format.
    """
    extras = rest(block, known)
    if extras.get("caller") == _DIRECT:
        extras["=caller"] = extras.pop("caller")
    return extras


def arguments(value: Any) -> str:
    """Give a call's ``input`` as JSON text."""
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode("utf-8", "replace")
    return "{}" if value is None else encode(value).decode()


def _string(block: Block, name: str, path: str) -> str:
    """Read a member that must be a string."""
    value = block.get(name)
    if not isinstance(value, str):
        raise Malformed(f'"{path}.{name}" must be a string', f"{path}.{name}")
    return value


def _identifier(block: Block, name: str, path: str) -> str:
    """Read a member that must be a string with something in it."""
    value = _string(block, name, path)
    if not value:
        raise Malformed(f'"{path}.{name}" is empty', f"{path}.{name}")
    return value


def _text(block: Block, path: str) -> Part:
    text = _string(block, "text", path)
    if len(block) == 2:
        return Text(text)
    extras = read_extras(block, _TEXT)
    cache = read_cache(block, extras)
    return Text(text, cache=cache, extras=extras or None)


def _image(block: Block, path: str) -> Part:
    extras = read_extras(block, _IMAGE)
    source = _source(block, extras)
    if source is None:
        return Opaque(OWN, block)
    return Image(source, cache=read_cache(block, extras), extras=_some(extras))


def _document(block: Block, path: str) -> Part:
    extras = read_extras(block, _DOCUMENT)
    source = _source(block, extras) or _written_out(block, extras)
    title = block.get("title")
    if source is None or not isinstance(title, str | None):
        return Opaque(OWN, block)
    return Document(source, name=title, cache=read_cache(block, extras), extras=_some(extras))


def _source(block: Block, extras: dict[str, Any]) -> Source | None:
    """Read where an image or a document is; None where its kind of source is not known here."""
    said = block.get("source")
    kind = said.get("type") if isinstance(said, dict) else None
    known = _SOURCES.get(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(said, dict):
        return None
    values = [said.get(name) for name in sorted(known - {"type"})]
    if not all(isinstance(value, str) for value in values):
        return None
    if said.keys() - known:
        extras["=source"] = said
    match kind:
        case "base64":
            return Inline(said["media_type"], said["data"])
        case "text":
            return Plain(said["data"], said["media_type"])
        case "url":
            return Url(said["url"])
        case _:
            return FileRef(said["file_id"])


def _written_out(block: Block, extras: dict[str, Any]) -> Source | None:
    """Read a document that is written as content blocks; None where they are not all text."""
    said = block.get("source")
    if not isinstance(said, dict) or said.get("type") != "content":
        return None
    content = said.get("content")
    texts = [content] if isinstance(content, str) else content if isinstance(content, list) else [None]
    said_texts = [each.get("text") if isinstance(each, dict) else each for each in texts]
    words = [each for each in said_texts if isinstance(each, str)]
    if len(words) < len(texts):
        return None
    extras["=source"] = said
    return Plain("\n\n".join(words))


def _tool_use(block: Block, path: str) -> Part:
    extras = read_extras(block, _TOOL_USE)
    return ToolCall(
        _identifier(block, "id", path),
        _identifier(block, "name", path),
        arguments(block.get("input")),
        cache=read_cache(block, extras),
        extras=_some(extras),
    )


def _tool_result(block: Block, path: str) -> Part:
    extras = read_extras(block, _TOOL_RESULT)
    return ToolResult(
        _identifier(block, "tool_use_id", path),
        read_blocks(block.get("content"), f"{path}.content"),
        is_error=block.get("is_error") is True,
        cache=read_cache(block, extras),
        extras=_some(extras),
    )


def _thinking(block: Block, path: str) -> Part:
    signature = block.get("signature")
    return Thought(
        _string(block, "thinking", path),
        unpack(signature, OWN) if isinstance(signature, str) and signature else None,
        extras=_some(rest(block, _THINKING)),
    )


def _redacted(block: Block, path: str) -> Part:
    data = _string(block, "data", path)
    return Thought("", unpack(data, OWN) if data else None, redacted=True, extras=_some(rest(block, _REDACTED)))


def _some(extras: dict[str, Any]) -> Extras | None:
    """Give extras, or None for none."""
    return extras or None


READERS: dict[str, Callable[[Block, str], Part]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
}
