"""What the engine asks of an upstream client, and nothing about how it is done.

Always true: nothing here interprets an answer; a status of 500 is an answer like any other. An implementation
is proved by ``tests/contract/test_upstream.py``, which every one of them must pass.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec


class Outgoing(msgspec.Struct, frozen=True):
    """One HTTP request to an upstream, ready to be sent.

    ``url`` is absolute. ``headers`` hold no ``host``, ``content-length``, ``connection`` or ``accept-encoding``:
    the client sets those (it asks for ``identity``, so that a stream can be watched). ``connect`` and
    ``first_byte`` are seconds; ``first_byte`` counts from the moment a connection is there, and is infinite where
    whoever asks sees to it, which saves a timer.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connect: float
    first_byte: float
    method: str = "POST"


class Answer(Protocol):
    """An upstream's answer whose headers have arrived; its body is read once, by ``read`` or by ``chunks``."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a name that is repeated, the values joined by ``, ``; bytes read as Latin-1.

    The body is given decoded, should the upstream have compressed it all the same; then neither
    ``content-encoding`` nor ``content-length`` is among these.
    """

    async def read(self, limit: int) -> bytes:
        """Give the whole body, at most ``limit`` bytes of it.

        Raises:
            SendError: CUT when the peer went away before the body was complete, TOO_LONG past the limit.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives, undelayed: one piece a read from the socket, in order, none empty.

        Back-pressure is the iterator: nothing is read ahead beyond a socket buffer and one bounded queue.
        Raises ``SendError`` (CUT) where the connection ended before the body did.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection; at once, and for good, where the body was not read to its end. Idempotent."""
        ...


@runtime_checkable
class Pouring(Protocol):
    """An iterator of ``Answer.chunks`` that can also hand pieces on without waking whoever waits for them."""

    async def pour(self, take: Callable[[bytes], bool]) -> None:
        """Call ``take`` with each piece as soon as it is read, until it says no or none is left.

        It returns at once where a piece is waiting already. Whatever comes after it, a piece, the end or a failure, the
        iterator gives; what ``take`` raises is raised here.
        """
        ...


class Upstream(Protocol):
    """Something that can send a request and hand back the answer."""

    async def send(self, request: Outgoing) -> Answer:
        """Send, and wait for the answer's headers.

        A request on a kept-alive connection that the peer had already closed is sent again on a fresh one, where
        not one byte of an answer was seen. Cancelling closes the connection.

        Raises:
            SendError: with the phase in which it failed.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Phase(StrEnum):
    """Where sending failed.

    CONNECT, CONNECT_TIMEOUT and TLS: there was no connection, so nothing was sent. SEND: it ended before the
    answer's headers. FIRST_BYTE_TIMEOUT: they took too long. PROTOCOL: the answer is not HTTP, or in a coding that
    nobody asked for. CUT: the connection, or the framing of the body, broke after the headers; or the client or the
    answer was closed. TOO_LONG: the body is longer than its reader takes.
    """

    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    SEND = "send"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    PROTOCOL = "protocol"
    CUT = "cut"
    TOO_LONG = "too_long"


class SendError(Exception):
    """An upstream could not be asked, or did not answer in full; ``detail`` names host and cause, no secret."""

    def __init__(self, phase: Phase, detail: str) -> None:
        """Hold the phase and the words."""
        super().__init__(detail)
        self.phase = phase
        self.detail = detail
