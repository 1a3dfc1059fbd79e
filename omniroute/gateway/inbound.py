"""A client's side of an exchange over ASGI: its request read, its response written, its leaving noticed.

Always true: after the body was read, one listener waits for the client to leave, and ends with the response or the
connection. What is sent to a client that has left is dropped by the server; nothing here raises for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Scope

from omniroute.engine.attempt import Wish
from omniroute.engine.patience import Patience, Why
from omniroute.engine.reply import ClientLeft
from omniroute.engine.runtime import Headers
from omniroute.errors import TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]

KEY_IN_QUERY = ("/v1beta/", "/v1/models/", "/v1/v1beta/")
"""Where https://ai.google.dev/api/all-methods lets a key stand in the URL."""

SESSION = frozenset({b"x-session-id", b"x_session_id"})
"""Headers that name the conversation that a request belongs to; a proxy may drop the one with underscores."""
LONGEST_SESSION = 256

_NO_WISH = Wish()


def presented_key(headers: RawHeaders) -> bytes | None:
    """Find the client key: ``Authorization: Bearer`` first, then ``x-api-key``, then ``x-goog-api-key``."""
    other = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                return key.strip()
        elif name in {b"x-api-key", b"x-goog-api-key"} and value:
            other = other or value
    return other


def key_of(scope: Scope) -> bytes | None:
    """Find the client key of a request; for Gemini's paths it may stand in the query as ``key``, last of all."""
    key = presented_key(scope["headers"])
    if key is None and scope["path"].startswith(KEY_IN_QUERY):
        found = parse_qs(scope["query_string"]).get(b"key")
        return found[0] if found else None
    return key


def wish(headers: RawHeaders, passes: frozenset[bytes]) -> Wish:
    """Read what a client asks by its headers: those of ``passes`` go on to its upstream."""
    passed: Headers = ()
    progress, session = False, None
    for name, value in headers:
        if name in passes:
            passed = (*passed, (name.decode("latin-1"), value.decode("latin-1")))
        elif name == b"x-omniroute-progress":
            progress = value.strip().lower() == b"true"
        elif name in SESSION and value and len(value) <= LONGEST_SESSION:
            session = value.decode("latin-1")
    return Wish(passed, progress, session) if passed or progress or session else _NO_WISH


class AsgiClient:
    """One client connection for the time of one exchange.

    ``common`` are the headers that every response carries.
    """

    __slots__ = ("_common", "_headers", "_listener", "_patience", "_receive", "_send", "ended", "started")

    def __init__(
        self, headers: RawHeaders, receive: Receive, send: Send, patience: Patience, common: list[tuple[bytes, bytes]]
    ) -> None:
        """Hold the connection."""
        self._headers = headers
        self._receive = receive
        self._send = send
        self._patience = patience
        self._common = common
        self._listener: asyncio.Task[None] | None = None
        self.started = False
        self.ended = False

    async def body(self, limit: int) -> bytes:
        """Read the request body; as ``engine.reply.Client``."""
        self._check_length(limit)
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            body = await self._rest_of(body, limit)
        elif message["type"] == "http.disconnect":
            raise ClientLeft
        if len(body) > limit:
            raise too_large(limit)
        # The one task beside a request's own: without somebody who listens, a client that leaves while its upstream
        # is still thinking would be noticed only when there is something to send. It is held here, because a loop
        # holds its tasks weakly.
        self._listener = asyncio.get_running_loop().create_task(self._listen())
        return body

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete response."""
        self.ended = True
        await self.start(status, (*headers, ("content-length", str(len(body)))))
        await self.end(body)

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a response."""
        self.started = True
        encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded + self._common})

    async def send(self, data: bytes) -> None:
        """Send a part of it; waits while the connection is full."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes) -> None:
        """Send the last part, and end the response."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})
        self.ended = True

    def _check_length(self, limit: int) -> None:
        """Refuse a body that says it is too long before any of it is read."""
        for name, value in self._headers:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                raise too_large(limit)

    async def _rest_of(self, first: bytes, limit: int) -> bytes:
        """Read the parts of a body that came in several."""
        parts, size, more = [first], len(first), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise too_large(limit)
            more = message.get("more_body", False)
        return b"".join(parts)

    async def _listen(self) -> None:
        """Wait until the client has left, or has its whole response."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.ended:
            self._patience.interrupt(Why.GONE)


def too_large(limit: int) -> TooLarge:
    """Say which limit was passed, and where it is written."""
    return TooLarge(f"the request body is longer than {limit} bytes (server.max_body)")
