"""The gateway on a real port, in the test's own event loop, in front of whatever upstreams a test scripted."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omniroute.config.snapshot import Snapshot
from omniroute.engine.equipment import equip
from omniroute.engine.holder import Holder, Live, tag_for
from omniroute.engine.runtime import Runtime
from omniroute.gateway.app import Gateway
from omniroute.gateway.operations import Eyes
from omniroute.gateway.pages import pages
from omniroute.gateway.server import Server, address_of, listen
from omniroute.names import Trigger
from omniroute.observe.events import Event, Exchanged
from omniroute.storage.db import MEMORY
from omniroute.upstream.client import Client
from omniroute.upstream.secrets import resolve_all


@dataclass
class RunningGateway:
    """A gateway that listens; ``events`` is all that it reported."""

    url: str
    rt: Runtime
    server: Server
    environ: Mapping[str, str]
    events: list[Event] = field(default_factory=list)

    @property
    def exchanged(self) -> list[Exchanged]:
        """The requests that have ended."""
        return [each for each in self.events if isinstance(each, Exchanged)]

    async def ended(self, count: int = 1) -> list[Exchanged]:
        """Wait until this many requests have ended."""
        async with asyncio.timeout(20):
            while len(self.exchanged) < count:
                await asyncio.sleep(0.005)
        return self.exchanged

    def swap(self, snapshot: Snapshot) -> None:
        """Put another configuration in force."""
        current = self.rt.holder.current
        self.rt.holder.swap(live(snapshot, self.environ, current.generation + 1))


def live(snapshot: Snapshot, environ: Mapping[str, str], generation: int = 1) -> Live:
    """A snapshot, ready to be served."""
    equipment = equip(snapshot, resolve_all(snapshot, environ, Path()))
    return Live(snapshot, generation, 1_700_000_000_000_000, Trigger.START, tag_for(generation, snapshot), equipment)


def eyes(**given: object) -> Eyes:
    """What pages are given: what a test names, and else as good as nothing."""
    plain: dict[str, object] = {
        "config_status": dict,
        "metrics": lambda: b"# metrics\n",
        "metrics_type": "text/plain",
        "telemetry": lambda seconds: {"window_seconds": seconds, "providers": {}},
        "budgets": _nothing,
        "caches": _nothing,
        "clear_caches": _three,
        "database": MEMORY,
    }
    return Eyes(**{**plain, **given})  # type: ignore[arg-type]  # a test names the fields that matter to it


async def _nothing() -> list[object]:
    return []


async def _three() -> dict[str, object]:
    return {"cleared": 3}


@asynccontextmanager
async def running(
    snapshot: Snapshot, environ: Mapping[str, str] | None = None, database: str = MEMORY
) -> AsyncIterator[RunningGateway]:
    """Serve a snapshot on a free port."""
    given = environ or {}
    holder = Holder()
    holder.swap(live(snapshot, given))
    events: list[Event] = []
    client = Client()
    rt = Runtime(holder, client, events.append)
    made = eyes(config_status=lambda: {"active": {"generation": holder.current.generation}}, database=database)
    listening = listen("127.0.0.1", 0)
    server = Server(Gateway(rt, pages(rt, made)), rt, snapshot.server.grace)
    gateway = RunningGateway(address_of(listening), rt, server, given, events)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.005)
        yield gateway
    finally:
        server.stop()
        await serving
        await client.aclose()
