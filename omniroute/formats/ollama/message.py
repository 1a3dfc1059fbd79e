"""Writes the parts of one message, of a request or an answer, as the members of a message of this format.

A message here is one string, beside it thoughts, images and calls: the order among these is not said. Several texts
are said as one.

Always true: what cannot be said, or is said differently, is among ``losses``; calls have arguments that are an object.
"""

from typing import Any

from omniroute.formats.jsontext import loads
from omniroute.formats.ollama.media import tells
from omniroute.ir.loss import Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import Document, Image, Inline, Opaque, Part, Plain, Refusal, Text, Thought, ToolCall

WHY = "Ollama has no place for it"
_THOUGHT, _IMAGE, _WORDS, _CALL = range(4)
"""The order in which a message's members are read."""
_RANKS: dict[type[Part], int] = {Thought: _THOUGHT, Image: _IMAGE, ToolCall: _CALL}


class MessageWriter:
    """Takes the parts of a message one by one; ``own`` says that they were read in this format.

    Images are said to a model only: the official clients refuse an answer that has some.
    """

    def __init__(self, *, own: bool, joint: str = "", asking: bool = False) -> None:
        """Begin without parts; ``joint`` stands between texts, ``asking`` says that a model is told, not a client."""
        self.losses: list[Loss] = []
        self._own = own
        self._pictured = own or asking
        self._joint = joint
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._images: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._said: list[int] = []

    def add(self, part: Part, path: str) -> None:
        """Take a part, whose place in the IR is ``path``."""
        self.losses += beside(part, path, own=self._own)
        match part:
            case Text(text=text):
                self._word(text)
            case Refusal(text=text):
                self.losses.append(approximated(path, "it is said as ordinary words"))
                self._word(text)
            case Thought() if part.redacted:
                self.losses.append(dropped(path, "only its signature is known, and Ollama has no place for that"))
            case Thought(text=text):
                self._said.append(_THOUGHT)
                self._thoughts.append(text)
            case ToolCall():
                self._said.append(_CALL)
                call, losses = write_call(part, path, own=self._own)
                self._calls.append(call)
                self.losses += losses
            case _:
                self._show(part, path)

    def _word(self, text: str) -> None:
        """Take words."""
        self._said.append(_WORDS)
        self._texts.append(text)

    def _show(self, part: Part, path: str) -> None:
        """Take what a user shows a model."""
        match part:
            case Image(source=Inline() as source) if self._pictured:
                self._said.append(_IMAGE)
                self._images.append(source.data)
                if not tells(source):
                    self.losses.append(approximated(f"{path}.source", "only an image's first bytes say what it is"))
            case Document(source=Plain(text=text)):
                self.losses.append(approximated(path, "its text is said as ordinary words"))
                self._word(text)
            case Image() if self._pictured:
                why = "Ollama takes images that stand in the request, and fetches none"
                self.losses.append(dropped(path, why, weight=Weight.CONTENT))
            case Opaque(format=wire):
                why = f"only {wire} knows what it is"
                self.losses.append(dropped(path, why, weight=Weight.CONTENT))
            case _:
                self.losses.append(dropped(path, WHY, weight=Weight.CONTENT))

    def members(self) -> dict[str, Any]:
        """Give the members of the message."""
        members: dict[str, Any] = {"content": self._joint.join(self._texts)}
        more = {"thinking": "".join(self._thoughts), "images": self._images, "tool_calls": self._calls}
        return members | {name: value for name, value in more.items() if value}

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not self._said

    @property
    def ordered(self) -> bool:
        """Whether the parts came in the order in which they are read."""
        return self._said == sorted(self._said)


def rank(part: Part) -> int:
    """Give the place of a part in the order in which a message's members are read."""
    return _RANKS.get(type(part), _WORDS)


def beside(part: Part, path: str, *, own: bool) -> list[Loss]:
    """Name what stands beside a part and cannot be said: its signature, its hint to the cache, its extras."""
    losses = [
        dropped(f"{path}.{name}", WHY)
        for name in ("signature", "cache", "detail")
        if getattr(part, name, None) is not None
    ]
    return losses if own else losses + foreign(getattr(part, "extras", None), path, WHY)


def write_call(part: ToolCall, path: str, *, own: bool) -> tuple[dict[str, Any], list[Loss]]:
    """Write a call: its arguments are an object here, so a text that is none becomes one's only member."""
    losses = [approximated(f"{path}.custom", "it is said as a function's")] if part.custom else []
    arguments = loads(part.arguments.encode("utf-8", "surrogatepass")) if part.arguments.strip() else {}
    if not isinstance(arguments, dict):
        losses.append(approximated(f"{path}.arguments", "they are no JSON object, and are said as a string within one"))
        arguments = {"input": part.arguments}
    call: dict[str, Any] = {"id": part.id}
    function: dict[str, Any] = {"name": part.name, "arguments": arguments}
    for name, value in (part.extras or {}).items() if own else ():
        inner = name.removeprefix("=")
        if inner == "id":
            del call["id"]
        elif inner.startswith("function."):
            function[inner.removeprefix("function.")] = value
        else:
            call[inner] = value
    return call | {"function": function}, losses
