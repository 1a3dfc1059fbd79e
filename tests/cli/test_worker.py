"""A worker by itself: what it is told, what it says, and when it ends."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import msgspec
import pytest

from omniroute.gateway.server import address_of, listen
from omniroute.gateway.workers import READY, Orders
from tests.cli.command import ECHO, written
from tests.support.client import fetch
from tests.support.waiting import within


async def started(folder: Path, listening: socket.socket, database: str = "x.db", config: str = ECHO) -> Process:
    """Start a worker on a socket, as a supervisor does."""
    file = written(folder, config)
    orders = Orders(str(file), None, None, str(folder / database), "info", "json", 2, listening.fileno())
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "omniroute.cli.worker"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        pass_fds=(listening.fileno(),),
        cwd=folder,
    )
    assert worker.stdin is not None
    worker.stdin.write(msgspec.json.encode(orders) + b"\n")
    return worker


async def ended(worker: Process) -> tuple[int | None, str]:
    """Let go of its standard input, and give its exit code and what it logged."""
    assert worker.stdin is not None
    worker.stdin.close()
    _, errors = await within(worker.communicate())
    return worker.returncode, errors.decode()


async def test_it_says_when_it_serves_and_ends_with_its_supervisor(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        worker = await started(tmp_path, listening)
        assert worker.stdout is not None
        assert await within(worker.stdout.readline()) == READY
        answer = await fetch(f"{address_of(listening)}/readyz", method="GET")
        assert answer.json()["status"] == "ready"
        code, errors = await ended(worker)
    assert code == 0, errors
    assert '"up": false' in errors


async def test_a_signal_to_reload_does_not_end_it(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        worker = await started(tmp_path, listening)
        assert worker.stdout is not None
        assert await within(worker.stdout.readline()) == READY
        worker.send_signal(signal.SIGHUP)
        assert (await fetch(f"{address_of(listening)}/readyz", method="GET")).status == 200
        code, errors = await ended(worker)
    assert code == 0, errors


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [({"config": "[providers.nobody]\n"}, 78, "error"), ({"database": "."}, 1, "it is a directory")],
)
async def test_what_it_cannot_do_is_told_by_its_exit_code(
    given: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    with listen("127.0.0.1", 0) as listening:
        worker = await started(tmp_path, listening, **given)
        await within(worker.wait())
        found, errors = await ended(worker)
    assert (found, said in errors) == (code, True), errors
