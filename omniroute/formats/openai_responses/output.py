"""Writes an answer's parts as output items, whole; and the pieces of that which the stream encoder uses as well.

Source: OpenAI API reference, "The Response object", ``output``.

Always true: texts and refusals next to each other are parts of one message item; an item's id is made of the answer's
and its place, so that it is the same whenever the same answer is written.
"""

from typing import Any

from omniroute.formats.openai_responses.content import ITEM, OUTPUT, opaque_part, write_content
from omniroute.formats.openai_responses.items import call_item, own_item, sealed, thought_item
from omniroute.formats.openai_responses.wire import OWN, Saying
from omniroute.ir.loss import approximated
from omniroute.ir.parts import Image, Inline, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall

CONTENT = Text | Refusal
_NOWHERE: dict[str, Any] = {}
_NEW: dict[str, Any] = {"annotations": [], "logprobs": []}


def item_id(part: Part | None, answer: str, place: int) -> str:
    """Make the id of the item at a place; of a message where there is no part."""
    match part:
        case Thought():
            prefix = "rs"
        case ToolCall(custom=custom):
            prefix = "ctc" if custom else "fc"
        case Image():
            prefix = "ig"
        case _:
            prefix = "msg"
    return f"{prefix}_{answer.removeprefix('resp_')}_{place}"


def carrier(signature: Signature, answer: str, place: int) -> dict[str, Any]:
    """Write a signature that has no place where it belongs: as a reasoning item in front of it that says nothing."""
    made = item_id(Thought(), answer, place)
    return {"type": "reasoning", "id": made, "summary": [], "encrypted_content": sealed(signature)}


def message_item(made: str, content: list[Any], told: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """Write a message item; ``told`` are the members that it had where it was read."""
    return {"type": "message", "id": made, "status": status, "role": "assistant", "content": content} | told


def text_part(words: str) -> dict[str, Any]:
    """Write a text of an answer of another format."""
    return {"type": OUTPUT, "text": words, **_NEW}


def is_content(part: Part) -> bool:
    """Say whether a part stands within a message item."""
    return isinstance(part, CONTENT) or opaque_part(part) is not None


def message_of(part: Part) -> dict[str, Any]:
    """Give the members of the message item that a part was read from; always the same object where there is none."""
    extras = part.json if isinstance(part, Opaque) else getattr(part, "extras", None)
    told = (extras or {}).get(ITEM)
    return told if isinstance(told, dict) else _NOWHERE


def same_message(told: dict[str, Any], before: dict[str, Any]) -> bool:
    """Say whether two parts stood in one message item: messages without ids are told apart by the reading of them."""
    return told is before or (told == before and "id" in told)


def image_item(part: Image, made: str, path: str, say: Saying) -> dict[str, Any] | None:
    """Write a picture as the result of the provider's own drawing tool, which is how this format gives pictures."""
    if not isinstance(part.source, Inline):
        return None
    say.losses.append(approximated(path, "a picture is said as an image_generation_call"))
    return {"type": "image_generation_call", "id": made, "status": "completed", "result": part.source.data}


class Output:
    """Writes one whole answer's items."""

    def __init__(self, answer: str, say: Saying) -> None:
        """Begin without items, for the answer of this id."""
        self.items: list[dict[str, Any]] = []
        self._answer = answer
        self._say = say
        self._content: list[Any] | None = None
        self._told: dict[str, Any] = {}

    def add(self, part: Part, path: str) -> None:
        """Add a part."""
        if not is_content(part):
            self._say.drop_cache(getattr(part, "cache", None), path)
        signature = None if isinstance(part, Thought) else getattr(part, "signature", None)
        if signature is not None and signature.format is not OWN:
            self._content = None
            self.items.append(carrier(signature, self._answer, len(self.items)))
        if is_content(part):
            self._add_content(part, path)
            return
        self._content = None
        item = self._item(part, path)
        if item is None:
            self._say.lose(path, "an answer of the Responses format cannot say such a part")
        else:
            self.items.append(item)

    def cut_short(self) -> None:
        """Mark the message that ends an incomplete answer as incomplete, unless it was read with a status."""
        if self._content is not None and "status" not in self._told:
            self.items[-1]["status"] = "incomplete"

    def _add_content(self, part: Part, path: str) -> None:
        """Add a part of a message, to the message before it if that is the one that it stood in."""
        told = message_of(part) if self._say.own else _NOWHERE
        if self._content is None or not same_message(told, self._told):
            self._content, self._told = [], told
            made = item_id(None, self._answer, len(self.items))
            self.items.append(message_item(made, self._content, told))
        bare = part if isinstance(part, Opaque) else _unsigned(part)
        written = write_content(bare, path, self._say, OUTPUT)
        self._content.append({**_NEW, **written} if isinstance(part, Text) and not self._say.own else written)

    def _item(self, part: Part, path: str) -> dict[str, Any] | None:
        """Write a part that is an item of its own."""
        made = item_id(part, self._answer, len(self.items))
        match part:
            case ToolCall():
                return call_item(part, self._say.extras(part.extras, path, (ITEM,)), made)
            case Thought():
                return thought_item(part, self._say.extras(part.extras, path, (ITEM,)), made)
            case Image():
                return image_item(part, made, path, self._say)
            case _:
                return own_item(part)


def _unsigned(part: Part) -> Part:
    """Give a text without its signature, which stands in front of it."""
    if isinstance(part, Text) and part.signature is not None:
        return Text(part.text, cache=part.cache, extras=part.extras)
    return part
