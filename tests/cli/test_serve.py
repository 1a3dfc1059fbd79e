"""``omniroute serve`` as a process: what it prints, what it obeys, and how it ends."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from omniroute.cli.options import environment
from tests.cli.command import CLEAN, run, written
from tests.support.client import ask, chat, fetch
from tests.support.upstream import ScriptedUpstream, Stall, sse
from tests.support.waiting import LIMIT, eventually, within

SECRET = "sk-planted-0123456789abcdef0123456789abcdef"


class Serving:
    """A gateway process that listens; ``said`` is what it has printed so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said = ""
        self.url = ""

    async def listens(self) -> None:
        assert self.process.stdout is not None
        while not self.said.endswith("the next request follows\n"):
            line = await within(self.process.stdout.readline())
            assert line, await self.ended()
            self.said += line.decode()
        self.url = self.said.partition("listens on ")[2].split()[0]

    async def ended(self) -> tuple[int | None, str]:
        """Wait for its end: exit code, and all that it printed to either stream."""
        rest, errors = await within(self.process.communicate())
        return self.process.returncode, self.said + rest.decode() + errors.decode()


@asynccontextmanager
async def serving(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path) -> AsyncIterator[Serving]:
    kept = {name: value for name, value in environment().items() if name not in CLEAN}
    command = (sys.executable, "-m", "omniroute", "serve", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(
        *command, env={**kept, **(env or {})}, cwd=cwd, stdout=PIPE, stderr=PIPE
    )
    gateway = Serving(process)
    try:
        yield gateway
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def refused(*arguments: object, cwd: Path) -> tuple[int | None, str, str]:
    """Start a gateway that cannot serve: exit code, standard output, standard error."""
    async with serving(*arguments, cwd=cwd) as gateway:
        rest, errors = await within(gateway.process.communicate())
    return gateway.process.returncode, rest.decode(), errors.decode()


async def test_it_prints_its_port_obeys_flags_then_variables_then_files_and_ends_well_on_sigterm(
    tmp_path: Path,
) -> None:
    async with ScriptedUpstream() as upstream:
        text = f"""
            [server]
            host = "127.0.0.2"
            port = 1

            [runtime]
            database = "sqlite:file.db"

            [providers.echo]

            [providers.house]
            base_url = "{upstream.url}/v1"
            api_key = "env:PLANTED_KEY"
        """
        environ = {
            "PLANTED_KEY": SECRET,
            "OMNIROUTE_HOST": "127.0.0.1",
            "OMNIROUTE_PORT": "1",
            "OMNIROUTE_DATABASE": "variable.db",
            "OMNIROUTE_LOG_LEVEL": "debug",
        }
        written(tmp_path / "mine", text)
        async with serving("mine", "--port", 0, env=environ, cwd=tmp_path) as gateway:
            await gateway.listens()
            assert gateway.url.startswith("http://127.0.0.1:")
            assert gateway.url != "http://127.0.0.1:1"
            answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("house/m"))
            gateway.process.send_signal(signal.SIGTERM)
            code, printed = await gateway.ended()
        assert answer.status == 200
        assert upstream.requests[0].header("authorization") == f"Bearer {SECRET}"
    assert code == 0, printed
    assert SECRET not in printed
    assert (tmp_path / "variable.db").is_file()
    assert not (tmp_path / "file.db").exists()
    log = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert "exchanged" in {line["event"] for line in log}, "the variable asked for a line a request"
    assert run("usage", "--database", tmp_path / "variable.db").stdout.splitlines()[1].split()[:2] == ["m", "1"]


async def test_sigint_lets_a_stream_end_and_a_second_one_does_not_wait(tmp_path: Path) -> None:
    async with ScriptedUpstream(default=[*sse(["data: {}\n\n"])[:1], Stall()]) as upstream:
        house = f'[providers.house]\nbase_url = "{upstream.url}/v1"\nauth = "none"\n'
        written(tmp_path / "config", f'[server]\ngrace = "1h"\n{house}')
        async with serving("--port", 0, "--database", "x.db", cwd=tmp_path) as gateway:
            await gateway.listens()
            stream = await ask(f"{gateway.url}/v1/chat/completions", chat("house/m", stream=True))
            await eventually(lambda: upstream.requests)
            gateway.process.send_signal(signal.SIGINT)
            async with asyncio.timeout(LIMIT):
                while (await fetch(f"{gateway.url}/readyz", method="GET")).status != 503:
                    await asyncio.sleep(0.01)
            assert gateway.process.returncode is None
            gateway.process.send_signal(signal.SIGINT)
            code, printed = await gateway.ended()
            await stream.close()
    assert code == 130, printed


async def test_a_configuration_with_faults_is_refused_with_its_diagnostics_on_standard_error(tmp_path: Path) -> None:
    written(
        tmp_path / "mine", f'[providers.echo]\n[combos.x]\ntargets = ["ehco/y"]\n[providers.z]\napi_key = "{SECRET}"\n'
    )
    code, printed, text = await refused("--config", "mine", cwd=tmp_path)
    assert (code, printed) == (78, "")
    assert "error[OR3001]" in text
    assert "--> mine/omniroute.toml:3:12" in text
    assert text.endswith("Error: the configuration at `mine` cannot be used: 2 errors\n")
    assert "checked" not in text
    assert SECRET not in text
    assert [path.name for path in tmp_path.iterdir()] == ["mine"], "nothing is written before it is known to be good"


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = run("serve", tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (78, "")
    assert "error[OR9001]" in done.stderr


async def test_an_address_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    written(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed, said = await refused("--port", port, cwd=tmp_path)
    assert (code, printed) == (1, "")
    assert said.startswith("Error: cannot listen: Address already in use")
    assert f"('127.0.0.1', {port})" in said
    assert said.endswith("--host and --port name another address\n")
    assert len(said.splitlines()) == 1


async def test_a_database_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    written(tmp_path)
    code, printed, said = await refused("--port", 0, "--database", "none/x.db", cwd=tmp_path)
    assert (code, printed) == (1, "")
    assert said.startswith("Error: ")
    assert "cannot be used: No such file or directory" in said
    assert len(said.splitlines()) == 1


def test_a_variable_that_makes_no_sense_is_named_without_its_value(tmp_path: Path) -> None:
    done = run("serve", written(tmp_path), env={"OMNIROUTE_PORT": SECRET})
    assert (done.exit_code, done.stdout) == (2, "")
    assert "OMNIROUTE_PORT: Input should be a valid integer" in done.stderr
    assert SECRET not in done.stderr


def test_a_port_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    assert run("serve", written(tmp_path), "--port", 65536).exit_code == 2
