"""What an assistant says: in a conversation that a client sends back, and in an answer.

Source: OpenAI API reference, "Create chat completion" and "The chat completion object"
(https://platform.openai.com/docs/api-reference/chat/object). Of other servers: thoughts under ``reasoning_content`` or
``reasoning``, pictures under ``images``, and Google's ``extra_content.google.thought_signature``, on tool calls and on
the message (https://ai.google.dev/gemini-api/docs/thought-signatures).

Always true: reading never raises. A member that says nothing (an empty string, a call without a name) is kept for its
own format and means nothing to others.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from omniroute.formats.jsontext import dumps
from omniroute.formats.openai_chat.content import (
    mark_cache,
    placed,
    read_cache,
    read_content,
    read_image,
    write_content,
    write_part,
)
from omniroute.formats.openai_chat.members import Writing, members, nested, rest, take_text, text
from omniroute.ir.parts import Image, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.signatures import pack, unpack
from omniroute.names import Format

THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put thoughts; the first is the one that we write."""
_SIGNED = Format.GEMINI
_NO_WORD = re.compile("[^a-zA-Z0-9]")
FOR_ALL = "it stands for the whole answer"
TAKEN = "that of a later text stands in the one place for it"
_TAIL = 24
"""Characters of an answer's id that go into the ids of its calls: some servers take no more than 40 in all."""


def made_up(source: object, place: int) -> str:
    """Make up the id of a call that has none, from the answer that it stands in, and where."""
    return f"call_{_NO_WORD.sub('', str(source))[-_TAIL:]}_{place}"


class Said(NamedTuple):
    """A message read: its parts, and the members that only this format knows."""

    parts: list[Part]
    left: dict[str, Any]


def read_assistant(message: Mapping[str, Any], source: object) -> Said:
    """Read a message of an assistant's; ``source`` is of what ids are made up."""
    left = {name if each else f"={name}": each for name, each in message.items() if each is not None and name != "role"}
    if len(left) == 1 and isinstance(left.get("content"), str):
        return Said([Text(left["content"])], {})
    parts: list[Part] = []
    _read_thought(left, parts)
    _read_words(left, parts)
    _read_images(left, parts)
    _read_calls(left, parts, source)
    return Said(parts, left)


def _read_thought(left: dict[str, Any], parts: list[Part]) -> None:
    """Take thoughts; the same ones under two names are one."""
    names = [name for name in THOUGHTS if text(left.get(name))]
    if not names:
        return
    words = left[names[0]]
    same = [name for name in names if left[name] == words]
    for name in same:
        del left[name]
    parts.append(Thought(words, extras=None if same == [THOUGHTS[0]] else {"=names": same}))


def _read_words(left: dict[str, Any], parts: list[Part]) -> None:
    """Take content, the signature of its last text, though that be empty, and the refusal."""
    if isinstance(left.get("content"), str | list):
        parts += read_content(left.pop("content"))
    signature = read_signature(left.get("extra_content"))
    if signature is not None:
        left["=extra_content"] = left.pop("extra_content")
        if not (parts and isinstance(parts[-1], Text)):
            parts.append(Text())
            left.setdefault("=content", None)
        parts[-1] = msgspec.structs.replace(parts[-1], signature=signature)
    refusal = take_text(left, "refusal")
    if refusal is not None:
        parts.append(Refusal(refusal))


def _read_images(left: dict[str, Any], parts: list[Part]) -> None:
    """Take pictures, where all of them are such."""
    images = left.get("images")
    if not isinstance(images, list) or not all(isinstance(each, dict) for each in images):
        return
    pictures = [read_image(members(each)) for each in images]
    if pictures and None not in pictures:
        parts += [picture for picture in pictures if picture is not None]
        del left["images"]


def _read_calls(left: dict[str, Any], parts: list[Part], source: object) -> None:
    """Take calls of tools, and that of a function, which is how they began."""
    calls = left.get("tool_calls")
    if isinstance(calls, list):
        read = [read_call(each, made_up(source, place)) for place, each in enumerate(calls)]
        if None not in read:
            parts += [call for call in read if call is not None]
            del left["tool_calls"]
    call = left.get("function_call")
    if isinstance(call, dict):
        left["=function_call"] = left.pop("function_call")
        name, arguments = text(call.get("name")), text(call.get("arguments"))
        if name:
            id_ = made_up(source, sum(isinstance(part, ToolCall) for part in parts))
            parts.append(ToolCall(id_, name, arguments or "", extras={"=function_call": True}))


def read_signature(extra: object) -> Signature | None:
    """Read the signature of a call or of a text."""
    google = extra.get("google") if isinstance(extra, dict) else None
    data = google.get("thought_signature") if isinstance(google, dict) else None
    return unpack(data, _SIGNED) if isinstance(data, str) and data else None


def write_signature(signature: Signature) -> dict[str, Any]:
    """Write the signature of a call or of a text, as a client keeps and sends it back."""
    return {"google": {"thought_signature": pack(signature, _SIGNED)}}


def read_call(call: object, id_: str) -> ToolCall | None:
    """Read a call; ``id_`` is for one that has none. None where it is no call."""
    if not isinstance(call, dict):
        return None
    custom = call.get("type") == "custom" or not isinstance(call.get("function"), dict)
    kind, words = ("custom", "input") if custom else ("function", "arguments")
    tool = call.get(kind)
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return None
    extras = rest(call, "id", "type", kind)
    nested(extras, kind, tool, "name", words)
    given = tool.get(words)
    if given is not None and not isinstance(given, str):
        extras[f"={kind}"] = tool
        given = dumps(given).decode()
    signature = read_signature(extras.get("extra_content"))
    if signature is not None:
        extras["=extra_content"] = extras.pop("extra_content")
    if "index" in extras:
        extras["=index"] = extras.pop("index")
    found = text(call.get("id"))
    if not found:
        extras["=id"] = found
    return ToolCall(
        *(found or id_, tool["name"], given or ""),
        custom=custom,
        signature=signature,
        cache=read_cache(extras),
        extras=extras or None,
    )


def write_call(call: ToolCall, writing: Writing, path: str, *, answer: bool) -> dict[str, Any]:
    """Write a call; functions without arguments get an empty object, which whoever reads it can decode."""
    extras = writing.extras(call.extras, path)
    kind, words = ("custom", "input") if call.custom else ("function", "arguments")
    arguments = call.arguments or ("" if call.custom or writing.own else "{}")
    tool = {"name": call.name, words: arguments}
    if f"={kind}" not in (call.extras or ()):
        tool |= extras.pop(kind, {})
    if call.signature is not None:
        if answer or writing.own:
            extras.setdefault("extra_content", write_signature(call.signature))
        else:
            writing.drop(f"{path}.signature", "it is another format's")
    if call.cache is not None:
        mark_cache(call.cache, extras, writing, path)
    return members({"id": call.id, "type": kind, kind: tool} | extras)


class Assistant:
    """Writes what an assistant said.

    Args:
        writing: where losses are kept.
        answer: whether it is an answer, written for a client; else a client sent it, and it is written for an upstream.
    """

    __slots__ = ("_answer", "_content", "_message", "_signed", "_texts", "_writing")

    def __init__(self, writing: Writing, *, answer: bool) -> None:
        """Begin with nothing."""
        self._writing = writing
        self._answer = answer
        self._message: dict[str, Any] = {"role": "assistant", "content": None}
        self._content: list[tuple[str, Part]] = []
        self._signed: str | None = None
        self._texts: list[str] = []

    def add(self, part: Part, path: str) -> None:
        """Take the next part."""
        match part:
            case Thought() | Refusal() if self._writing.own and placed(part):
                self._content.append((path, part))
            case Thought():
                self._think(part, path)
            case Refusal():
                self._message["refusal"] = self._message.get("refusal", "") + part.text
                self._writing.extras(part.extras, path)
            case Image() if self._answer or self._writing.own:
                self._message.setdefault("images", []).append(write_part(part, self._writing, path))
            case ToolCall():
                self._call(part, path)
            case Text() if self._answer and not self._writing.own:
                self._say(part, path)
            case Text() | Opaque() if not self._answer or self._writing.own:
                self._content.append((path, part))
            case _:
                self._writing.refuse(path, "in this format an assistant has no such part")

    def message(self) -> dict[str, Any]:
        """Give the whole message, less what its extras put back."""
        if self._signed is not None and self._texts != [self._signed]:
            self._writing.approximate(f"{self._signed}.signature", FOR_ALL)
        content = write_content(self._content, self._writing)
        if content is not None:
            self._message["content"] = content
        return self._message

    def _say(self, part: Text, path: str) -> None:
        """Add words to an answer that was given in another format: its texts follow each other."""
        self._message["content"] = (self._message["content"] or "") + part.text
        if part.text:
            self._texts.append(path)
        self._writing.extras(part.extras, path)
        if part.signature is not None:
            self._sign(part.signature, path)

    def _sign(self, signature: Signature, path: str) -> None:
        """Write the signature of a text, for which there is one place, and only of those that know it."""
        if signature.format is not _SIGNED:
            self._writing.drop(f"{path}.signature", "this format has no place for it")
            return
        if self._signed is not None:
            self._writing.drop(f"{self._signed}.signature", TAKEN)
        self._signed = path
        self._message["extra_content"] = write_signature(signature)

    def _think(self, part: Thought, path: str) -> None:
        """Add a thought; one of another format is only for clients, since not every server takes it."""
        if not self._answer and not self._writing.own:
            self._writing.drop(path, "not every server of this format takes thoughts back")
            return
        for name in (part.extras or {}).get("=names", THOUGHTS[:1]) if part.text else ():
            before = self._message.get(name)
            self._message[name] = part.text if before is None else f"{before}\n\n{part.text}"
        self._writing.extras(part.extras, path)
        if part.signature is not None:
            self._writing.drop(f"{path}.signature", "this format has no place for it")

    def _call(self, part: ToolCall, path: str) -> None:
        """Add a call."""
        if self._writing.own and part.extras and "=function_call" in part.extras:
            return
        calls = self._message.setdefault("tool_calls", [])
        calls.append(write_call(part, self._writing, path, answer=self._answer))
