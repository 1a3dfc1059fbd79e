"""Two readings that agree, and what keeps them from agreeing, on a clock that tests turn."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.engine.files import find_config
from omniroute.engine.steady import Clock, Reader, Reading, SystemClock, Timing
from tests.support.config_dirs import commits, git

START = 1_800_000_000.0


class TurnedClock:
    """Time that passes only by sleeping, and whatever happens meanwhile."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self.seconds = 0.0
        self.meanwhile = list(meanwhile)

    def now_micros(self) -> int:
        return round((START + self.seconds) * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration of one file."""
    path = tmp_path / "config" / "routes.toml"
    path.parent.mkdir()
    path.write_text("x = 1\n", "utf-8")
    return path


async def steady(place: Path, clock: Clock, *also: Path, patience: float = 1.0) -> Reading | Diagnostic:
    reader = Reader(find_config(place), Timing(settle=0.1), clock)
    return await reader.steady(await reader.read(also), also, patience)


def texts(found: Reading | Diagnostic) -> list[str]:
    assert isinstance(found, Reading)
    return [each.text for each in found.tree.sources]


async def test_files_at_rest_are_read_twice_with_the_settling_time_between(file: Path) -> None:
    clock = TurnedClock()
    assert texts(await steady(file.parent, clock)) == ["x = 1\n"]
    assert clock.seconds == pytest.approx(0.1)


async def test_a_file_that_changes_between_the_readings_is_read_until_it_rests(file: Path) -> None:
    def append() -> None:
        with file.open("a", encoding="utf-8") as opened:
            opened.write("y = 1\n")

    clock = TurnedClock(append, lambda: file.write_text("x = 2\n", "utf-8"))
    assert texts(await steady(file.parent, clock)) == ["x = 2\n"]
    assert clock.seconds == pytest.approx(0.3)


async def test_a_file_replaced_by_one_with_the_same_content_counts_as_moving(file: Path) -> None:
    def replace() -> None:
        file.with_suffix(".new").write_text("x = 1\n", "utf-8")
        file.with_suffix(".new").rename(file)

    clock = TurnedClock(replace)
    assert texts(await steady(file.parent, clock)) == ["x = 1\n"]
    assert clock.seconds == pytest.approx(0.2)


async def test_a_file_that_never_rests_is_named_when_patience_ends(file: Path) -> None:
    (file.parent / "calm.toml").touch()
    rewrites = [lambda number=number: file.write_text(f"x = {number}\n", "utf-8") for number in range(100, 200)]
    found = await steady(file.parent, TurnedClock(*rewrites))
    assert isinstance(found, Diagnostic)
    assert found.code == "OR8002"
    assert "routes.toml" in found.summary
    assert "calm.toml" not in found.summary
    assert "rename" in found.hint


async def test_without_any_patience_there_are_still_two_readings(file: Path) -> None:
    assert texts(await steady(file, TurnedClock(), patience=0.0)) == ["x = 1\n"]
    changed = TurnedClock(lambda: file.write_text("x = 22\n", "utf-8"))
    assert isinstance(await steady(file, changed, patience=0.0), Diagnostic)


async def test_a_secret_file_that_changes_between_the_readings_counts_too(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    clock = TurnedClock(lambda: secret.write_text("sk-planted", "utf-8"))
    found = await steady(file, clock, secret)
    assert isinstance(found, Reading)
    assert clock.seconds == pytest.approx(0.2)
    assert "sk-planted" not in repr(found)
    never = [lambda number=number: secret.write_text(f"sk-planted-{number}", "utf-8") for number in range(100)]
    unrest = await steady(file, TurnedClock(*never), secret)
    assert isinstance(unrest, Diagnostic)
    assert "sk-planted" not in repr(unrest)


async def test_what_is_read_while_git_holds_its_lock_is_not_believed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    commits(tree, {"a.toml": "x = 1\n"})
    lock = tree / ".git" / "index.lock"

    def take() -> None:
        lock.touch()
        os.utime(lock, (START, START))

    waits = TurnedClock(take, lambda: None, lambda: None, lock.unlink)
    assert texts(await steady(tree, waits)) == ["x = 1\n"]
    assert waits.seconds == pytest.approx(0.4)
    gives_up = TurnedClock(take)
    found = await steady(tree, gives_up)
    assert isinstance(found, Diagnostic)
    assert "git has locked" in found.summary
    assert "index.lock" in found.hint


async def test_the_lock_of_a_dead_git_is_not_waited_for(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    commits(tree, {"a.toml": "x = 1\n"})
    (tree / ".git" / "index.lock").touch()
    os.utime(tree / ".git" / "index.lock", (START - 3600, START - 3600))
    clock = TurnedClock()
    assert texts(await steady(tree, clock)) == ["x = 1\n"]
    assert clock.seconds == pytest.approx(0.1)


async def test_the_commit_is_told_where_there_is_one(tmp_path: Path, file: Path) -> None:
    tree = tmp_path / "tree"
    (commit,) = commits(tree, {"a.toml": "x = 1\n"})
    assert (
        Reader(find_config(tree / "a.toml"), Timing(), SystemClock()).commit()
        == commit
        == git(tree, "rev-parse", "HEAD")
    )
    assert Reader(find_config(file), Timing(), SystemClock()).commit() is None


async def test_the_machines_clocks_are_in_the_units_they_say() -> None:
    clock = SystemClock()
    before, began = clock.now_micros(), clock.monotonic()
    await clock.sleep(0.02)
    micros, seconds = clock.now_micros() - before, clock.monotonic() - began
    assert seconds >= 0.019
    assert micros == pytest.approx(seconds * 1e6, rel=0.5)
    assert before > 1.7e15
