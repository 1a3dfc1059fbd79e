"""Real configuration directories with the real loader and the real watcher on them.

A configuration is recognised by its mark: the alias ``mark`` points to ``house/<mark>``.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from watchfiles import awatch

from omniroute import __version__
from omniroute.config.load import Loaded, load
from omniroute.config.marks import restart_only
from omniroute.config.render import render
from omniroute.config.render.context import RenderContext
from omniroute.config.source import Source
from omniroute.engine.files import find_config, schema_document, shipped_catalogue
from omniroute.engine.reload import Hands, Reloader
from omniroute.engine.steady import Timing
from omniroute.engine.watch import Events, Watcher
from omniroute.names import ReloadResult, Trigger
from omniroute.observe.events import Event, Reloaded, WatcherMoved
from omniroute.upstream.secrets import resolve_all

QUICK = Timing(settle=0.03, quiet=0.04, longest=1.5, step=0.01, tick=0.1, retry=0.02, retry_longest=0.2)
"""As patient as a test needs to be: a small part of what is right in service."""

GENEROUS = 20.0
"""Seconds after which what should have happened is taken never to happen."""

FREE = 'auth = "none"'
"""What a provider says that asks for no key."""


def house(name: str, more: str = "") -> str:
    """The table of a provider of one's own."""
    return f'[providers.{name}]\nbase_url = "http://127.0.0.1:9/v1"\nformats = ["openai-chat"]\n{more}\n'


def marked(mark: str, reload: str = "") -> str:
    """A whole configuration in one file; ``reload`` is what stands in its ``[reload]``."""
    return f'{house("house", FREE)}\n[aliases]\nmark = "house/{mark}"\n\n[reload]\n{reload}\n'


def crowd(count: int) -> str:
    """Many providers, to be lost."""
    return "".join(house(f"p{number}", FREE) for number in range(count))


def load_all(sources: Sequence[Source]) -> Loaded:
    """Load as the gateway does, on a day of the tests' own."""
    return load(_shipped(), sources, _schema(), date(2026, 1, 1))


_shipped = cache(shipped_catalogue)
_schema = cache(schema_document)


@dataclass
class Scene:
    """A reloader on a real path; ``events`` is all that it and its watcher reported."""

    reloader: Reloader
    events: list[Event]
    numbers: list[int] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """The mark of what is in force."""
        return self.reloader.holder.current.snapshot.aliases["mark"].target.removeprefix("house/")

    @property
    def generation(self) -> int:
        """The number of what is in force."""
        return self.reloader.holder.current.generation

    @property
    def reloads(self) -> list[Reloaded]:
        """What was reported of looks at the files."""
        return [each for each in self.events if isinstance(each, Reloaded)]

    @property
    def results(self) -> list[ReloadResult]:
        """How the reported looks ended."""
        return [each.result for each in self.reloads]

    @property
    def applied(self) -> list[str]:
        """The ids of all configurations that were put in force, in order."""
        return [each.config for each in self.reloads if each.result is ReloadResult.APPLIED]

    @property
    def moves(self) -> list[WatcherMoved]:
        """How the watcher went up and down."""
        return [each for each in self.events if isinstance(each, WatcherMoved)]

    @property
    def looks(self) -> int:
        """How often the files have been looked at."""
        return self.reloader.status().looks

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(GENEROUS):
            while not condition():
                await asyncio.sleep(0.005)

    async def shows(self, mark: str) -> None:
        """Wait until the configuration with this mark is in force."""
        try:
            await self.until(lambda: self.mark == mark)
        except TimeoutError:
            message = f"{mark!r} never came into force, {self.mark!r} is; {self.results}; {self.reloader.status()}"
            raise AssertionError(message) from None

    async def looked(self, times: int = 1) -> None:
        """Wait until the files have been looked at this many times from now on."""
        target = self.looks + times
        await self.until(lambda: self.looks >= target)

    async def refuses(self, result: ReloadResult) -> Reloaded:
        """Wait until the last reported look ended like this."""
        await self.until(lambda: self.results[-1] is result)
        return self.reloads[-1]


def scene(path: Path, timing: Timing = QUICK, **hands: Any) -> Scene:
    """Set a reloader up on a path; ``hands`` replace some of those that it is given here."""
    config = find_config(path)
    made: Scene

    def number(_config: str, _at: int, _trigger: Trigger, _sources: Sequence[Source]) -> int:
        made.numbers.append(len(made.numbers) + 1)
        return made.numbers[-1]

    events: list[Event] = []
    given = Hands(
        load=load_all,
        prepare=lambda each: resolve_all(each, {}, config.base),
        number=number,
        restart_only=restart_only,
        brief=lambda found: render(found, "concise", RenderContext(__version__)).splitlines(),
        report=events.append,
    )
    made = Scene(Reloader(config, msgspec.structs.replace(given, **hands), timing), events)
    return made


async def started(path: Path, timing: Timing = QUICK, **hands: Any) -> Scene:
    """Load a path for the first time; nobody watches it."""
    made = scene(path, timing, **hands)
    await made.reloader.start()
    return made


@asynccontextmanager
async def watched(made: Scene, events: Events = awatch) -> AsyncIterator[Watcher]:
    """Watch for a scene that has started."""
    stop = asyncio.Event()
    watcher = Watcher(made.reloader, events)
    running = asyncio.create_task(watcher.run(stop))
    try:
        yield watcher
    finally:
        stop.set()
        async with asyncio.timeout(GENEROUS):
            await running


@asynccontextmanager
async def watching(path: Path, timing: Timing = QUICK, **hands: Any) -> AsyncIterator[Scene]:
    """Load a path, and watch it for changes as the gateway does; the look that follows setting up is over."""
    made = await started(path, timing, **hands)
    async with watched(made):
        if made.reloader.holder.current.snapshot.reload.watch:
            await made.until(lambda: made.reloader.status().unchanged > 0)
        yield made


def save_by_rename(path: Path, text: str) -> None:
    """Save as most editors do."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text, "utf-8")
    beside.rename(path)


def swap_link(link: Path, target: str) -> None:
    """Point a link elsewhere in one step, as git-sync and the kubelet do."""
    beside = link.with_name(f"{link.name}_tmp")
    beside.symlink_to(target)
    beside.rename(link)


def config_map(directory: Path, version: str, files: Mapping[str, str]) -> None:
    """Write a ConfigMap's next version as the kubelet does: a directory of its own, a swap of ``..data``, links."""
    directory.mkdir(exist_ok=True)
    (directory / f"..{version}").mkdir()
    for name, text in files.items():
        (directory / f"..{version}" / name).write_text(text, "utf-8")
    swap_link(directory / "..data", f"..{version}")
    for name in files:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")


def git(tree: Path, *arguments: str) -> str:
    """Run git in a work tree, untouched by this machine's configuration."""
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "advice.detachedHead=false"]
    environ = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    done = subprocess.run([*command, *arguments], cwd=tree, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commits(tree: Path, *versions: Mapping[str, str]) -> list[str]:
    """Make a repository with a commit for each version of some files, the last one checked out."""
    tree.mkdir(parents=True, exist_ok=True)
    git(tree, "init", "-q", "-b", "main")
    return [_commit(tree, files) for files in versions]


def _commit(tree: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, "utf-8")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "a version")
    return git(tree, "rev-parse", "HEAD")


def spread(mark: str, count: int) -> dict[str, str]:
    """A configuration in many files, each of which carries the mark: a mixture of two is neither."""
    files = {f"config/{number:03}.toml": f'[aliases]\nmark-{number} = "house/{mark}"\n' for number in range(count)}
    return {"config/000-first.toml": marked(mark), **files}


async def write_slowly(path: Path, chunks: Iterable[str], pause: float) -> None:
    """Rewrite a file in place, piece by piece."""
    with path.open("w", encoding="utf-8") as file:
        for chunk in chunks:
            file.write(chunk)
            file.flush()
            await asyncio.sleep(pause)
