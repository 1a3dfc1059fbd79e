"""A process that shares what is counted on a database, and does what it is told: it can be stopped and killed.

As a program, ``python -m tests.support.sharers DATABASE`` reads operations, one a line, and answers each with a line.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omniroute.limits.port import Bucket, Purse, Seat
from omniroute.storage.shared import SharedByWorkers

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000.0
BUCKET, SEAT, PURSE = Bucket("b", 10), Seat("s", 2), Purse("team", 7, 100)


class Sharer:
    """The process, seen from outside."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def do(self, what: str) -> bool:
        """Have it ``take``, ``enter``, ``hold`` or ``settle`` so much; says whether it was granted."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return {"yes\n": True, "no\n": False}[self.process.stdout.readline()]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def sharer(path: str) -> Iterator[Sharer]:
    """Start one on a database; it is ready."""
    command = [sys.executable, "-m", "tests.support.sharers", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            made = Sharer(process)
            assert made.do("nothing 0")
            yield made
        finally:
            process.kill()


async def _act(shared: SharedByWorkers, what: str, amount: int) -> bool:
    if what == "take":
        return not (await shared.take([(BUCKET, amount)], NOW))[0].retry_after
    if what == "enter":
        return await shared.enter([SEAT], NOW) is None
    if what == "hold":
        return not (await shared.hold("theirs", [PURSE], amount, NOW)).short
    if what == "settle":
        shared.settle("theirs", [PURSE], amount)
    return True


async def _obey(path: str) -> None:
    shared = SharedByWorkers(path)
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, amount = line.split()
        print("yes" if await _act(shared, what, int(amount)) else "no", flush=True)
    shared.close()


if __name__ == "__main__":
    asyncio.run(_obey(sys.argv[1]))
