"""A streamed answer, in nobody's dialect; and how one folds into a whole answer and unfolds from it.

Always true: ``fold(unfold(response)) == response`` for every response, but for its own ``extras``: a stream has no
place for what only its format says of the whole. The order in which events may come is ``ir.grammar``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from omniroute.ir.complaint import Complaint
from omniroute.ir.parts import Opaque, Part, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format


class Begin(msgspec.Struct, frozen=True, gc=False):
    """The answer begins; members are those of ``GenerateResponse``."""

    id: str | None = None
    model: str | None = None
    created: int | None = None


class PartStart(msgspec.Struct, frozen=True):
    """A part begins at place ``at`` of the answer: ``part`` is what is known of it, whole where it has no text.

    Places count from 0 in the order in which parts begin; several may be open at once.
    """

    at: int
    part: Part


class Delta(msgspec.Struct, frozen=True, gc=False):
    """More text of an open part: of a text, a thought or a refusal its words, of a tool call its arguments."""

    at: int
    text: str


class Sign(msgspec.Struct, frozen=True, gc=False):
    """The signature of an open part."""

    at: int
    signature: Signature


class PartStop(msgspec.Struct, frozen=True, gc=False):
    """An open part is complete."""

    at: int


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What was used so far, all told: each replaces the one before."""

    usage: Usage


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The model has said all; usage may follow."""

    finish: Finish
    stop_sequence: str | None = None


class Raw(msgspec.Struct, frozen=True):
    """Something that only its own format knows, as decoded JSON: no other format says it."""

    format: Format
    json: Any


class Fault(msgspec.Struct, frozen=True):
    """The stream broke. ``trouble`` as in ``codec.Answered``: absent where the upstream itself complained."""

    complaint: Complaint
    trouble: FailureKind | None = None


class End(msgspec.Struct, frozen=True, gc=False):
    """The answer is complete."""


Event = Begin | PartStart | Delta | Sign | PartStop | Spent | Finished | Raw | Fault | End

Wordy = Text | Thought | Refusal
"""Parts whose text streams; a tool call's arguments do as well."""


def means(event: Event) -> bool:
    """Whether an event means something to a reader: words, a call, a finish; not an empty beginning."""
    match event:
        case Delta(text=text):
            return bool(text)
        case PartStart(part=Text(text=text) | Thought(text=text) | Refusal(text=text)):
            return bool(text)
        case PartStart() | Finished():
            return True
        case _:
            return False


def unfold(response: GenerateResponse) -> Iterator[Event]:
    """Say a whole answer as a stream."""
    yield Begin(response.id, response.model, response.created)
    for at, part in enumerate(response.parts):
        yield from _unfold_part(at, part)
    if response.usage is not None:
        yield Spent(response.usage)
    if response.finish is not None:
        yield Finished(response.finish, response.stop_sequence)
    yield End()


def _unfold_part(at: int, part: Part) -> Iterator[Event]:
    """Say one part."""
    replace = msgspec.structs.replace
    match part:
        case Text(text=text) | Thought(text=text) | Refusal(text=text):
            yield PartStart(at, replace(part, text=""))
        case ToolCall(arguments=text):
            yield PartStart(at, replace(part, arguments=""))
        case _:
            text = ""
            yield PartStart(at, part)
    if text:
        yield Delta(at, text)
    yield PartStop(at)


def fold(wire: Format, events: Iterable[Event]) -> GenerateResponse:
    """Make a whole answer of a stream that was read from format ``wire``.

    Faults and raw events say nothing of the answer, and are passed over.
    """
    folding = _Folding()
    for event in events:
        folding.take(event)
    return folding.response(wire)


class _Folding:
    """What was gathered of a stream."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._begin = Begin()
        self._parts: dict[int, Part] = {}
        self._texts: dict[int, list[str]] = {}
        self._signatures: dict[int, Signature] = {}
        self._usage: Usage | None = None
        self._finished: Finished | None = None

    def take(self, event: Event) -> None:
        """Gather from one event."""
        match event:
            case Begin():
                self._begin = event
            case PartStart(at=at, part=part):
                self._parts[at] = part
            case Delta(at=at, text=text):
                self._texts.setdefault(at, []).append(text)
            case Sign(at=at, signature=signature):
                self._signatures[at] = signature
            case Spent(usage=usage):
                self._usage = usage
            case Finished():
                self._finished = event
            case _:
                pass

    def response(self, wire: Format) -> GenerateResponse:
        """Give the whole."""
        finished = self._finished
        return GenerateResponse(
            format=wire,
            parts=tuple(self._part(at, part) for at, part in sorted(self._parts.items())),
            finish=finished.finish if finished else None,
            id=self._begin.id,
            model=self._begin.model,
            created=self._begin.created,
            stop_sequence=finished.stop_sequence if finished else None,
            usage=self._usage,
        )

    def _part(self, at: int, part: Part) -> Part:
        """Put a part together."""
        more = "".join(self._texts.get(at, ()))
        signature = self._signatures.get(at)
        replace = msgspec.structs.replace
        match part:
            case Text() | Thought():
                return replace(part, text=part.text + more, signature=signature or part.signature)
            case Refusal():
                return replace(part, text=part.text + more)
            case ToolCall():
                return replace(part, arguments=part.arguments + more, signature=signature or part.signature)
            case Opaque():
                return part
            case _:
                return part
