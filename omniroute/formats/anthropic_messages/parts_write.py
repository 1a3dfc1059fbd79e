"""Writes the parts of an answer as content blocks.

Source: Anthropic API reference, "Messages" (https://platform.claude.com/docs/en/api/messages), an answer's
``content``.

Always true: what a reader would miss is among ``losses``. A signature of another format on a text or a call, for which
this format has no place, stands in an empty thought before it (``ir.signatures``).
"""

from collections.abc import Iterable, Iterator

from omniroute.formats.anthropic_messages.blocks_read import OWN, Block
from omniroute.formats.anthropic_messages.blocks_write import FOREIGN, tool_input
from omniroute.formats.anthropic_messages.values import restate
from omniroute.ir.loss import Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import Extras, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.signatures import pack

UNSAID = "answers of this format hold text, thoughts and calls"
AS_TEXT = "a refusal is said as text"
NO_OTHER = "this format has no word for another end: end_turn is said"


def signed(signature: Signature | None) -> str:
    """Write a thought's signature; the format demands one, which is empty where there is none."""
    return "" if signature is None else pack(signature, OWN)


def carrier(signature: Signature) -> Block:
    """Write the empty thought that carries another part's signature."""
    return {"type": "thinking", "thinking": "", "signature": signed(signature)}


def unsaid_of_call(part: ToolCall, path: str) -> Iterator[Loss]:
    """Name what of a call this format cannot say."""
    if part.namespace is not None:
        yield dropped(f"{path}.namespace", "tools have no groups in this format")
    if part.custom:
        yield approximated(f"{path}.custom", "tools take no free text in this format")
    if part.cache is not None:
        yield dropped(f"{path}.cache", "answers have no such setting")


class AnswerWriter:
    """Writes blocks; ``own`` says whether the answer was read from this very format."""

    def __init__(self, *, own: bool) -> None:
        """Begin without a loss."""
        self.losses: list[Loss] = []
        self._own = own

    def blocks(self, parts: Iterable[Part]) -> list[Block]:
        """Write parts; most answers are words, of which nothing more is said."""
        written: list[Block] = []
        for place, part in enumerate(parts):
            if isinstance(part, Text) and part.text and part.signature is None and part.extras is None:
                written.append({"type": "text", "text": part.text})
            else:
                written.extend(self._blocks(part, f"parts[{place}]"))
        return written

    def _blocks(self, part: Part, path: str) -> Iterator[Block]:
        """Write one part."""
        match part:
            case Text(signature=Signature() as signature) | ToolCall(signature=Signature() as signature):
                yield carrier(signature)
            case Refusal():
                self.losses.append(approximated(path, AS_TEXT))
            case _:
                pass
        match part:
            case Text(text=text) | Refusal(text=text) if text or self._own:
                yield self._finish({"type": "text", "text": text}, part.extras, path)
            case Text() | Refusal():
                self.losses += foreign(part.extras, path, FOREIGN)
            case Thought():
                yield from self._thought(part, path)
            case ToolCall():
                yield self._call(part, path)
            case _:
                yield from self._other(part, path)

    def _call(self, part: ToolCall, path: str) -> Block:
        """Write a call."""
        self.losses += unsaid_of_call(part, path)
        value, same = tool_input(part.arguments)
        if not same:
            self.losses.append(approximated(f"{path}.arguments", 'no JSON object: sent whole, as text, under "input"'))
        block = {"type": "tool_use", "id": part.id, "name": part.name, "input": value}
        return self._finish(block, part.extras, path)

    def _thought(self, part: Thought, path: str) -> Iterator[Block]:
        """Write a thought; one that is hidden and unsigned says nothing."""
        signature = signed(part.signature)
        if part.redacted:
            if signature:
                yield self._finish({"type": "redacted_thinking", "data": signature}, part.extras, path)
        elif part.text or signature:
            yield self._finish({"type": "thinking", "thinking": part.text, "signature": signature}, part.extras, path)

    def _other(self, part: Part, path: str) -> Iterator[Block]:
        """Write a part that only this format knows."""
        if isinstance(part, Opaque) and part.format is OWN:
            yield part.json
        else:
            self.losses.append(dropped(path, UNSAID, weight=Weight.CONTENT))

    def _finish(self, block: Block, extras: Extras | None, path: str) -> Block:
        """Put back what the IR does not model."""
        if self._own:
            restate(block, extras)
        else:
            self.losses += foreign(extras, path, FOREIGN)
        return block
