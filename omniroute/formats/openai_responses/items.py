"""Items that a model's turn is made of, both ways: calls of the client's tools, and reasoning.

Source: OpenAI API reference, "Responses", the items ``function_call``, ``custom_tool_call`` and ``reasoning``, which
have the same shape in a request's ``input`` and in an answer's ``output``.

Always true: a thought's text is all that its item shows of it, summary before content, joined by an empty line; the
signature is its ``encrypted_content``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.formats.openai_responses.wire import OWN, Saying, keep, listed, members, text, with_extra
from omniroute.ir.parts import Extras, Opaque, Part, Signature, Thought, ToolCall
from omniroute.ir.signatures import pack, unpack

BETWEEN = "\n\n"
"""What stands between the parts of a summary when they are one text."""

ARGUMENTS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Which member of a call's item holds what the tool is given."""

_REDACTED = "redacted:"
"""Stands before the data of another format's signature of a thought that may not be read."""


def read_turn_item(item: Mapping[str, Any], made_up: str, *, from_client: bool) -> Part:
    """Read an item other than a message.

    Args:
        item: the item.
        made_up: the id of a call that has none.
        from_client: whether signatures may be of another format, put there by ``thought_item``.
    """
    kind = text(item.get("type"))
    if kind in ARGUMENTS:
        return read_call(item, made_up) or Opaque(OWN, item)
    if kind == "reasoning":
        return read_thought(item, from_client=from_client)
    return Opaque(OWN, item)


def read_call(item: Mapping[str, Any], made_up: str) -> ToolCall | None:
    """Read a call of a function or of a custom tool; None where it has no name."""
    name, kind = text(item.get("name")), item["type"]
    if name is None:
        return None
    slot = ARGUMENTS[kind]
    given = item.get(slot)
    extras: Extras | None = keep(item, ("type", "call_id", "name", "namespace", slot))
    if given is not None and not isinstance(given, str):
        extras = with_extra(extras, f"={slot}", given)
        given = msgspec.json.encode(given).decode()
    return ToolCall(
        id=text(item.get("call_id")) or text(item.get("id")) or made_up,
        name=name,
        arguments=given or "",
        custom=kind == "custom_tool_call",
        namespace=text(item.get("namespace")),
        extras=extras,
    )


def read_thought(item: Mapping[str, Any], *, from_client: bool) -> Thought:
    """Read a reasoning item."""
    summary, words, sealed = item.get("summary"), shown(item), text(item.get("encrypted_content"))
    extras: Extras | None = keep(item, ("type", "summary", "content", "encrypted_content"))
    if item.get("content") is not None:
        extras = with_extra(extras, "=content", item["content"])
    if summary is not None and summary != _summary(words):
        extras = with_extra(extras, "=summary", summary)
    signature = None if sealed is None else unpack(sealed, OWN) if from_client else Signature(OWN, sealed)
    redacted = signature is not None and signature.format is not OWN and signature.data.startswith(_REDACTED)
    if redacted and signature is not None:
        signature = Signature(signature.format, signature.data.removeprefix(_REDACTED))
    return Thought(words, signature, redacted=redacted, extras=extras)


def shown(item: Mapping[str, Any]) -> str:
    """Give all that a reasoning item shows."""
    parts = (*listed(item.get("summary")), *listed(item.get("content")))
    return BETWEEN.join(words for part in parts if (words := text(members(part).get("text"))))


def _summary(words: str) -> list[dict[str, Any]]:
    """Write a summary."""
    return [{"type": "summary_text", "text": words}] if words else []


def call_item(call: ToolCall, extras: dict[str, Any], item_id: str | None = None) -> dict[str, Any]:
    """Write a call; with an ``item_id`` as an answer's item, which is complete."""
    kind = "custom_tool_call" if call.custom else "function_call"
    item = {"type": kind, "call_id": call.id, "name": call.name, ARGUMENTS[kind]: call.arguments}
    if call.namespace is not None:
        item["namespace"] = call.namespace
    if item_id is not None:
        item |= {"id": item_id, "status": "completed"}
    return item | extras


def thought_item(thought: Thought, extras: dict[str, Any], item_id: str | None = None) -> dict[str, Any]:
    """Write a thought as a reasoning item, a signature of another format with a mark."""
    item: dict[str, Any] = {"type": "reasoning", "summary": _summary(thought.text)}
    if item_id is not None:
        item["id"] = item_id
    if thought.signature is not None:
        item["encrypted_content"] = sealed(thought.signature, redacted=thought.redacted)
    return item | extras


def sealed(signature: Signature, *, redacted: bool = False) -> str:
    """Write a signature as a client of this format sees it."""
    if redacted and signature.format is not OWN:
        signature = Signature(signature.format, _REDACTED + signature.data)
    return pack(signature, OWN)


def own_item(part: Part) -> dict[str, Any] | None:
    """Give the item that an ``Opaque`` of this format is; None of anything else."""
    return dict(part.json) if isinstance(part, Opaque) and part.format is OWN and isinstance(part.json, dict) else None


def request_thought(thought: Thought, path: str, say: Saying) -> dict[str, Any] | None:
    """Write a thought for an upstream, which takes only its own signatures, and no thought of others without one."""
    if thought.signature is not None and thought.signature.format is not OWN:
        say.drop(path, f"its signature is of format {thought.signature.format}, and means nothing to this one")
        return None
    if thought.signature is None and not say.own:
        say.drop(path, "the Responses format takes no reasoning without encrypted_content")
        return None
    return thought_item(thought, say.extras(thought.extras, path))
