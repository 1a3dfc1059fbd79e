"""What whole answers and chunks of this format have in common: choices with a text and a reason for the end.

Source: OpenAI API reference, "The completion object"
(https://platform.openai.com/docs/api-reference/completions/object), which chunks of a stream are as well.

Always true: reading never raises; what is not of the documented kind counts as absent.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.ir.loss import Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import Part, Refusal, Text, Thought
from omniroute.ir.response import Finish

OBJECT = "text_completion"
WHY = "a text completion has no place for it"

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})
_CHOICE = frozenset({"text", "finish_reason", "index"})

# literal tables
_FINISHES = {"stop": Finish.STOP, "length": Finish.LENGTH, "content_filter": Finish.REFUSED}
_WORDS = {Finish.LENGTH: "length", Finish.REFUSED: "content_filter"}


def choices_of(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the choices."""
    choices = value.get("choices")
    return [each for each in choices if isinstance(each, dict)] if isinstance(choices, list) else []


def others_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of an answer that are not modelled."""
    return {name: each for name, each in value.items() if name not in _KNOWN and each is not None}


def beside_text(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of a choice that are not modelled."""
    return {name: each for name, each in choice.items() if name not in _CHOICE and each is not None}


def word(value: Mapping[str, Any], name: str) -> str:
    """Give a string; of anything else, an empty one."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def seconds(value: Mapping[str, Any]) -> int | None:
    """Give the time of an answer."""
    created = value.get("created")
    return created if isinstance(created, int) and not isinstance(created, bool) else None


def finish_of(reason: str) -> Finish:
    """Read a reason for the end."""
    return _FINISHES.get(reason, Finish.OTHER)


def finish_word(finish: Finish) -> str:
    """Write a reason for the end."""
    return _WORDS.get(finish, "stop")


def finish_losses(finish: Finish, stop_sequence: str | None) -> list[Loss]:
    """Name what the reason for the end cannot say."""
    losses = []
    if finish in {Finish.TOOLS, Finish.PAUSE, Finish.OTHER}:
        losses.append(approximated("finish", f"'{finish}' is said as '{finish_word(finish)}'"))
    if stop_sequence is not None:
        losses.append(dropped("stop_sequence", "a text completion does not say which one it was"))
    return losses


def said(part: Part, path: str, *, own: bool) -> tuple[str | None, list[Loss]]:
    """Give the words of a part, None where it has none to say, and what is lost of it."""
    losses = [dropped(f"{path}.signature", WHY)] if getattr(part, "signature", None) is not None else []
    if not own:
        losses += foreign(getattr(part, "extras", None), path, WHY)
    match part:
        case Text(text=text):
            return text, losses
        case Refusal(text=text):
            return text, [*losses, approximated(path, "it is said as ordinary words")]
        case Thought():
            return None, [*losses, dropped(path, WHY)]
        case _:
            return None, [*losses, dropped(path, WHY, weight=Weight.CONTENT)]
