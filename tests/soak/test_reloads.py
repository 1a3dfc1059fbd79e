"""200 streams in a process of its own, over 50 reloads with the timings of service."""

import asyncio
import json
import signal
from pathlib import Path

from omniroute.storage.report import recent
from tests.soak.load import written
from tests.support.client import Connection, ask, chat, fetch
from tests.support.config_dirs import save_by_rename
from tests.support.process import process_of
from tests.support.upstream import Chunk, Head, Last, ScriptedUpstream, Until, chat_events
from tests.support.waiting import within

STREAMS, RELOADS = 200, 50
MIB = 1024 * 1024
ROLE, WORD, FINISH = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo"]))
DONE = b"data: [DONE]\n\n"


async def begin(url: str) -> Connection:
    connection = await ask(f"{url}/v1/chat/completions", chat("mark", stream=True))
    await connection.headers()
    await anext(connection.pieces())
    return connection


async def shown(url: str, mark: int) -> None:
    """Wait until this configuration is in force."""
    async with asyncio.timeout(20):
        while (await fetch(f"{url}/v1/models/mark", method="GET")).json()["root"] != f"house/{mark}":
            await asyncio.sleep(0.05)


async def test_200_streams_go_on_over_50_reloads_and_neither_descriptors_nor_memory_grow(tmp_path: Path) -> None:
    config, database = tmp_path / "routes.toml", tmp_path / "omniroute.db"
    gate = asyncio.Event()
    script = [Head(), Chunk(ROLE + WORD), Until(gate), Chunk(FINISH + DONE), Last()]
    async with ScriptedUpstream(default=script) as upstream:
        config.write_text(written(upstream), "utf-8")
        async with process_of(config, database) as gateway:
            streams = await within(asyncio.gather(*(begin(gateway.url) for _ in range(STREAMS))))
            used: list[tuple[int, int]] = []
            for mark in range(1, RELOADS + 1):
                save_by_rename(config, written(upstream, mark))
                await shown(gateway.url, mark)
                used.append((gateway.descriptors, gateway.memory))
            gate.set()
            answers = await within(asyncio.gather(*(stream.rest() for stream in streams)))
            after = await fetch(f"{gateway.url}/v1/chat/completions", chat("mark", stream=True))
            await asyncio.gather(*(stream.close() for stream in streams))
            assert await gateway.end(signal.SIGTERM) == 0
        assert upstream.connections == STREAMS
    (first_open, _), (last_open, last_used) = used[0], used[-1]
    warm = used[RELOADS // 5][1]
    print(f"descriptors {first_open} to {last_open}, memory {warm / MIB:.1f} to {last_used / MIB:.1f} MiB")
    assert all(each.complete and each.body == ROLE + WORD + FINISH + DONE for each in answers)
    assert after.headers["x-omniroute-config"].startswith(f"{RELOADS + 1}-")
    assert last_open <= first_open + 2
    assert last_used - warm < 8 * MIB
    rows = recent(str(database), 1000)
    assert len(rows) == STREAMS + 1
    assert {row.outcome for row in rows} == {"ok"}
