"""Three upstreams under load, of which one dies and comes back; and what is seen of it from all sides."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import msgspec

from omniroute.config.snapshot import Resilience, Timeouts
from omniroute.engine.health import Health
from omniroute.names import Outcome, Strategy
from omniroute.observe.events import Exchanged
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate
from tests.support.client import Connection, again, ask, chat
from tests.support.gateway import running
from tests.support.peer import Pause, Peer, Recorded, Script
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream

PATIENT = Timeouts(connect=60.0)
"""On a busy machine a thousand connections take a while."""
NAMES = ("a", "b", "c")
MORTAL = "b"
BEFORE, DYING, DEAD, RETURNING, AFTER = PHASES = ("before", "dying", "dead", "coming back", "after")
LIMIT = 120.0
"""Seconds after which a phase is given up."""


class Mortal(ScriptedUpstream):
    """An upstream that can die, with all that it was answering, and come back at the same port."""

    _held: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await self.live()
        return self

    async def live(self) -> None:
        """Listen, at the same port as before."""
        if self._held is not None:
            self._held.close()
        listening = self._bound()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), sock=listening, backlog=2048)
        self.port = listening.getsockname()[1]

    def die(self) -> None:
        """Refuse connections and break off every answer, all at once; the port stays ours."""
        assert self._server is not None
        self._server.close()
        self._server = None
        self._held = self._bound()
        for peer in self.peers:
            peer.transport.abort()

    async def __aexit__(self, *failure: object) -> None:
        if self._held is not None:
            self._held.close()
        await super().__aexit__(*failure)

    def _bound(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        return bound


class Watched(Health):
    """Notes when breakers open and close."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.probes = 0
        """Attempts at whom a breaker was open for."""

    def began(self, candidate: Candidate, now: float) -> None:
        self.probes += candidate.target.id in self.open
        super().began(candidate, now)

    def ended(self, candidate: Candidate, began: float, now: float, failure: Failure | None = None) -> None:
        before = self.open
        super().ended(candidate, began, now, failure)
        self.opened.update(self.open - before)
        self.closed.update(before - self.open)

    @property
    def open(self) -> set[str]:
        return set(self.view(0.0, {}).open)


@dataclass
class Story:
    """What happened: requests that each upstream got, answers that clients got, and failed attempts, by phase."""

    phase: str = BEFORE
    got: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    most: int = 0
    """Requests that were under way at once, at most."""
    health: Watched = field(default_factory=Watched)
    rows: list[Exchanged] = field(default_factory=list)
    began: dict[str, int] = field(default_factory=dict)
    """How many requests had been answered when a phase began."""

    def enter(self, phase: str) -> None:
        """Count for another phase from now on."""
        self.phase = phase
        self.began[phase] = self.answered.total()

    def respond_as(self, name: str) -> Callable[[Recorded], Script]:
        def respond(asked: Recorded) -> Script:
            self.got[self.phase, name] += 1
            words = chat_stream([name, "!"]) if asked.json()["stream"] else chat_answer(f"{name}!")
            return [Pause(0.02), *words]

        return respond

    def share(self, phase: str, name: str) -> float:
        """The part of a phase's requests that an upstream got."""
        return self.got[phase, name] / max(1, sum(self.got[phase, each] for each in NAMES))

    def tries(self, phase: str) -> int:
        """Attempts at the upstream that died which failed, of requests that ended in a phase."""
        at = PHASES.index(phase)
        end = self.began.get(PHASES[at + 1]) if at + 1 < len(PHASES) else None
        rows = self.rows[self.began.get(phase, 0) : end]
        return sum(each.failure is not None for row in rows for each in row.attempts)

    def table(self) -> str:
        """Requests per upstream and phase."""
        lines = [f"{'phase':<12}" + "".join(f"{name:>8}" for name in NAMES) + f"{'answers':>9}{'failed attempts':>17}"]
        for phase in PHASES:
            got = "".join(f"{self.got[phase, name]:>8}" for name in NAMES)
            lines.append(f"{phase:<12}{got}{self.answered[phase]:>9}{self.tries(phase):>17}")
        counts = f"opened {dict(self.health.opened)}, closed {dict(self.health.closed)}"
        return "\n".join([*lines, f"at most {self.most} requests at once, {len(self.lost)} lost; {counts}"])


class Crowd:
    """Clients that ask one request after the other, half of them for streams."""

    def __init__(self, url: str, story: Story) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._story = story
        self._under_way = 0
        self._stop = False

    def leave(self) -> None:
        """Ask nothing more; what is under way is waited for."""
        self._stop = True

    async def client(self, number: int) -> None:
        connection: Connection | None = None
        body = chat("all", stream=number % 2 == 0)
        while not self._stop:
            self._under_way += 1
            self._story.most = max(self._story.most, self._under_way)
            connection = await (again(connection, self._url, body) if connection else ask(self._url, body))
            await connection.headers()
            got = await connection.rest()
            self._under_way -= 1
            said = got.text if number % 2 == 0 else got.json()["choices"][0]["message"]["content"]
            self._story.answered[self._story.phase] += 1
            if got.status != 200 or not got.complete or said not in {f"{name}!" for name in NAMES}:
                self._story.lost.append(f"{self._story.phase}: {got.status} {got.body[-300:]!r}")
        if connection is not None:
            await connection.close()


async def until(over: Callable[[], object]) -> None:
    """Wait for the end of a phase."""
    async with asyncio.timeout(LIMIT):
        while not over():
            await asyncio.sleep(0.01)


async def live_through(story: Story, mortal: Mortal, clients: int, requests: int) -> None:
    """Bring one phase after the other about."""
    await until(lambda: story.answered[BEFORE] >= requests)
    story.enter(DYING)
    mortal.die()
    await until(lambda: MORTAL in story.health.open and story.answered[DYING] >= 2 * clients)
    story.enter(DEAD)
    await until(lambda: story.answered[DEAD] >= requests and story.health.probes)
    story.enter(RETURNING)
    await mortal.live()
    await until(lambda: not story.health.open)
    story.enter(AFTER)
    await until(lambda: story.answered[AFTER] >= requests)


async def tell(clients: int, requests: int, cooldown: float) -> Story:
    """Let an upstream die and come back under the load of so many clients.

    A phase lasts so many requests, or more; ``cooldown`` is the breakers', in seconds.
    """
    story = Story()
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(Mortal(respond=story.respond_as(name))) for name in NAMES}
        providers = [provider(name, f"{each.url}/v1", timeouts=PATIENT) for name, each in upstreams.items()]
        everyone = combo("all", *(target(each, "m") for each in providers), strategy=Strategy.ROUND_ROBIN)
        limits = Resilience(failures=5, window=10.0, cooldown=cooldown)
        config = msgspec.structs.replace(snapshot(*providers, combos=[everyone]), resilience=limits)
        gateway = await stack.enter_async_context(running(config))
        gateway.rt.health = story.health
        crowd = Crowd(gateway.url, story)
        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(crowd.client(number))
            await live_through(story, upstreams[MORTAL], clients, requests)
            crowd.leave()
        story.rows = list(await gateway.ended(story.answered.total()))
    return story


def judge(story: Story, clients: int) -> None:
    """No request was lost, the breakers opened and closed once, and the shares are what they were."""
    assert story.lost == []
    assert story.most == clients
    assert len(story.rows) == story.answered.total()
    assert {row.outcome for row in story.rows} == {Outcome.OK}
    assert story.health.opened == story.health.closed == {MORTAL: 1, f"{MORTAL}/m": 1}
    assert story.got[DEAD, MORTAL] == 0
    for name in NAMES:
        assert abs(story.share(BEFORE, name) - 1 / 3) < 0.05
        assert abs(story.share(AFTER, name) - 1 / 3) < 0.05
