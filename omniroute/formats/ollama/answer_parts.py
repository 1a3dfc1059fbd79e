"""Reads the parts of an answer's message, whole or one record of a stream.

Always true: reading never raises; what is not of the documented kind counts as absent, and a call without a name stays
what it is (``Opaque``).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from omniroute.formats.jsontext import dumps
from omniroute.formats.ollama.conversation import call_extras
from omniroute.formats.ollama.media import media_type
from omniroute.ir.parts import Image, Inline, Opaque, Part, ToolCall
from omniroute.names import Format

_RECORD = frozenset(
    {"model", "created_at", "message", "done", "done_reason", "prompt_eval_count", "eval_count", "error"}
)
_MESSAGE = frozenset({"role", "content", "thinking", "images", "tool_calls"})
_GENERATED = frozenset({"response", "thinking"})


def message_of(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give a record's message, or what stands in its place in a record of ``/api/generate``."""
    message = record.get("message")
    if isinstance(message, dict):
        return message
    if isinstance(record.get("response"), str):
        return {"content": record["response"], "thinking": record.get("thinking")}
    return None


def word(value: Mapping[str, Any], name: str) -> str:
    """Give a string; of anything else, an empty one."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def answer_images(message: Mapping[str, Any]) -> list[Part]:
    """Read the images of a message."""
    images = message.get("images")
    found = [each for each in images if isinstance(each, str)] if isinstance(images, list) else []
    return [Image(Inline(media_type(each), each)) for each in found]


def answer_calls(message: Mapping[str, Any], seed: object, first: int) -> list[Part]:
    """Read the calls of a message; ``first`` is the number of the first of them in the answer.

    Where the server gave no id, one is made up of the number and of ``seed``, which differs from turn to turn.
    """
    calls = message.get("tool_calls")
    return [_call(each, seed, number) for number, each in enumerate(calls if isinstance(calls, list) else (), first)]


def _call(call: object, seed: object, number: int) -> Part:
    """Read a call."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not word(function, "name"):
        return Opaque(Format.OLLAMA, call)
    arguments = function.get("arguments")
    given = word(call, "id")
    return ToolCall(
        id=given or f"call_{hashlib.sha256(repr(seed).encode()).hexdigest()[:12]}_{number}",
        name=function["name"],
        arguments=arguments if isinstance(arguments, str) else "" if arguments is None else dumps(arguments).decode(),
        extras=call_extras(call, function, made=not given),
    )


def others_of(record: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what a record and its message hold beside what is modelled."""
    known = _RECORD if record.get("message") is message else _RECORD | _GENERATED
    top = {name: value for name, value in record.items() if name not in known and value is not None}
    inner = {name: value for name, value in message.items() if name not in _MESSAGE and value is not None}
    return top, inner
