"""A client's side of an exchange on uvicorn's own connection: what ASGI's messages cost is saved.

An answer leaves in one write where ASGI makes two of it, its header fields are checked together and not one by one, and
a client that leaves interrupts its request without a task that waits for it.

Always true: a client is sent what uvicorn's own cycle would have sent it, the order of header fields aside; the
cycle's state afterwards is the same, so that keep-alive, pipelining and a graceful stop are uvicorn's as before.
Whatever server does not offer a ``Line`` is served by ``inbound.AsgiClient``.
"""

import asyncio
from collections.abc import Callable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from omniroute.engine.patience import Alarm, Patience, Why
from omniroute.engine.terms import Headers
from omniroute.gateway.inbound import AsgiClient, RawHeaders, Receive, Send, too_large

LINE = "omniroute.line"
"""Where a scope has its ``Line``."""
LARGE = 32 * 1024
"""Bytes from which on a body is handed over beside its head, and not copied behind it."""


class Line:
    """One request on a connection: uvicorn's cycle of it, and who is to be told when the connection is lost.

    ``alarm`` is the connection's, for whoever waits while the request is answered.
    """

    __slots__ = ("_left", "_protocol", "alarm", "cycle")

    def __init__(self, protocol: "LineProtocol", cycle: RequestResponseCycle) -> None:
        """Belong to a connection."""
        self._protocol = protocol
        self._left: Callable[[], None] | None = None
        self.alarm = protocol.alarm
        self.cycle = cycle

    def hear(self, left: Callable[[], None]) -> None:
        """Have ``left`` called when the connection is lost; at once where it is lost already."""
        self._left = left
        self._protocol.heard = self
        # While a long body came, reading may have been paused: who does not read does not notice the end either.
        self.cycle.flow.resume_reading()
        if self.cycle.disconnected:
            left()

    def over(self) -> None:
        """The request has ended: nobody is to be told any more, and nothing refers to itself."""
        self._left = None
        if self._protocol.heard is self:
            self._protocol.heard = None

    def lost(self) -> None:
        """The connection is gone."""
        self.cycle.disconnected = True
        if self._left is not None:
            self._left()


class LineProtocol(HttpToolsProtocol):
    """uvicorn's connection, which lends itself to those who know what to do with it."""

    heard: Line | None = None
    idle_since: float | None = None
    """When the last response was complete, on the loop's clock; None while a request is coming or answered."""

    alarm: Alarm

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's has it
        """Begin a connection."""
        super().connection_made(transport)
        self.alarm = Alarm(self.loop, kept=True)

    def on_headers_complete(self) -> None:
        """Begin a request."""
        super().on_headers_complete()
        scope: Scope = self.scope  # type: ignore[assignment]  # with a member of ours
        scope[LINE] = Line(self, self.cycle)

    def data_received(self, data: bytes) -> None:
        """Read on in a request."""
        self.idle_since = None
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one: with one timer a connection, not one a request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self.idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Close a connection that was idle for long, else look again when it may have been."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        since = self.loop.time() if self.idle_since is None else self.idle_since
        left = since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self._look)

    def _unset_keepalive_if_required(self) -> None:
        """Let the timer be: it looks for itself whether the connection is idle."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is being answered, which with pipelined requests is not the newest cycle."""
        super().connection_lost(exc)
        self.alarm.drop()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        heard, self.heard = self.heard, None
        if heard is not None:
            heard.lost()


class LineClient(AsgiClient):
    """One client connection for the time of one exchange; as ``engine.reply.Client``."""

    __slots__ = ("_cycle", "_head", "_line")

    def __init__(
        self,
        line: Line,
        headers: RawHeaders,
        asgi: tuple[Receive, Send],
        patience: Patience,
        common: list[tuple[bytes, bytes]],
    ) -> None:
        """Hold the connection; ``asgi`` is how the same is read and written elsewhere."""
        super().__init__(headers, *asgi, patience, common)
        self._line = line
        self._cycle = line.cycle
        self._head: bytes | None = None

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete response."""
        self.ended = self.started = True
        head = self._begin(status, headers, f"content-length: {len(body)}\r\n".encode())
        if head is not None and await self._open():
            if len(body) < LARGE:
                self._cycle.transport.write(head + body)
            else:
                self._cycle.transport.writelines([head, body])
            self._complete()

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a response; its head waits for the first part, which is at hand."""
        self.started = True
        self._head = self._begin(status, headers, b"transfer-encoding: chunked\r\n")

    async def send(self, data: bytes) -> None:
        """Send a part of it; waits while the connection is full."""
        if self._cycle.flow.write_paused:
            await self._open()
        self.put(data)

    def put(self, data: bytes) -> bool:
        """Send a part of it now; as ``engine.reply.Prompt``."""
        cycle = self._cycle
        if cycle.disconnected:
            return True
        if self._head is None and data:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            cycle.transport.write(self._taken() + _chunk(data))
        return not cycle.flow.write_paused

    async def end(self, data: bytes) -> None:
        """Send the last part, and end the response."""
        if await self._open():
            self._cycle.transport.write(self._taken() + _chunk(data) + b"0\r\n\r\n")
            self._complete()
        self.ended = True

    async def body(self, limit: int) -> bytes:
        """Read the request body; what is there as a whole is taken without waiting."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return await super().body(limit)
        body = bytes(cycle.body)
        cycle.body = bytearray()
        if len(body) > limit:
            raise too_large(limit)
        self._hear()
        return body

    def _hear(self) -> None:
        """Notice from now on when the client leaves."""
        self._line.hear(self._gone)

    def _gone(self) -> None:
        """The client has left."""
        if not self.ended:
            self._patience.interrupt(Why.GONE)

    async def _open(self) -> bool:
        """Wait while the connection is full; says whether the client is still there."""
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        return not cycle.disconnected

    def _begin(self, status: int, headers: Headers, framing: bytes) -> bytes | None:
        """Write the head of a response; None where one has begun already, which is then left alone."""
        cycle = self._cycle
        if cycle.response_started:
            return None
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        said = "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1", "replace")
        head = said + b"".join([b"%b: %b\r\n" % each for each in (*cycle.default_headers, *self._common)])
        if head.count(b"\n") != len(cycle.default_headers) + len(headers) + len(self._common):
            message = "a header field holds the end of a line"
            raise RuntimeError(message)
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        return STATUS_LINE[status] + head + framing + closing + b"\r\n"

    def _taken(self) -> bytes:
        """Give the head that waits, once."""
        head, self._head = self._head, None
        return head or b""

    def _complete(self) -> None:
        """Leave the cycle as uvicorn does after the last byte of a response."""
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


def _chunk(data: bytes) -> bytes:
    """Frame a part (RFC 9112 §7.1); an empty one would be the last."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
