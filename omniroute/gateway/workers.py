"""Several processes that serve together: one that supervises, and workers that are each a gateway of their own.

The supervisor opens the listening socket, and every worker inherits it. So port 0 is one port for all, connections that
wait for a worker that dies are taken by another, and it works on macOS too, where ``SO_REUSEPORT`` does not share
connections out among processes. The kernel gives a connection to whichever worker asks first.

Invariants:

1. A worker that ends unasked is started again, after a pause that doubles while it keeps ending soon.
2. SIGTERM and SIGINT stop every worker, each in its own order; a second one ends them at once. Who has not ended
   ``LATE`` seconds after the grace period is killed. The supervisor ends when no worker is left.
3. SIGHUP reaches every worker that is ready. Changed files need none: each worker follows them by itself.
4. A worker whose supervisor died notices, because its standard input ends, and stops: nobody would heal it, and its
   successors could not listen.
5. A terminal's signals reach the supervisor only, for each worker is a process group of its own.
"""

import asyncio
import signal
import socket
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from omniroute.engine.terms import unix_micros
from omniroute.gateway.assembly import Process, Started, listen_as, survey
from omniroute.gateway.server import address_of
from omniroute.observe.events import Troubled
from omniroute.observe.log import Level, Log

READY = b"ready\n"
"""What a worker writes to its standard output when it serves."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""Seconds before a worker that ended is started again."""
STEADY = 60.0
"""Seconds after which a worker that ends is no longer one that keeps ending."""
LATE = 15.0


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told, as JSON in the first line of its standard input; ``descriptor`` is the socket."""

    config: str
    host: str | None
    port: int | None
    database: str | None
    log_level: Level
    log_style: Literal["text", "json"]
    workers: int
    descriptor: int


async def supervise(
    process: Process, stream: TextIO, announce: Callable[[Started], None], command: Sequence[str]
) -> signal.Signals | None:
    """Serve with ``process.workers`` workers until a signal says to stop; gives that signal.

    Args:
        process: what to serve.
        stream: where the supervisor's log goes; workers write to standard error.
        announce: told once, when all workers serve.
        command: what starts a worker.

    Raises:
        ConfigError: the configuration cannot be used; it carries the diagnostics.
        StorageError: the database cannot be used.
        OSError: the address cannot be listened on.
    """
    # Before there are workers: they find a configuration that has its number, and a database that is up to date.
    live, files = await survey(process, stream)
    with listen_as(process, live) as listening:
        log = Log(stream, process.log_style, process.log_level)
        log.start()
        supervisor = _Supervisor(command, _orders(process, listening), listening.fileno(), log)
        try:
            return await supervisor.run(
                process.workers,
                live.snapshot.server.grace + LATE,
                lambda: announce(Started(live, address_of(listening), files)),
            )
        finally:
            await asyncio.to_thread(log.close)


def _orders(process: Process, listening: socket.socket) -> bytes:
    orders = Orders(
        config=str(process.config),
        host=process.host,
        port=process.port,
        database=process.database,
        log_level=process.log_level,
        log_style=process.log_style,
        workers=process.workers,
        descriptor=listening.fileno(),
    )
    return msgspec.json.encode(orders) + b"\n"


def process_of(orders: Orders, environ: dict[str, str]) -> Process:
    """Give a worker what its supervisor was told."""
    return Process(
        config=Path(orders.config),
        environ=environ,
        host=orders.host,
        port=orders.port,
        database=orders.database,
        log_level=orders.log_level,
        log_style=orders.log_style,
        workers=orders.workers,
    )


class _Supervisor:
    """Keeps workers running."""

    def __init__(self, command: Sequence[str], orders: bytes, descriptor: int, log: Log) -> None:
        self._command = command
        self._orders = orders
        self._descriptor = descriptor
        self._log = log
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._ready: set[int] = set()
        self._stopping = asyncio.Event()
        self._stopped_by: signal.Signals | None = None
        self._awaited = 0
        self._announce: Callable[[], None]

    async def run(self, count: int, patience: float, announce: Callable[[], None]) -> signal.Signals | None:
        """Keep so many workers running until a signal; give those that stop so many seconds."""
        self._awaited = count
        self._announce = announce
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop, each)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(self._kill_late(patience))
            await asyncio.gather(*(self._keep(number) for number in range(1, count + 1)))
            killing.cancel()
        return self._stopped_by

    def _stop(self, by: signal.Signals) -> None:
        """Stop every worker; called again, each ends at once."""
        self._stopped_by = self._stopped_by or by
        self._stopping.set()
        self._send(signal.SIGTERM, self._running)

    def _reload(self) -> None:
        """Let every worker read its files again; one that is starting reads them anyway."""
        self._send(signal.SIGHUP, self._ready)

    def _send(self, what: signal.Signals, numbers: "set[int] | dict[int, asyncio.subprocess.Process]") -> None:
        for number in tuple(numbers):
            with suppress(ProcessLookupError):
                self._running[number].send_signal(what)

    async def _kill_late(self, patience: float) -> None:
        """Kill what has not ended long after it was told to."""
        await self._stopping.wait()
        await asyncio.sleep(patience)
        self._tell(f"{len(self._running)} workers did not stop in {patience:.0f} s: they are killed")
        self._send(signal.SIGKILL, self._running)

    async def _keep(self, number: int) -> None:
        """Run one worker, and start it again when it ends unasked."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                ended = await self._run(number)
            except OSError as error:
                ended = f"could not be started: {error.strerror or error}"
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - began >= STEADY else pause
            self._tell(f"worker {number} {ended}; it is started again in {pause:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run(self, number: int) -> str:
        """Run a worker from its start to its end; says how it ended."""
        worker = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, pass_fds=(self._descriptor,), process_group=0
        )
        self._running[number] = worker
        try:
            if self._stopping.is_set():
                worker.send_signal(signal.SIGTERM)
            assert worker.stdin is not None  # noqa: S101 - said to the type checker: they are pipes
            assert worker.stdout is not None  # noqa: S101 - as above
            worker.stdin.write(self._orders)
            if await worker.stdout.readline() == READY:
                self._serves(number)
            return f"(process {worker.pid}) ended {_how(await worker.wait())}"
        finally:
            self._ready.discard(number)
            del self._running[number]

    def _serves(self, number: int) -> None:
        """Note that a worker serves; when all do for the first time, that is announced."""
        self._ready.add(number)
        if len(self._ready) == self._awaited:
            self._awaited = 0
            self._announce()

    def _tell(self, what: str) -> None:
        self._log.note(Troubled(unix_micros(), what))


def _how(status: int) -> str:
    """Say how a process ended."""
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with exit code {status}"
