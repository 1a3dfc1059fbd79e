"""The ASGI application: inference paths found by one look-up and tried first, everything else by Starlette.

Always true: every response carries the configuration it was made under (``X-OmniRoute-Config``) and a request id.
"""

import os

from starlette.types import ASGIApp, Scope

from omniroute.engine.exchange import Inbound, exchange
from omniroute.engine.patience import Patience
from omniroute.engine.runtime import Runtime
from omniroute.formats import CODECS
from omniroute.formats.codec import Codec
from omniroute.gateway.inbound import AsgiClient, Message, Receive, Send, presented_key
from omniroute.gateway.routes import DEDICATED, INFERENCE, dedicated
from omniroute.names import ProviderName


class Gateway:
    """The whole application. ``pages`` answers what is not inference."""

    __slots__ = ("_codecs", "_dedicated", "_pages", "_rt")

    def __init__(self, rt: Runtime, pages: ASGIApp) -> None:
        """Look up the codec of every inference path once."""
        self._rt = rt
        self._pages = pages
        self._codecs: dict[str, Codec] = {path: CODECS[wire] for path, wire in INFERENCE.items()}
        self._dedicated: dict[str, Codec] = {path: CODECS[wire] for path, wire in DEDICATED.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            request_id = new_request_id()
            if scope["method"] == "POST":
                codec, provider = self._route(scope["path"])
                if codec is not None:
                    inbound = Inbound(request_id, codec, presented_key(scope["headers"]), provider)
                    await self._exchange(scope, receive, send, inbound)
                    return
            scope["omniroute.request_id"] = request_id
            send = self._stamped(send, request_id)
        await self._pages(scope, receive, send)

    def _route(self, path: str) -> tuple[Codec | None, ProviderName | None]:
        """Find the codec of a path, and the provider that a dedicated path names."""
        codec = self._codecs.get(path)
        named = dedicated(path) if codec is None else None
        if named is None:
            return codec, None
        provider, rest = named
        return self._dedicated.get(rest), ProviderName(provider)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, inbound: Inbound) -> None:
        """Hand a request to the engine."""
        live = self._rt.holder.current
        patience = Patience()
        common = common_headers(live.tag, inbound.request_id)
        client = AsgiClient(scope["headers"], receive, send, patience, common)
        await exchange(self._rt, live, inbound, client, patience)

    def _stamped(self, send: Send, request_id: str) -> Send:
        """Add the headers that every response carries to what the pages send."""
        common = common_headers(self._rt.holder.current.tag, request_id)

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *common]
            await send(message)

        return stamped


def new_request_id() -> str:
    """Give an id that no other request has: 96 random bits."""
    return "req_" + os.urandom(12).hex()


def common_headers(tag: bytes, request_id: str) -> list[tuple[bytes, bytes]]:
    """Build the headers that every response carries."""
    return [(b"x-request-id", request_id.encode("ascii")), (b"x-omniroute-config", tag)]
