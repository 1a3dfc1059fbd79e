"""The ASGI application: inference paths found by one look-up and tried first, everything else by Starlette.

Always true: every response carries the configuration it was made under (``X-OmniRoute-Config``) and a request id.
"""

import os
import time
from random import Random

import msgspec
from starlette.types import ASGIApp, Scope

from omniroute.engine.exchange import exchange
from omniroute.engine.patience import Patience
from omniroute.engine.replays import wanted
from omniroute.engine.runtime import Runtime
from omniroute.engine.understand import Inbound
from omniroute.formats import CODECS, GEMINI_ARRAY
from omniroute.formats.codec import Codec, Place
from omniroute.gateway.inbound import AsgiClient, Message, Receive, Send, key_of, origin, wish
from omniroute.gateway.line import LINE, Line, LineClient
from omniroute.gateway.routes import ACTIONS, DEDICATED, INFERENCE, TOLERATED, Spot, action, dedicated
from omniroute.names import ProviderName


class Entrance(msgspec.Struct, frozen=True):
    """What a request is for: the format that is spoken, and what its path says; ``counts`` for a count of tokens."""

    codec: Codec
    counts: bool = False
    provider: ProviderName | None = None
    place: Place = Place()


class Gateway:
    """The whole application. ``pages`` answers what is not inference.

    A request id is the millisecond in which it came, so that rows which come one after the other stand beside each
    other in the database's index, and chance. That is drawn from a generator that was seeded by the system: asking that
    for each takes ten times as long, and an id is no secret.
    """

    __slots__ = ("_chance", "_dedicated", "_pages", "_rt", "_spots")

    def __init__(self, rt: Runtime, pages: ASGIApp) -> None:
        """Look up what is spoken at every inference path once."""
        self._rt = rt
        self._pages = pages
        self._chance = Random(os.urandom(32))  # noqa: S311 - see above
        self._spots = {path: _entrance(spot) for path, spot in INFERENCE.items()}
        self._spots |= {path: self._spots[meant] for path, meant in TOLERATED.items()}
        self._dedicated = {path: _entrance(Spot(wire)) for path, wire in DEDICATED.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            request_id = f"req_{time.time_ns() // 1_000_000:012x}{self._chance.getrandbits(48):012x}"
            if scope["method"] == "POST":
                entrance = self._spots.get(scope["path"]) or self._named(scope)
                if entrance is not None:
                    await self._exchange(scope, receive, send, request_id, entrance)
                    return
            scope["omniroute.request_id"] = request_id
            send = self._stamped(send, request_id)
        await self._pages(scope, receive, send)

    def _named(self, scope: Scope) -> "Entrance | None":
        """Find what is spoken at one of the paths that have a name in them."""
        path: str = scope["path"]
        named = dedicated(path)
        if named is not None:
            found = self._dedicated.get(named[1])
            return found and msgspec.structs.replace(found, provider=ProviderName(named[0]))
        asked = action(path)
        return _model_action(*asked, scope["query_string"]) if asked is not None else None

    async def _exchange(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, entrance: "Entrance"
    ) -> None:
        """Hand a request to the engine."""
        live = self._rt.holder.current
        headers = scope["headers"]
        common = common_headers(live.tag, request_id)
        line: Line | None = scope.pop(LINE, None)
        patience = Patience(None if line is None else line.alarm)
        if line is not None:
            client: AsgiClient = LineClient(line, headers, (receive, send), patience, common)
        else:
            client = AsgiClient(headers, receive, send, patience, common)
        inbound = Inbound(
            request_id=request_id,
            codec=entrance.codec,
            presented=key_of(scope),
            provider=entrance.provider,
            place=entrance.place,
            wish=wish(headers, entrance.codec.passes),
            counts=entrance.counts,
            address=origin(scope, live.snapshot.server.trusted_proxies),
            wants=wanted(headers),
        )
        try:
            await exchange(self._rt, live, inbound, client, patience)
        finally:
            if line is not None:
                line.over()

    def _stamped(self, send: Send, request_id: str) -> Send:
        """Add the headers that every response carries to what the pages send."""
        common = common_headers(self._rt.holder.current.tag, request_id)

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *common]
            await send(message)

        return stamped


def _entrance(spot: Spot) -> Entrance:
    """Look up the codec that is spoken somewhere."""
    return Entrance(CODECS[spot.format], spot.counts)


def _model_action(model: str, verb: str, query: bytes) -> Entrance:
    """Find what is asked of a model that a path names; without ``alt=sse`` a stream is one JSON array."""
    spot, stream = ACTIONS[verb]
    codec = CODECS[spot.format]
    if stream and b"alt=sse" not in query.split(b"&"):
        codec = GEMINI_ARRAY
    return Entrance(codec, spot.counts, place=Place(model, stream))


def common_headers(tag: bytes, request_id: str) -> list[tuple[bytes, bytes]]:
    """Build the headers that every response carries."""
    return [(b"x-request-id", request_id.encode("ascii")), (b"x-omniroute-config", tag)]
