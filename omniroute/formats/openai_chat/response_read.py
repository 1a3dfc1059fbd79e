"""Reads a whole Chat Completions answer.

Source: OpenAI API reference, "The chat completion object" (https://platform.openai.com/docs/api-reference/chat/object).

Always true: reading never raises; what is not understood is in ``extras``. The first choice is the answer.
"""

from typing import Any

import msgspec

from omniroute.formats.jsontext import loads
from omniroute.formats.openai_chat.assistant import Said, read_assistant
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.finish import plain_word, read_finish
from omniroute.formats.openai_chat.members import members, take_int, text
from omniroute.formats.openai_chat.response import read_usage
from omniroute.ir.parts import Part, Text, ToolCall
from omniroute.ir.response import GenerateResponse

BESIDE = ("annotations", "logprobs")
"""What this format says of a text beside it: in its message, and in its choice."""
OBJECT = "chat.completion"


def read_response(body: bytes) -> GenerateResponse:
    """Read an answer of which ``answer`` did not complain."""
    value = loads(body)
    left = members(value) if isinstance(value, dict) else {}
    choices = left.pop("choices", None)
    first, *others = choices if isinstance(choices, list) and choices else [{}]
    choice = {"message": None, "finish_reason": None} | (members(first) if isinstance(first, dict) else {})
    id_, model, created = _name(left, "id"), _name(left, "model"), take_int(left, "created")
    said = Said([], {})
    if isinstance(choice["message"], dict):
        said = read_assistant(choice.pop("message"), id_ or created or "")
    parts = _beside(said.parts, said.left, choice)
    finish = read_finish(choice["finish_reason"], calls=ToolCall in map(type, parts))
    _forget(choice, "finish_reason", plain_word(finish))
    _forget(choice, "index", 0)
    _forget(left, "object", OBJECT)
    usage = left.pop("usage", None)
    restated = {"=choice": choice, "=message": said.left, "=choices": others, "=usage": usage}
    extras = left | {name: each for name, each in restated.items() if each}
    return GenerateResponse(
        *(OWN, tuple(parts), finish, id_, model, created),
        stop_sequence=text(choice.get("stop_reason")),
        usage=read_usage(usage),
        extras=extras or None,
    )


def _forget(members: dict[str, Any], name: str, plain: object) -> None:
    """Take out a member that only says what is written anyway."""
    if plain is not None and members.get(name) == plain:
        del members[name]


def _name(left: dict[str, Any], name: str) -> str | None:
    """Take a name out; an empty one is none, and only put back."""
    found = left.get(name)
    if not isinstance(found, str):
        return None
    del left[name]
    if not found:
        left[f"={name}"] = found
    return found or None


def _beside(parts: list[Part], message: dict[str, Any], choice: dict[str, Any]) -> list[Part]:
    """Put what is said of a text to the last one, where another format's reader would miss it."""
    if not message and choice.keys().isdisjoint(BESIDE):
        return parts
    said = {name: each for name in BESIDE if (each := message.get(name) or choice.get(name))}
    for place in reversed(range(len(parts) if said else 0)):
        last = parts[place]
        if isinstance(last, Text):
            signed = msgspec.structs.replace(last, extras={**(last.extras or {}), **said})
            return [*parts[:place], signed, *parts[place + 1 :]]
    return parts
