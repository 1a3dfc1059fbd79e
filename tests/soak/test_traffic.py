"""Mixed traffic with clients that leave: descriptors come back, and memory does not grow."""

import asyncio
import signal
import statistics
from collections.abc import Mapping
from pathlib import Path

from omniroute.storage.report import recent
from tests.soak.load import answers, load_on, written
from tests.support.client import fetch
from tests.support.process import GatewayProcess, process_of
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import settled

CLIENTS = 40
WARM_UP, MEASURED = 8, 20
"""Seconds: allocators and caches fill first."""
MIB = 1024 * 1024


async def ready(gateway: GatewayProcess, headers: Mapping[str, str] = {}) -> int:
    """Wait until all that belongs to an idle gateway is open, the watch and the database as well; count it."""
    async with asyncio.timeout(30):
        while not (await fetch(f"{gateway.url}/api/config/status", headers=headers, method="GET")).json()["watcher"][
            "up"
        ]:
            await asyncio.sleep(0.1)
    await settled(lambda: gateway.descriptors)
    return gateway.descriptors


async def quiet(gateway: GatewayProcess, limit: int) -> int:
    """Wait until the connections of what is over are closed; give what is open then."""
    async with asyncio.timeout(30):
        while gateway.descriptors > limit:
            await asyncio.sleep(0.1)
    return gateway.descriptors


async def test_20_seconds_of_traffic_with_clients_that_leave_leave_nothing_behind(tmp_path: Path) -> None:
    config, database = tmp_path / "routes.toml", tmp_path / "omniroute.db"
    async with ScriptedUpstream(respond=answers) as upstream:
        config.write_text(written(upstream), "utf-8")
        async with process_of(config, database) as gateway:
            before = await ready(gateway)
            samples: list[int] = []
            most = 0
            async with load_on(gateway.url, CLIENTS) as load:
                await asyncio.sleep(WARM_UP)
                for _ in range(2 * MEASURED):
                    await asyncio.sleep(0.5)
                    samples.append(gateway.memory)
                    most = max(most, gateway.descriptors)
            idle = len(upstream.peers)
            after = await quiet(gateway, before + idle)
            assert await gateway.end(signal.SIGTERM) == 0
    slope = statistics.linear_regression(range(len(samples)), samples).slope * 2
    ended = len(load.done) + load.left
    print(
        f"{ended} requests, {load.left} left by their clients; "
        f"memory {samples[0] / MIB:.1f} to {samples[-1] / MIB:.1f} MiB, {slope / 1024:.0f} KiB/s; "
        f"descriptors {before}, at most {most}, then {after} with {idle} kept upstream"
    )
    rows = recent(str(database), 1_000_000)
    assert load.failed == 0
    assert len({row.request_id for row in rows}) == len(rows)
    assert {request_id for request_id, _ in load.done} <= {row.request_id for row in rows}
    assert {row.outcome for row in rows} == {"ok", "cancelled"}
    # A request that left so much as its own body behind would show as some 300 KiB a second.
    assert slope < 200 * 1024
    assert after <= before + idle
