"""The gateway's upstream client: which of the implementations carries which URL.

``embedded:`` is answered inside this process; ``http`` and ``https`` go through the lean client, which passes the
whole contract suite. Connections outlive a reload of the configuration, because the client does.

Always true: whatever the URL, what comes back keeps the contract of ``port.Upstream``.
"""

import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

from omniroute.upstream.embedded import SCHEME, EmbeddedUpstream
from omniroute.upstream.lean import LeanUpstream
from omniroute.upstream.port import Answer, Outgoing


def unix_time() -> float:
    """Seconds since 1970, UTC."""
    return time.time_ns() / 1e9


class Client:
    """See ``Upstream``. Lives on the loop that first sends with it."""

    __slots__ = ("_embedded", "_lean")

    def __init__(self, ssl_context: ssl.SSLContext | None = None, now: Callable[[], float] = unix_time) -> None:
        """Make a client without connections.

        Args:
            ssl_context: whom to trust; without it, the authorities that the system trusts.
            now: Unix seconds, for answers that are made here.
        """
        self._lean = LeanUpstream(ssl_context)
        self._embedded = EmbeddedUpstream(now)

    def send(self, request: Outgoing) -> Coroutine[Any, Any, Answer]:
        """Send, and wait for the answer's headers; see ``Upstream.send``."""
        # Not ``async``: the coroutine of the one that is chosen is handed on, not wrapped in another.
        return (self._embedded if request.url.startswith(SCHEME) else self._lean).send(request)

    def prune(self, origins: frozenset[str]) -> None:
        """Close the idle connections to servers that are not among these (``place.origins_of``), after a reload.

        What is under way goes on; its connection is closed some time after it is done, as idle ones are.
        """
        self._lean.prune(origins)

    async def aclose(self) -> None:
        """End every connection and every request; nothing is sent from now on."""
        await self._embedded.aclose()
        await self._lean.aclose()
