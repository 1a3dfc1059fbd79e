"""The whole gateway put together: from settings to a process that serves, and back down again.

Always true: everything is built here and passed on; what was started is stopped in the reverse order, and the last
thing to go is the ledger, when no request is left that could still write to it.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from omniroute import __version__
from omniroute.config.compile import is_loopback
from omniroute.config.diagnostics import Diagnostic
from omniroute.config.keeping import keepable
from omniroute.config.load import Loaded, load
from omniroute.config.marks import restart_only
from omniroute.config.render import RenderContext, render
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import find_config, schema_document, shipped_catalogue
from omniroute.engine.holder import Live
from omniroute.engine.reload import Hands, Reloader
from omniroute.engine.runtime import Equipment, Runtime, equip, unix_micros
from omniroute.engine.watch import Watcher
from omniroute.gateway.app import Gateway
from omniroute.gateway.pages import Eyes, pages
from omniroute.gateway.server import Server, address_of, listen
from omniroute.gateway.status import config_status
from omniroute.names import ReloadResult, Trigger
from omniroute.observe.events import Event, Reloaded, Serving, Troubled
from omniroute.observe.feed import Feed, exchanges_only
from omniroute.observe.log import Level, Log
from omniroute.observe.metrics import CONTENT_TYPE, Metrics, Probes
from omniroute.observe.redact import redact
from omniroute.storage.db import MEMORY, SCHEME, locate
from omniroute.storage.generations import next_generation
from omniroute.storage.ledger import Ledger
from omniroute.upstream.client import Client
from omniroute.upstream.secrets import resolve_all


class Process(msgspec.Struct, frozen=True):
    """What the process was told beside its configuration; ``host``, ``port`` and ``database`` override the TOML."""

    config: Path
    environ: Mapping[str, str]
    host: str | None = None
    port: int | None = None
    database: str | None = None
    log_level: Level = "info"
    log_style: Literal["text", "json"] = "text"


class Started(msgspec.Struct, frozen=True):
    """What there is to tell of a gateway that listens."""

    live: Live
    address: str
    files: tuple[str, ...]


async def serve(process: Process, stream: TextIO, announce: Callable[[Started], None]) -> signal.Signals | None:
    """Serve until a signal says to stop; gives that signal.

    Args:
        process: what to serve.
        stream: where the log goes.
        announce: told once, when the gateway listens.

    Raises:
        ConfigError: the configuration cannot be used; it carries the diagnostics.
        StorageError: the database cannot be used.
        OSError: the address cannot be listened on.
    """
    assembly = _Assembly(process, stream)
    live = await assembly.reloader.start()
    server = live.snapshot.server
    with listen(process.host or server.host, server.port if process.port is None else process.port) as listening:
        return await assembly.run(live, listening, announce)


class _Assembly:
    """The parts of one gateway process."""

    def __init__(self, process: Process, stream: TextIO) -> None:
        self._process = process
        self._config = find_config(process.config)
        self._database = ""
        self._numbers = count(1)
        self._ledger: Ledger | None = None
        self._log = Log(stream, process.log_style, process.log_level)
        probes = Probes(
            in_flight=lambda: len(self._rt.active),
            ledger=lambda: self._ledger.counts() if self._ledger else (0, 0, 0),
            in_sync=lambda: self.reloader.status().in_sync_with_disk,
            pending_restart=lambda: len(self.reloader.status().pending_restart),
        )
        self._metrics = Metrics(probes)
        self.reloader = Reloader(self._config, self._hands(Feed((self._metrics.note, self._log.note, self._prune))))
        self._client = Client()

    def _hands(self, feed: Feed) -> Hands:
        schema, shipped = schema_document(), shipped_catalogue()
        return Hands(
            load=lambda sources: self._guarded(load(shipped, sources, schema, datetime.now(UTC).date())),
            prepare=self._prepare,
            number=self._number,
            restart_only=restart_only,
            brief=_brief,
            report=feed.report,
        )

    def _guarded(self, loaded: Loaded) -> Loaded:
        """Ask for keys where a flag opens the gateway to other machines, unless the TOML says that none are needed.

        What is meant where nothing is written depends on the address, and `--host` overrides that.
        """
        host, snapshot, document = self._process.host, loaded.snapshot, loaded.document
        if host is None or snapshot is None or document is None or document.server.require_api_key is not None:
            return loaded
        required = snapshot.server.require_api_key or not is_loopback(host)
        server = msgspec.structs.replace(snapshot.server, require_api_key=required)
        return msgspec.structs.replace(loaded, snapshot=msgspec.structs.replace(snapshot, server=server))

    def _prepare(self, snapshot: Snapshot) -> Equipment:
        """Resolve a snapshot's secrets; the first one also says where the database is."""
        if not self._database:
            written = self._process.database or snapshot.database
            scheme = "" if written.startswith(SCHEME) else SCHEME
            self._database = locate(scheme + written, Path.cwd())
        return equip(snapshot, resolve_all(snapshot, self._process.environ, self._config.base))

    def _number(self, config_id: str, at: int, trigger: Trigger, sources: Sequence[Source]) -> int:
        if self._database == MEMORY:  # each connection would begin a database of its own
            return next(self._numbers)
        return next_generation(self._database, config_id, at, trigger, __version__, [*map(keepable, sources)])

    async def run(self, live: Live, listening: Any, announce: Callable[[Started], None]) -> signal.Signals | None:
        """Start everything, serve, and stop everything."""
        ledger = self._ledger = Ledger(self._database, trouble=self._trouble, redact=redact)
        await asyncio.to_thread(ledger.start)
        feed = Feed((self._metrics.note, exchanges_only(ledger.record), self._log.note))
        self._rt = Runtime(self.reloader.holder, self._client, feed.report)
        eyes = Eyes(partial(config_status, self.reloader), self._metrics.render, CONTENT_TYPE)
        server = Server(Gateway(self._rt, pages(self._rt, eyes)), self._rt, live.snapshot.server.grace)
        address = address_of(listening)
        files = tuple(each.path for each in self.reloader.status().active.files)
        announce(Started(live, address, files))
        self._log.start()
        feed.report(self._serving(address, up=True))
        try:
            await self._serve_and_watch(server, listening)
        finally:
            await self._client.aclose()
            feed.report(self._serving(address, up=False))
            await asyncio.to_thread(ledger.close)
            await asyncio.to_thread(self._log.close)
        return server.stopped_by

    async def _serve_and_watch(self, server: Server, listening: Any) -> None:
        """Serve, with the watcher beside it."""
        stop = asyncio.Event()
        watcher = Watcher(self.reloader)
        with suppress(NotImplementedError):  # event loops on Windows know no signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watcher.nudge, Trigger.SIGNAL)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watcher.run(stop))
            await server.serve([listening])
            stop.set()

    def _serving(self, address: str, *, up: bool) -> Event:
        live = self.reloader.holder.current
        return Serving(unix_micros(), up, address, live.generation, live.snapshot.short_id)

    def _prune(self, event: Event) -> None:
        """After a reload, let go of connections to servers that are no longer configured."""
        if isinstance(event, Reloaded) and event.result is ReloadResult.APPLIED:
            providers = self.reloader.holder.current.snapshot.providers.values()
            self._client.prune(provider.base_url for provider in providers)

    def _trouble(self, what: str) -> None:
        self._log.note(Troubled(unix_micros(), what))


def _brief(diagnostics: Sequence[Diagnostic]) -> Sequence[str]:
    """Say each diagnostic in one line."""
    return render(diagnostics, "concise", RenderContext(__version__)).splitlines()
