"""Writes parts: for an upstream of this format, and for a client of it.

Source: Gemini API reference, "Part" (https://ai.google.dev/api/caching#Part); "Multimodal function responses"
(https://ai.google.dev/gemini-api/docs/function-calling#multimodal) for what a result may hold beside its response.

Always true: what cannot be said is in ``losses``.
"""

import base64
from collections.abc import Mapping
from typing import Any, cast

from omniroute.formats.gemini.parts_read import SIGNATURE
from omniroute.formats.gemini.wire import loads
from omniroute.ir.loss import RESTATED, Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import (
    Audio,
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
from omniroute.ir.signatures import pack
from omniroute.names import Format

CANDIDATE = "candidate."
"""What the names of extras begin with that belong to the candidate around a part."""

_WHY = "only its own format knows it"
_NO_CACHE = "Gemini has no cache marks: it caches prefixes by itself"

# literal tables
_IN_RESULTS = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})
_BY_SUFFIX = {
    "gif": "image/gif",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mp3",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webp": "image/webp",
}

_LIKELY: dict[type, str] = {Image: "image/jpeg", Audio: "audio/mpeg", Document: "application/pdf"}
"""Media types where nothing tells them: this API wants one, and looks at the bytes all the same."""

Said = dict[str, Any]


class PartWriter:
    """Writes the parts of one request or answer.

    ``own`` says that the parts were read from this format, ``client`` that a client keeps what is written: it takes
    signatures of other formats, packed. ``behind`` gathers what stood in results and can only stand behind them.
    """

    def __init__(self, *, own: bool, client: bool, names: Mapping[str, str] | None = None) -> None:
        """Begin; ``names`` are the tools' names by the ids of their calls."""
        self.losses: list[Loss] = []
        self.behind: list[Said] = []
        self._own = own
        self._client = client
        self._names = names or {}

    def write(self, part: Part, path: str) -> Said | None:
        """Write a part; None where nothing of it is said."""
        if getattr(part, "cache", None) is not None:
            self.losses.append(dropped(f"{path}.cache", _NO_CACHE))
        match part:
            case Text() | Thought() | Refusal():
                return self._wordy(part, path)
            case Image() | Audio() | Document():
                media = self._media(part, path)
                return None if media is None else self._signed(part, media, path)
            case ToolCall():
                return self._signed(part, self._call(part, path), path)
            case ToolResult():
                return self._result(part, path)
            case _:
                return self._opaque(part, path)

    def _wordy(self, part: Text | Thought | Refusal, path: str) -> Said | None:
        """Write a part of words."""
        if isinstance(part, Thought):
            return self._thought(part, path)
        if isinstance(part, Text):
            return self._signed(part, {**self._words(part), **self._extras(part.extras, path)}, path)
        self.losses.append(approximated(path, "a refusal is said as plain text"))
        return {"text": part.text, **self._extras(part.extras, path)}

    def _extras(self, extras: Extras | None, path: str, *, without: str = "") -> Said:
        """Give what only this format knows of a part; name what only another one does."""
        if not self._own:
            self.losses.extend(foreign(extras, path, _WHY))
            return {}
        return {
            name: value
            for name, value in (extras or {}).items()
            if not name.startswith((RESTATED, CANDIDATE)) and name != without
        }

    def _signed(self, part: Text | Thought | Image | Audio | Document | ToolCall, said: Said, path: str) -> Said:
        """Add what only this format knows, and the signature."""
        kept = f"{RESTATED}{SIGNATURE}"
        if self._own and part.extras is not None and kept in part.extras:
            said[SIGNATURE] = part.extras[kept]
        signature = self.signature(getattr(part, "signature", None), path)
        return said if signature is None else {**said, SIGNATURE: signature}

    def signature(self, signature: Signature | None, path: str) -> str | None:
        """Give a signature as it stands on the wire; one of another format only clients keep."""
        if signature is None:
            return None
        if self._client:
            return pack(signature, Format.GEMINI)
        if signature.format is Format.GEMINI:
            return signature.data
        self.losses.append(dropped(f"{path}.signature", "another format's signature says nothing to Gemini"))
        return None

    def _words(self, part: Text | Thought) -> Said:
        """Write words, unless the part had none on the wire."""
        absent = self._own and part.extras is not None and f"{RESTATED}text" in part.extras
        return {} if absent else {"text": part.text}

    def _thought(self, part: Thought, path: str) -> Said | None:
        """Write a thought; what is redacted is a signature alone, which only clients keep and give back."""
        extras = self._extras(part.extras, path)
        if part.redacted and not self._client:
            self.losses.append(dropped(path, "a redacted thought says nothing to Gemini"))
            return None
        said = {} if part.redacted else self._words(part)
        written = self._signed(part, {**said, "thought": True, **extras}, path)
        return written if self._own or part.text or SIGNATURE in written else None

    def _media(self, part: Image | Audio | Document, path: str) -> Said | None:
        """Write bytes, or where they are."""
        name, blob = self._source(part)
        if isinstance(part.source, FileRef) and not self._own:
            self._content(path, "a file that another provider keeps cannot be read")
            return None
        if isinstance(part.source, Plain):
            self.losses.append(approximated(f"{path}.source", "plain text is sent as a file"))
        if isinstance(part, Document) and part.name is not None:
            if self._own:
                blob["displayName"] = part.name
            else:
                self.losses.append(dropped(f"{path}.name", "Gemini's documents have no name"))
        if isinstance(part, Image) and part.detail is not None:
            self.losses.append(dropped(f"{path}.detail", "Gemini has no such setting for one image"))
        more = cast("Said", (part.extras or {}).get(name, {})) if self._own else {}
        return {name: {**blob, **more}, **self._extras(part.extras, path, without=name)}

    def _source(self, part: Image | Audio | Document) -> tuple[str, Said]:
        """Write a source; give the member that it stands in."""
        source: Source = part.source
        match source:
            case Inline():
                return "inlineData", {"mimeType": source.media_type, "data": source.data}
            case Plain():
                data = base64.b64encode(source.text.encode("utf-8", "replace")).decode()
                return "inlineData", {"mimeType": source.media_type, "data": data}
            case Url():
                known = source.media_type or _BY_SUFFIX.get(source.href.partition("?")[0].rpartition(".")[2].lower())
                return "fileData", {"mimeType": known or _LIKELY[type(part)], "fileUri": source.href}
            case _:
                return "fileData", {"mimeType": source.media_type, "fileUri": source.id}

    def _content(self, path: str, why: str) -> None:
        """Name content that is missing."""
        self.losses.append(dropped(path, why, weight=Weight.CONTENT))

    def _call(self, part: ToolCall, path: str) -> Said:
        """Write a call; its arguments are an object here."""
        call: Said = {"id": part.id, "name": part.name, "args": self._arguments(part, path)}
        if self._own and part.extras is not None and f"{RESTATED}id" in part.extras:
            del call["id"]
        if part.namespace is not None:
            self.losses.append(dropped(f"{path}.namespace", "Gemini's functions have no namespaces"))
        more = (part.extras or {}).get("functionCall", {}) if self._own else {}
        return {"functionCall": {**call, **more}, **self._extras(part.extras, path, without="functionCall")}

    def _arguments(self, part: ToolCall, path: str) -> object:
        """Decode a call's arguments; what is no object stands in one."""
        value = loads(part.arguments.encode("utf-8", "replace")) if part.arguments.strip() else {}
        if isinstance(value, dict) and not part.custom:
            return value
        changed = ("arguments", "custom") if part.custom else ("arguments",)
        self.losses.extend(approximated(f"{path}.{name}", "Gemini's arguments are an object") for name in changed)
        return {"input": part.arguments}

    def _result(self, part: ToolResult, path: str) -> Said:
        """Write a result."""
        restated = part.extras if self._own and part.extras is not None else {}
        said: Said = {"id": part.id, "name": part.name or self._names.get(part.id) or part.id}
        for name in ("id", "name"):
            if f"{RESTATED}{name}" in restated:
                del said[name]
        words, media = self._contents(part, path)
        response = restated.get(f"{RESTATED}response", {"error" if part.is_error else "output": words})
        if response is not None:
            said["response"] = response
        if media:
            said["parts"] = media
        more = restated.get("functionResponse", {})
        return {"functionResponse": {**said, **more}, **self._extras(part.extras, path, without="functionResponse")}

    def _contents(self, part: ToolResult, path: str) -> tuple[str, list[Said]]:
        """Sort what a tool gave: its words, and what may stand in a result beside them; the rest goes behind it."""
        words: list[str] = []
        media: list[Said] = []
        for place, each in enumerate(part.parts):
            where = f"{path}.parts[{place}]"
            if isinstance(each, Text):
                words.append(each.text)
                self._extras(each.extras, where)
                continue
            said = self.write(each, where)
            if said is None:
                continue
            if self._own or said.get("inlineData", {}).get("mimeType") in _IN_RESULTS:
                media.append(said)
            else:
                self.losses.append(approximated(where, "it stands behind the result"))
                self.behind.append(said)
        if len(words) > 1 and not self._own:
            self.losses.append(approximated(f"{path}.parts", "the texts of a result are joined"))
        return "\n".join(words), media

    def _opaque(self, part: Opaque, path: str) -> Said | None:
        """Write what only this format knows."""
        if part.format is Format.GEMINI:
            return cast("Said", {**part.json} if isinstance(part.json, dict) else part.json)
        self._content(path, "only its own format knows it")
        return None
