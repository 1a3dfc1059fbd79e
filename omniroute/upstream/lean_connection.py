"""One TCP or TLS connection of the lean client, and the answer that arrives on it.

A ``Connection`` is an ``asyncio.Protocol`` with one exchange at a time; a ``LeanAnswer`` is the end of it that the
engine holds. The connection goes back to its home as soon as the last byte of an answer was read from the socket,
whether or not somebody has taken it from the answer yet; an answer closed before that ends its connection.

Always true: no task is started here. At most ``HIGH`` bytes and one read from the socket wait in an answer; past
that the socket is not read. Every exchange ends exactly once: completely, or with a ``SendError`` for whoever waits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from math import inf
from typing import Protocol, Self, cast

from omniroute.upstream.body import gather
from omniroute.upstream.inflate import inflated, take_coding
from omniroute.upstream.lean_reader import AnswerReader, BadAnswer
from omniroute.upstream.port import Phase, SendError

HIGH = 262_144
"""Bytes of a body that wait to be taken before reading stops."""
LOW = 65_536
"""Bytes of a body that still wait when reading goes on."""
SLICE = 65_536
"""Bytes of a request that are written at once; the rest waits for room in the socket."""


class Home(Protocol):
    """What a connection tells the client that owns it."""

    def opened(self, connection: "Connection") -> None:
        """It is there."""

    def free(self, connection: "Connection") -> None:
        """Its exchange is over, and it is fit for another."""

    def lost(self, connection: "Connection") -> None:
        """It is no more."""


class LeanAnswer:
    """See ``Answer``. It is the iterator of its own body, so that reading one makes no further object."""

    __slots__ = (
        "_coding",
        "_complete",
        "_connection",
        "_failure",
        "_loop",
        "_news",
        "_pieces",
        "_take",
        "_waiting",
        "headers",
        "status",
    )

    def __init__(self, connection: "Connection", loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._connection: Connection | None = connection
        self._coding: str | None = None
        self._complete = False
        self._failure: tuple[Phase, str] | None = None
        self._news: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._take: Callable[[bytes], bool] | None = None
        self._waiting = 0

    async def read(self, limit: int) -> bytes:
        """Give the whole body; see ``Answer.read``."""
        if self._complete and self._coding is None and self._waiting <= limit:
            return self._rest()
        try:
            return await gather(self.chunks(), limit)
        except SendError:
            await self.close()
            raise

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives; see ``Answer.chunks``."""
        return self if self._coding is None else inflated(self, self._coding)

    async def close(self) -> None:
        """Let go of the connection; see ``Answer.close``."""
        self.drop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        pieces = self._pieces
        while not pieces:
            if self._failure is not None:
                raise SendError(*self._failure)
            if self._complete:
                raise StopAsyncIteration
            self._news = self._loop.create_future()
            await self._news
        piece = pieces.popleft()
        self._waiting -= len(piece)
        if self._waiting <= LOW and self._connection is not None:
            self._connection.resume_reading()
        return piece

    async def pour(self, take: Callable[[bytes], bool]) -> None:
        """Hand pieces on as they are read; see ``Pouring.pour``."""
        if self._pieces or self._complete or self._failure is not None:
            return
        self._take = take
        self._news = self._loop.create_future()
        try:
            await self._news
        finally:
            self._take = None

    # For the connection.

    def drop(self) -> None:
        """End the connection, where it is still this answer's. Idempotent."""
        if self._connection is not None:
            self._connection.end(Phase.CUT, "the answer was closed before its end")

    async def head(self) -> Self:
        """Wait for status and headers, and give this; cancelling ends the connection.

        Raises:
            SendError: see ``Upstream.send``; the connection's ``stale`` says more.
        """
        while not self.status:
            if self._failure is not None:
                raise SendError(*self._failure)
            self._news = self._loop.create_future()
            try:
                await self._news
            except asyncio.CancelledError:
                self.drop()  # and not the connection: it may be somebody else's by now
                raise
        if "content-encoding" in self.headers:
            try:
                self._coding, self.headers = take_coding(self.headers)
            except SendError:
                self.drop()
                raise
        return self

    def arrive(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers are there."""
        self.status = status
        self.headers = headers
        self._wake()

    def push(self, piece: bytes) -> bool:
        """Here is more of the body; say whether enough is waiting now."""
        if self._take is not None:
            self._hand(self._take, piece)
            return False
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._wake()
        return self._waiting > HIGH

    def finish(self) -> None:
        """The body is complete."""
        self._complete = True
        self._connection = None
        self._wake()

    def fail(self, phase: Phase, detail: str) -> None:
        """There will be no more, though there should be."""
        self._failure = (phase, detail)
        self._connection = None
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)

    def _hand(self, take: Callable[[bytes], bool], piece: bytes) -> None:
        """Hand a piece to whoever pours, and wake them where they take no more."""
        try:
            if take(piece):
                return
        except Exception as error:  # noqa: BLE001 - it is for whoever pours, and not for the connection
            if self._news is not None and not self._news.done():
                self._news.set_exception(error)
        self._take = None
        self._wake()

    def _rest(self) -> bytes:
        """Take all that waits."""
        pieces, self._pieces = self._pieces, deque()
        self._waiting = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Connection(asyncio.Protocol):
    """A connection to ``origin``; ``since`` is when it last became free, on the loop's clock."""

    __slots__ = (
        "_answer",
        "_full",
        "_home",
        "_loop",
        "_paused",
        "_reader",
        "_silent",
        "_timer",
        "_transport",
        "_unsent",
        "origin",
        "since",
        "stale",
    )

    def __init__(self, home: Home, origin: str) -> None:
        self.origin = origin
        self.since = 0.0
        self.stale = False
        """Whether it ended without one byte of an answer, as one does that the peer had closed already."""
        self._answer: LeanAnswer | None = None
        self._full = False
        self._home = home
        self._loop = asyncio.get_running_loop()
        self._paused = False
        self._reader = AnswerReader()
        self._silent = True
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._unsent = memoryview(b"")

    @property
    def usable(self) -> bool:
        """Whether a request can be tried on it."""
        return not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, first_byte: float, *, bodiless: bool) -> LeanAnswer:
        """Send a request; its answer is yet to come.

        Args:
            head: request line and headers.
            body: the request's body.
            first_byte: seconds to wait, from now; infinite where nobody is to be told that it is late.
            bodiless: whether the method is HEAD.
        """
        answer = self._answer = LeanAnswer(self, self._loop)
        self._silent = True
        self._reader.expect(bodiless=bodiless)
        if first_byte != inf:
            self._timer = self._loop.call_later(first_byte, self._late, first_byte)
        self._write(head, body)
        return answer

    def end(self, phase: Phase, detail: str) -> None:
        """Close at once; whoever waits for an answer is told why. Idempotent."""
        answer = self._take()
        if answer is not None:
            answer.fail(phase, f"{self.origin}: {detail}")
        self._transport.abort()

    def resume_reading(self) -> None:
        """Read on, where reading was paused."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._home.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        answer = self._answer
        if answer is None:
            self._transport.abort()  # the peer speaks without being asked
            return
        self._silent = False
        reader = self._reader
        bad = ""
        try:
            reader.feed(data)
        except BadAnswer as error:
            bad = str(error) or "it is not HTTP"
        if reader.arrived and not answer.status:
            self._disarm()
            answer.arrive(reader.status, reader.headers)
        if reader.pieces:
            self._hand_over(answer, reader.pieces)
        if bad:
            phase = Phase.CUT if reader.arrived else Phase.PROTOCOL
            self.end(phase, f"the answer cannot be read: {bad}")
        elif reader.complete:
            self._complete(answer)

    def eof_received(self) -> None:
        """The peer says nothing more, so what is left to be sent to it is of no use."""
        self._over(None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._over(exc)
        self._home.lost(self)

    def pause_writing(self) -> None:
        """The socket is full."""
        self._full = True

    def resume_writing(self) -> None:
        """The socket has room again."""
        self._full = False
        self._pump()

    # Within.

    def _write(self, head: bytes, body: bytes) -> None:
        if len(body) <= SLICE:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        self._unsent = memoryview(body)
        self._pump()

    def _pump(self) -> None:
        while self._unsent and not self._full and not self._transport.is_closing():
            piece, self._unsent = self._unsent[:SLICE], self._unsent[SLICE:]
            self._transport.write(piece)

    def _hand_over(self, answer: LeanAnswer, pieces: list[bytes]) -> None:
        """Give the pieces of one read as one; stop reading where too many are waiting."""
        if answer.push(pieces[0] if len(pieces) == 1 else b"".join(pieces)) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _complete(self, answer: LeanAnswer) -> None:
        self._take()
        answer.finish()
        self.resume_reading()
        if self._reader.reusable and not self._unsent and not self._transport.get_write_buffer_size():
            self.since = self._loop.time()
            self._home.free(self)
        else:
            self._transport.abort()

    def _over(self, exc: Exception | None) -> None:
        """The peer ended it, or the network did."""
        answer = self._take()
        if answer is None:
            return
        if exc is None and self._reader.ends():
            answer.finish()
            return
        cause = f" ({type(exc).__name__})" if exc is not None else ""
        if answer.status:
            answer.fail(Phase.CUT, f"{self.origin}: the connection ended before the answer did{cause}")
        else:
            self.stale = self._silent
            answer.fail(Phase.SEND, f"{self.origin}: the connection ended without an answer{cause}")

    def _late(self, seconds: float) -> None:
        self.end(Phase.FIRST_BYTE_TIMEOUT, f"no answer within {seconds:g} s")

    def _take(self) -> LeanAnswer | None:
        """Give the answer under way, which is no longer; and forget what belongs to its exchange."""
        self._disarm()
        answer, self._answer = self._answer, None
        return answer

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
