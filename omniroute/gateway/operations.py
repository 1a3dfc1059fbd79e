"""The pages on runtime data, and the operations on it.

Always true: pages change nothing, and an operation nothing but runtime data; what reads or writes the database does so
in a worker thread. Of several workers each answers for itself: what one has learnt of its targets, and forgets.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from omniroute.engine.runtime import Runtime
from omniroute.engine.terms import unix_micros
from omniroute.errors import Malformed
from omniroute.gateway.views import audit_log, availability, usage, window_of
from omniroute.storage.backup import backups, create
from omniroute.storage.copies import Copy, Why

KEPT = 20
"""Backups made over HTTP that are kept."""

RESTORING = (
    "a backup is restored from the command line, with the gateway stopped: `omniroute backup restore FILE`; "
    "without a body, this makes a backup"
)


class Eyes(msgspec.Struct, frozen=True):
    """How the rest of the gateway is seen, and reached.

    ``config_status`` is the reloader's status, ``metrics`` is ready to be sent. ``telemetry`` sums up the answers of so
    many seconds until now. ``budgets`` tells how each budget stands, ``caches`` what they hold, and ``clear_caches``
    empties them and gives how many answers there were, as ``cleared``. ``database`` is the path of the runtime data.
    """

    config_status: Callable[[], Any]
    metrics: Callable[[], bytes]
    metrics_type: str
    telemetry: Callable[[float], Any]
    budgets: Callable[[], Awaitable[Any]]
    caches: Callable[[], Awaitable[Any]]
    clear_caches: Callable[[], Awaitable[dict[str, Any]]]
    database: str


class Done(msgspec.Struct, frozen=True):
    """What came of an operation: what is answered, and what the audit log says of it."""

    answer: Any
    target: str = ""
    detail: str = ""


Look = Callable[[Request], Awaitable[Any]]
Act = Callable[[Request], Awaitable[Done]]


class Operations:
    """One method a page or operation."""

    def __init__(self, rt: Runtime, eyes: Eyes) -> None:
        """Hold the hands."""
        self._rt = rt
        self._eyes = eyes
        self._copying = asyncio.Lock()

    def looks(self) -> dict[str, Look]:
        """Name each page as ``routes.PAGES`` does; each gives what is written as JSON."""
        return {
            "telemetry": self._telemetry,
            "budgets": self._budgets,
            "usage": self._usage,
            "availability": self._availability,
            "caches": self._caches,
            "audit": self._audit,
            "sessions": self._sessions,
            "backups": self._backups,
        }

    def acts(self) -> dict[str, Act]:
        """Name each operation as ``routes.OPERATIONS`` does."""
        return {
            "clear_caches": self._clear_caches,
            "reset_resilience": self._reset,
            "create_backup": self._create_backup,
        }

    async def _telemetry(self, request: Request) -> Any:
        return self._eyes.telemetry(window_of(request.query_params))

    async def _budgets(self, _: Request) -> Any:
        return {"budgets": await self._eyes.budgets()}

    async def _usage(self, request: Request) -> Any:
        return await asyncio.to_thread(usage, self._eyes.database, request.query_params, unix_micros())

    async def _availability(self, _: Request) -> Any:
        return availability(self._rt.health.troubles(time.monotonic()))

    async def _caches(self, _: Request) -> Any:
        return await self._eyes.caches()

    async def _audit(self, request: Request) -> Any:
        return await asyncio.to_thread(audit_log, self._eyes.database, request.query_params)

    async def _sessions(self, _: Request) -> Any:
        return {"count": self._rt.health.conversations(time.monotonic())}

    async def _backups(self, _: Request) -> Any:
        found = await asyncio.to_thread(backups, self._eyes.database)
        return {"backups": [_shown(each) for each in found]}

    async def _clear_caches(self, _: Request) -> Done:
        told = await self._eyes.clear_caches()
        return Done({"success": True, **told}, detail=f"{told['cleared']} answers")

    async def _reset(self, _: Request) -> Done:
        ended = self._rt.health.reset(time.monotonic())
        return Done({"ok": True, "resetCount": ended}, detail=f"{ended} breakers and rests")

    async def _create_backup(self, request: Request) -> Done:
        """Make a backup, one at a time; a gateway that stops ends the copying."""
        try:
            async for part in request.stream():
                if part.strip():
                    raise Malformed(RESTORING)
        except ClientDisconnect:
            message = "the client left before its request was complete"
            raise Malformed(message) from None
        stop = threading.Event()
        async with self._copying:
            try:
                made = await asyncio.to_thread(
                    create, self._eyes.database, unix_micros(), Why.OPERATION, keep=KEPT, stop=stop
                )
            except asyncio.CancelledError:
                stop.set()
                raise
        return Done({"created": True, **_shown(made)}, target=made.path, detail=f"{made.size} bytes")


def _shown(copy: Copy) -> dict[str, Any]:
    """Describe a backup without its directory, which is no business of a client."""
    name = copy.path.rpartition("/")[2]
    return {"name": name, "at_us": copy.at, "why": copy.why, "size": copy.size}
