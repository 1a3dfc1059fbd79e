"""Content parts of messages and of tool outputs, both ways.

Source: OpenAI API reference, "Responses", the input content types ``input_text``, ``input_image`` and ``input_file``
and the output content types ``output_text`` and ``refusal``. ``input_audio`` is not documented for this format; where a
client sends it, it is kept for servers of this format, and audio of other formats is not said.

Always true: a part that is not understood is kept whole, as ``Opaque`` of ``{"=part": part}``; the mark tells it from
an item of the conversation, which ``Opaque`` holds as it is.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

from omniroute.formats.openai_responses.wire import OWN, Saying, keep, members, text, with_extra
from omniroute.ir.loss import approximated
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
    Source,
    Text,
    Url,
)

PART = "=part"
INPUT, OUTPUT = "input_text", "output_text"
ITEM = "=item"
"""In the extras of an answer's text: the members of the message item that it stood in."""

_DATA_URL = re.compile(r"data:([^;,]+);base64,([^,]*)\Z")
_BARE = "=bare"
_PDF = "application/pdf"
_PREFIX = "audio/"

# literal table: the format's name of an audio format → media type
_AUDIO = {"mp3": "audio/mpeg", "wav": "audio/wav"}
# literal table: other media types of the same
_SAME_AUDIO = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


def opaque(part: Any) -> Opaque:
    """Keep a content part that is not understood."""
    return Opaque(OWN, {PART: part})


def opaque_part(part: Part) -> Any:
    """Give the content part that ``opaque`` kept; None of anything else."""
    if isinstance(part, Opaque) and part.format is OWN and isinstance(part.json, dict):
        return part.json.get(PART)
    return None


def read_content(part: Any, default: str) -> Part:
    """Read a content part; ``default`` is the type that text has in its place, which says who speaks."""
    if not isinstance(part, dict):
        return opaque(part)
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            found = _text(part, default)
        case "refusal" if default == OUTPUT:
            found = _refusal(part)
        case _ if default == OUTPUT:
            found = None
        case "input_image":
            found = _image(part)
        case "input_file":
            found = _document(part)
        case "input_audio":
            found = _audio(part)
        case _:
            found = None
    return found or opaque(part)


def _text(part: Mapping[str, Any], default: str) -> Part | None:
    """Read text."""
    words, kind = part.get("text"), part["type"]
    if not isinstance(words, str):
        return None
    extras: Extras | None = keep(part, ("type", "text"))
    if kind != default:
        extras = with_extra(extras, "=type", kind)
    return Text(words, cache=_cache(part), extras=extras)


def _refusal(part: Mapping[str, Any]) -> Part | None:
    """Read a refusal."""
    words = part.get("refusal")
    return Refusal(words, keep(part, ("type", "refusal"))) if isinstance(words, str) else None


def _cache(part: Mapping[str, Any]) -> CacheHint | None:
    """Read a cache breakpoint, whose one documented form says nothing but that it is there."""
    return CacheHint() if isinstance(part.get("prompt_cache_breakpoint"), dict) else None


def _image(part: Mapping[str, Any]) -> Part | None:
    """Read a picture."""
    href, file = text(part.get("image_url")), text(part.get("file_id"))
    source: Source
    if href is not None:
        source = _inline(href) or Url(href)
    elif file is not None:
        source = FileRef(file)
    else:
        return None
    detail = text(part.get("detail"))
    known = ("type", "image_url" if href is not None else "file_id", "detail" if detail else "type")
    return Image(source, detail, cache=_cache(part), extras=keep(part, known))


def _inline(href: str) -> Inline | None:
    """Read a data URL (RFC 2397) of base64, without further parameters."""
    found = _DATA_URL.match(href)
    return Inline(found[1], found[2]) if found else None


def _document(part: Mapping[str, Any]) -> Part | None:
    """Read a file. Data that is bare base64 is taken for a PDF, which is what the format first took so."""
    data, href, file = (text(part.get(name)) for name in ("file_data", "file_url", "file_id"))
    source: Source
    bare = False
    if data is not None:
        whole = _inline(data)
        source, bare, used = whole or Inline(_PDF, data), whole is None, "file_data"
    elif href is not None:
        source, used = Url(href), "file_url"
    elif file is not None:
        source, used = FileRef(file), "file_id"
    else:
        return None
    name = text(part.get("filename"))
    extras: Extras | None = keep(part, ("type", used, "filename" if name else "type"))
    return Document(source, name, cache=_cache(part), extras=with_extra(extras, _BARE, True) if bare else extras)


def _audio(part: Mapping[str, Any]) -> Part | None:
    """Read sound."""
    sound = part.get("input_audio")
    if not isinstance(sound, dict) or set(sound) != {"data", "format"}:
        return None
    data, kind = sound["data"], text(sound["format"])
    if not isinstance(data, str) or kind is None:
        return None
    return Audio(Inline(_AUDIO.get(kind, f"{_PREFIX}{kind}"), data), extras=keep(part, ("type", "input_audio")))


def write_content(part: Part, path: str, say: Saying, default: str) -> Any:
    """Write a content part; None, and a loss, where the format has none for it.

    Args:
        part: what is to be said.
        path: where it stands in the IR.
        say: what could not be said goes here.
        default: the type of text in its place: in what an assistant says nothing but text can stand.
    """
    kept = opaque_part(part)
    if kept is not None:
        return kept
    written = _written(part, path, say, default)
    if written is None:
        say.lose(path, "the Responses format cannot say such a part here")
        return None
    say.drop_cache(getattr(part, "cache", None), path)
    if getattr(part, "signature", None) is not None:
        say.drop(f"{path}.signature")
    return written | say.extras(getattr(part, "extras", None), path, (_BARE, ITEM))


def _written(part: Part, path: str, say: Saying, default: str) -> dict[str, Any] | None:
    """Write what the IR knows of a content part."""
    if isinstance(part, Text):
        return {"type": default, "text": part.text}
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text} if default == OUTPUT else {"type": default, "text": part.text}
    return None if default == OUTPUT else _write_input(part, path, say)


def _write_input(part: Part, path: str, say: Saying) -> dict[str, Any] | None:
    """Write what only a client can say."""
    match part:
        case Image():
            return _write_image(part, own=say.own)
        case Document():
            return _write_document(part, path, say)
        case Audio(source=Inline(media_type=media, data=data)) if say.own:
            kind = _SAME_AUDIO.get(media) or media.removeprefix(_PREFIX)
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
        case _:
            return None


def _write_image(part: Image, *, own: bool) -> dict[str, Any] | None:
    """Write a picture; the API's own types demand ``detail``, for which ``auto`` is the default."""
    where: dict[str, Any]
    match part.source:
        case Inline(media_type=media, data=data):
            where = {"image_url": f"data:{media};base64,{data}"}
        case Url(href=href):
            where = {"image_url": href}
        case FileRef(id=file):
            where = {"file_id": file}
        case _:
            return None
    detail = part.detail or (None if own else "auto")
    return {"type": "input_image", **where} | ({"detail": detail} if detail else {})


def _write_document(part: Document, path: str, say: Saying) -> dict[str, Any]:
    """Write a file; one that is sent as bytes must have a name."""
    named = {"filename": part.name} if part.name else {}
    match part.source:
        case Url(href=href):
            return {"type": "input_file", "file_url": href, **named}
        case FileRef(id=file):
            return {"type": "input_file", "file_id": file, **named}
        case Inline(data=data) if _BARE in (part.extras or {}):
            return {"type": "input_file", "file_data": data, **named}
        case whole:
            media, data = _bytes(whole, path, say)
    if not named and not say.own:
        say.losses.append(approximated(f"{path}.name", "a file that is sent as bytes must have a name"))
        named = {"filename": "document.pdf" if media == _PDF else "document.txt"}
    return {"type": "input_file", "file_data": f"data:{media};base64,{data}", **named}


def _bytes(source: Inline | Plain, path: str, say: Saying) -> tuple[str, str]:
    """Give a document's media type and its bytes as base64."""
    if isinstance(source, Inline):
        return source.media_type, source.data
    say.losses.append(approximated(f"{path}.source", "a plain document is sent as bytes"))
    return source.media_type, base64.b64encode(source.text.encode("utf-8", "replace")).decode("ascii")


def plain_or_list(parts: list[Any], default: str) -> str | list[Any]:
    """Write content as a string where it is one text and nothing more, which every server of this format takes."""
    if len(parts) == 1 and members(parts[0]).keys() == {"type", "text"} and parts[0]["type"] == default:
        words: str = parts[0]["text"]
        return words
    return parts
