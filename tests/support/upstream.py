"""A scripted upstream: a real HTTP/1.1 server on loopback that does exactly what a test tells it to, and remembers.

    async with ScriptedUpstream() as upstream:
        upstream.then(json_answer({"ok": True}))           # the next request gets this one
        upstream.then([Head(), Chunk(b"half"), Reset()])   # and the one after it this
        ...                                                # every other one gets ``upstream.default``
        assert upstream.requests[0].json()["model"] == "m"

What answers a request is found in this order: ``respond(request)`` where it gives a script, the queue filled by
``then``, ``default``. A script is a sequence of steps; when it is through, the connection is kept alive unless a
step closed it. A script is stopped where it stands when the peer leaves, and ``disconnects`` says so.

Always true: nothing here validates what it sends, so that every wrong answer can be sent; it opens no other port
than 127.0.0.1:0, and leaves no task, socket or warning behind. A mistake in a script or in ``respond`` fails the
test that made it, at the end of the ``async with``.
"""

import asyncio
import json
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.peer import (
    CHUNKED,
    EVENTS,
    JSON,
    Chunk,
    Cut,
    Flood,
    HalfClose,
    Head,
    Headers,
    Last,
    Pause,
    Peer,
    Raw,
    ReadBody,
    Recorded,
    Reset,
    Script,
    Stall,
    Step,
    Tell,
    Until,
)

__all__ = [
    "Chunk",
    "Cut",
    "Disconnect",
    "Flood",
    "HalfClose",
    "Head",
    "Last",
    "Pause",
    "Raw",
    "ReadBody",
    "Recorded",
    "Reset",
    "Script",
    "ScriptedUpstream",
    "Stall",
    "Step",
    "Tell",
    "Until",
    "answer",
    "chat_answer",
    "chat_events",
    "chat_stream",
    "error_answer",
    "json_answer",
    "refusing_port",
    "silent_port",
    "sse",
    "usage_of",
]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A connection that the peer ended; ``request`` is what was being answered then, ``at`` the loop's time."""

    connection: int
    at: float
    request: Recorded | None


@dataclass
class ScriptedUpstream:
    """The server; see the module. ``early`` answers before the request's body is read."""

    default: Script = ()
    respond: Callable[[Recorded], Script | None] | None = None
    early: bool = False
    tls: ssl.SSLContext | None = None
    send_buffer: int | None = None
    """Bytes that the kernel may hold on the way out, for tests of back-pressure."""

    requests: list[Recorded] = field(default_factory=list, init=False)
    disconnects: list[Disconnect] = field(default_factory=list, init=False)
    queue: deque[Script] = field(default_factory=deque, init=False)
    peers: set[Peer] = field(default_factory=set, init=False)
    """The connections that are open."""
    connections: int = field(default=0, init=False)
    """How many were ever opened; the first one has number 1."""
    mistakes: list[Exception] = field(default_factory=list, init=False)
    port: int = field(default=0, init=False)
    _server: asyncio.Server | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.default = self.default or chat_answer("Hello.")

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """Bytes given to the sockets of the open connections."""
        return sum(peer.sent for peer in self.peers)

    def then(self, *scripts: Script) -> Self:
        """Answer the next requests with these, one each."""
        self.queue.extend(scripts)
        return self

    async def __aenter__(self) -> Self:
        # With its protocol spelt out, or asyncio leaves Nagle's algorithm on, and small writes wait for 40 ms.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        if self.send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), sock=listening, ssl=self.tls, backlog=2048)
        self.port = listening.getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.stop()
        if self.mistakes and failure[0] is None:
            raise self.mistakes[0]

    async def stop(self) -> None:
        """Close the port and every connection; the port refuses from now on."""
        if self._server is not None:
            self._server.close()
            for peer in list(self.peers):
                await peer.finish()
            await self._server.wait_closed()
            self._server = None

    def script_for(self, request: Recorded) -> Script:
        chosen = self.respond(request) if self.respond is not None else None
        if chosen is not None:
            return chosen
        return self.queue.popleft() if self.queue else self.default

    def opened(self, peer: Peer) -> int:
        self.connections += 1
        self.peers.add(peer)
        return self.connections

    def closed(self, peer: Peer, *, left: bool) -> None:
        self.peers.discard(peer)
        if left:
            now = asyncio.get_running_loop().time()
            self.disconnects.append(Disconnect(peer.number, now, peer.request))


# Scripts that are often wanted.


def answer(body: bytes, status: int = 200, headers: Headers = ()) -> Script:
    """A whole body with its length; it is sent together with the headers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, ("content-length", str(len(body)))))
    return [Raw(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body)]


def json_answer(obj: object, status: int = 200, headers: Headers = ()) -> Script:
    """A JSON document."""
    return answer(json.dumps(obj).encode(), status, (*JSON, *headers))


def error_answer(message: str, status: int, headers: Headers = (), **more: object) -> Script:
    """An error in OpenAI's shape: https://platform.openai.com/docs/guides/error-codes."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}
    return json_answer(body, status, headers)


def sse(
    events: Sequence[str | Mapping[str, Any]],
    *,
    gap: float = 0,
    done: bool = True,
    cut: bool = False,
    status: int = 200,
    headers: Headers = (),
) -> Script:
    """An event stream, a chunk an event, ``gap`` seconds apart.

    A mapping is sent as ``data:`` and its JSON, a string as it stands (so it brings its own blank line). ``done``
    sends ``data: [DONE]`` after them; ``cut`` closes the connection where the stream should have ended properly.
    """
    texts = [event if isinstance(event, str) else f"data: {json.dumps(event)}\n\n" for event in events]
    texts += ["data: [DONE]\n\n"] if done else []
    steps: list[Step] = [Head(status, (*EVENTS, *headers, CHUNKED))]
    for number, text in enumerate(texts):
        steps += [Pause(gap)] if gap and number else []
        steps.append(Chunk(text.encode()))
    return [*steps, Cut() if cut else Last()]


def usage_of(prompt: int, completion: int) -> dict[str, int]:
    """Usage in OpenAI's shape."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def chat_answer(
    text: str,
    usage: Mapping[str, Any] | None = None,
    *,
    model: str = "scripted",
    finish: str = "stop",
    headers: Headers = (),
) -> Script:
    """A chat completion: https://platform.openai.com/docs/api-reference/chat/object."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": model}
    return json_answer({**body, "choices": [choice], **({"usage": usage} if usage else {})}, headers=headers)


def chat_events(
    parts: Sequence[str],
    usage: Mapping[str, Any] | None = None,
    *,
    model: str = "scripted",
    finish: str = "stop",
) -> list[dict[str, Any]]:
    """The events of a streamed chat completion: role, a part each, the finish, and usage on a chunk of its own.

    https://platform.openai.com/docs/api-reference/chat-streaming/streaming.
    """
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**base, "choices": [choice], **({"usage": None} if usage else {})}

    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": part}) for part in parts)]
    events.append(chunk({}, finish))
    return [*events, {**base, "choices": [], "usage": usage}] if usage else events


def chat_stream(
    parts: Sequence[str],
    usage: Mapping[str, Any] | None = None,
    *,
    model: str = "scripted",
    finish: str = "stop",
    gap: float = 0,
    done: bool = True,
    cut: bool = False,
    headers: Headers = (),
) -> Script:
    """A streamed chat completion; see ``chat_events`` and ``sse``."""
    return sse(chat_events(parts, usage, model=model, finish=finish), gap=gap, done=done, cut=cut, headers=headers)


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections: it is held, and nothing listens on it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port on which connecting takes for ever: it listens, its queue is full, and nobody accepts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting: list[socket.socket] = []
        try:
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                with suppress(BlockingIOError):
                    waiting[-1].connect(address)
            yield address[1]
        finally:
            for one in waiting:
                one.close()
