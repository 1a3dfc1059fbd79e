"""The gateway as people start it: a process of its own, of which the system can tell descriptors and memory."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")


@dataclass
class GatewayProcess:
    """A gateway that listens at ``url``."""

    process: asyncio.subprocess.Process
    url: str

    @property
    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def memory(self) -> int:
        """Bytes of memory that it has in use."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def end(self, by: signal.Signals) -> int:
        """Send it a signal, and give its exit code."""
        self.process.send_signal(by)
        async with asyncio.timeout(30):
            return await self.process.wait()


@asynccontextmanager
async def process_of(config: Path, database: Path, environ: Mapping[str, str] = {}) -> AsyncIterator[GatewayProcess]:
    """Start a gateway on a free port; its log goes into ``gateway.log`` beside the database."""
    with (database.parent / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "omniroute", "serve", "--config", str(config), "--port", "0"),
            *("--database", str(database), "--log-level", "debug", "--log-format", "json"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=dict(environ),
        )
    assert process.stdout is not None
    banner = b""
    try:
        async with asyncio.timeout(30):
            while (found := ADDRESS.search(banner)) is None:
                line = await process.stdout.readline()
                assert line, f"it did not start: {(database.parent / 'gateway.log').read_text()}"
                banner += line
        yield GatewayProcess(process, found[0].decode())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
