"""The whole gateway, from a directory of TOML to rows on the disk."""

import asyncio
import io
import json
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from omniroute.errors import ConfigError, StorageError
from omniroute.gateway.assembly import Process, Started, serve
from omniroute.gateway.server import listen
from omniroute.storage.report import PastRequest, recent
from tests.support.client import Connection, Received, ask, chat, fetch
from tests.support.config_dirs import save_by_rename
from tests.support.process import process_of
from tests.support.upstream import (
    Chunk,
    Head,
    Last,
    Script,
    ScriptedUpstream,
    Until,
    chat_events,
    error_answer,
    usage_of,
)
from tests.support.waiting import eventually, within

ECHO = "[providers.echo]\n"
PLANTED = "sk-planted-0123456789abcdefghijklmnop"


def house(name: str, upstream: ScriptedUpstream, auth: str = 'auth = "none"') -> str:
    return f'[providers.{name}]\nbase_url = "{upstream.url}/v1"\nformats = ["openai-chat"]\n{auth}\n'


def held(gate: asyncio.Event) -> Script:
    """A stream that stops after its first word until the gate opens."""
    role, word, finish, usage = (
        f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo"], usage_of(3, 4))
    )
    return [Head(), Chunk(role), Chunk(word), Until(gate), Chunk(finish + usage + b"data: [DONE]\n\n"), Last()]


async def begun(url: str) -> Connection:
    """A stream of which the client has the first word."""
    connection = await ask(f"{url}/v1/chat/completions", chat("p/m", stream=True))
    await within(connection.headers())
    await within(anext(connection.pieces()))
    return connection


@dataclass
class Serving:
    """A gateway in this process; its files, what it was started with and what it logged."""

    directory: Path
    database: Path
    environ: dict[str, str]
    log: io.StringIO
    task: "asyncio.Task[signal.Signals | None]"
    started: list[Started] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.started[0].address

    def write(self, text: str) -> None:
        save_by_rename(self.directory / "routes.toml", text)

    async def page(self, path: str) -> Received:
        return await fetch(self.url + path, method="GET")

    async def ask(self, model: str, **more: object) -> Received:
        return await fetch(f"{self.url}/v1/chat/completions", chat(model, **more))  # type: ignore[arg-type]

    async def status(self) -> Any:
        return (await self.page("/api/config/status")).json()

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """Wait until the status page says so."""
        async with asyncio.timeout(20):
            while not condition(status := await self.status()):
                await asyncio.sleep(0.02)
        return status

    async def generation(self, number: int) -> None:
        await self.until(lambda status: status["active"]["generation"] == number)

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> signal.Signals | None:
        signal.raise_signal(by)
        return await within(self.task)

    def rows(self) -> list[PastRequest]:
        """What is on the disk, the oldest first."""
        return list(reversed(recent(str(self.database), 1000)))


@asynccontextmanager
async def serving(
    directory: Path, toml: str | None = None, database: str = "", host: str | None = None
) -> AsyncIterator[Serving]:
    """Serve a directory of configuration, in which ``toml`` is written, until a signal or the end of the test."""
    config = directory / "config"
    config.mkdir(exist_ok=True)
    if toml is not None:
        (config / "routes.toml").write_text(toml, "utf-8")
    environ: dict[str, str] = {}
    log = io.StringIO()
    given = database or str(directory / "omniroute.db")
    started: list[Started] = []
    process = Process(config, environ, host, 0, database=given, log_level="debug", log_style="json")
    task = asyncio.create_task(serve(process, log, started.append))
    while not started and not task.done():
        await asyncio.sleep(0.005)
    made = Serving(config, Path(given), environ, log, task, started)
    if task.done():
        await task
    # It answers only after it has taken over the signals, without which the one below would end the tests.
    await made.page("/healthz")
    try:
        yield made
    finally:
        if not task.done():
            await made.stop()


async def test_a_directory_with_the_echo_answers_and_its_rows_are_on_the_disk_when_it_stops(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO) as gateway:
        whole = await gateway.ask("echo/echo-1")
        stream = await gateway.ask("echo/echo-1", stream=True)
        assert await gateway.stop() is signal.SIGTERM
    said = whole.json()["choices"][0]["message"]["content"]
    assert said.startswith('You said: "Say hello".')
    assert (stream.text, stream.complete, stream.events[-1]) == (said, True, "[DONE]")
    rows = gateway.rows()
    assert [(row.request_id, row.outcome, row.target, row.stream) for row in rows] == [
        (whole.headers["x-request-id"], "ok", "echo/echo-1", False),
        (stream.headers["x-request-id"], "ok", "echo/echo-1", True),
    ]
    assert rows[0].output_tokens == rows[1].output_tokens == whole.json()["usage"]["completion_tokens"]
    assert {f"{row.generation}-{row.config}" for row in rows} == {whole.headers["x-omniroute-config"]}


async def test_what_it_announces_is_where_it_listens_and_what_it_read(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO + "[server]\nport = 1\n") as gateway:
        [started] = gateway.started
        assert started.address.startswith("http://127.0.0.1:")
        assert not started.address.endswith(":1")
        assert started.files == (str(gateway.directory / "routes.toml"),)
        assert started.live.generation == 1
        await gateway.stop(signal.SIGINT)
    assert gateway.task.result() is signal.SIGINT
    told = [json.loads(line) for line in gateway.log.getvalue().splitlines()]
    assert [each["up"] for each in told if each["event"] == "serving"] == [True, False]
    assert {each["address"] for each in told if each["event"] == "serving"} == {started.address}


async def test_an_edit_changes_the_next_request(tmp_path: Path) -> None:
    async with ScriptedUpstream() as one, ScriptedUpstream() as two:
        both = house("one", one) + house("two", two)
        async with serving(tmp_path, both + '[aliases]\nsmart = "one/m"\n') as gateway:
            before = await gateway.ask("smart")
            gateway.write(both + '[aliases]\nsmart = "two/m"\n')
            await gateway.generation(2)
            after = await gateway.ask("smart")
            await gateway.stop()
    assert (before.headers["x-omniroute-target"], after.headers["x-omniroute-target"]) == ("one/m", "two/m")
    assert (len(one.requests), len(two.requests)) == (1, 1)
    assert [row.generation for row in gateway.rows()] == [1, 2]
    assert before.headers["x-omniroute-config"].startswith("1-")
    assert after.headers["x-omniroute-config"].startswith("2-")


async def test_a_typo_leaves_the_last_good_configuration_serving_and_its_fix_is_live(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO + '[aliases]\nsmart = "echo/one"\n') as gateway:
        await gateway.until(lambda status: status["watcher"]["up"])
        gateway.write(ECHO + '[aliases\nsmart = "echo/two"\n')
        refused = await gateway.until(lambda status: status["last_attempt"]["result"] == "rejected")
        assert (refused["active"]["generation"], refused["in_sync_with_disk"]) == (1, False)
        assert (await gateway.ask("smart")).headers["x-omniroute-target"] == "echo/one"
        assert (await gateway.page("/readyz")).status == 200
        assert b"omniroute_config_in_sync 0.0" in (await gateway.page("/metrics")).body
        began = time.monotonic()
        gateway.write(ECHO + '[aliases]\nsmart = "echo/two"\n')
        while (await gateway.ask("smart")).headers["x-omniroute-target"] != "echo/two":
            assert time.monotonic() - began < 20
            await asyncio.sleep(0.02)
        took = time.monotonic() - began
        assert (await gateway.status())["in_sync_with_disk"]
        print(f"the fix was live after {took:.2f} s")
    results = [json.loads(line).get("result") for line in gateway.log.getvalue().splitlines()]
    assert [each for each in results if each] == ["applied", "rejected", "applied"]


async def test_a_signal_reads_everything_again_secrets_as_well(tmp_path: Path) -> None:
    async with ScriptedUpstream() as upstream:
        toml = house("p", upstream, 'api_key = "env:HOUSE_KEY"')
        async with serving(tmp_path, toml) as gateway:
            assert (await gateway.ask("p/m")).status == 422
            gateway.environ["HOUSE_KEY"] = "the-first-key"
            signal.raise_signal(signal.SIGHUP)
            await gateway.until(lambda status: status["last_attempt"]["trigger"] == "signal")
            assert (await gateway.ask("p/m")).status == 200
    assert upstream.requests[0].header("authorization") == "Bearer the-first-key"


async def test_a_stream_goes_on_over_a_reload_that_removes_its_provider_whose_idle_connections_go(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    async with ScriptedUpstream() as upstream, serving(tmp_path, ECHO + house("p", upstream)) as gateway:
        upstream.then(held(gate))
        stream = await begun(gateway.url)
        await gateway.ask("p/m")
        assert len(upstream.peers) == 2
        gateway.write(ECHO)
        await gateway.generation(2)
        await eventually(lambda: len(upstream.peers) == 1)
        assert (await gateway.ask("p/m")).status == 404
        gate.set()
        assert (await within(stream.rest())).complete
        await stream.close()
        await gateway.stop()
    assert sorted((row.generation, row.status) for row in gateway.rows()) == [(1, 200), (1, 200), (2, 404)]


async def test_a_key_in_clear_is_seen_nowhere(tmp_path: Path) -> None:
    async with ScriptedUpstream() as upstream:
        upstream.default = error_answer(f"no such key: {PLANTED}", 401)
        good = house("p", upstream, 'api_key = "env:HOUSE_KEY"')
        async with serving(tmp_path, good) as gateway:
            gateway.environ["HOUSE_KEY"] = PLANTED
            signal.raise_signal(signal.SIGHUP)
            await gateway.until(lambda status: status["last_attempt"]["trigger"] == "signal")
            shown = [await gateway.ask("p/m"), await gateway.ask("p/m", stream=True), await gateway.ask(PLANTED)]
            gateway.write(house("p", upstream, f'api_key = "{PLANTED}"'))
            await gateway.until(lambda status: status["last_attempt"]["result"] == "rejected")
            gateway.write(house("p", upstream, f'api_key = "{PLANTED}'))
            await gateway.until(lambda status: "OR1001" in json.dumps(status["last_attempt"]))
            paths = ("/api/config/status", "/metrics", "/v1/models", "/readyz")
            pages = [await gateway.page(path) for path in paths]
            await gateway.stop()
    assert upstream.requests[0].header("authorization") == f"Bearer {PLANTED}"
    secret = PLANTED.removeprefix("sk-").encode()
    # A client is told the name that it asked for.
    assert [secret in each.body for each in shown] == [False, False, True]
    assert [path for path, each in zip(paths, pages, strict=True) if secret in each.body] == []
    assert secret.decode() not in gateway.log.getvalue()
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and secret in path.read_bytes()] == []
    assert len(gateway.rows()) == 3


async def test_metrics_tell_of_requests_rows_and_configuration(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO) as gateway:
        await gateway.ask("echo/echo-1")
        async with asyncio.timeout(20):
            while b"omniroute_ledger_rows_written_total 1.0" not in (answer := await gateway.page("/metrics")).body:
                await asyncio.sleep(0.05)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    done = 'omniroute_requests_total{format="openai-chat",outcome="ok",provider="echo",status="2xx"} 1.0'
    assert done in lines
    assert "omniroute_requests_in_flight 0.0" in lines
    assert "omniroute_config_in_sync 1.0" in lines
    assert "omniroute_config_generation 1.0" in lines


async def test_the_number_of_a_configuration_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO) as gateway:
        gateway.write(ECHO + '[aliases]\nsmart = "echo/one"\n')
        await gateway.generation(2)
    async with serving(tmp_path) as gateway:
        assert (await gateway.status())["active"]["generation"] == 2
        gateway.write(ECHO)
        await gateway.generation(3)


async def test_a_database_in_memory_counts_configurations_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO, "sqlite::memory:") as gateway:
        gateway.write(ECHO + '[aliases]\nsmart = "echo/one"\n')
        await gateway.generation(2)
        assert (await gateway.ask("smart")).headers["x-omniroute-config"].startswith("2-")
    assert [each.name for each in tmp_path.iterdir()] == ["config"]


async def test_a_database_is_where_the_configuration_says_unless_the_process_was_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.toml").write_text(ECHO + '[runtime]\ndatabase = "sqlite:of-the-config.db"\n', "utf-8")
    told: list[Started] = []
    process = Process(config=tmp_path / "routes.toml", environ={}, port=0)
    task = asyncio.create_task(serve(process, io.StringIO(), told.append))
    await eventually(lambda: told or task.done())
    await fetch(f"{told[0].address}/healthz", method="GET")
    signal.raise_signal(signal.SIGTERM)
    await within(task)
    assert (tmp_path / "of-the-config.db").exists()


async def test_trouble_with_the_database_is_told_in_the_log_and_costs_no_row(tmp_path: Path) -> None:
    async with serving(tmp_path, ECHO) as gateway:
        with closing(sqlite3.connect(gateway.database, isolation_level=None)) as other:
            other.execute("ALTER TABLE usage RENAME TO elsewhere")
            answer = await gateway.ask("echo/echo-1")
            await eventually(lambda: "usage rows cannot be written" in gateway.log.getvalue())
            other.execute("ALTER TABLE elsewhere RENAME TO usage")
        await eventually(lambda: "again" in gateway.log.getvalue())
        await gateway.stop()
    assert [row.request_id for row in gateway.rows()] == [answer.headers["x-request-id"]]


@pytest.mark.parametrize(
    ("host", "toml", "status"),
    [
        ("0.0.0.0", ECHO, 401),
        ("0.0.0.0", ECHO + "[server]\nrequire_api_key = false\n", 200),
        ("127.0.0.1", ECHO, 200),
        ("127.0.0.1", ECHO + "[server]\nrequire_api_key = true\n", 401),
    ],
)
async def test_a_flag_that_opens_the_gateway_to_other_machines_asks_for_keys_unless_the_toml_says_no(
    tmp_path: Path, host: str, toml: str, status: int
) -> None:
    async with serving(tmp_path, toml, host=host) as gateway:
        assert (await gateway.ask("echo/echo-1")).status == status


# What keeps it from starting.


async def test_a_configuration_that_cannot_be_used_is_refused_with_every_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        async with serving(tmp_path, "[providers.nobody]\nbase_uri = 1\n"):
            pass
    assert len(refused.value.diagnostics) > 0
    assert not (tmp_path / "omniroute.db").exists()


async def test_a_database_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be used"):
        async with serving(tmp_path, ECHO, str(tmp_path / "nowhere" / "x.db")):
            pass


async def test_an_address_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(ECHO, "utf-8")
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        process = Process(tmp_path / "routes.toml", {}, port=port, database=str(tmp_path / "x.db"))
        with pytest.raises(OSError, match="in use"):
            await serve(process, io.StringIO(), lambda _: None)


# In a process of its own.


async def test_a_signal_lets_a_stream_come_to_its_end_and_its_row_reach_the_disk(tmp_path: Path) -> None:
    gate = asyncio.Event()
    database = tmp_path / "omniroute.db"
    async with ScriptedUpstream() as upstream:
        (tmp_path / "routes.toml").write_text(house("p", upstream), "utf-8")
        async with process_of(tmp_path / "routes.toml", database) as gateway:
            where = f"{gateway.url}/v1/chat/completions"
            whole = await fetch(where, chat("p/m"))
            upstream.then(held(gate))
            stream = await begun(gateway.url)
            gateway.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                while (await fetch(where, chat("p/m"))).status == 200:
                    await asyncio.sleep(0.02)
            gate.set()
            answer = await within(stream.rest())
            await stream.close()
            assert await within(gateway.process.wait()) == 0
    assert answer.complete
    assert answer.body.endswith(b"data: [DONE]\n\n")
    found = {row.request_id: row for row in recent(str(database), 1000)}
    ended = found[answer.headers["x-request-id"]]
    assert (ended.outcome, ended.input_tokens, ended.output_tokens) == ("ok", 3, 4)
    assert found[whole.headers["x-request-id"]].outcome == "ok"
    assert "Traceback" not in (tmp_path / "gateway.log").read_text()
