"""Reads a whole Chat Completions answer.

Source: OpenAI API reference, "The chat completion object" (https://platform.openai.com/docs/api-reference/chat/object).

Always true: reading never raises; what is not understood is in ``extras``. The first choice is the answer.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.formats.jsontext import loads
from omniroute.formats.openai_chat.assistant import Said, read_assistant
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.finish import plain_word, read_finish
from omniroute.formats.openai_chat.members import members, take_int, take_text, text
from omniroute.formats.openai_chat.response import read_usage
from omniroute.ir.parts import Part, Text, ToolCall
from omniroute.ir.response import GenerateResponse

BESIDE = ("annotations", "logprobs")
"""What this format says of a text beside it: in its message, and in its choice."""
OBJECT = "chat.completion"


def read_response(body: bytes) -> GenerateResponse:
    """Read an answer of which ``answer`` did not complain."""
    value = loads(body)
    left = members(value) if isinstance(value, Mapping) else {}
    choices = left.pop("choices", None)
    first, *others = choices if isinstance(choices, list) and choices else [{}]
    choice = {"message": None, "finish_reason": None} | (members(first) if isinstance(first, Mapping) else {})
    id_, model, created = _name(left, "id"), _name(left, "model"), take_int(left, "created")
    said = Said([], {})
    if isinstance(choice["message"], Mapping):
        said = read_assistant(choice.pop("message"), id_ or created or "")
    parts = _beside(said.parts, said.left, choice)
    finish = read_finish(choice["finish_reason"], calls=any(isinstance(part, ToolCall) for part in parts))
    usage = left.pop("usage", None)
    for place, name, plain in (
        (choice, "finish_reason", plain_word(finish)),
        (choice, "index", 0),
        (left, "object", OBJECT),
    ):
        if plain is not None and place.get(name) == plain:
            del place[name]
    restated = {"choice": choice, "message": said.left, "choices": others, "usage": usage}
    extras = left | {f"={name}": each for name, each in restated.items() if each}
    return GenerateResponse(
        *(OWN, tuple(parts), finish, id_, model, created),
        stop_sequence=text(choice.get("stop_reason")),
        usage=read_usage(usage),
        extras=extras or None,
    )


def _name(left: dict[str, Any], name: str) -> str | None:
    """Take a name out; an empty one is none, and only put back."""
    found = take_text(left, name)
    if found == "":
        left[f"={name}"] = found
    return found or None


def _beside(parts: list[Part], message: dict[str, Any], choice: dict[str, Any]) -> list[Part]:
    """Put what is said of a text to the last one, where another format's reader would miss it."""
    said = {name: each for name in BESIDE if (each := message.get(name) or choice.get(name))}
    for place in reversed(range(len(parts) if said else 0)):
        last = parts[place]
        if isinstance(last, Text):
            signed = msgspec.structs.replace(last, extras={**(last.extras or {}), **said})
            return [*parts[:place], signed, *parts[place + 1 :]]
    return parts
