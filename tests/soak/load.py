"""Load on a gateway: clients that ask for whole answers and for streams, some of which leave in the midst of them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.client import ask, chat
from tests.support.peer import Recorded, Script
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream, usage_of

MODEL = "house/m"


def answers(asked: Recorded) -> Script:
    """What the upstream says: a stream takes a while."""
    words, usage = [f"word {number} " for number in range(20)], usage_of(10, 20)
    if asked.json()["stream"]:
        return chat_stream(words, usage, gap=0.005)
    return chat_answer("".join(words), usage)


def written(upstream: ScriptedUpstream, mark: int = 0) -> str:
    """The configuration that leads to this upstream."""
    return (
        f'[providers.house]\nbase_url = "{upstream.url}/v1"\nformats = ["openai-chat"]\nauth = "none"\n\n'
        f'[aliases]\nmark = "house/{mark}"\n'
    )


@dataclass
class Load:
    """What became of the requests: ``done`` are ids of those that were answered in full, with the time of their end."""

    done: list[tuple[str, float]] = field(default_factory=list)
    left: int = 0
    failed: int = 0

    async def client(self, url: str, dice: random.Random, stop: asyncio.Event) -> None:
        """Ask one request after the other; one in four is left in the midst of its answer."""
        while not stop.is_set():
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if await self._one(url, stream=dice.random() < 0.7, leave=dice.random() < 0.25):
                    continue
            self.failed += 1
            await asyncio.sleep(0.05)

    async def _one(self, url: str, *, stream: bool, leave: bool) -> bool:
        connection = await ask(f"{url}/v1/chat/completions", chat(MODEL, stream=stream))
        try:
            if leave and not stream:
                self.left += 1
                return True
            head = await connection.headers()
            async for _ in connection.pieces():
                if leave:
                    self.left += 1
                    return True
            if not connection.received.complete or head.status != 200:
                return False
            self.done.append((head.headers["x-request-id"], time.monotonic()))
            return True
        finally:
            await connection.close()


@asynccontextmanager
async def load_on(url: str, clients: int) -> AsyncIterator[Load]:
    """Keep a gateway busy."""
    load, stop = Load(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(load.client(url, random.Random(number), stop))
        try:
            yield load
        finally:
            stop.set()
