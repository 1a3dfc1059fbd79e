"""Streams in flight while the configuration is changed again and again: none is cut, nothing is left behind.

The same with a process of its own and the timings of service is in ``tests/soak``.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from omniroute.config.snapshot import Snapshot
from omniroute.engine.equipment import equip
from omniroute.names import Outcome
from omniroute.upstream.secrets import resolve_all
from tests.support.client import Connection, ask, chat, fetch
from tests.support.config_dirs import FREE, Scene, save_by_rename, watching
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import Chunk, Head, Last, ScriptedUpstream, Until, chat_events
from tests.support.waiting import within

STREAMS = 200
RELOADS = 50
ROLE, *WORDS, FINISH = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["a", "b", "c"]))
DONE = b"data: [DONE]\n\n"


def written(upstream: ScriptedUpstream, mark: int) -> str:
    return (
        f'[providers.house]\nbase_url = "{upstream.url}/v1"\nformats = ["openai-chat"]\n{FREE}\n\n'
        f'[aliases]\nmark = "house/{mark}"\n'
    )


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[tuple[RunningGateway, Scene]]:
    """A gateway that serves what a real watcher and loader make of a real file."""

    def prepare(each: Snapshot) -> object:
        return equip(each, resolve_all(each, {}, path.parent))

    async with watching(path, prepare=prepare) as scene, running(snapshot(provider("unused"))) as gateway:
        gateway.rt.holder = scene.reloader.holder
        yield gateway, scene


async def begin(gateway: RunningGateway) -> Connection:
    connection = await ask(f"{gateway.url}/v1/chat/completions", chat("mark", stream=True))
    await connection.headers()
    await anext(connection.pieces())
    return connection


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not tell a process its descriptors")
async def test_200_streams_go_on_over_50_reloads_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    middle, end = asyncio.Event(), asyncio.Event()
    script = [
        Head(),
        Chunk(ROLE + WORDS[0]),
        Until(middle),
        *map(Chunk, WORDS[1:]),
        Until(end),
        Chunk(FINISH + DONE),
        Last(),
    ]
    async with ScriptedUpstream(default=script) as upstream:
        path.write_text(written(upstream, 0), "utf-8")
        async with serving(path) as (gateway, scene):
            streams = await within(asyncio.gather(*(begin(gateway) for _ in range(STREAMS))))
            assert upstream.connections == STREAMS
            opened = descriptors()
            for mark in range(1, RELOADS + 1):
                save_by_rename(path, written(upstream, mark))
                await scene.shows(str(mark))
                if mark == RELOADS // 2:
                    middle.set()
            assert (len(scene.applied), scene.generation) == (RELOADS + 1, RELOADS + 1)
            assert descriptors() <= opened + 2  # the watch may be in the midst of being set up again
            assert upstream.disconnects == []
            end.set()
            answers = await within(asyncio.gather(*(stream.rest() for stream in streams)))
            rows = await gateway.ended(STREAMS)
            assert [each.body for each in answers] == [ROLE + b"".join(WORDS) + FINISH + DONE] * STREAMS
            assert all(each.complete for each in answers)
            assert {(row.outcome, row.generation, row.target) for row in rows} == {(Outcome.OK, 1, "house/0")}
            after = await fetch(f"{gateway.url}/v1/chat/completions", chat("mark", stream=True))
            assert after.headers["x-omniroute-config"].startswith(f"{RELOADS + 1}-")
            assert after.headers["x-omniroute-target"] == f"house/{RELOADS}"
            # The same pool as ever, though the snapshot that filled it is long gone.
            assert upstream.connections == STREAMS
            await asyncio.gather(*(stream.close() for stream in streams))
