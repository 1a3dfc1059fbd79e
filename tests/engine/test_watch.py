"""Changes of a real directory reach a running gateway, however they are made.

The rows of the table that led to this design (what file watching loses) are the first tests here, once with file
events and a poll so slow that it cannot help, once with the poll alone.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec
import pytest
from watchfiles import Change

from omniroute.config.load import Loaded
from omniroute.engine.watch import Watcher
from omniroute.names import ReloadResult, Trigger
from tests.support.config_dirs import (
    QUICK,
    commits,
    config_map,
    crowd,
    git,
    house,
    load_all,
    marked,
    save_by_rename,
    spread,
    started,
    swap_link,
    watched,
    watching,
    write_slowly,
)

EVENTS = 'poll = "3600000ms"'
POLL = 'poll = "100ms"\nwatch = false'
UNHURRIED = msgspec.structs.replace(QUICK, settle=0.15)

Write = Callable[[str], str]


@pytest.fixture(params=[EVENTS, POLL], ids=["events", "poll"])
def text(request: pytest.FixtureRequest) -> Write:
    """Give the text of a configuration with a mark, watched in one of two ways."""
    return lambda mark: marked(mark, request.param)


@pytest.fixture
def config(tmp_path: Path, text: Write) -> Path:
    """A configuration directory with one file, marked ``one``."""
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "routes.toml").write_text(text("one"), "utf-8")
    return directory


async def test_a_file_of_a_directory_saved_by_rename_is_applied_every_time(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        for mark in ("two", "three", "four", "five"):
            save_by_rename(config / "routes.toml", text(mark))
            await scene.shows(mark)
        assert scene.generation == 5


async def test_a_single_file_saved_by_rename_is_applied_every_time(config: Path, text: Write) -> None:
    async with watching(config / "routes.toml") as scene:
        for mark in ("two", "three", "four"):
            save_by_rename(config / "routes.toml", text(mark))
            await scene.shows(mark)


async def test_a_config_map_that_is_swapped_is_applied_every_time(tmp_path: Path, text: Write) -> None:
    config_map(tmp_path / "config", "1", {"routes.toml": text("one")})
    async with watching(tmp_path / "config") as scene:
        for version in ("2", "3"):
            config_map(tmp_path / "config", version, {"routes.toml": text(version)})
            await scene.shows(version)


async def test_one_linked_file_of_a_config_map_is_applied_every_time(tmp_path: Path, text: Write) -> None:
    config_map(tmp_path / "config", "1", {"routes.toml": text("one")})
    async with watching(tmp_path / "config" / "routes.toml") as scene:
        for version in ("2", "3", "4"):
            config_map(tmp_path / "config", version, {"routes.toml": text(version)})
            await scene.shows(version)


@pytest.mark.parametrize("below", ["current", "current/config"])
async def test_a_link_to_the_directory_or_above_it_is_swapped_every_time(
    tmp_path: Path, text: Write, below: str
) -> None:
    for version in ("1", "2", "3"):
        directory = tmp_path / "trees" / version / Path(below).relative_to("current")
        directory.mkdir(parents=True)
        (directory / "routes.toml").write_text(text(version), "utf-8")
    swap_link(tmp_path / "current", "trees/1")
    async with watching(tmp_path / below) as scene:
        for version in ("2", "3", "1"):
            swap_link(tmp_path / "current", f"trees/{version}")
            await scene.shows(version)


async def test_a_directory_renamed_away_and_made_anew_is_followed(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        config.rename(config.with_name("old"))
        await scene.refuses(ReloadResult.REJECTED)
        assert scene.mark == "one"
        config.mkdir()
        (config / "routes.toml").write_text(text("two"), "utf-8")
        await scene.shows("two")
        save_by_rename(config / "routes.toml", text("three"))
        await scene.shows("three")


async def test_a_directory_replaced_at_once_is_followed(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        for mark in ("two", "three"):
            beside = config.with_name(f"{mark}-new")
            beside.mkdir()
            (beside / "routes.toml").write_text(text(mark), "utf-8")
            config.rename(config.with_name(f"{mark}-old"))
            beside.rename(config)
            await scene.shows(mark)
        save_by_rename(config / "routes.toml", text("four"))
        await scene.shows("four")


async def test_a_directory_deleted_and_made_anew_is_followed(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        for mark in ("two", "three"):
            shutil.rmtree(config)
            config.mkdir()
            (config / "routes.toml").write_text(text(mark), "utf-8")
            await scene.shows(mark)
        save_by_rename(config / "routes.toml", text("four"))
        await scene.shows("four")


@pytest.mark.parametrize("name", [".git", ".venv", "node_modules"])
async def test_a_directory_below_one_that_watchers_like_to_skip_is_seen(tmp_path: Path, text: Write, name: str) -> None:
    directory = tmp_path / name / "config"
    directory.mkdir(parents=True)
    (directory / "routes.toml").write_text(text("one"), "utf-8")
    async with watching(directory) as scene:
        save_by_rename(directory / "routes.toml", text("two"))
        await scene.shows("two")


async def test_a_file_written_slowly_is_applied_once_and_whole(config: Path, text: Write) -> None:
    """Each piece ends at a line's end, so that every cut file is valid TOML with tables missing."""
    before = crowd(30)
    (config / "routes.toml").write_text(text("one") + before, "utf-8")
    async with watching(config, UNHURRIED) as scene:
        lines = (text("two") + before).splitlines(keepends=True)
        size = -(-len(lines) // 10)
        pieces = ["".join(lines[start : start + size]) for start in range(0, len(lines), size)]
        await write_slowly(config / "routes.toml", pieces, pause=0.04)
        await scene.shows("two")
        assert scene.results == [ReloadResult.APPLIED, ReloadResult.APPLIED]
        assert len(scene.reloader.holder.current.snapshot.providers) == 31


async def test_a_file_cut_by_a_writer_who_pauses_long_is_stopped_by_the_guard_rail(config: Path, text: Write) -> None:
    before = crowd(30)
    (config / "routes.toml").write_text(text("one") + before, "utf-8")
    async with watching(config) as scene:
        with (config / "routes.toml").open("w", encoding="utf-8") as file:
            file.write(text("two"))
            file.flush()
            refused = await scene.refuses(ReloadResult.GUARDED)
            assert scene.mark == "one"
            assert refused.errors == 1
            file.write(before)
        await scene.shows("two")


async def test_a_checkout_of_many_files_is_applied(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    first, _ = commits(tree, spread("one", 300), spread("two", 300))
    async with watching(tree / "config") as scene:
        assert scene.mark == "two"
        git(tree, "checkout", "-q", first)
        await scene.shows("one")
        assert len(scene.applied) == 2
        await scene.until(lambda: scene.reloader.status().active.commit == first)


async def test_touching_a_file_and_changing_its_mode_changes_nothing(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        os.utime(config / "routes.toml")
        (config / "routes.toml").chmod(0o600)
        await scene.looked()
        (config / "routes.toml").write_text(text("one"), "utf-8")
        await scene.looked()
        assert scene.generation == 1
        assert scene.results == [ReloadResult.APPLIED]
        assert scene.reloader.status().in_sync_with_disk


async def test_new_directories_below_are_no_part_of_the_configuration(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        for number in range(5):
            (config / f"sub{number}").mkdir()
            (config / f"sub{number}" / "more.toml").write_text("[aliases]\nmark = 'other'\n", "utf-8")
        save_by_rename(config / "routes.toml", text("two"))
        await scene.shows("two")
        assert scene.results == [ReloadResult.APPLIED, ReloadResult.APPLIED]


async def test_a_directory_that_is_missing_when_watching_begins_is_waited_for(config: Path, text: Write) -> None:
    scene = await started(config)
    shutil.rmtree(config.parent)
    async with watched(scene):
        await scene.refuses(ReloadResult.REJECTED)
        config.mkdir(parents=True)
        (config / "routes.toml").write_text(text("two"), "utf-8")
        await scene.shows("two")


async def test_a_typo_that_is_saved_and_then_mended_leaves_the_mended_file_in_force(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        for mark in ("two", "three"):
            save_by_rename(config / "routes.toml", text(mark) + "[oops\n")
            refused = await scene.refuses(ReloadResult.REJECTED)
            assert "routes.toml" in refused.faults[0]
            save_by_rename(config / "routes.toml", text(mark))
            await scene.shows(mark)


async def test_a_file_added_and_a_file_removed_are_changes(config: Path, text: Write) -> None:
    async with watching(config) as scene:
        (config / "more.toml").write_text('[aliases]\nsecond = "house/x"\n', "utf-8")
        await scene.until(lambda: "second" in scene.reloader.holder.current.snapshot.aliases)
        (config / "more.toml").unlink()
        await scene.until(lambda: "second" not in scene.reloader.holder.current.snapshot.aliases)


async def test_a_secret_in_a_file_that_is_rotated_is_read_again_and_keeps_the_generation(
    config: Path, text: Write, tmp_path: Path
) -> None:
    config_map(tmp_path / "secrets", "1", {"key": "first"})
    spelt = house("paid", 'api_key = "file:../secrets/key"')
    (config / "routes.toml").write_text(text("one") + spelt, "utf-8")

    def secret() -> str:
        found = scene.reloader.holder.current.secrets.secret("paid", "default")
        return "" if found is None else str(found.reveal())

    async with watching(config) as scene:
        assert secret() == "first"
        for version in ("second", "third"):
            config_map(tmp_path / "secrets", version, {"key": version})
            await scene.until(lambda version=version: secret() == version)
        assert scene.generation == 1
        assert scene.results == [ReloadResult.APPLIED] * 3


async def test_a_loop_of_checkouts_never_applies_a_mixture_of_two_commits(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    pair = commits(tree, spread("one", 40), spread("two", 40))
    known = set()
    for commit in pair:
        git(tree, "checkout", "-q", commit)
        known.add((await started(tree / "config")).reloader.holder.current.snapshot.id)
    assert len(known) == 2
    eager = msgspec.structs.replace(QUICK, settle=0.001, quiet=0.001, longest=0.3)
    script = f"for i in $(seq 80); do git checkout -q {pair[0]}; git checkout -q {pair[1]}; done"
    async with watching(tree / "config", eager) as scene:
        process = await asyncio.create_subprocess_exec("sh", "-c", script, cwd=tree, stderr=subprocess.DEVNULL)
        await process.wait()
        assert process.returncode == 0
        git(tree, "checkout", "-q", pair[0])
        await scene.shows("one")
    assert set(scene.applied) <= known


async def test_events_that_are_lost_are_made_up_for_by_the_poll_and_the_watch_is_set_up_again(tmp_path: Path) -> None:
    calls = 0

    async def deaf(
        *_paths: str, stop_event: asyncio.Event, **_rest: object
    ) -> AsyncGenerator[set[tuple[Change, str]], None]:
        nonlocal calls
        calls += 1
        while not stop_event.is_set():
            yield set()
            await asyncio.sleep(0.01)

    file = tmp_path / "routes.toml"
    file.write_text(marked("one", 'poll = "300ms"'), "utf-8")
    scene = await started(file)
    async with watched(scene, deaf):
        await scene.until(lambda: scene.reloader.status().unchanged > 0)
        for number in range(200):
            save_by_rename(file, marked(str(number), 'poll = "300ms"'))
        await scene.shows("199")
        assert scene.reloads[-1].trigger is Trigger.POLL
        await scene.until(lambda: calls > 1 and scene.reloader.watcher.rebuilds > 0)
    assert [each.up for each in scene.moves] == [True]


async def test_a_watch_that_breaks_is_reported_set_up_again_and_followed_by_a_look(tmp_path: Path) -> None:
    faults: list[Exception] = [OSError(28, "no space left"), ExceptionGroup("", [RuntimeError("rust")])]

    async def brittle(
        *_paths: str, stop_event: asyncio.Event, **_rest: object
    ) -> AsyncGenerator[set[tuple[Change, str]], None]:
        if len(faults) == 1:
            yield set()
            save_by_rename(file, marked("two", EVENTS))
        if faults:
            raise faults.pop(0)
        yield set()
        await stop_event.wait()

    file = tmp_path / "routes.toml"
    file.write_text(marked("one", EVENTS), "utf-8")
    scene = await started(file)
    async with watched(scene, brittle):
        await scene.shows("two")
    assert [each.up for each in scene.moves] == [False, True, False, True]
    assert "no space left" in scene.moves[0].reason
    assert "rust" in scene.moves[2].reason


async def test_a_directory_that_vanishes_takes_the_watcher_down_and_its_return_brings_it_up(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "routes.toml").write_text(marked("one", EVENTS), "utf-8")
    async with watching(directory) as scene:
        shutil.rmtree(directory)
        await scene.until(lambda: len(scene.moves) >= 3)
        assert [each.up for each in scene.moves[:3]] == [True, False, True]
        assert str(directory) in scene.moves[1].reason


async def test_a_signal_reloads_where_nothing_is_watched(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    still = 'poll = "3600000ms"\nwatch = false'
    file.write_text(marked("one", still), "utf-8")
    scene = await started(file)
    async with watched(scene) as watcher:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, watcher.nudge, Trigger.SIGNAL)
        try:
            save_by_rename(file, marked("two", still))
            os.kill(os.getpid(), signal.SIGHUP)
            await scene.shows("two")
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
        assert scene.reloads[-1].trigger is Trigger.SIGNAL
        assert scene.reloader.status().watcher.mode == "poll"
        assert not scene.reloader.status().watcher.up


async def test_watching_is_switched_off_and_on_by_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text(marked("one", EVENTS), "utf-8")
    async with watching(file) as scene:
        save_by_rename(file, marked("two", POLL))
        await scene.shows("two")
        await scene.until(lambda: scene.reloader.watcher.mode == "poll")
        save_by_rename(file, marked("three", EVENTS))
        await scene.shows("three")
        await scene.until(lambda: scene.reloader.watcher.up)
        assert [each.up for each in scene.moves] == [True, False, True]
        save_by_rename(file, marked("four", EVENTS))
        await scene.shows("four")
        assert scene.reloader.status().watcher.last_event_at is not None


async def test_nudges_during_a_look_cause_exactly_one_more_and_the_weightiest_reason_is_told(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    still = 'poll = "3600000ms"\nwatch = false'
    file.write_text(marked("one", still), "utf-8")
    entered, release = threading.Event(), threading.Event()
    release.set()

    def slow_load(sources: object) -> Loaded:
        entered.set()
        assert release.wait(20)
        return load_all(sources)

    scene = await started(file, load=slow_load)
    async with watched(scene) as watcher:
        entered.clear()
        release.clear()
        save_by_rename(file, marked("two", still))
        watcher.nudge(Trigger.FILE)
        await scene.until(entered.is_set)
        looks = scene.looks
        for trigger in (Trigger.FILE, Trigger.SIGNAL, Trigger.FILE, Trigger.WATCHER, Trigger.FILE):
            watcher.nudge(trigger)
        release.set()
        await scene.until(lambda: scene.looks == looks + 1 and len(scene.reloads) == 3)
        await asyncio.sleep(0.2)
        assert scene.looks == looks + 1
        assert [each.trigger for each in scene.reloads] == [Trigger.START, Trigger.FILE, Trigger.SIGNAL]


async def test_what_else_happens_in_the_directory_is_no_reason_to_look(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text(marked("one", EVENTS), "utf-8")
    async with watching(tmp_path) as scene:
        looks = scene.looks
        for number in range(20):
            (tmp_path / "omniroute.db-wal").write_text(str(number), "utf-8")
            (tmp_path / f".routes.toml.{number}").write_text("x", "utf-8")
            (tmp_path / "vision.test.toml").write_text(str(number), "utf-8")
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert scene.looks == looks
        save_by_rename(file, marked("two", EVENTS))
        await scene.shows("two")


async def test_a_change_between_the_first_load_and_the_first_watch_is_found(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text(marked("one", EVENTS), "utf-8")
    scene = await started(file)
    save_by_rename(file, marked("two", EVENTS))
    async with watched(scene):
        await scene.shows("two")
    assert scene.reloads[-1].trigger is Trigger.WATCHER


async def test_a_watcher_stops_at_once_while_it_waits_and_while_it_is_down(tmp_path: Path) -> None:
    async def broken(*_paths: str, **_rest: object) -> AsyncGenerator[set[tuple[Change, str]], None]:
        message = "no watch here"
        raise OSError(message)
        yield set()

    file = tmp_path / "routes.toml"
    file.write_text(marked("one", EVENTS), "utf-8")
    scene = await started(file, msgspec.structs.replace(QUICK, retry=3600.0, retry_longest=3600.0))
    stop = asyncio.Event()
    running = asyncio.create_task(Watcher(scene.reloader, broken).run(stop))
    await scene.until(lambda: len(scene.moves) == 1)
    stop.set()
    async with asyncio.timeout(20):
        await running
