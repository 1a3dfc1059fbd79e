"""What the status says of the active configuration, the last attempt and the watcher."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from omniroute import __version__
from omniroute.names import ReloadResult, Trigger
from tests.support.config_dirs import commits, git, marked, save_by_rename, scene, started, watched


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A configuration under version control."""
    directory = tmp_path / "tree"
    commits(directory, {"config/routes.toml": marked("one")}, {"config/routes.toml": marked("two")})
    return directory


async def test_the_active_configuration_is_told_with_its_files_and_its_commit(tree: Path) -> None:
    made = await started(tree / "config")
    live = made.reloader.holder.current
    active = made.reloader.status().active
    assert (active.generation, active.hash, active.trigger) == (1, live.snapshot.id, Trigger.START)
    assert (active.applied_at, active.app_version) == (live.applied_at, __version__)
    assert [each.path for each in active.files] == [f"{tree}/config/routes.toml"]
    assert active.files[0].sha256 == hashlib.sha256(marked("two").encode()).hexdigest()
    assert active.commit == git(tree, "rev-parse", "HEAD")


async def test_outside_a_work_tree_there_is_no_commit(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(marked("one"), "utf-8")
    made = await started(tmp_path)
    assert made.reloader.status().active.commit is None


async def test_after_a_refusal_the_active_one_stays_and_the_attempt_is_told(tree: Path) -> None:
    made = await started(tree / "config")
    before = made.reloader.status()
    assert before.in_sync_with_disk
    save_by_rename(tree / "config" / "routes.toml", "[oops\n")
    await made.reloader.look(Trigger.FILE)
    status = made.reloader.status()
    assert status.active == before.active
    assert not status.in_sync_with_disk
    last = status.last_attempt
    assert (last.result, last.trigger, last.hash) == (ReloadResult.REJECTED, Trigger.FILE, "")
    assert (last.errors, last.warnings, [each.code for each in last.diagnostics]) == (1, 0, ["OR1001"])
    assert last.at >= before.last_attempt.at
    assert last.duration_ms > 0


async def test_after_a_change_the_attempt_names_what_is_in_force(tree: Path) -> None:
    made = await started(tree / "config")
    git(tree, "checkout", "-q", "HEAD~1")
    await made.reloader.look(Trigger.FILE)
    status = made.reloader.status()
    assert (status.active.generation, status.active.trigger) == (2, Trigger.FILE)
    assert status.active.commit == git(tree, "rev-parse", "HEAD")
    assert status.last_attempt.hash == status.active.hash == made.reloader.holder.current.snapshot.id


async def test_the_watcher_tells_its_mode_its_state_and_when_it_last_heard_and_polled(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(marked("one", 'poll = "50ms"'), "utf-8")
    made = await started(path)
    assert (made.reloader.status().watcher.mode, made.reloader.status().watcher.up) == ("poll", False)
    async with watched(made):
        await made.until(lambda: made.reloader.status().watcher.up)
        await made.until(lambda: made.reloader.status().watcher.last_poll_at is not None)
        save_by_rename(path, marked("two", 'poll = "50ms"'))
        await made.until(lambda: made.reloader.status().watcher.last_event_at is not None)
        watcher = made.reloader.status().watcher
        assert watcher.mode == "events+poll"
        assert (watcher.last_poll_at or 0) > made.reloader.status().active.applied_at - 60_000_000
    await asyncio.sleep(0)


async def test_before_the_first_load_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        scene(tmp_path).reloader.status()
