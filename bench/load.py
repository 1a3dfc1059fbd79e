"""The load: raw HTTP/1.1 on one uvloop thread; prints one line of JSON.

    load.py closed URL --body FILE --connections 32 --seconds 5     as fast as answers come back
    load.py rate   URL --body FILE --rate 50 --seconds 10           at fixed times, whatever comes back
    load.py stream URL --body FILE --connections 20 --seconds 8     so many streams at a time; the delay of every event
    load.py hold   URL --body FILE --connections 2000 --seconds 5   so many streams, begun within so many seconds, each to its end

The arrivals of ``rate`` do not wait for answers, so a gateway that stalls is charged for the queue that it makes.
"""

import argparse
import asyncio
import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

STAMP = re.compile(rb"t=(\d+) ")
LENGTH = re.compile(rb"content-length: *(\d+)")
END = b"0\r\n\r\n"


class Asking(asyncio.Protocol):
    """One kept-alive connection: a request at a time."""

    def __init__(self) -> None:
        self.alive = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop hands over one that is no BaseTransport
        self.transport = transport

    def ask(self, payload: bytes) -> "asyncio.Future[int]":
        """Send a request; the future is its status, 0 where the connection broke."""
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.head = b""
        self.rest = b""
        self.left: int | None = None
        self.status = 0
        self.first: int | None = None
        self.delays: list[int] = []
        self.transport.write(payload)
        return self.answer

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self.status:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self.head[:end].lower(), self.head[end + 4 :]
            self.status = int(head[9:12])
            found = LENGTH.search(head)
            self.left = int(found[1]) if found else None
        if self.left is not None:
            self.left -= len(data)
            if self.left <= 0:
                self.finish(self.status)
            return
        data = self.rest + data
        seen = 0
        for stamp in STAMP.finditer(data):
            self.first = self.first or now
            self.delays.append(now - int(stamp[1]))
            seen = stamp.end()
        self.rest = data[max(seen, len(data) - 40) :]
        if data.endswith(END):
            self.finish(self.status)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.alive = False
        self.finish(0)

    def finish(self, status: int) -> None:
        if hasattr(self, "answer") and not self.answer.done():
            self.answer.set_result(status)


class Load:
    """What is asked, of whom, and the connections to ask on."""

    def __init__(self, options: argparse.Namespace) -> None:
        parts = urlsplit(options.url)
        body = Path(options.body).read_bytes()
        lines = "".join(f"{line}\r\n" for line in options.header)
        self.payload = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n{lines}"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.host, self.port = parts.hostname, parts.port
        self.idle: list[Asking] = []
        self.seconds: float = options.seconds
        self.options = options
        self.bad = 0

    async def connection(self) -> Asking:
        while self.idle:
            asking = self.idle.pop()
            if asking.alive:
                return asking
        _, asking = await asyncio.get_running_loop().create_connection(Asking, self.host, self.port)
        return asking

    async def closed(self) -> dict[str, object]:
        """Connections that each ask again as soon as they are answered."""
        stop = time.monotonic() + self.seconds
        took: list[int] = []

        async def one() -> None:
            while time.monotonic() < stop:
                asking = await self.connection()
                began = time.monotonic_ns()
                if await asking.ask(self.payload) == 200:
                    took.append(time.monotonic_ns() - began)
                else:
                    self.bad += 1
                self.idle.append(asking)

        began = time.monotonic()
        await asyncio.gather(*(one() for _ in range(self.options.connections)))
        seconds = time.monotonic() - began
        return {"requests": len(took), "bad": self.bad, "per_second": round(len(took) / seconds), **spread("", took)}

    async def rate(self) -> dict[str, object]:
        """Requests at fixed times."""
        took: list[int] = []

        async def one(due: int) -> None:
            asking = await self.connection()
            if await asking.ask(self.payload) == 200:
                took.append(time.monotonic_ns() - due)
            else:
                self.bad += 1
            self.idle.append(asking)

        start = time.monotonic_ns()
        tasks = []
        for number in range(int(self.options.rate * self.seconds)):
            due = start + int(number * 1e9 / self.options.rate)
            if (wait := (due - time.monotonic_ns()) / 1e9) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.ensure_future(one(due)))
        await asyncio.wait(tasks, timeout=30)
        return {"requests": len(took), "bad": self.bad, **spread("", took)}

    async def stream(self) -> dict[str, object]:
        """Streams, one after the other on each connection."""
        stop = time.monotonic() + self.seconds
        first: list[int] = []
        delays: list[int] = []

        async def one(number: int) -> None:
            await asyncio.sleep(number / self.options.connections)
            while time.monotonic() < stop:
                asking = await self.connection()
                began = time.monotonic_ns()
                if await asking.ask(self.payload) == 200 and asking.first:
                    first.append(asking.first - began)
                    delays.extend(asking.delays)
                else:
                    self.bad += 1
                    await asyncio.sleep(0.05)
                self.idle.append(asking)

        began = time.monotonic()
        await asyncio.gather(*(one(number) for number in range(self.options.connections)))
        per_second = round(len(delays) / (time.monotonic() - began))
        figures = {**spread("first_", first), **spread("event_", delays)}
        worst = {"event_max_us": max(delays) / 1000} if delays else {}
        return {
            "streams": len(first),
            "events": len(delays),
            "bad": self.bad,
            "per_second": per_second,
            **figures,
            **worst,
        }

    async def hold(self) -> dict[str, object]:
        """Many streams at once."""
        self.open = self.most = 0

        async def one(number: int) -> None:
            await asyncio.sleep(number * self.seconds / self.options.connections)
            try:
                asking = await self.connection()
            except OSError:
                self.bad += 1
                return
            self.open += 1
            self.most = max(self.most, self.open)
            if await asking.ask(self.payload) != 200 or not asking.delays:
                self.bad += 1
            self.open -= 1

        await asyncio.gather(*(one(number) for number in range(self.options.connections)))
        return {"most": self.most, "bad": self.bad}


def spread(name: str, nanos: list[int]) -> dict[str, float]:
    """Median and 99th percentile, in microseconds."""
    ordered = sorted(nanos)
    if not ordered:
        return {}
    return {
        f"{name}p{percent}_us": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1000
        for percent in (50, 99)
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["closed", "rate", "stream", "hold"])
    parser.add_argument("url")
    parser.add_argument("--body", required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=5)
    load = Load(options := parser.parse_args())
    print(json.dumps(uvloop.run(getattr(load, options.mode)())))


if __name__ == "__main__":
    main()
