"""The pages on runtime data and the operations on it, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.requests import Request

from omniroute.config.snapshot import Resilience
from omniroute.gateway.operations import KEPT, Operations
from omniroute.names import FailureKind, Format, Scope
from omniroute.observe.events import Audited
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate
from omniroute.storage.audit import Entry, append
from omniroute.storage.migrations import open_database
from tests.storage.test_report import ledger_of
from tests.support.client import Received, ask, fetch
from tests.support.events import NOON, exchanged
from tests.support.gateway import RunningGateway, eyes, running
from tests.support.snapshots import key, provider, snapshot, target
from tests.support.waiting import eventually

HOUSE = provider("house")
OPS = {"x-api-key": "sk-omni-ops"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = ledger_of(tmp_path / "x.db", exchanged(1))
    connection = open_database(path)
    append(connection, [Entry(NOON, "alice", "cache.cleared", detail="3 answers")])
    connection.close()
    return tmp_path


@pytest.fixture
async def gateway(folder: Path) -> AsyncIterator[RunningGateway]:
    keys = [key("ops", "sk-omni-ops", scopes=[Scope.OPERATE, Scope.STATUS])]
    async with running(snapshot(HOUSE, keys=keys), database=str(folder / "x.db")) as made:
        made.rt.health.heed(Resilience(failures=1))
        yield made


async def page(gateway: RunningGateway, path: str) -> Received:
    return await fetch(gateway.url + path, headers=OPS, method="GET")


async def operate(gateway: RunningGateway, path: str, method: str = "POST", body: object = b"") -> Received:
    return await fetch(gateway.url + path, body, OPS, method)


def told(gateway: RunningGateway) -> list[tuple[str, str, str]]:
    return [(each.actor, each.action, each.detail) for each in gateway.events if isinstance(each, Audited)]


def fail(gateway: RunningGateway) -> None:
    """The only target fails, and its credential is refused."""
    candidate = Candidate(target(HOUSE, "m"), HOUSE.credentials[0], Format.OPENAI_CHAT)
    now = time.monotonic()
    for kind in (FailureKind.DOWN, FailureKind.BUSY):
        gateway.rt.health.began(candidate, now)
        failed = Failure(kind, candidate.target.id, candidate.credential.name, "", status=500)
        gateway.rt.health.ended(candidate, now - 1, now, failed)


async def test_what_is_left_alone_is_shown_and_a_reset_ends_it(gateway: RunningGateway) -> None:
    assert (await page(gateway, "/api/models/availability")).json() == {"unavailableCount": 0, "models": []}
    fail(gateway)
    shown = (await page(gateway, "/api/models/availability")).json()
    assert [(each["provider"], each["model"], each["reason"]) for each in shown["models"]] == [
        ("house", "m", "breaker"),
        ("house", "m", "cooldown"),
    ]
    assert all(each["remainingMs"] > 0 for each in shown["models"])
    assert (await operate(gateway, "/api/resilience/reset")).json() == {"ok": True, "resetCount": 2}
    assert (await page(gateway, "/api/models/availability")).json()["unavailableCount"] == 0
    assert told(gateway) == [("ops", "resilience.reset", "2 breakers and rests")]


async def test_caches_are_shown_and_cleared(gateway: RunningGateway) -> None:
    assert (await page(gateway, "/api/cache/stats")).json() == []
    assert (await operate(gateway, "/api/cache/stats", "DELETE")).json() == {"success": True, "cleared": 3}
    assert told(gateway) == [("ops", "cache.cleared", "3 answers")]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_backup_is_made_and_listed_without_its_directory(
    gateway: RunningGateway, folder: Path, method: str
) -> None:
    made = (await operate(gateway, "/api/db-backups", method)).json()
    path = folder / "backups" / made["name"]
    assert (made["created"], made["why"], made["size"]) == (True, "operation", path.stat().st_size)
    listed = (await page(gateway, "/api/db-backups")).json()["backups"]
    assert listed == [{name: made[name] for name in ("name", "at_us", "why", "size")}]
    [(actor, action, detail)] = told(gateway)
    assert (actor, action, detail) == ("ops", "backup.created", f"{made['size']} bytes")


async def test_only_so_many_backups_are_kept(gateway: RunningGateway, folder: Path) -> None:
    for _ in range(KEPT + 2):
        assert (await operate(gateway, "/api/db-backups")).status == 200
    assert len(list((folder / "backups").iterdir())) == KEPT


async def test_who_would_restore_a_backup_is_told_how_and_nothing_happens(
    gateway: RunningGateway, folder: Path
) -> None:
    answer = await operate(gateway, "/api/db-backups", body={"backupId": "x"})
    assert (answer.status, "`omniroute backup restore FILE`" in answer.json()["error"]["message"]) == (400, True)
    assert not (folder / "backups").exists()
    [(_, action, detail)] = told(gateway)
    assert (action, detail.startswith("failed: ")) == ("backup.created", True)


async def test_what_cannot_be_backed_up_is_told_and_reported() -> None:
    keys = [key("ops", "sk-omni-ops", scopes=[Scope.OPERATE])]
    async with running(snapshot(HOUSE, keys=keys)) as gateway:
        answer = await operate(gateway, "/api/db-backups")
        assert (answer.status, answer.json()["error"]["code"]) == (500, "storage_error")
        assert told(gateway)[0][2].startswith("failed: the database is in memory")


async def test_numbers_of_the_ledger_and_rows_of_the_audit_log_are_shown(gateway: RunningGateway) -> None:
    shown = (await page(gateway, "/api/usage/summary?period=99999d")).json()
    assert [(each["group"], each["requests"], each["cost_nano"]) for each in shown["by_key"]] == [
        ("alice", 1, 2_100_000)
    ]
    [row] = (await page(gateway, "/api/compliance/audit-log?actor=alice")).json()
    assert (row["action"], row["detail"], row["count"], row["seq"]) == ("cache.cleared", "3 answers", 1, 1)
    for path in (
        "/api/usage/summary?period=x",
        "/api/compliance/audit-log?limit=x",
        "/api/telemetry/summary?windowMs=x",
    ):
        assert (await page(gateway, path)).status == 400


async def test_the_rest_is_shown_as_it_is_given(gateway: RunningGateway) -> None:
    assert (await page(gateway, "/api/telemetry/summary?windowMs=1500")).json()["window_seconds"] == 1.5
    assert (await page(gateway, "/api/usage/budget")).json() == {"budgets": []}
    assert (await page(gateway, "/api/sessions")).json() == {"count": 0}


async def test_a_client_that_leaves_while_it_asks_gets_no_backup(gateway: RunningGateway, folder: Path) -> None:
    connection = await ask(f"{gateway.url}/api/db-backups", b"", {**OPS, "content-length": "9"}, "POST")
    await connection.close()
    await eventually(lambda: told(gateway))
    assert told(gateway) == [("ops", "backup.created", "failed: the client left before its request was complete")]
    assert not (folder / "backups").exists()


async def test_a_gateway_that_stops_ends_the_copying_and_leaves_nothing(gateway: RunningGateway, folder: Path) -> None:
    with closing(open_database(str(folder / "x.db"))) as connection:
        connection.execute("CREATE TABLE filling (x BLOB)")
        connection.execute("INSERT INTO filling VALUES (zeroblob(100000000))")
    act = Operations(gateway.rt, eyes(database=str(folder / "x.db"))).acts()["create_backup"]

    async def nothing() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    copying = asyncio.create_task(act(Request({"type": "http", "headers": []}, nothing)))  # type: ignore[arg-type]  # it is awaitable
    await eventually(lambda: list((folder / "backups").glob("*")) or list((folder / "backups").glob(".*")))
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    await eventually(lambda: not list((folder / "backups").iterdir()))
