"""Requests that repeat one another, put through what remembers answers as the engine puts them through it.

What stands for the rest of the gateway is an ``Engine``: it answers as a test scripted it, and counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from omniroute.config.policy import Caches, CacheUse, ExactCache
from omniroute.config.snapshot import Snapshot
from omniroute.engine import exchange
from omniroute.engine.health import Health
from omniroute.engine.patience import Patience, Why
from omniroute.engine.record import Record
from omniroute.engine.replays import Memory, Repeat, Wanted, wanted
from omniroute.engine.reply import Client
from omniroute.engine.terms import Headers
from omniroute.errors import OmniRouteError
from omniroute.formats.codec import Place
from omniroute.formats.glance import facts_of
from omniroute.formats.openai_chat import CODEC
from omniroute.formats.translate import Translation
from omniroute.names import Outcome
from omniroute.observe.events import Exchanged
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import make_plan
from tests.support.gateway import live
from tests.support.snapshots import provider, snapshot
from tests.support.waiting import eventually

Answering = Callable[[Client, Record], Awaitable[Sequence[Failure]]]


def remembering(exact: ExactCache | None = None, window: float = 5.0) -> Snapshot:
    """A configuration with one provider, ``p``, that remembers answers."""
    return msgspec.structs.replace(snapshot(provider("p")), caches=Caches(exact=exact, window=window))


@dataclass
class Listener:
    """A client that notes what it is sent; ``reading`` is cleared where it is slow, and ``left`` set when it leaves."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    whole_answer: bool = False
    started: bool = False
    ended: bool = False
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.reading.set()

    @property
    def body(self) -> bytes:
        """All that came."""
        return b"".join(self.parts)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.ended = self.whole_answer = True
        await self.start(status, headers)
        self.parts.append(body)

    async def start(self, status: int, headers: Headers) -> None:
        assert not self.started, "a response began twice"
        assert len({name for name, _ in headers}) == len(headers), "a header stands twice"
        self.started = True
        self.status, self.headers = status, dict(headers)

    async def send(self, data: bytes) -> None:
        await self.reading.wait()
        self.parts.append(data)

    async def end(self, data: bytes) -> None:
        await self.reading.wait()
        self.parts.append(data)
        self.ended = True


@dataclass
class Asking:
    """One request under way: its client, its task, and the row that it leaves."""

    client: Listener
    patience: Patience | None = None
    row: Exchanged | None = None
    task: asyncio.Task[None] | None = None

    async def over(self) -> "Asking":
        """Wait until it has ended."""
        assert self.task is not None
        async with asyncio.timeout(20):
            await asyncio.wait([self.task])
        with suppress(asyncio.CancelledError):
            await self.task
        return self

    def leave(self) -> None:
        """The client leaves, as ``AsgiClient`` notices it."""
        assert self.patience is not None
        if not self.client.ended:
            self.patience.interrupt(Why.GONE)


@dataclass
class House:
    """The parts of a gateway that matter here."""

    snapshot: Snapshot
    memory: Memory = field(default_factory=Memory)
    engine: Answering | None = None
    calls: int = 0
    use: CacheUse = field(default_factory=CacheUse)

    async def ask(
        self, body: bytes, headers: dict[str, str] | None = None, caller: str = "", answering: Answering | None = None
    ) -> Asking:
        """Begin a request, and wait until it is under way."""
        asking = Asking(Listener())
        wants = wanted([(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()])
        asking.task = asyncio.create_task(self._exchange(asking, body, wants, caller, answering or self.engine))
        await eventually(lambda: asking.patience is not None)
        for _ in range(5):  # let it come to where it waits
            await asyncio.sleep(0)
        return asking

    async def asked(self, body: bytes, headers: dict[str, str] | None = None, caller: str = "") -> Asking:
        """Make a request, and wait until it is over."""
        return await (await self.ask(body, headers, caller)).over()

    async def _exchange(
        self, asking: Asking, body: bytes, wants: Wanted, caller: str, answering: Answering | None
    ) -> None:
        """Do what ``engine.exchange`` does."""
        patience = asking.patience = Patience()
        record = Record("req_1", CODEC.format, live(self.snapshot, {}), 1, patience.now())
        record.key = caller
        repeat = self.memory.attend(self.snapshot, wants, asking.client, patience, record)  # type: ignore[arg-type]  # a Listener has what is used of a Client
        client: Client = repeat.client if repeat is not None else asking.client  # type: ignore[assignment]  # as above
        try:
            failures = await self._answer(repeat, client, body, record, answering)
            if failures:
                raise AllFailed(record.asked, failures)
        except OmniRouteError as error:
            await exchange.explain(CODEC, client, record, error)
        except asyncio.CancelledError:
            if patience.why is None:
                raise
            patience.settle()
        finally:
            if repeat is not None:
                repeat.close()
            patience.close()
            asking.row = record.exchanged(patience.now())

    async def _answer(
        self, repeat: Repeat | None, client: Client, body: bytes, record: Record, answering: Answering | None
    ) -> Sequence[Failure]:
        """Answer from memory, else by the engine."""
        asked = CODEC.ask(body, Place())
        record.asked, record.stream = asked.model, asked.stream
        if repeat is not None and await repeat.claimed(CODEC.format, body):
            return ()
        facts = facts_of(asked, CODEC.format)
        plan = make_plan(self.snapshot, facts, Health().view(record.began, {}), Translation(CODEC, asked).fit)
        if repeat is not None and await repeat.recalled(asked, plan, self.use, CODEC.format):
            return ()
        self.calls += 1
        assert answering is not None
        return await answering(client, record)


def saying(body: bytes, headers: Headers = (("x-omniroute-target", "p/m"),)) -> Answering:
    """Answer at once, as a whole."""

    async def answer(client: Client, record: Record) -> Sequence[Failure]:
        await client.whole(200, headers, body)
        record.ended(Outcome.OK, 200)
        return ()

    return answer


def streaming(*parts: bytes) -> Answering:
    """Answer with a stream; its last part ends it."""

    async def answer(client: Client, record: Record) -> Sequence[Failure]:
        await client.start(200, (("content-type", "text/event-stream"), ("x-omniroute-target", "p/m")))
        for part in parts[:-1]:
            await client.send(part)
        await client.end(parts[-1])
        record.ended(Outcome.OK, 200)
        return ()

    return answer


def failing(*failures: Failure) -> Answering:
    """Fail before anything is sent."""

    async def answer(client: Client, record: Record) -> Sequence[Failure]:
        del client, record
        return failures

    return answer


@dataclass
class Paced:
    """An answer whose next step a test allows: ``None`` in ``parts`` breaks the stream off."""

    parts: Sequence[bytes | None]
    failures: Sequence[Failure] = ()
    _steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    cancelled: bool = False

    def go(self, steps: int = 1) -> None:
        """Allow some steps."""
        for _ in range(steps):
            self._steps.release()

    async def __call__(self, client: Client, record: Record) -> Sequence[Failure]:
        try:
            return await self._answer(client, record)
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def _answer(self, client: Client, record: Record) -> Sequence[Failure]:
        await self._steps.acquire()
        if self.failures and not self.parts:
            return self.failures
        await client.start(200, (("content-type", "text/event-stream"),))
        record.status = 200
        *firsts, last = self.parts
        for part in firsts:
            assert part is not None
            await client.send(part)
            await self._steps.acquire()
        if last is None:
            return self.failures
        await client.end(last)
        record.ended(Outcome.OK, 200)
        return ()
