"""The whole gateway put together: from settings to a process that serves, and back down again.

Always true: everything is built here and passed on; what was started is stopped in the reverse order, and the last
thing to go is the ledger, when no request is left that could still write to it.
"""

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TextIO, cast

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
from omniroute.engine.equipment import Equipment, equip
from omniroute.engine.files import find_config, schema_document, shipped_catalogue
from omniroute.engine.holder import Live
from omniroute.engine.reload import Hands, Reloader
from omniroute.engine.replays import Memory as Answers
from omniroute.engine.runtime import Runtime
from omniroute.engine.terms import unix_micros
from omniroute.engine.watch import Watcher
from omniroute.errors import StorageError
from omniroute.gateway.app import Gateway
from omniroute.gateway.auditing import Auditor
from omniroute.gateway.caching import cache_stats, clear_caches
from omniroute.gateway.operations import Eyes
from omniroute.gateway.pages import pages
from omniroute.gateway.server import Server, address_of, heeding, listen
from omniroute.gateway.status import config_status
from omniroute.gateway.views import budget_views
from omniroute.limits.memory import Memory
from omniroute.limits.port import Shared
from omniroute.names import ReloadResult, Trigger
from omniroute.observe.events import Event, Reloaded, Serving, Troubled
from omniroute.observe.feed import Feed, requests_only
from omniroute.observe.log import Level, Log
from omniroute.observe.metrics import CONTENT_TYPE, Metrics, Probes
from omniroute.observe.redact import redact
from omniroute.observe.telemetry import Telemetry
from omniroute.storage.audit import AuditLog
from omniroute.storage.db import MEMORY, SCHEME, locate
from omniroute.storage.generations import later_generation, next_generation
from omniroute.storage.ledger import Ledger
from omniroute.storage.recordings import Recordings
from omniroute.storage.shared import SharedByWorkers, spent
from omniroute.upstream.client import Client
from omniroute.upstream.secrets import resolve_all

COLLECT_AFTER = (10_000, 5, 200)
"""How many more objects than before are looked at for cycles, and how often the young go by before the old are.

All wait while it looks: at 20 times, the middle-aged of a large configuration that was read anew took 20 ms.
"""

SWITCH_AFTER = 0.001
"""Seconds for which a thread that reads a configuration, or makes rows, may keep the event loop waiting."""


class Process(msgspec.Struct, frozen=True):
    """What the process was told beside its configuration; ``host``, ``port`` and ``database`` override the TOML.

    ``workers`` is how many processes serve together: where it is more than one, what they share is with the database.
    """

    config: Path
    environ: Mapping[str, str]
    host: str | None = None
    port: int | None = None
    database: str | None = None
    log_level: Level = "info"
    log_style: Literal["text", "json"] = "text"
    workers: int = 1


class Started(msgspec.Struct, frozen=True):
    """What there is to tell of a gateway that listens."""

    live: Live
    address: str
    files: tuple[str, ...]


async def serve(
    process: Process,
    stream: TextIO,
    announce: Callable[[Started], None],
    listening: socket.socket | None = None,
) -> signal.Signals | None:
    """Serve until a signal says to stop; gives that signal.

    Args:
        process: what to serve.
        stream: where the log goes.
        announce: told once, when the gateway listens.
        listening: a socket that listens already; without one, that of the configuration is opened.

    Raises:
        ConfigError: the configuration cannot be used; it carries the diagnostics.
        StorageError: the database cannot be used.
        OSError: the address cannot be listened on.
    """
    assembly = _Assembly(process, stream)
    live = await assembly.reloader.start()
    with listening or listen_as(process, live) as socket_:
        return await assembly.run(live, socket_, announce)


async def survey(process: Process, stream: TextIO) -> tuple[Live, tuple[str, ...]]:
    """Load the configuration, bring the database up to date, and serve nothing; gives what would be, and its files.

    Raises:
        ConfigError: the configuration cannot be used; it carries the diagnostics.
        StorageError: the database cannot be used.
    """
    assembly = _Assembly(process, stream)
    try:
        live = await assembly.reloader.start()
        assembly.require_file()
        return live, tuple(each.path for each in assembly.reloader.status().active.files)
    finally:
        await assembly.close()


def listen_as(process: Process, live: Live) -> socket.socket:
    """Open the socket that a process and its configuration name.

    Raises:
        OSError: the address cannot be listened on.
    """
    server = live.snapshot.server
    return listen(process.host or server.host, server.port if process.port is None else process.port)


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
        self._telemetry = Telemetry()
        self._shared: Shared = Memory()
        self._answers = Answers()
        self._early: list[Event] = []
        self._audit: Callable[[Event], None] = self._early.append
        readers = (self._metrics.note, self._log.note, self._prune, self._retained, self._audited)
        self.reloader = Reloader(self._config, self._hands(Feed(readers)))
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
        if self._process.workers > 1 and trigger is not Trigger.START:
            known = later_generation(self._database, config_id, self.reloader.holder.current.generation)
            if known is not None:
                return known
        return next_generation(self._database, config_id, at, trigger, __version__, [*map(keepable, sources)])

    async def run(self, live: Live, listening: Any, announce: Callable[[Started], None]) -> signal.Signals | None:
        """Start everything, serve, and stop everything."""
        try:
            async with AsyncExitStack() as open_:
                rt = self._rt = await self._runtime(open_)
                server = Server(Gateway(rt, pages(rt, self._eyes())), rt, live.snapshot.server.grace)
                address = address_of(listening)
                files = tuple(each.path for each in self.reloader.status().active.files)
                _spare_the_collector()
                sys.setswitchinterval(SWITCH_AFTER)
                open_.enter_context(heeding(server))
                announce(Started(live, address, files))
                self._log.start()
                rt.report(self._serving(address, up=True))
                open_.callback(lambda: rt.report(self._serving(address, up=False)))
                open_.push_async_callback(self._client.aclose)
                await self._serve_and_watch(server, listening)
        finally:
            await asyncio.to_thread(self._log.close)
        return server.stopped_by

    async def _runtime(self, open_: AsyncExitStack) -> Runtime:
        """Open what outlives requests; it is closed with ``open_``, the ledger after all that writes to it.

        Raises:
            StorageError: the database cannot be used.
        """
        audit = await self._audited_from_now_on()
        open_.push_async_callback(asyncio.to_thread, audit.close)
        ledger = self._ledger = Ledger(self._database, trouble=self._trouble, redact=redact)
        self._retain()
        several = self._process.workers > 1
        in_file = self._database != MEMORY  # of which each connection would begin a database of its own
        if in_file:
            await self._share(ledger, open_, several=several)
        await asyncio.to_thread(ledger.start)
        open_.push_async_callback(asyncio.to_thread, ledger.close)
        if in_file:
            store = Recordings(
                self._database, trouble=self._trouble, now=unix_micros, worker=ledger.worker if several else ""
            )
            await asyncio.to_thread(store.start)
            open_.push_async_callback(asyncio.to_thread, store.close)
            loop, answers = asyncio.get_running_loop(), Answers(store)
            store.forget = lambda until: loop.call_soon_threadsafe(answers.forget, until)
            self._answers = answers
        row = requests_only(ledger.admit, ledger.record)
        feed = Feed((self._metrics.note, row, self._telemetry.note, self._log.note), (self._audited,))
        return Runtime(
            self.reloader.holder, self._client, feed.report, ledger.admit, shared=self._shared, answers=self._answers
        )

    async def _share(self, ledger: Ledger, open_: AsyncExitStack, *, several: bool) -> None:
        """Count limits and budgets together with other workers; alone, go on from what was spent.

        What is shared is closed after the ledger, which tells it of all that was counted.
        """
        if several:
            loop, shared = asyncio.get_running_loop(), SharedByWorkers(self._database)
            open_.callback(shared.close)
            ledger.tell(lambda counted: loop.call_soon_threadsafe(shared.count, counted))
            self._shared = shared
        else:
            memory = Memory()
            memory.restore(await asyncio.to_thread(spent, self._database))
            self._shared = memory

    def _retain(self) -> None:
        """Keep rows for as long as the configuration in force says."""
        if self._ledger is not None:
            self._ledger.keep(self.reloader.holder.current.snapshot.retention)

    def _retained(self, event: Event) -> None:
        if isinstance(event, Reloaded):
            self._retain()

    def require_file(self) -> None:
        """Refuse a database that several processes cannot share.

        Raises:
            StorageError: it is in memory.
        """
        if self._database == MEMORY:
            message = "several workers need a database that they can share: name a file (runtime.database, --database)"
            raise StorageError(message)

    async def close(self) -> None:
        """Let go of what an assembly holds that never ran."""
        await self._client.aclose()

    async def _audited_from_now_on(self) -> AuditLog:
        """Begin the audit log, with what there was to tell before."""
        audit = AuditLog(self._database, trouble=self._trouble, redact=redact)
        await asyncio.to_thread(audit.start)
        self._audit = Auditor(audit.record).note
        for event in self._early:
            self._audit(event)
        self._early.clear()
        return audit

    def _audited(self, event: Event) -> None:
        self._audit(event)

    def _eyes(self) -> Eyes:
        def snapshot() -> Snapshot:
            return self.reloader.holder.current.snapshot

        async def caches() -> dict[str, Any]:
            return cache_stats(self._answers, snapshot(), time.monotonic())

        return Eyes(
            config_status=partial(config_status, self.reloader),
            metrics=self._metrics.render,
            metrics_type=CONTENT_TYPE,
            telemetry=lambda seconds: self._telemetry.summary(seconds, unix_micros()),
            budgets=lambda: budget_views(snapshot().budgets.values(), self._shared.standing, unix_micros() / 1e6),
            caches=caches,
            clear_caches=lambda: clear_caches(self._answers),
            database=self._database,
        )

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
            self._client.prune(cast("Equipment", self.reloader.holder.current.secrets).origins)

    def _trouble(self, what: str) -> None:
        self._log.note(Troubled(unix_micros(), what))


def _spare_the_collector() -> None:
    """Have Python's collector of cycles look at what requests leave behind, seldom, and no more at what was built.

    What is there when serving begins stays until the end; without this it was walked again every few hundred requests,
    which took a fifth of the time of all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _brief(diagnostics: Sequence[Diagnostic]) -> Sequence[str]:
    """Say each diagnostic in one line."""
    return render(diagnostics, "concise", RenderContext(__version__)).splitlines()
