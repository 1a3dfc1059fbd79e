"""uvicorn, made to stop in order.

Always true: after the first signal new requests are refused with 503 and those under way go on; when all are
through, or the grace period is over, the rest are ended with an error in their own protocol, and then the server
closes. A second signal ends it at once. When ``serve`` returns, no request is left that could still report anything.
"""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from omniroute.engine.patience import Why
from omniroute.engine.runtime import Runtime
from omniroute.gateway.line import LineProtocol

KEEP_ALIVE = 75
"""Seconds an idle client connection is kept: longer than clients keep theirs, so that they are first to close."""
BACKLOG = 4096
LAST_WORDS = 5
"""Seconds that interrupted requests have to write their last bytes."""


class Server(uvicorn.Server):
    """One listening process; ``stopped_by`` is the signal that ended it."""

    def __init__(self, app: ASGIApp, rt: Runtime, grace: float) -> None:
        """Serve ``app``; ``grace`` is in seconds."""
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http=LineProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",  # what clients get wrong is no news, and what we do has its events
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=LAST_WORDS,
                backlog=BACKLOG,
            )
        )
        self._rt = rt
        self._grace = grace
        self._stop_by: float | None = None
        self.stopped_by: signal.Signals | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first one begins to stop, the second ends it."""
        del frame
        if self._stop_by is not None:
            self.force_exit = True
            self.should_exit = True
            return
        self.stopped_by = signal.Signals(sig)
        self.stop()

    def stop(self) -> None:
        """Refuse new requests from now on, and end when those under way are through, or the grace period is."""
        self._rt.draining = True
        self._stop_by = time.monotonic() + self._grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close, as uvicorn does; what it had to cancel, or left running, is ended and waited for."""
        await super().shutdown(sockets)
        left = tuple(self.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=LAST_WORDS)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: see whether stopping is over."""
        if self._stop_by is not None and (not self._rt.active or time.monotonic() >= self._stop_by):
            for patience in tuple(self._rt.active):
                patience.interrupt(Why.STOPPING)
            self.should_exit = True
        return await super().on_tick(counter)


@contextmanager
def heeding(server: Server) -> Iterator[None]:
    """Have signals to stop reach a server that is about to serve: uvicorn listens to them a moment later only.

    In any thread but the main one, where no signal arrives, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, server.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        OSError: the address is in use, is not this machine's, or needs rights that we do not have.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def address_of(listening: socket.socket) -> str:
    """Write a socket's address as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
