"""Two workers that are killed while streams run that a budget pays for, and what must be true of the money then.

One database lives through all the kills: what one life left behind, the next one must cope with.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from omniroute.storage.db import connect_reading
from omniroute.storage.verify import verify
from omniroute.storage.workers import LEASE
from tests.support.boards import purses
from tests.support.client import ask
from tests.support.mortal import LOST_AT_MOST, spent, spent_by_rows
from tests.support.paid import Workers, pair_of, saying, shown, written
from tests.support.peer import Recorded, Script
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream, usage_of
from tests.support.waiting import eventually

CLIENTS = 12
USED = usage_of(3, 4)
SLOW = b"slowly"
"""In a request whose stream is under way for long enough to have a row."""
LIMIT = 100_000_000
"""Nano-dollars: some lives that ended at once may hold most of it."""


@dataclass
class Toll:
    """What became of all lives together; ``done`` is of the last: answers that came whole, with the time of that."""

    kills: int = 0
    answers: int = 0
    done: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    owed: int = 0
    held: int = 0
    open: int = 0
    lost: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.answers} answers, {self.refused} refused for the budget, {self.owed} rows "
            f"owed and there, money held at {self.held} kills and {self.open} rows open at kills, {self.lost} lost"
        )


def answering(asked: Recorded) -> Script:
    words = [f"word {number} " for number in range(8)]
    gap = 0.25 if SLOW in asked.body else 0.02
    return chat_stream(words, USED, gap=gap) if asked.json().get("stream") else chat_answer("".join(words), USED)


async def killed(folder: Path, kills: int, longest: float, dice: Random) -> Toll:
    """Kill so many times, each after at most ``longest`` seconds of load, and judge what is left each time.

    In every other life, one of the two workers is killed before the rest.
    """
    toll = Toll()
    async with ScriptedUpstream(respond=answering) as upstream:
        text = written(upstream, limit=f"{LIMIT / 1e9} USD", more='period = "total"\n')
        for number in range(kills):
            instant = dice.uniform(0.05, longest)
            async with pair_of(folder, text) as pair:
                await _loaded(pair, toll, instant, dice, one_first=number % 2 == 1)
            toll.kills += 1
            _judge(pair, toll)
        async with pair_of(folder, text) as pair:
            before = time.monotonic()
            async with asyncio.timeout(4 * LEASE):
                while (await pair.stands())[1]:
                    await asyncio.sleep(0.1)
            print(f"nothing is held {time.monotonic() - before:.1f} s after the last start")
            assert (await pair.pay()).status == 200
            await eventually(lambda: not pair.one("SELECT count(*) FROM usage WHERE outcome = 'admitted'"))
            await pair.stop()
    pair.holds_true()
    _sums(pair)
    toll.lost = pair.one("SELECT count(*) FROM usage WHERE outcome = 'lost'")
    return toll


async def _loaded(pair: Workers, toll: Toll, seconds: float, dice: Random, *, one_first: bool) -> None:
    """Load two workers, and kill them."""
    supervisor = pair.gateway.process.pid
    stop = asyncio.Event()
    toll.done = {}
    async with asyncio.TaskGroup() as tasks:
        for seed in range(CLIENTS):
            tasks.create_task(_client(pair.gateway.url, toll, Random(seed), stop))
        await asyncio.sleep(seconds)
        if one_first:
            os.kill(dice.choice(_children(supervisor)), signal.SIGKILL)
            await asyncio.sleep(dice.uniform(0, 0.5))
        workers = _children(supervisor)
        for each in (supervisor, *workers):
            os.kill(each, signal.SIGKILL)
        at = time.monotonic()
        stop.set()
        await pair.gateway.process.wait()
        await eventually(lambda: not any(map(_lives, workers)))
    owed = {request for request, end in toll.done.items() if end < at - LOST_AT_MOST} if not one_first else set()
    with closing(connect_reading(pair.database)) as connection:
        rows = connection.execute("SELECT request_id FROM usage WHERE outcome NOT IN ('admitted', 'lost')").fetchall()
    assert owed <= {row[0] for row in rows}
    toll.answers += len(toll.done)
    toll.owed += len(owed)


async def _client(url: str, toll: Toll, dice: Random, stop: asyncio.Event) -> None:
    """Ask one request after the other; most are streams, and one in five is left in the midst of its answer."""
    while not stop.is_set():
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            text = SLOW.decode() if dice.random() < 0.25 else "hi"
            await _one(url, toll, {**saying(text), "stream": dice.random() < 0.8}, leave=dice.random() < 0.2)
        await asyncio.sleep(0.01)


async def _one(url: str, toll: Toll, body: object, *, leave: bool) -> None:
    connection = await ask(f"{url}/v1/chat/completions", body, shown("alice"))
    try:
        head = await connection.headers()
        if head.status == 429:
            toll.refused += 1
        async for _ in connection.pieces():
            if leave:
                return
        if head.status == 200 and connection.received.complete:
            toll.done[head.headers["x-request-id"]] = time.monotonic()
    finally:
        await connection.close()


def _judge(pair: Workers, toll: Toll) -> None:
    """See that the database is whole, that all sums hold, and that no more was spent and set aside than there is."""
    with closing(connect_reading(pair.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert verify(pair.database, time.time_ns() // 1000).findings == ()
    _sums(pair)
    for spent_, held in purses(pair.database):
        assert spent_ + held <= LIMIT, (spent_, held)
        toll.held += bool(held)
    toll.open += pair.one("SELECT count(*) FROM usage WHERE outcome = 'admitted'")


def _sums(pair: Workers) -> None:
    """See that what was spent is what the final rows cost."""
    query = "SELECT at, outcome, cost_nano, budgets, reserved_nano FROM usage WHERE outcome NOT IN ('admitted', 'lost')"
    with closing(connect_reading(pair.database)) as connection:
        rows = [tuple(row) for row in connection.execute(query).fetchall()]
        assert spent_by_rows(rows) == spent(connection)


def _children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """Whether a process has not ended; nobody may have asked how."""
    return any(state not in "ZX" for state in _state(pid))


def _state(pid: int) -> Iterator[str]:
    with suppress(OSError):
        yield Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
