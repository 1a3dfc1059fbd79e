"""A gateway that is killed while it serves: the database is whole, and lacks no row older than a second."""

import asyncio
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from omniroute.storage.db import connect_reading
from omniroute.storage.report import recent
from omniroute.storage.rows import LOST, OPEN
from omniroute.storage.verify import verify
from tests.soak.load import MODEL, answers, load_on, written
from tests.support.client import chat, fetch
from tests.support.process import process_of
from tests.support.upstream import ScriptedUpstream

CLIENTS = 24
EVERYTHING = 1_000_000


def ended(database: Path) -> set[str]:
    """Name the requests whose rows say how they ended."""
    return {row.request_id for row in recent(str(database), EVERYTHING) if row.outcome not in {OPEN, LOST}}


@pytest.mark.parametrize("instant", [0.3, 1.0, 1.7, 2.4, 3.1, 4.0])
async def test_after_a_kill_under_load_the_rows_of_all_but_the_last_second_are_there(
    tmp_path: Path, instant: float
) -> None:
    config, database = tmp_path / "routes.toml", tmp_path / "omniroute.db"
    async with ScriptedUpstream(respond=answers) as upstream:
        config.write_text(written(upstream), "utf-8")
        async with process_of(config, database) as gateway, load_on(gateway.url, CLIENTS) as load:
            await asyncio.sleep(instant)
            os.kill(gateway.process.pid, signal.SIGKILL)
            killed = time.monotonic()
        with closing(connect_reading(str(database))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert verify(str(database), time.time_ns() // 1000).findings == ()
        found = ended(database)
        owed = {request_id for request_id, at in load.done if at < killed - 1.0}
        newer = {request_id for request_id, at in load.done if at >= killed - 1.0}
        print(f"killed after {instant} s: {len(owed)} owed, {len(newer - found)} of {len(newer)} newer ones lost")
        assert owed <= found
        assert instant < 1.5 or owed
        async with process_of(config, database) as gateway:
            after = await fetch(f"{gateway.url}/v1/chat/completions", chat(MODEL))
            assert after.status == 200
            assert after.headers["x-omniroute-config"].startswith("1-")
            assert await gateway.end(signal.SIGTERM) == 0
        again = ended(database)
        assert again >= found | {after.headers["x-request-id"]}
