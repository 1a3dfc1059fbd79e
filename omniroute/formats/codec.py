"""What a wire format must be able to do for the gateway.

A codec is a record of functions, with nothing to inherit. Its laws, which ``tests/laws`` holds for every one:

1. *Any cut.* A stream means the same wherever its bytes are cut.
2. *Bytes kept.* What a watch relays is a concatenation of the upstream's own records, in order, none changed;
   only records that answer a question of ours (usage that the client did not ask for) may be left out.
3. *Never crash.* Arbitrary bytes give a ``Malformed`` or a complaint, never another exception.
4. *Pure.* The same input gives the same output, and inputs are not changed.
5. *Return.* A request or an answer that is read and written again is the same JSON, but for what the format itself
   holds to be the same (``null`` and an absent member, a string and one text part).
6. *Honest loss.* What is read in one format, written in another and read there, differs only where a loss says so.
7. *Fold.* A streamed answer, folded, is the answer that would have come whole.
8. *Grammar.* Readers give only what ``ir.grammar`` allows, and encoders take all that it allows.
9. *Watch = pass.* Usage, finish and failure learnt beside passing bytes are those learnt by translating them.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from omniroute.formats.framing import Record
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Event
from omniroute.ir.loss import Loss
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format


class Place(msgspec.Struct, frozen=True):
    """What the path of a request says, in formats that say it there; None where the body does."""

    model: str | None = None
    stream: bool | None = None


Fields = Mapping[str, slice]
"""The top-level fields of a JSON object, in their order: where the value of each stands in the bytes."""


class Asked(msgspec.Struct, frozen=True):
    """What routing needs to know of a request body.

    ``usage_asked`` says that the client itself wants usage in the stream.
    """

    model: str
    stream: bool
    usage_asked: bool
    body: bytes
    fields: Fields


class Prepared(msgspec.Struct, frozen=True):
    """A body for an upstream; ``hide_usage`` says that the usage record of its stream is ours alone."""

    body: bytes
    hide_usage: bool = False


class Answered(msgspec.Struct, frozen=True):
    """What a whole answer said of itself; with a ``complaint`` it is a failure, whatever its status was.

    ``trouble`` says what is wrong where the complaint is ours (MALFORMED); it is absent where the upstream itself
    complained, in which case the complaint says what kind of failure it is.
    """

    usage: Usage | None = None
    complaint: Complaint | None = None
    trouble: FailureKind | None = None


class ErrorView(msgspec.Struct, frozen=True):
    """An error to be said in a client's dialect.

    ``code`` is ours and stable; where an upstream blamed the request, ``complaint`` keeps its own words, which
    clients know how to read. ``attempts`` are ready to be written as JSON.
    """

    status: int
    code: str
    message: str
    request_id: str
    param: str | None = None
    complaint: Complaint | None = None
    attempts: tuple[dict[str, str | int | None], ...] = ()


class Rendered(msgspec.Struct, frozen=True):
    """A request written in a format: its JSON object without what ``Terms`` add, and what it could not say."""

    body: dict[str, Any]
    losses: tuple[Loss, ...] = ()


class ThinkingMode(StrEnum):
    """``tokens``: a model takes a number of tokens to think with; ``adaptive``: it takes an effort, and no number."""

    TOKENS = "tokens"
    ADAPTIVE = "adaptive"


class Terms(msgspec.Struct, frozen=True):
    """What a body needs to know of the target that it goes to.

    ``max_output`` is the longest output of its model, in tokens, None where unknown. ``stream_usage`` says whether
    the provider understands being asked for usage in a stream. ``thinking`` says how the model wants to be told to
    think, where that is known.
    """

    model: str
    max_output: int | None = None
    stream_usage: bool = True
    thinking: ThinkingMode | None = None


class Context(msgspec.Struct, frozen=True):
    """What writing an answer needs to know beside the answer.

    ``request`` is what the client asked, as it was read from its body; ``id`` is ours for it and stands where the
    answer has none of its own, as ``model`` (the upstream's name for it) and ``now`` (Unix microseconds) do.
    """

    request: GenerateRequest
    id: str
    model: str
    now: int


class Said(msgspec.Struct, frozen=True):
    """A whole answer written in a format, and what it could not say."""

    body: bytes
    losses: tuple[Loss, ...] = ()


class Watch(Protocol):
    """Follows one streamed answer without changing it; a machine of its own for each stream, without I/O.

    ``started`` turns true with the first record that means something to a reader (text, a tool call, a refusal,
    a finish), and not with a role, an empty delta or a comment. ``done`` turns true when the answer is complete.
    After a ``complaint`` nothing more is relayed. ``trouble`` says what is wrong where the complaint is ours:
    MALFORMED (a record that cannot be read) or CUT (the end came too early); it is absent where the upstream itself
    complained.
    """

    @property
    def started(self) -> bool:
        """Whether something was said that means something."""
        ...

    @property
    def done(self) -> bool:
        """Whether the answer is complete."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What was used, as far as it was reported."""
        ...

    @property
    def complaint(self) -> Complaint | None:
        """What is wrong."""
        ...

    @property
    def trouble(self) -> FailureKind | None:
        """What kind of wrong it is, where the complaint is ours."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on: whole records only."""
        ...

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed.

        A stream that ended before its answer was complete leaves a complaint.
        """
        ...


class Splitter(Protocol):
    """Cuts a stream's bytes into records; see ``framing``, which has one for each kind of stream."""

    too_long: bool

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes; give the records that they complete."""
        ...

    def close(self) -> Record | None:
        """Take the end of input; give what nothing had ended."""
        ...


class Reader(Protocol):
    """Reads the records of one streamed answer; a machine of its own for each stream, without I/O.

    What it gives, in order, is what ``ir.grammar`` allows. A record that cannot be read is a ``Fault`` with
    MALFORMED, one that is an error a ``Fault`` without trouble. After ``Fault`` or ``End`` it is not called again.
    """

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record; one without data says nothing."""
        ...

    def end(self) -> Sequence[Event]:
        """Take the end of input, which came before ``End``.

        Where the answer is complete all the same, what is missing up to ``End``; else a ``Fault`` with CUT.
        """
        ...


class Encoder(Protocol):
    """Writes one streamed answer; a machine of its own for each stream, without I/O.

    It is fed whatever ``ir.grammar`` allows, but for ``Fault``: an error is said by ``Codec.render_error_event``.
    ``losses`` grows with what could not be said.
    """

    losses: list[Loss]

    def feed(self, event: Event) -> bytes:
        """Take an event; give the bytes that say it, which may be none."""
        ...


class Codec(msgspec.Struct, frozen=True):
    """One wire format.

    What every format can do, for passing through:

    - ``url`` gives, for an upstream's name of a model and whether to stream, what is appended to a base URL.
    - ``passes`` are the request headers (lower case) of a client that an upstream of the same format understands;
      ``headers`` are those that an upstream needs, where neither its provider nor the client sets them.
    - ``ask`` reads a request's head (raises ``errors.Malformed``); ``prepare`` writes the model's name for an
      upstream into it and asks for usage, where told to.
    - ``answer`` reads of a whole answer what the gateway needs; ``complain`` reads an error body.
    - ``watch`` starts following a stream, hiding the usage record where told to.
    - ``media`` is the content type of its streams.
    - ``marks`` betray, in a body that was not read, thoughts that no upstream of the format takes, because others
      signed them or nobody did: such a request is read and written again.
    - ``render_error`` gives an error's body, ``render_error_event`` the last bytes of a stream that broke.

    What translation needs beside that:

    - ``read_request`` reads a request (raises ``Malformed``), ``render_request`` writes one, ``dress`` makes the body
      that is sent of what was written. Both are None in a format that is only spoken by clients.
    - ``read_response`` reads a whole answer that ``answer`` did not complain of, ``render_response`` writes one.
    - ``splitter`` and ``reader`` read a stream, ``encoder`` writes one.
    - ``tools`` says what names tools may have, and of which kinds they may be.
    - ``counter`` counts a request's tokens, where the format has a way to ask for that.
    """

    format: Format
    url: Callable[[str, bool], str]
    ask: Callable[[bytes, Place], Asked]
    prepare: Callable[[Asked, str, bool], Prepared]
    answer: Callable[[bytes], Answered]
    complain: Callable[[int, bytes], Complaint]
    watch: Callable[[bool], Watch]
    render_error: Callable[[ErrorView], bytes]
    render_error_event: Callable[[ErrorView], bytes]
    read_request: Callable[[Asked], GenerateRequest]
    read_response: Callable[[bytes], GenerateResponse]
    render_response: Callable[[GenerateResponse, Context], Said]
    splitter: Callable[[], Splitter]
    reader: Callable[[], Reader]
    encoder: Callable[[Context], Encoder]
    render_request: Callable[[GenerateRequest], Rendered] | None = None
    dress: Callable[[Mapping[str, Any], Terms], bytes] | None = None
    tools: "ToolRules | None" = None
    counter: "Counter | None" = None
    passes: frozenset[bytes] = frozenset()
    headers: tuple[tuple[str, str], ...] = ()
    media: str = "text/event-stream"
    marks: tuple[bytes, ...] = ()


class ToolRules(msgspec.Struct, frozen=True):
    """Which tools a format can say; others are said as functions of other names, and told back by translation.

    ``name`` is a regular expression that a whole name matches, ``longest`` how many characters it may have at most.
    """

    name: str
    longest: int
    custom: bool = False
    namespaces: bool = False


class Counter(msgspec.Struct, frozen=True):
    """How a format asks how many tokens a request has, without answering it.

    ``url`` gives, for a model, what is appended to a base URL; ``body`` makes of a request that was written in the
    format what is sent there; ``read`` reads the answer, None where it holds no count; ``render`` writes one.
    ``plain`` makes of what a client sends there, and the model of its path, the request that is to be counted.
    """

    url: Callable[[str], str]
    body: Callable[[Mapping[str, Any], str], bytes]
    read: Callable[[bytes], int | None]
    render: Callable[[int], bytes]
    plain: Callable[[bytes, str], bytes] = lambda body, _model: body
