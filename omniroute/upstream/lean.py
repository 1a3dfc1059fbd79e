"""The lean client: plain direct HTTP/1.1, with or without TLS, on asyncio and httptools.

It is on the path of every request, so it is spare: a stack of idle connections for each origin, the last one used
taken first, no locks, no tasks, one timer a request. Proxies, SOCKS and client certificates are the general client's.

Always true: nothing is logged. Idle connections are closed within one and a half times ``IDLE`` seconds.
"""

import asyncio
import ssl

from omniroute.upstream.lean_connection import Connection, LeanAnswer
from omniroute.upstream.place import Place, locate
from omniroute.upstream.port import Outgoing, Phase, SendError
from omniroute.upstream.trust import IDLE, system_trust

OPENINGS = 1024
"""Heads of requests that are remembered at most."""
_CLOSED = "the gateway's upstream client is closed"


class LeanUpstream:
    """See ``Upstream``. Lives on the loop that first sends with it."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None, idle: float = IDLE) -> None:
        """Make a client without connections.

        Args:
            ssl_context: whom to trust; without it, the authorities that the system trusts.
            idle: seconds, see ``IDLE``.
        """
        self._ssl_context = ssl_context
        self._idle_limit = idle
        self._idle: dict[str, list[Connection]] = {}
        self._openings: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[Place, bytes]] = {}
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Timeout] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    async def send(self, request: Outgoing) -> LeanAnswer:
        """Send, and wait for the answer's headers; see ``Upstream.send``."""
        place, opening = self._opening(request)
        head = request_head(request, opening)
        bodiless = request.method == "HEAD"
        connection = self._take(place.origin)
        if connection is not None:
            try:
                return await connection.ask(head, request.body, request.first_byte, bodiless=bodiless).head()
            except SendError:
                if not connection.stale:
                    raise
        connection = await self._connect(place, request.connect)
        return await connection.ask(head, request.body, request.first_byte, bodiless=bodiless).head()

    def prune(self, origins: frozenset[str]) -> None:
        """Close the idle connections to origins that are not among these (``place.origin_of``).

        What was written for earlier requests is forgotten, and with it the credentials of an earlier configuration.
        """
        self._openings.clear()
        for origin in self._idle.keys() - origins:
            for connection in self._idle.pop(origin):
                connection.end(Phase.CUT, "not configured any more")

    async def aclose(self) -> None:
        """End every connection and every request, and wait until the sockets are closed."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connecting in self._connecting:
            connecting.reschedule(loop.time())
        for connection in list(self._open):
            connection.end(Phase.CUT, _CLOSED)
        while self._open:
            self._emptied = loop.create_future()
            await self._emptied

    # What a connection calls.

    def opened(self, connection: Connection) -> None:
        """Count it."""
        self._open.add(connection)

    def free(self, connection: Connection) -> None:
        """Keep it for the next request."""
        idle = self._idle.get(connection.origin)
        if idle is None:
            idle = self._idle[connection.origin] = []
        idle.append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_limit / 2, self._sweep)

    def lost(self, connection: Connection) -> None:
        """Forget it."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    # Within.

    def _opening(self, request: Outgoing) -> tuple[Place, bytes]:
        """Give where a request goes, and the part of its head that others like it have in common."""
        kind = (request.method, request.url, request.headers)
        found = self._openings.get(kind)
        if found is None:
            place = locate(request.url)
            found = (place, head_opening(request, place))
            if len(self._openings) >= OPENINGS:
                self._openings.clear()
            self._openings[kind] = found
        return found

    def _take(self, origin: str) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, place: Place, limit: float) -> Connection:
        if self._closed:
            raise SendError(Phase.CONNECT, _CLOSED)
        context = await self._trust() if place.tls else None
        try:
            async with asyncio.timeout(limit) as timeout:
                self._connecting.add(timeout)
                try:
                    return await self._open_connection(place, context)
                finally:
                    self._connecting.discard(timeout)
        except TimeoutError:
            if self._closed:
                raise SendError(Phase.CONNECT, _CLOSED) from None
            raise SendError(Phase.CONNECT_TIMEOUT, f"{place.origin}: no connection within {limit:g} s") from None
        except ssl.SSLError as error:
            raise SendError(Phase.TLS, f"{place.origin}: {_words(error)}") from error
        except OSError as error:
            raise SendError(Phase.CONNECT, f"{place.origin}: {_words(error)}") from error

    async def _open_connection(self, place: Place, context: ssl.SSLContext | None) -> Connection:
        loop = asyncio.get_running_loop()
        made: list[Connection] = []

        def make() -> Connection:
            made.append(Connection(self, place.origin))
            return made[-1]

        name = place.host if context is not None else None
        try:
            _, connection = await loop.create_connection(
                make, place.host, place.port, ssl=context, server_hostname=name
            )
        except BaseException:
            # Where this is cancelled just after the connection was made, uvloop closes it without telling it.
            for each in made:
                self.lost(each)
            raise
        if not connection.usable:
            raise ConnectionAbortedError(_CLOSED if self._closed else "the connection was closed at once")
        return connection

    async def _trust(self) -> ssl.SSLContext:
        """Give the context for TLS; made once, in a thread, because reading the authorities takes 40 ms."""
        if self._ssl_context is None:
            self._ssl_context = await asyncio.to_thread(system_trust)
        return self._ssl_context

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._idle_limit
        for origin, idle in list(self._idle.items()):
            self._idle[origin] = [connection for connection in idle if connection.since > oldest]
            for connection in idle:
                if connection.since <= oldest:
                    connection.end(Phase.CUT, "idle for too long")
            if not self._idle[origin]:
                del self._idle[origin]
        self._sweeper = loop.call_later(self._idle_limit / 2, self._sweep) if self._idle else None


def head_opening(request: Outgoing, place: Place) -> bytes:
    """Write a request's head but for its end, which its length is part of.

    Raises:
        SendError: SEND, where a header would break out of its line.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in request.headers])
    head = (
        f"{request.method} {place.target} HTTP/1.1\r\nhost: {place.authority}\r\naccept-encoding: identity\r\n{lines}"
    ).encode(errors="replace")
    expected = len(request.headers) + 3
    if head.count(b"\n") != expected or head.count(b"\r") != expected or b"\0" in head:
        raise SendError(Phase.SEND, f"{place.origin}: a header of the request holds a line break or a null")
    return head


def request_head(request: Outgoing, opening: bytes) -> bytes:
    """Write request line and headers; ``opening`` is what ``head_opening`` gives."""
    if request.body or request.method != "GET":
        return b"%bcontent-length: %d\r\n\r\n" % (opening, len(request.body))
    return opening + b"\r\n"


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
