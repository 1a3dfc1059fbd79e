"""A raw HTTP/1.1 client that shows exactly what came: every byte of the body, and whether its end was a proper one."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Received:
    """A response. ``complete`` says that the body ended as its headers promised."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    complete: bool = False

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of an event stream: JSON where it is, else text."""
        records = self.body.decode().replace("\r\n", "\n").split("\n\n")
        data = [line[5:].strip() for record in records for line in record.split("\n") if line.startswith("data:")]
        return [json.loads(each) if each.startswith("{") else each for each in data]

    @property
    def text(self) -> str:
        """What a streamed chat completion said."""
        chunks = [each for each in self.events if isinstance(each, dict) and "choices" in each]
        return "".join(choice["delta"].get("content") or "" for each in chunks for choice in each["choices"])


@dataclass
class Connection:
    """One request on a connection of its own; leaves when it is closed."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: Received = field(default_factory=lambda: Received(0, {}))

    async def headers(self) -> Received:
        """Read the status line and the headers."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        self.received.status = int(first.split()[1])
        self.received.headers = {
            name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
        }
        return self.received

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body as it comes: chunk by chunk where it is chunked."""
        headers = self.received.headers
        try:
            if headers.get("transfer-encoding") == "chunked":
                while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                    piece = (await self.reader.readexactly(size + 2))[:-2]
                    self.received.body += piece
                    yield piece
                await self.reader.readexactly(2)
            else:
                self.received.body += await self.reader.readexactly(int(headers["content-length"]))
                yield self.received.body
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        self.received.complete = True

    async def rest(self) -> Received:
        """Read the body to its end."""
        async for _ in self.pieces():
            pass
        return self.received

    async def close(self) -> None:
        """Leave."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


async def ask(url: str, body: object, headers: Mapping[str, str] | None = None, method: str = "POST") -> Connection:
    """Send a request; a body that is not bytes is sent as JSON."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
    writer.write(request_bytes(url, body, headers, method))
    await writer.drain()
    return Connection(reader, writer)


async def again(
    connection: Connection, url: str, body: object, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Connection:
    """Send another request on a connection whose last answer was read to its end."""
    connection.writer.write(request_bytes(url, body, headers, method))
    await connection.writer.drain()
    return Connection(connection.reader, connection.writer)


def request_bytes(url: str, body: object, headers: Mapping[str, str] | None = None, method: str = "POST") -> bytes:
    """Write a request; of the headers, those given win."""
    parts = urlsplit(url)
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {
        "host": parts.netloc,
        "content-type": "application/json",
        "content-length": str(len(payload)),
        **(headers or {}),
    }
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + payload


async def fetch(
    url: str, body: object = b"", headers: Mapping[str, str] | None = None, method: str = "POST", limit: float = 30
) -> Received:
    """Send a request and read all of its answer."""
    async with asyncio.timeout(limit):
        connection = await ask(url, body, headers, method)
        try:
            await connection.headers()
            return await connection.rest()
        finally:
            await connection.close()


def chat(model: str, *, stream: bool = False, **more: object) -> dict[str, object]:
    """A small chat request."""
    return {"model": model, "messages": [{"role": "user", "content": "Say hello"}], "stream": stream, **more}
