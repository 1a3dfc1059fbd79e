"""Two attempts at one answer: when a target is late, a second one is asked, and whoever says something first answers.

Invariants:
1. The client is sent the answer of one attempt only: of the one that first had something to send. From that moment on
   the other is cancelled, and whatever it still tries to send is refused.
2. When a race is over, both attempts have ended, and their connections are released.
3. A failure after which nobody else may be asked ends the other attempt too; after any other, that one goes on.

Tasks are made here because two attempts have to run at once; they end within the race, in a ``TaskGroup``.
"""

import asyncio
from collections.abc import Awaitable, Callable

from omniroute.engine.patience import Patience
from omniroute.engine.reply import Client
from omniroute.engine.terms import Headers
from omniroute.routing.failure import MEANING, Failure
from omniroute.routing.plan import Candidate

Ask = Callable[[Candidate, Client, Patience], Awaitable[Failure | None]]
"""Carries out an attempt that answers to this client; no failure: the client has its answer."""


class _Side:
    """One attempt of a race; to the attempt, it is the client."""

    __slots__ = ("_client", "_race", "candidate", "ended", "started", "task")

    task: "asyncio.Task[None]"

    def __init__(self, race: "Race", client: Client, candidate: Candidate) -> None:
        self._race = race
        self._client = client
        self.candidate = candidate
        self.started = False
        self.ended = False

    async def body(self, limit: int) -> bytes:
        """Read the request body: as the client's."""
        return await self._client.body(limit)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete response, if this attempt is the one that answers."""
        self._race.claim(self)
        self.started = self.ended = True
        await self._client.whole(status, headers, body)

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a response, if this attempt is the one that answers."""
        self._race.claim(self)
        self.started = True
        await self._client.start(status, headers)

    async def send(self, data: bytes) -> None:
        """Send a part of it."""
        self._race.claim(self)
        await self._client.send(data)

    async def end(self, data: bytes) -> None:
        """Send the last part, and end the response."""
        self._race.claim(self)
        self.ended = True
        await self._client.end(data)


class Race:
    """One candidate is asked, and another beside it should the first be late; for one use.

    ``failures`` are those of the attempts that failed, in order. ``answered`` says that the client has its answer.
    """

    def __init__(self, client: Client, ask: Ask, left: Callable[[Candidate], None]) -> None:
        """Prepare; ``left`` is called once for each candidate that was entered, after it was asked or was not."""
        self._client = client
        self._ask = ask
        self._left = left
        self._sides: list[_Side] = []
        self._winner: _Side | None = None
        self._news = asyncio.get_running_loop().create_future()
        self.failures: list[Failure] = []
        self.answered = False

    async def run(self, first: Candidate, after: float, second: Callable[[], Candidate | None]) -> None:
        """Ask ``first``, and whom ``second`` gives where nothing is heard within ``after`` seconds.

        Raises:
            asyncio.CancelledError: the client has left, or the server is stopping.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._enter(tasks, first)
                await asyncio.wait((self._news,), timeout=after)
                other = None if self._news.done() else second()
                if other is not None:
                    self._enter(tasks, other)
        except BaseExceptionGroup as broken:
            raise broken.exceptions[0] from None  # a bug, or a client that left: told as by an attempt of its own

    def claim(self, side: _Side) -> None:
        """Let one attempt answer the client, and give the other up.

        Raises:
            asyncio.CancelledError: the other one answers.
        """
        if self._winner is None:
            self._winner = side
            self._give_up_beside(side)
            self._tell()
        elif self._winner is not side:
            raise asyncio.CancelledError

    def _enter(self, tasks: asyncio.TaskGroup, candidate: Candidate) -> None:
        """Begin an attempt. What it holds is let go of when its task is done, even if that never came to run."""
        side = _Side(self, self._client, candidate)
        self._sides.append(side)
        side.task = tasks.create_task(self._run(side))
        side.task.add_done_callback(lambda _: self._left(candidate))

    async def _run(self, side: _Side) -> None:
        """Carry out an attempt, and note how it ended."""
        patience = Patience()
        try:
            failure = await self._ask(side.candidate, side, patience)
        finally:
            patience.close()
        self._tell()
        if failure is None:
            self.answered = True
            return
        self.failures.append(failure)
        final = failure.started or not MEANING[failure.kind].moves
        if final and self._winner in {None, side}:
            self._give_up_beside(side)

    def _give_up_beside(self, side: _Side) -> None:
        for each in self._sides:
            if each is not side:
                each.task.cancel()

    def _tell(self) -> None:
        """Say that something has come of the attempts, so that no other is begun."""
        if not self._news.done():
            self._news.set_result(None)
