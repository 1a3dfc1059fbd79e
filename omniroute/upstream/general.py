"""The general client, over httpx: for what the lean one cannot reach.

It stands on ``httpx.AsyncHTTPTransport``, one for each origin, and not on ``httpx.AsyncClient``, which writes every
URL into the log (a key may be in it), keeps cookies, and adds headers of its own. Beneath the transport lies a
network backend of ours, which sees what the transport does not tell: whether a connection is new, and whether any
byte of an answer arrived. On that a second try on a stale connection is decided.

Always true: every exception of httpx becomes a ``SendError``, by the table ``PHASE_OF``.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextvars import ContextVar
from math import isinf
from typing import Any

import httpcore
import httpx

from omniroute.upstream.body import gather
from omniroute.upstream.inflate import inflated, take_coding
from omniroute.upstream.place import Place, locate
from omniroute.upstream.port import Outgoing, Phase, SendError
from omniroute.upstream.trust import IDLE, system_trust

# literal table: one row an exception; what happens before the headers. In a body each of them means CUT.
PHASE_OF: Mapping[type[Exception], Phase] = {
    httpx.CloseError: Phase.SEND,
    httpx.ConnectError: Phase.CONNECT,
    httpx.ConnectTimeout: Phase.CONNECT_TIMEOUT,
    httpx.CookieConflict: Phase.PROTOCOL,
    httpx.DecodingError: Phase.PROTOCOL,
    httpx.HTTPError: Phase.SEND,
    httpx.HTTPStatusError: Phase.PROTOCOL,
    httpx.InvalidURL: Phase.CONNECT,
    httpx.LocalProtocolError: Phase.SEND,
    httpx.NetworkError: Phase.SEND,
    httpx.PoolTimeout: Phase.CONNECT_TIMEOUT,
    httpx.ProtocolError: Phase.PROTOCOL,
    httpx.ProxyError: Phase.CONNECT,
    httpx.ReadError: Phase.SEND,
    httpx.ReadTimeout: Phase.FIRST_BYTE_TIMEOUT,
    httpx.RemoteProtocolError: Phase.PROTOCOL,
    httpx.RequestError: Phase.SEND,
    httpx.RequestNotRead: Phase.SEND,
    httpx.ResponseNotRead: Phase.PROTOCOL,
    httpx.StreamClosed: Phase.CUT,
    httpx.StreamConsumed: Phase.CUT,
    httpx.StreamError: Phase.CUT,
    httpx.TimeoutException: Phase.FIRST_BYTE_TIMEOUT,
    httpx.TooManyRedirects: Phase.PROTOCOL,
    httpx.TransportError: Phase.SEND,
    httpx.UnsupportedProtocol: Phase.CONNECT,
    httpx.WriteError: Phase.SEND,
    httpx.WriteTimeout: Phase.SEND,
}
_FAILURES = tuple(PHASE_OF)

_CLOSED = "the gateway's upstream client is closed"


class GeneralUpstream:
    """See ``Upstream``. Lives on the loop that it was made on."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        """Make a client without connections.

        Args:
            ssl_context: whom to trust; without it, the authorities that the system trusts.
        """
        self._ssl_context = ssl_context
        self._transports: dict[str, _Transport] = {}
        self._watches: set[_Watch] = set()
        self._closed = False

    async def send(self, request: Outgoing) -> "GeneralAnswer":
        """Send, and wait for the answer's headers; see ``Upstream.send``."""
        place = locate(request.url)
        while True:
            watch = _Watch(request)
            try:
                return await self._try(request, place, watch)
            except SendError as error:
                if error.phase is not Phase.SEND or not watch.stale:
                    raise

    async def aclose(self) -> None:
        """End every connection and every request."""
        self._closed = True
        for watch in self._watches:
            watch.give_up()
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()

    async def _try(self, request: Outgoing, place: Place, watch: "_Watch") -> "GeneralAnswer":
        if self._closed:
            raise SendError(Phase.CONNECT, _CLOSED)
        transport = await self._transport(place)
        self._watches.add(watch)
        token = _WATCH.set(watch)
        try:
            async with watch.timeout:
                response = await transport.handle_async_request(_outgoing(request))
            return await _answer(response, place)
        except TimeoutError:
            raise watch.late(place) from None
        except _FAILURES as error:
            raise _sent_badly(error, place, watch) from error
        finally:
            _WATCH.reset(token)
            self._watches.discard(watch)

    async def _transport(self, place: Place) -> "_Transport":
        transport = self._transports.get(place.origin)
        if transport is None:
            context = await self._trust() if place.tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            transport = self._transports.setdefault(place.origin, _Transport(context))
        return transport

    async def _trust(self) -> ssl.SSLContext:
        """Give the context for TLS; made once, in a thread."""
        if self._ssl_context is None:
            self._ssl_context = await asyncio.to_thread(system_trust)
        return self._ssl_context


class GeneralAnswer:
    """See ``Answer``."""

    def __init__(self, response: httpx.Response, place: Place) -> None:
        """Hold a response whose body is still to be read."""
        self.status = response.status_code
        headers: dict[str, str] = {}
        for name, value in response.headers.raw:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        self.headers: Mapping[str, str]
        self._coding, self.headers = take_coding(headers)
        self._response = response
        self._place = place

    async def read(self, limit: int) -> bytes:
        """Give the whole body; see ``Answer.read``."""
        try:
            return await gather(self.chunks(), limit)
        finally:
            await self.close()

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives; see ``Answer.chunks``."""
        return self._raw() if self._coding is None else inflated(self._raw(), self._coding)

    async def close(self) -> None:
        """Let go of the connection; see ``Answer.close``."""
        await self._response.aclose()

    async def _raw(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_raw():
                if piece:
                    yield piece
        except _FAILURES as error:
            detail = f"{self._place.origin}: the connection ended before the answer did ({type(error).__name__})"
            raise SendError(Phase.CUT, detail) from error


class _Watch:
    """What became of one request so far, and the time it has left."""

    def __init__(self, request: Outgoing) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._connect_by: float | None = None
        self._phase = Phase.FIRST_BYTE_TIMEOUT
        self._given_up = False
        self.timeout = asyncio.timeout(None if isinf(request.first_byte) else request.first_byte)
        self.heard = False
        """Whether a byte came from the peer."""
        self.ended = False
        """Whether the peer said that no more will come."""

    @property
    def stale(self) -> bool:
        """Whether it failed on a connection that had been used before, without one byte of an answer."""
        return self._connect_by is None and not self.heard and not self.timeout.expired()

    def connecting(self) -> None:
        if self._connect_by is None:
            self._connect_by = self._loop.time() + self._request.connect
        self._phase = Phase.CONNECT_TIMEOUT
        self.timeout.reschedule(self._connect_by)

    def connected(self) -> None:
        self._phase = Phase.FIRST_BYTE_TIMEOUT
        first_byte = self._request.first_byte
        self.timeout.reschedule(None if isinf(first_byte) else self._loop.time() + first_byte)

    def give_up(self) -> None:
        self._given_up = True
        self.timeout.reschedule(self._loop.time())

    def late(self, place: Place) -> SendError:
        if self._given_up:
            return SendError(Phase.CUT, _CLOSED)
        if self._phase is Phase.CONNECT_TIMEOUT:
            return SendError(self._phase, f"{place.origin}: no connection within {self._request.connect:g} s")
        return SendError(self._phase, f"{place.origin}: no answer within {self._request.first_byte:g} s")


_WATCH: ContextVar[_Watch] = ContextVar("_WATCH")


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool with our network backend; httpx offers no argument for one."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=IDLE,
            network_backend=_Backend(),
        )


class _Backend(httpcore.AsyncNetworkBackend):
    """anyio's, telling the watch of the request at hand."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        watch = _WATCH.get()
        watch.connecting()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        watch.connected()
        return _Stream(stream)


class _Stream(httpcore.AsyncNetworkStream):
    """One connection of the backend."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's interface
        data = await self._inner.read(max_bytes, timeout)
        watch = _WATCH.get(None)  # there is none while a body is read
        if watch is not None:
            watch.heard = watch.heard or bool(data)
            watch.ended = not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's interface
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        watch = _WATCH.get()
        watch.connecting()
        try:
            stream = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._inner.aclose()  # httpcore forgets the socket when a handshake is cancelled
            raise
        watch.connected()
        return _Stream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _outgoing(request: Outgoing) -> httpx.Request:
    headers = [(b"accept-encoding", b"identity")]
    headers += [(name.encode(), value.encode()) for name, value in request.headers]
    return httpx.Request(request.method, request.url, headers=headers, content=request.body)


async def _answer(response: httpx.Response, place: Place) -> GeneralAnswer:
    try:
        return GeneralAnswer(response, place)
    except SendError:
        await response.aclose()
        raise


def _sent_badly(error: Exception, place: Place, watch: _Watch) -> SendError:
    """Say in which phase a request failed; what httpx calls a fault of the protocol may just be an early end."""
    phase = PHASE_OF[type(error)]
    if phase is Phase.CONNECT and _caused_by_tls(error):
        phase = Phase.TLS
    elif phase is Phase.PROTOCOL and (watch.ended or not watch.heard):
        phase = Phase.SEND
    return SendError(phase, f"{place.origin}: {error or type(error).__name__}")


def _caused_by_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
