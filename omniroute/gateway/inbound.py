"""A client's side of an exchange over ASGI: its request read, its response written, its leaving noticed.

Always true: after the body was read, one listener waits for the client to leave, and ends with the response or the
connection. What is sent to a client that has left is dropped by the server; nothing here raises for it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Scope

from omniroute.config.policy import Network
from omniroute.engine.attempt import Wish
from omniroute.engine.patience import Patience, Why
from omniroute.engine.reply import ClientLeft
from omniroute.engine.terms import Headers
from omniroute.errors import TooLarge
from omniroute.routing.permit import Address, client_address

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]

KEY_IN_QUERY = ("/v1beta/", "/v1/models/", "/v1/v1beta/")
"""Where https://ai.google.dev/api/all-methods lets a key stand in the URL."""

SESSION = (b"x-session-id", b"x_session_id", b"x-omniroute-session", b"session-id", b"session_id")
"""Headers that name the conversation that a request belongs to, the first that is there; proxies may drop those with
underscores."""
LONGEST_SESSION = 256
TAGS = b"x-omniroute-tags"
"""The header that has words of the client's own by which it finds its requests, between commas."""
MOST_TAGS = 10
_TAG = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_PROGRESS = b"x-omniroute-progress"
_HEEDED = frozenset({*SESSION, TAGS, _PROGRESS})

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
        found = parse_qs(scope["query_string"].decode("latin-1")).get("key")  # of bytes it takes ASCII only
        return found[0].encode() if found else None
    return key


def origin(scope: Scope, trusted: Sequence[Network]) -> Address:
    """Find out where a request came from; ``trusted`` are the proxies whose word is taken for it."""
    peer = scope.get("client")
    said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"] if trusted else ()
    return client_address(peer[0] if peer else None, said, trusted)


def wish(headers: RawHeaders, passes: frozenset[bytes]) -> Wish:
    """Read what a client asks by its headers: those of ``passes`` go on to its upstream."""
    passed: Headers = ()
    said: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in passes:
            passed = (*passed, (name.decode("latin-1"), value.decode("latin-1")))
        elif name in _HEEDED:
            said[name] = said[name] + b"," + value if name == TAGS and name in said else value
    if not said:
        return Wish(passed) if passed else _NO_WISH
    progress = said.get(_PROGRESS, b"").strip().lower() == b"true"
    return Wish(passed, progress, _session(said), tags(said[TAGS]) if TAGS in said else ())


def _session(said: Mapping[bytes, bytes]) -> str | None:
    """Give what the headers call the conversation; a name that is too long is none."""
    names = (said.get(name, b"") for name in SESSION)
    return next((name.decode("latin-1") for name in names if 0 < len(name) <= LONGEST_SESSION), None)


def tags(written: bytes) -> tuple[str, ...]:
    """Read tags: the first ten that are well formed, each once.

    The others are left out rather than refused, as gateways do that take such words: a request is not worth less for a
    label that is too long (https://developers.cloudflare.com/ai-gateway/observability/custom-metadata/ keeps the first
    five).
    """
    words = (word.strip() for word in written.decode("latin-1").split(","))
    return tuple(dict.fromkeys(word for word in words if _TAG.fullmatch(word)))[:MOST_TAGS]


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
        body, more = await self._first()
        if more:
            body = await self._rest_of(body, limit)
        if len(body) > limit:
            raise too_large(limit)
        self._hear()
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

    async def _first(self) -> tuple[bytes, bool]:
        """Give the first part of the body, and whether more is to come.

        Raises:
            ClientLeft: the client left before it.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        return message.get("body", b""), message.get("more_body", False)

    def _hear(self) -> None:
        """Notice from now on when the client leaves.

        The one task beside a request's own: without somebody who listens, a client that leaves while its upstream is
        still thinking would be noticed only when there is something to send. It is held here, because a loop holds its
        tasks weakly.
        """
        self._listener = asyncio.get_running_loop().create_task(self._listen())

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
