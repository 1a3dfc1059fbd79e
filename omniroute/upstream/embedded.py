"""The upstream inside this process: it answers without a key and without a network.

A provider whose ``base_url`` is ``embedded:NAME`` is served here; what it can be asked is the table of that name,
from path to function. A function takes the request's body and gives the whole answer as a ``Played``: adding a wire
format is adding a row.

Always true: nothing here opens a connection, reads a file or sleeps; the clock is passed in.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from omniroute.upstream.echo import Played, no_such_path, openai_chat
from omniroute.upstream.port import Answer, Outgoing, Phase, SendError

SCHEME = "embedded:"

Player = Callable[[bytes, int, int], Played]
"""What answers: takes the body, a number that no other answer of this process has, and the Unix time in seconds."""

EMBEDDED: Mapping[str, Mapping[str, Player]] = {
    "echo": {"/chat/completions": openai_chat},
}


class EmbeddedUpstream:
    """Answers requests to ``embedded:`` URLs; keeps nothing between them but their count."""

    __slots__ = ("_closed", "_count", "_now")

    def __init__(self, now: Callable[[], float]) -> None:
        """Answer by a clock that gives Unix seconds."""
        self._now = now
        self._count = 0
        self._closed = False

    async def send(self, request: Outgoing) -> Answer:
        """Answer at once; see ``Upstream.send``.

        Raises:
            SendError: CONNECT, where no embedded upstream has this name or this one was closed.
        """
        name, _, rest = request.url.removeprefix(SCHEME).partition("/")
        players = EMBEDDED.get(name)
        if players is None:
            known = ", ".join(f"{SCHEME}{name}" for name in EMBEDDED)
            raise SendError(Phase.CONNECT, f"there is no upstream {SCHEME}{name}; embedded ones are: {known}")
        if self._closed:
            raise SendError(Phase.CONNECT, "the gateway's upstream client is closed")
        self._count += 1
        path = "/" + rest.partition("?")[0]
        played = players.get(path, no_such_path)(request.body, self._count, int(self._now()))
        return EmbeddedAnswer(played)

    async def aclose(self) -> None:
        """Answer nothing from now on."""
        self._closed = True


class EmbeddedAnswer:
    """An answer that is already there; see ``Answer``."""

    __slots__ = ("_closed", "_pieces", "headers", "status")

    def __init__(self, played: Played) -> None:
        """Hold the answer."""
        self.status = played.status
        self.headers: Mapping[str, str] = {"content-type": played.content_type}
        self._pieces = iter(played.pieces)
        self._closed = False

    async def read(self, limit: int) -> bytes:
        """Give the whole body; see ``Answer.read``."""
        self._check()
        body = bytearray()
        for piece in self._pieces:
            body += piece
            if len(body) > limit:
                raise SendError(Phase.TOO_LONG, f"the answer is longer than {limit} bytes")
        return bytes(body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body in its pieces; the loop gets a turn between two of them."""
        self._check()
        for piece in self._pieces:
            yield piece
            await asyncio.sleep(0)
            self._check()

    async def close(self) -> None:
        """Give no more of it."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise SendError(Phase.CUT, "the answer was closed before it was read")
