"""The parts of a message's content: text, images, audio, files, refusals.

Source: OpenAI API reference, "Create chat completion", ``messages``
(https://platform.openai.com/docs/api-reference/chat/create). Of other servers: ``cache_control`` beside a part, a
bare string under ``image_url``, a part ``thinking`` (an array of texts), an address under ``file_data``.

Always true: reading never raises; a part of an unknown kind or shape is ``Opaque``.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from omniroute.formats.openai_chat.members import Writing, members, nested, rest, text
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Source,
    Text,
    Thought,
    Url,
)
from omniroute.names import Format

OWN = Format.OPENAI_CHAT

_DATA = re.compile(r"data:([^;,]+);base64,")
# literal table: the format's word for a kind of sound → its media type
_SOUNDS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "pcm16": "audio/pcm",
}
# literal table: a media type → the format's word, beside those above
_WORDS = {
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
    "audio/x-m4a": "m4a",
}


def read_content(content: object) -> list[Part]:
    """Read content: a string, or an array of parts; of anything else, nothing."""
    if isinstance(content, str):
        return [Text(content)]
    return [read_part(each) for each in content] if isinstance(content, list) else []


def read_part(value: object) -> Part:
    """Read one part."""
    if not isinstance(value, dict):
        return Opaque(OWN, value)
    kind = text(value.get("type"))
    read = _READERS.get(kind) if kind else None
    part = read(members(value)) if read else None
    return Opaque(OWN, value) if part is None else part


def read_cache(extras: dict[str, Any]) -> CacheHint | None:
    """Take the wish to cache out of a part's or a tool's members; one of another shape stays where it is."""
    control = extras.get("cache_control")
    if isinstance(control, dict):
        ttl = control.get("ttl")
        if control.get("type") == "ephemeral" and control.keys() <= {"type", "ttl"} and isinstance(ttl, str | None):
            del extras["cache_control"]
            return CacheHint(ttl)
    point = extras.get("prompt_cache_breakpoint")
    if isinstance(point, dict):
        extras["=prompt_cache_breakpoint"] = extras.pop("prompt_cache_breakpoint")
        return CacheHint(text(point.get("ttl")))
    return None


def _text(value: dict[str, Any]) -> Part | None:
    """Read words."""
    words = text(value.get("text"))
    if words is None:
        return None
    if len(value) == 2:
        return Text(words)
    extras = rest(value, "type", "text")
    return Text(words, cache=read_cache(extras), extras=extras or None)


def read_image(value: Mapping[str, Any]) -> Image | None:
    """Read a picture."""
    extras = rest(value, "type", "image_url")
    image = value.get("image_url")
    if isinstance(image, str):
        extras["=image_url"] = image
        image = {"url": image}
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        return None
    detail = text(image.get("detail"))
    nested(extras, "image_url", image, "url", *(("detail",) if detail else ()))
    return Image(_source(image["url"]), detail=detail, cache=read_cache(extras), extras=extras or None)


def _source(href: str) -> Inline | Url:
    """Read an address: a data URL of base64 (RFC 2397) holds the bytes themselves."""
    data = _DATA.match(href)
    return Inline(data[1], href[data.end() :]) if data else Url(href)


def _audio(value: dict[str, Any]) -> Part | None:
    """Read sound."""
    audio = value.get("input_audio")
    if not isinstance(audio, dict):
        return None
    data, word = audio.get("data"), audio.get("format")
    if not isinstance(data, str) or not isinstance(word, str):
        return None
    extras = rest(value, "type", "input_audio")
    nested(extras, "input_audio", audio, "data", "format")
    media_type = _SOUNDS.get(word, f"audio/{word}")
    return Audio(Inline(media_type, data), cache=read_cache(extras), extras=extras or None)


def _file(value: dict[str, Any]) -> Part | None:
    """Read a document, whose bytes are here or were uploaded."""
    file = value.get("file")
    if not isinstance(file, dict):
        return None
    data, uploaded = file.get("file_data"), file.get("file_id")
    if isinstance(data, str) == isinstance(uploaded, str):
        return None
    extras = rest(value, "type", "file")
    nested(extras, "file", file, "file_data", "file_id", "filename")
    source: Source = FileRef(uploaded) if isinstance(uploaded, str) else _source(data or "")
    if isinstance(source, Url) and "://" not in source.href:
        extras["=file"] = file
        source = Inline("application/pdf", source.href)
    return Document(source, text(file.get("filename")), cache=read_cache(extras), extras=extras or None)


def _refusal(value: dict[str, Any]) -> Part | None:
    """Read a refusal that stands among the parts."""
    words = text(value.get("refusal"))
    return None if words is None else Refusal(words, {"=part": value})


def _thinking(value: dict[str, Any]) -> Part | None:
    """Read a thought that stands among the parts."""
    said = value.get("thinking")
    if isinstance(said, list) and all(isinstance(each, dict) and isinstance(each.get("text"), str) for each in said):
        said = "".join(each["text"] for each in said)
    return Thought(said, extras={"=part": value}) if isinstance(said, str) else None


_READERS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text,
    "image_url": read_image,
    "input_audio": _audio,
    "file": _file,
    "refusal": _refusal,
    "thinking": _thinking,
}


def write_content(parts: Sequence[tuple[str, Part]], writing: Writing) -> str | list[Any] | None:
    """Write content: a string where it is one text, else an array of parts; None where nothing is left of it.

    Several texts of another format become one string: not every server of this format takes arrays of them. Each part
    comes with its path.
    """
    if len(parts) == 1 and _bare(parts[0][1]):
        return parts[0][1].text
    written = [value for path, part in parts if (value := write_part(part, writing, path)) is not None]
    several = len(parts) > 1 and (writing.own or not all(isinstance(part, Text) for _, part in parts))
    if several or not written or any(not _plain(value) for value in written):
        return written or None
    return "\n\n".join(value["text"] for value in written if value["text"])


def _bare(part: Part) -> TypeGuard[Text]:
    """Say whether a part is words, and nothing is said of them."""
    return isinstance(part, Text) and part.signature is None and part.cache is None and part.extras is None


def _plain(value: object) -> bool:
    """Say whether a part is nothing but a text."""
    return isinstance(value, dict) and value.keys() == {"type", "text"}


def write_part(part: Part, writing: Writing, path: str) -> Any:
    """Write one part of a content; None where it cannot be said."""
    match part:
        case Text():
            return _mark(part, {"type": "text", "text": part.text}, "text", writing, path)
        case Image():
            return _write_image(part, writing, path)
        case Audio(source=Inline(media_type=media_type, data=data)):
            sound = {"data": data, "format": _word(media_type)}
            return _mark(part, {"type": "input_audio", "input_audio": sound}, "input_audio", writing, path)
        case Document():
            return _write_document(part, writing, path)
        case _:
            return _write_own(part, writing, path)


def placed(part: Part) -> bool:
    """Say whether a part was read among others of a content, and is put back as it was."""
    return isinstance(part, Refusal | Thought) and "=part" in (part.extras or ())


def _write_own(part: Part, writing: Writing, path: str) -> Any:
    """Write what only this format has among the parts of a content."""
    if isinstance(part, Opaque) and part.format is OWN:
        return part.json
    if isinstance(part, Refusal | Thought) and part.extras and writing.own:
        return part.extras["=part"]
    writing.refuse(path, "this format has no such part there")
    return None


def _mark(
    part: Text | Image | Audio | Document, value: dict[str, Any], inner: str, writing: Writing, path: str
) -> dict[str, Any]:
    """Put back what only this format knows of a part, and mark it for caching."""
    if isinstance(part, Text | Image) and part.signature is not None and not writing.own:
        writing.drop(f"{path}.signature", "it is another format's")
    if part.extras is None and part.cache is None:
        return value
    more = writing.extras(part.extras, path)
    if part.cache is not None:
        mark_cache(part.cache, more, writing, path)
    if isinstance(value[inner], dict) and f"={inner}" not in (part.extras or ()):
        value[inner] |= more.pop(inner, {})
    return value | more


def mark_cache(cache: CacheHint, value: dict[str, Any], writing: Writing, path: str) -> None:
    """Write the wish to cache, where a client of this format had it: not every server takes it."""
    if not writing.own:
        writing.drop(f"{path}.cache", "this format has no such hint")
    elif "prompt_cache_breakpoint" not in value:
        value["cache_control"] = {"type": "ephemeral"} | ({"ttl": cache.ttl} if cache.ttl else {})


def write_source(source: Inline | Url) -> str:
    """Write an address."""
    return source.href if isinstance(source, Url) else f"data:{source.media_type};base64,{source.data}"


def _write_image(part: Image, writing: Writing, path: str) -> Any:
    """Write a picture."""
    if not isinstance(part.source, Inline | Url):
        writing.refuse(path, "it was uploaded to another provider")
        return None
    image: dict[str, Any] = {"url": write_source(part.source)}
    if part.detail is not None:
        image["detail"] = part.detail
    return _mark(part, {"type": "image_url", "image_url": image}, "image_url", writing, path)


def _write_document(part: Document, writing: Writing, path: str) -> Any:
    """Write a document; one that is plain text becomes a part of text, because servers take files of other kinds."""
    words = None if writing.own else _words(part.source)
    if words is not None:
        writing.approximate(path, "it is said as text")
        writing.extras(part.extras, path)
        return {"type": "text", "text": words}
    file: dict[str, Any] = {}
    match part.source:
        case Inline(media_type=media_type) if not media_type.startswith("video/"):
            file["file_data"] = write_source(part.source)
        case Url(href=href) if writing.own:
            file["file_data"] = href
        case FileRef(id=uploaded) if writing.own:
            file["file_id"] = uploaded
        case _:
            writing.refuse(path, "this format takes documents by their bytes alone")
            return None
    if part.name is not None or not writing.own:
        file["filename"] = part.name or "document.pdf"
    return _mark(part, {"type": "file", "file": file}, "file", writing, path)


def _words(source: Source) -> str | None:
    """Give the words of a document that is plain text; None where it is not."""
    if isinstance(source, Plain):
        return source.text
    if not isinstance(source, Inline) or not source.media_type.startswith("text/"):
        return None
    try:
        return base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _word(media_type: str) -> str:
    """Give the format's word for a kind of sound."""
    known = {each: word for word, each in _SOUNDS.items()} | _WORDS
    return known.get(media_type) or media_type.rpartition("/")[2]
