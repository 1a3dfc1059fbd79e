"""What a wire format must be able to do for the gateway.

A codec is a record of functions, with nothing to inherit. Its laws, which ``tests/laws`` holds for every one:

1. *Any cut.* A watch sees the same stream wherever the bytes are cut.
2. *Bytes kept.* What a watch relays is a concatenation of the upstream's own records, in order, none changed;
   only records that answer a question of ours (usage that the client did not ask for) may be left out.
3. *Never crash.* Arbitrary bytes give a ``Malformed`` or a complaint, never another exception.
4. *Pure.* The same input gives the same output, and inputs are not changed.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format


class Asked(msgspec.Struct, frozen=True):
    """What routing needs to know of a request body.

    ``usage_asked`` says that the client itself wants usage in the stream.
    """

    model: str
    stream: bool
    usage_asked: bool
    body: bytes
    fields: tuple["Field", ...]


class Field(msgspec.Struct, frozen=True):
    """A top-level field of a JSON object: its name, and where its value stands in the body."""

    name: str
    start: int
    end: int


class Prepared(msgspec.Struct, frozen=True):
    """A body for an upstream; ``hide_usage`` says that the usage record of its stream is ours alone."""

    body: bytes
    hide_usage: bool


class Answered(msgspec.Struct, frozen=True):
    """What a whole answer said of itself; with a ``complaint`` it is a failure, whatever its status was.

    ``trouble`` says what is wrong where the complaint is ours (MALFORMED); it is absent where the upstream itself
    complained, in which case the complaint says what kind of failure it is.
    """

    usage: Usage | None = None
    model: str | None = None
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


class Watch(Protocol):
    """Follows one streamed answer without changing it; a machine of its own for each stream, without I/O.

    ``started`` turns true with the first record that means something to a reader (text, a tool call, a refusal,
    a finish), and not with a role, an empty delta or a comment. ``done`` turns true when the answer is complete.
    After a ``complaint`` nothing more is relayed. ``trouble`` says what is wrong where the complaint is ours:
    MALFORMED (a record that cannot be read) or CUT (the end came too early); it is absent where the upstream itself
    complained.
    """

    started: bool
    done: bool
    usage: Usage | None
    model: str | None
    complaint: Complaint | None
    trouble: FailureKind | None

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on: whole records only."""
        ...

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed.

        A stream that ended before its answer was complete leaves a complaint.
        """
        ...


class Codec(msgspec.Struct, frozen=True):
    """One wire format.

    ``ask`` reads a request's head (raises ``errors.Malformed``); ``prepare`` writes the model's name for an
    upstream into it and asks for usage, where told to; ``answer`` reads a whole answer; ``complain`` reads an
    error body; ``watch`` starts following a stream, hiding the usage record where told to; ``render_error`` gives
    a body, ``render_error_event`` the last bytes of a stream that broke. ``path`` is appended to a base URL.
    """

    format: Format
    path: str
    ask: Callable[[bytes], Asked]
    prepare: Callable[[Asked, str, bool], Prepared]
    answer: Callable[[bytes], Answered]
    complain: Callable[[int, bytes], Complaint]
    watch: Callable[[bool], Watch]
    render_error: Callable[[ErrorView], bytes]
    render_error_event: Callable[[ErrorView], bytes]
