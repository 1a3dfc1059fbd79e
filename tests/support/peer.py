"""One connection of the scripted upstream, and the steps that its scripts are made of; see ``tests.support.upstream``.

Always true: nothing here validates what it sends, so that every wrong answer can be sent.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

Headers = Sequence[tuple[str, str]]

JSON: Headers = (("content-type", "application/json"),)
EVENTS: Headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
CHUNKED = ("transfer-encoding", "chunked")


@dataclass(slots=True)
class Recorded:
    """A request as it came in; ``headers`` keep order and case, ``body`` is what was read of it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    connection: int
    at: float
    body: bytes = b""
    answered: bool = False
    """Whether its script came to its end."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """Give the first header of this name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


class Step(Protocol):
    """One thing an upstream does while it answers."""

    async def run(self, peer: "Peer") -> None: ...


Script = Sequence[Step]


@dataclass(frozen=True)
class Head:
    """Send a status line and headers, just as given; nothing is added, not even a length."""

    status: int = 200
    headers: Headers = (*EVENTS, CHUNKED)
    reason: str = "Whatever"
    version: str = "1.1"

    async def run(self, peer: "Peer") -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        await peer.send(f"HTTP/{self.version} {self.status} {self.reason}\r\n{lines}\r\n".encode())


@dataclass(frozen=True)
class Raw:
    """Send these bytes."""

    data: bytes

    async def run(self, peer: "Peer") -> None:
        await peer.send(self.data)


@dataclass(frozen=True)
class Chunk:
    """Send these bytes as one chunk of the chunked coding."""

    data: bytes

    async def run(self, peer: "Peer") -> None:
        await peer.send(b"%x\r\n%b\r\n" % (len(self.data), self.data))


@dataclass(frozen=True)
class Last:
    """End a chunked body; ``trailers`` are header lines."""

    trailers: bytes = b""

    async def run(self, peer: "Peer") -> None:
        await peer.send(b"0\r\n" + self.trailers + b"\r\n")


@dataclass(frozen=True)
class Flood:
    """Send so many bytes in blocks, each as soon as the peer makes room; ``Peer.sent`` counts them."""

    size: int
    block: bytes = b"x" * 65_536

    async def run(self, peer: "Peer") -> None:
        left = self.size
        while left:
            piece = self.block[:left]
            await peer.send(piece)
            left -= len(piece)


@dataclass(frozen=True)
class Pause:
    """Wait, in seconds."""

    seconds: float

    async def run(self, peer: "Peer") -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Until:
    """Wait until a test sets this event."""

    event: asyncio.Event

    async def run(self, peer: "Peer") -> None:
        await self.event.wait()


@dataclass(frozen=True)
class Tell:
    """Set this event."""

    event: asyncio.Event

    async def run(self, peer: "Peer") -> None:
        self.event.set()


@dataclass(frozen=True)
class Stall:
    """Never go on, until the peer leaves or the server is closed."""

    async def run(self, peer: "Peer") -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class ReadBody:
    """Read the request's body; for a server that is ``early`` and does not do it by itself."""

    async def run(self, peer: "Peer") -> None:
        await peer.read_body()


@dataclass(frozen=True)
class Cut:
    """Close the connection in an orderly way, wherever the answer is: what was sent arrives, then the end."""

    async def run(self, peer: "Peer") -> None:
        await peer.close()


@dataclass(frozen=True)
class Reset:
    """Close the connection with a TCP reset; what was sent and not yet read by the peer may be lost."""

    async def run(self, peer: "Peer") -> None:
        await peer.reset()


@dataclass(frozen=True)
class HalfClose:
    """Say that nothing more is coming, and go on reading."""

    async def run(self, peer: "Peer") -> None:
        peer.transport.write_eof()


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    early: bool
    requests: list[Recorded]
    mistakes: list[Exception]

    def script_for(self, request: Recorded) -> Script: ...

    def opened(self, peer: "Peer") -> int: ...

    def closed(self, peer: "Peer", *, left: bool) -> None: ...


class _Over(Exception):
    """The connection ended by our own doing, or the peer's, between two steps."""


class Peer(asyncio.Protocol):
    """One connection: reads requests, records them, and runs their scripts, one at a time, in one task."""

    def __init__(self, server: "Host") -> None:
        self.server = server
        self.number = 0
        self.sent = 0
        """Bytes given to the socket; those that still wait for room are not counted."""
        self.request: Recorded | None = None
        self.transport: asyncio.Transport
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._lost = asyncio.Event()
        self._left = False
        self._closing = False
        self._body: int | None = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def unread(self) -> int:
        """How many bytes have come in that no request was made of yet."""
        return len(self._buffer)

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self.number = self.server.opened(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._news.set()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left = not self._closing
        self.server.closed(self, left=self._left)
        self._lost.set()
        self._news.set()
        if self._task is not None:
            self._task.cancel()

    # What steps do.

    async def send(self, data: bytes) -> None:
        """Send, and wait for room."""
        self.transport.write(data)
        await self._room.wait()
        self.sent += len(data)

    async def read_body(self) -> None:
        """Read what is left of the request's body into ``request.body``."""
        request = self.request
        assert request is not None
        if self._body is None:
            request.body = await self._read_chunks()
        elif self._body:
            request.body = await self._read(self._body)
        self._body = 0

    async def close(self) -> None:
        """End the connection after what was written has gone out."""
        self._closing = True
        self.transport.close()
        raise _Over

    async def reset(self) -> None:
        """End the connection with a reset."""
        self._closing = True
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        raise _Over

    # The life of a connection.

    async def finish(self) -> None:
        """End the connection and its task, and wait for both."""
        self._closing = True
        self.transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._lost.wait()

    async def _serve(self) -> None:
        try:
            while True:
                self.request = await self._read_head()
                if not self.server.early:
                    await self.read_body()
                self.server.requests.append(self.request)
                for step in self.server.script_for(self.request):
                    await step.run(self)
                self.request.answered = True
                self.request = None
        except (_Over, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - kept, and raised again where the server is left
            self.server.mistakes.append(error)
            self.transport.abort()

    async def _read_head(self) -> Recorded:
        head = (await self._until(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = [line.partition(":") for line in lines]
        headers = [(name, value.strip()) for name, _, value in pairs]
        request = Recorded(method, target, headers, self.number, asyncio.get_running_loop().time())
        chunked = "chunked" in (request.header("transfer-encoding") or "")
        self._body = None if chunked else int(request.header("content-length") or 0)
        return request

    async def _read_chunks(self) -> bytes:
        pieces = []
        while size := int((await self._until(b"\r\n"))[:-2], 16):
            pieces.append((await self._read(size + 2))[:-2])
        await self._until(b"\r\n")
        return b"".join(pieces)

    async def _until(self, mark: bytes) -> bytes:
        searched = 0
        while (at := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark))
            await self._more()
        return self._take(at + len(mark))

    async def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()
