"""The echo on a real port, for official clients to be tried against, and asked for directly."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from omniroute.upstream.echoes.core import ABOUT, Call
from omniroute.upstream.embedded import EMBEDDED, EmbeddedUpstream, play
from omniroute.upstream.port import Answer, Outgoing
from tests.support.peer import CHUNKED, Chunk, Head, Last, Recorded, Script
from tests.support.upstream import ScriptedUpstream

NOW = 1_700_000_000
ANSWER = f'You said: "good morning".{ABOUT}'
"""What is said to ``good morning``."""
WORDS = len(ANSWER.split())
CUT = 'You said: "good'
"""What is left of it under a limit of three."""


@asynccontextmanager
async def echoing(prefix: str = "") -> AsyncIterator[str]:
    """Serve the echo; what clients put before its paths is taken off. Gives the address, without a slash."""
    numbers = iter(range(1, 1_000))

    def respond(request: Recorded) -> Script:
        target = request.target.removeprefix(prefix)
        played = play(EMBEDDED["echo"], target, Call(request.body, next(numbers), NOW))
        head = Head(played.status, (("content-type", played.content_type), CHUNKED))
        return [head, *(Chunk(piece) for piece in played.pieces), Last()]

    async with ScriptedUpstream(respond=respond) as upstream:
        yield upstream.url


async def ask(path: str, body: object) -> Answer:
    """Ask the echo as the gateway does; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await EmbeddedUpstream(lambda: NOW + 0.5).send(Outgoing(f"embedded:echo{path}", (), raw, 1.0, 1.0))


async def whole(path: str, body: object) -> Any:
    """Give the answer that is not streamed."""
    answer = await ask(path, body)
    assert answer.headers["content-type"] == "application/json"
    return json.loads(await answer.read(100_000))


async def pieces(path: str, body: object) -> list[str]:
    """Give the answer's pieces, which are records where it is a stream."""
    return [piece.decode() async for piece in (await ask(path, body)).chunks()]


async def named_events(path: str, body: object) -> list[Any]:
    """Give the events of a stream whose records are named after their events' types."""
    events = []
    for piece in await pieces(path, body):
        name, data = piece.removesuffix("\n\n").split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events
