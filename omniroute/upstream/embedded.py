"""The upstream inside this process: it answers without a key and without a network.

A provider whose ``base_url`` is ``embedded:NAME`` is served here; what it can be asked is the table of that name,
from path to function. A function takes a ``Call`` and gives the whole answer as a ``Played``: adding a wire format is
adding a row.

Always true: nothing here opens a connection, reads a file or sleeps; the clock is passed in.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import unquote

from omniroute.upstream.echoes import (
    anthropic_messages,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
)
from omniroute.upstream.echoes.core import Call, Played
from omniroute.upstream.port import Answer, Outgoing, Phase, SendError

SCHEME = "embedded:"
MODELS = "/models/"

Player = Callable[[Call], Played]

# literal table
EMBEDDED: Mapping[str, Mapping[str, Player]] = {
    "echo": {
        "/chat/completions": openai_chat.chat,
        "/completions": openai_completions.completion,
        "/responses": openai_responses.response,
        "/responses/input_tokens": openai_responses.input_tokens,
        "/v1/messages": anthropic_messages.messages,
        "/v1/messages/count_tokens": anthropic_messages.count_tokens,
        "/models/{model}:generateContent": gemini.generate_content,
        "/models/{model}:streamGenerateContent": gemini.stream_generate_content,
        "/models/{model}:countTokens": gemini.count_tokens,
        "/api/chat": ollama.chat,
    },
}
"""What answers at each path; ``{model}`` stands for any name."""


def play(players: Mapping[str, Player], target: str, call: Call) -> Played:
    """Answer a call at a path with a query, by a table of ``EMBEDDED``."""
    path, _, query = target.partition("?")
    model = ""
    if path not in players and path.startswith(MODELS):
        model, _, verb = path.removeprefix(MODELS).rpartition(":")
        path = f"{MODELS}{{model}}:{verb}"
    player = players.get(path, openai_chat.no_such_path)
    return player(Call(call.body, call.number, call.now, unquote(model), query))


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
        return EmbeddedAnswer(play(players, "/" + rest, Call(request.body, self._count, int(self._now()))))

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
