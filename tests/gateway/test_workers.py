"""Several processes at one address, as people start them: all serve, one that dies is replaced, all stop in order."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from omniroute.gateway.assembly import Process
from omniroute.gateway.workers import Orders, process_of
from omniroute.storage.audit import Filter, rows, verify_file
from omniroute.storage.db import connect_reading
from tests.cli.command import written
from tests.cli.test_serve import Serving, refused, serving
from tests.support.client import Connection, ask, chat, fetch
from tests.support.config_dirs import save_by_rename
from tests.support.upstream import Chunk, Head, Last, Script, ScriptedUpstream, Until, chat_events
from tests.support.waiting import within

ECHO = "[providers.echo]\n"
OPTIONS = ("--port", 0, "--workers", 2, "--database", "x.db", "--log-format", "json")


class Pair:
    """Two workers, and what can be told of them from outside."""

    def __init__(self, gateway: Serving, folder: Path) -> None:
        self.gateway = gateway
        self.database = str(folder / "x.db")

    async def until(self, action: str, count: int) -> list[int]:
        """Wait until the audit log has so many rows of an action; gives the processes that they name."""
        async with asyncio.timeout(40):
            while len(found := rows(self.database, Filter(action=action), 99)) < count:
                await asyncio.sleep(0.05)
        return [int(match[1]) for row in reversed(found) if (match := re.search(r"process (\d+)", row.detail))]

    def one(self, query: str) -> int:
        with closing(connect_reading(self.database)) as connection:
            found: int = connection.execute(query).fetchone()[0]
        return found

    async def ask(self, count: int = 24) -> None:
        """Ask over connections of their own, and at once: whoever is free answers."""
        url = f"{self.gateway.url}/v1/chat/completions"
        answers = await asyncio.gather(*(fetch(url, chat("echo/m"), {"connection": "close"}) for _ in range(count)))
        assert {answer.status for answer in answers} == {200}

    async def both_answered(self) -> None:
        """Ask until each has a row in the ledger."""
        async with asyncio.timeout(40):
            while self.one("SELECT count(DISTINCT worker) FROM usage") < 2:
                await self.ask()

    async def both_heard(self) -> None:
        """Wait until each has looked at its files because of a signal."""
        async with asyncio.timeout(40):
            while sum("trigger signal" in row.detail for row in rows(self.database, Filter(), 99)) < 2:
                await asyncio.sleep(0.05)


def logged(printed: str) -> Iterator[dict[str, object]]:
    for line in printed.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


async def test_both_serve_a_reload_reaches_both_one_that_is_killed_is_replaced_and_both_stop(tmp_path: Path) -> None:
    file = written(tmp_path, ECHO)
    async with serving(file, *OPTIONS, cwd=tmp_path) as gateway:
        await gateway.listens()
        pair = Pair(gateway, tmp_path)
        first, second = await pair.until("serve.started", 2)
        assert first != second
        await pair.both_answered()
        assert pair.one("SELECT count(*) FROM generations") == 1

        save_by_rename(file, ECHO + '[aliases]\nsmart = "echo/m"\n')
        await pair.until("config.applied", 4)
        assert pair.one("SELECT max(generation) FROM generations") == 2

        os.kill(first, signal.SIGKILL)
        await pair.ask()
        *_, third = await pair.until("serve.started", 3)
        assert third not in {first, second}
        await pair.ask()

        gateway.process.send_signal(signal.SIGHUP)
        await pair.both_heard()
        gateway.process.send_signal(signal.SIGTERM)
        code, printed = await gateway.ended()
    assert code == 0, printed
    troubles = [str(line["what"]) for line in logged(printed) if line["event"] == "troubled"]
    assert [each for each in troubles if f"(process {first}) ended by SIGKILL; it is started again" in each]
    assert sorted(await pair.until("serve.stopped", 2)) == sorted([second, third])
    assert verify_file(pair.database).broken is None
    assert pair.one("SELECT max(generation) FROM generations") == 2


async def test_streams_of_both_come_to_their_end_while_they_stop(tmp_path: Path) -> None:
    gate = asyncio.Event()
    role, word, finish = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo"]))
    script: Script = [Head(), Chunk(role), Chunk(word), Until(gate), Chunk(finish + b"data: [DONE]\n\n"), Last()]
    async with ScriptedUpstream(default=script) as upstream:
        house = f'[providers.house]\nbase_url = "{upstream.url}/v1"\nauth = "none"\nformats = ["openai-chat"]\n'
        file = written(tmp_path, house)
        async with serving(file, *OPTIONS, cwd=tmp_path) as gateway:
            await gateway.listens()
            streams = await asyncio.gather(*(begun(gateway.url) for _ in range(12)))
            gateway.process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.3)
            assert gateway.process.returncode is None
            gate.set()
            for stream in streams:
                assert (await within(stream.rest())).complete
                await stream.close()
            code, printed = await gateway.ended()
    assert code == 130, printed
    assert len([line for line in logged(printed) if line.get("event") == "serving" and not line["up"]]) == 2


async def begun(url: str) -> Connection:
    connection = await ask(f"{url}/v1/chat/completions", chat("house/m", stream=True))
    await within(connection.headers())
    await within(anext(connection.pieces()))
    return connection


async def test_workers_whose_supervisor_is_killed_stop(tmp_path: Path) -> None:
    async with serving(written(tmp_path, ECHO), *OPTIONS, cwd=tmp_path) as gateway:
        await gateway.listens()
        pair = Pair(gateway, tmp_path)
        gateway.process.kill()
        await pair.until("serve.stopped", 2)


async def test_what_cannot_be_served_is_told_once_and_by_the_exit_code(tmp_path: Path) -> None:
    bad = written(tmp_path / "bad", "[providers.nobody]\n")
    code, _, errors = await refused(bad, *OPTIONS, cwd=tmp_path)
    assert code == 78
    assert errors.count("OR") >= 1
    good = written(tmp_path / "good", ECHO)
    code, _, errors = await refused(good, "--port", 0, "--workers", 2, "--database", ":memory:", cwd=tmp_path)
    assert code == 1
    assert "several workers need a database that they can share" in errors


@pytest.mark.parametrize("database", [None, "x.db"])
def test_a_worker_is_told_what_its_supervisor_was(database: str | None) -> None:
    orders = Orders("config", "127.0.0.1", 0, database, "debug", "json", 3, 7)
    read = msgspec.json.decode(msgspec.json.encode(orders), type=Orders)
    expected = Process(Path("config"), {"A": "1"}, "127.0.0.1", 0, database, "debug", "json", workers=3)
    assert process_of(read, {"A": "1"}) == expected
