"""A fake provider for measuring: one process, one core, answers made beforehand.

The model's name says what it does: ``whole`` answers at once; ``stream-100-20`` sends 100 events, 20 ms apart. Every
event carries the time at which it was written (``t=`` and nanoseconds of the machine's steady clock), so that the
delay that a gateway adds can be told for each of them.

    upstream.py PORT
"""

import asyncio
import re
import sys
import time

import httptools
import uvloop

MODEL = re.compile(rb'"model"\s*:\s*"([^"]*)"')
USAGE = b'{"prompt_tokens":60,"completion_tokens":20,"total_tokens":80}'
BODY = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"' + b"The quick brown fox. " * 8 + b'"},"finish_reason":"stop"}],'
    b'"usage":' + USAGE + b"}"
)
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":'
    b'[{"index":0,"delta":{"content":"t=%d "},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
SPENT = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[],'
    b'"usage":' + USAGE + b"}\n\n"
)
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop hands over one that is no BaseTransport
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body, self.body = b"".join(self.body), []
        found = MODEL.search(body[:4096]) or MODEL.search(body)
        kind, *figures = (found[1] if found else b"whole").rpartition(b"/")[2].split(b"-")
        if kind == b"stream":
            count, gap = map(int, figures)
            self.transport.write(HEAD)
            self.step(count, gap / 1000, usage=b"include_usage" in body)
        else:
            self.transport.write(WHOLE)

    def step(self, left: int, gap: float, *, usage: bool) -> None:
        """Write the next event, and come back for the one after it."""
        if self.transport.is_closing():
            return
        if left:
            self.transport.write(chunk(EVENT % time.monotonic_ns()))
            loop.call_later(gap, lambda: self.step(left - 1, gap, usage=usage))
        else:
            self.transport.write(chunk(LAST) + (chunk(SPENT) if usage else b"") + chunk(DONE) + b"0\r\n\r\n")


async def main() -> None:
    server = await loop.create_server(Provider, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
