"""What the status page shows: the active configuration beside the last attempt, and no secret."""

import json
from pathlib import Path
from typing import Any

import msgspec

from omniroute.gateway.status import config_status
from omniroute.names import Trigger
from tests.support.config_dirs import Scene, marked, save_by_rename, started

PLANTED = "sk-planted-0123456789abcdefghijklmnop"
WITH_A_KEY = marked("two") + f'\n[providers.leaky]\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "{PLANTED}"\n'


def shown(made: Scene) -> Any:
    """The page's body, as who reads it gets it."""
    return json.loads(msgspec.json.encode(config_status(made.reloader)))


async def test_after_a_good_start_both_halves_tell_of_the_same(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(marked("one"), "utf-8")
    made = await started(tmp_path)
    status = shown(made)
    live = made.reloader.holder.current
    assert set(status) == {
        *("active", "last_attempt", "in_sync_with_disk", "pending_restart", "watcher", "looks", "unchanged"),
    }
    assert (status["active"]["generation"], status["active"]["hash"]) == (1, live.snapshot.id)
    assert [each["path"] for each in status["active"]["files"]] == [str(tmp_path / "routes.toml")]
    assert (status["last_attempt"]["result"], status["last_attempt"]["trigger"]) == ("applied", "start")
    assert (status["last_attempt"]["errors"], status["last_attempt"]["hash"]) == (0, live.snapshot.id)
    assert (status["in_sync_with_disk"], status["pending_restart"]) == (True, [])


async def test_a_refused_edit_is_shown_beside_what_serves_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(marked("one"), "utf-8")
    made = await started(tmp_path)
    save_by_rename(path, marked("two") + '[aliases2]\nx = "y"\n')
    await made.reloader.look(Trigger.FILE)
    status = shown(made)
    assert (status["active"]["generation"], status["in_sync_with_disk"]) == (1, False)
    last = status["last_attempt"]
    assert (last["result"], last["trigger"], last["errors"]) == ("rejected", "file", 1)
    [found] = [each for each in last["diagnostics"] if each["severity"] == "error"]
    assert found["code"].startswith("OR")
    assert str(path) in json.dumps(found)


async def test_a_key_in_clear_is_masked_in_what_is_shown_of_a_refused_edit(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(marked("one"), "utf-8")
    made = await started(tmp_path)
    save_by_rename(path, WITH_A_KEY)
    await made.reloader.look(Trigger.FILE)
    status = shown(made)
    assert status["last_attempt"]["errors"] > 0
    assert "api_key" in json.dumps(status)
    assert PLANTED not in json.dumps(status)
    assert PLANTED[3:] not in json.dumps(status)
