"""Everything on, for as long as ``SOAK_MINUTES`` says: no row is lost, nothing stays held or taken, and nothing grows.

``make soak`` asks for 20 minutes; without the variable it is one. What each minute found is printed (``pytest -s``).
"""

import asyncio
import json
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from omniroute.storage.db import connect_reading
from omniroute.storage.rows import LOST, OPEN
from omniroute.storage.verify import verify
from tests.soak.crowd import BUSY, SEATS, SLOW, Behind, Crowd, configuration, cut_all
from tests.soak.test_traffic import quiet, ready
from tests.support.client import Connection, ask, chat, fetch
from tests.support.config_dirs import save_by_rename
from tests.support.process import GatewayProcess, process_of
from tests.support.upstream import Chunk, Head, Last, Script, ScriptedUpstream, Until, chat_events
from tests.support.waiting import within

MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))  # noqa: TID251 - an option of the test run, not of the code
WARM_UP = 0.3
"""The part of the time after which memory is looked at: allocators and caches fill first."""
LOOK, RELOAD, CUT = 2.0, 30.0, 20.0
"""Seconds between looks at the process, reloads, and breaks of an upstream's connections."""
GROWTH = 8.0
"""MiB that memory may grow in the time that is looked at, however long that is: allocators wander by as much. In 20
minutes, a request that leaves 120 bytes behind is found."""
MIB = 1024 * 1024
STATUS = {"authorization": "Bearer broad"}
HELD = chat("one/m", stream=True, temperature=1)


class Looks:
    """What was seen of the process: minutes, MiB, descriptors."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float, int]] = []

    async def watch(self, gateway: GatewayProcess, crowd: Crowd, stop: asyncio.Event) -> None:
        """Look, and tell of each minute."""
        began, told = time.monotonic(), 0
        while not stop.is_set():
            minutes = (time.monotonic() - began) / 60
            self.seen.append((minutes, gateway.memory / MIB, gateway.descriptors))
            if minutes >= told:
                _, memory, open_ = self.seen[-1]
                print(f"minute {told}: {len(crowd.sent)} requests, {memory:.1f} MiB, {open_} descriptors", flush=True)
                told += 1
            await asyncio.sleep(LOOK)

    @property
    def slope(self) -> float:
        """MiB a minute after the warm-up."""
        steady = [(minutes, memory) for minutes, memory, _ in self.seen if minutes >= WARM_UP * MINUTES]
        return statistics.linear_regression(*zip(*steady, strict=True)).slope

    def told(self) -> str:
        """Sum it up."""
        (_, first, _), (_, last, _) = self.seen[0], self.seen[-1]
        most = max(open_ for *_, open_ in self.seen)
        grew = f"memory {first:.1f} to {last:.1f} MiB, {self.slope:+.3f} MiB/min after the warm-up"
        return f"{grew}; descriptors at most {most}"


@asynccontextmanager
async def crowded(
    crowd: Crowd, config: Path, written: Callable[[int], str], *upstreams: ScriptedUpstream
) -> AsyncIterator[asyncio.Event]:
    """Keep a gateway busy, with reloads and breaks."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(BUSY):
            tasks.create_task(crowd.busy(random.Random(number), stop))
        for number in range(SLOW):
            tasks.create_task(crowd.slow(random.Random(number), stop))
        tasks.create_task(reloads(config, written, stop))
        tasks.create_task(cut_all(upstreams, CUT, stop))
        try:
            yield stop
        finally:
            stop.set()


async def reloads(config: Path, written: Callable[[int], str], stop: asyncio.Event) -> None:
    """Write another configuration again and again."""
    mark = 0
    while not stop.is_set():
        mark += 1
        save_by_rename(config, written(mark))
        try:
            async with asyncio.timeout(RELOAD):
                await stop.wait()
        except TimeoutError:
            continue


async def seats(url: str, crowd: Crowd, upstream: ScriptedUpstream) -> list[int]:
    """Take every seat of a key, and then one more; gives the statuses."""
    gate = asyncio.Event()
    role, word, finish = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo"]))
    script: Script = [Head(), Chunk(role + word), Until(gate), Chunk(finish + b"data: [DONE]\n\n"), Last()]
    upstream.respond = lambda _: script

    async def sit() -> Connection:
        connection = await ask(f"{url}/v1/chat/completions", HELD, crowd.tagged("broad"))
        await connection.headers()
        return connection

    streams = [await within(sit()) for _ in range(SEATS + 1)]
    gate.set()
    for stream in streams:
        await within(stream.rest())
        await stream.close()
    upstream.respond = None
    return [stream.received.status for stream in streams]


async def held(url: str) -> int:
    """Give what is set aside in all budgets, in nano-dollars."""
    answer = await fetch(f"{url}/api/usage/budget", headers=STATUS, method="GET")
    return sum(each["held_nano"] for each in answer.json()["budgets"])


async def calm(url: str, crowd: Crowd, upstream: ScriptedUpstream) -> None:
    """Wait until no request is under way and no provider rests, which failures of before have brought about."""
    upstream.respond = None
    async with asyncio.timeout(120):
        while await held(url):
            await asyncio.sleep(0.2)
        while (
            await fetch(f"{url}/v1/chat/completions", chat("one/m", temperature=1), crowd.tagged("broad"))
        ).status != 200:
            await asyncio.sleep(0.5)


def rows(database: Path) -> list[tuple[str, str, int]]:
    """Give tag, outcome and generation of each row."""
    with closing(connect_reading(str(database))) as connection:
        return connection.execute("SELECT json_extract(tags, '$[0]'), outcome, generation FROM usage").fetchall()


def judge(database: Path, crowd: Crowd) -> None:
    """See that each request has one row, which says how it ended, that reloads were applied, and that the sums hold."""
    found = rows(database)
    outcomes, generation = Counter(outcome for _, outcome, _ in found), max(generation for *_, generation in found)
    print(f"rows {dict(outcomes)}, the last of generation {generation}")
    assert crowd.strange == {}
    assert Counter(tag for tag, *_ in found) == Counter(crowd.sent)
    assert generation > 60 * MINUTES // RELOAD
    assert not {OPEN, LOST} & set(outcomes)
    assert {"ok", "cut", "cancelled", "refused"} <= set(outcomes)
    assert verify(str(database), time.time_ns() // 1000).findings == ()


async def test_a_long_time_with_everything_on_loses_no_row_and_leaves_nothing_behind(tmp_path: Path) -> None:
    config, database = tmp_path / "routes.toml", tmp_path / "omniroute.db"
    behind, looks = Behind(), Looks()
    async with ScriptedUpstream(respond=behind.respond) as one, ScriptedUpstream(respond=behind.respond) as two:

        def written(mark: int) -> str:
            return configuration((one.url, two.url), mark)

        config.write_text(written(0), "utf-8")
        async with process_of(config, database) as gateway:
            before = await ready(gateway, STATUS)
            crowd = Crowd(gateway.url)
            async with crowded(crowd, config, written, one, two) as stop, asyncio.TaskGroup() as watching:
                watching.create_task(looks.watch(gateway, crowd, stop))
                await asyncio.sleep(60 * MINUTES)
                stop.set()
            await calm(gateway.url, crowd, one)
            statuses = await seats(gateway.url, crowd, one)
            await calm(gateway.url, crowd, one)
            idle = len(one.peers) + len(two.peers)
            after = await quiet(gateway, before + idle)
            still_held = await held(gateway.url)
            assert await gateway.end(signal.SIGTERM) == 0
    print(f"{crowd.told()}\n{looks.told()}\ndescriptors {before} before, {after} after, {idle} of them kept upstream")
    judge(database, crowd)
    assert statuses == [200] * SEATS + [429]
    assert still_held == 0
    assert after <= before + idle
    assert looks.slope * MINUTES * (1 - WARM_UP) < GROWTH
