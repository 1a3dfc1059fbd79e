"""Readings of the configuration that can be believed.

A single pass over some files proves nothing: of 409 passes made while git switched between two commits, 132 saw a
mixture. So the files are read until two passes in a row agree.

Always true: what ``Reader.steady`` gives was read twice, ``settle`` seconds apart, with the same bytes and stamps, and
git's index was unlocked between the two passes. Each file then stayed as it was from its first reading to its second,
so all of them were so at one moment, and at that moment git was not at work. What this cannot see is a writer who
rewrites a file in place and pauses longer than ``settle`` at the end of a line: writing under a temporary name and
renaming is safe, and the guard rail is for those who do not.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.snapshot import Snapshot
from omniroute.engine import gitstate
from omniroute.engine.files import (
    ConfigPath,
    Tree,
    fingerprints,
    is_config_name,
    pinned_files,
    read_tree,
    secret_files,
)
from omniroute.engine.places import Places, places
from omniroute.names import Severity

Prints = Mapping[Path, bytes]
"""Fingerprints of secret files; empty for one that cannot be read."""


class Clock(Protocol):
    """Time as an argument."""

    def now_micros(self) -> int:
        """Unix microseconds, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_micros(self) -> int:
        """Unix microseconds, UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Timing(msgspec.Struct, frozen=True):
    """How patient reloading is, in seconds.

    ``settle`` lies between two readings; ``quiet`` must pass without an event before the first; ``longest`` bounds
    all the waiting before a look is given up. ``step`` is how finely events are gathered, ``tick`` how often the
    watched directories are checked to be the same. A watch that failed is set up again after ``retry``, then after
    twice that, and so on up to ``retry_longest``.
    """

    settle: float = 0.1
    quiet: float = 0.25
    longest: float = 5.0
    step: float = 0.05
    tick: float = 0.5
    retry: float = 0.25
    retry_longest: float = 30.0


class Reading(msgspec.Struct, frozen=True):
    """One pass: the files, the secret files' fingerprints, and whether git was at work when the pass began."""

    tree: Tree
    prints: Prints
    busy: bool


class Reader:
    """Reads one configuration, in worker threads, and never changes anything."""

    def __init__(self, config: ConfigPath, timing: Timing, clock: Clock) -> None:
        """Choose the random key under which secret files are fingerprinted."""
        self.config = config
        self._timing = timing
        self._clock = clock
        self._key = secrets.token_bytes(32)

    async def read(self, also: Sequence[Path]) -> Reading:
        """Make one pass, over the secret files ``also``."""
        return await asyncio.to_thread(self._read, also)

    async def steady(self, before: Reading, also: Sequence[Path], patience: float) -> Reading | Diagnostic:
        """Read again until two passes in a row agree, or for ``patience`` seconds: then say what kept moving."""
        deadline = self._clock.monotonic() + patience
        while True:
            await self._clock.sleep(self._timing.settle)
            after = await self.read(also)
            if not after.busy and (after.tree, after.prints) == (before.tree, before.prints):
                return after
            if self._clock.monotonic() >= deadline:
                return _unstable(before, after)
            before = after

    async def survey(self, also: Sequence[Path]) -> Places:
        """Find out where to watch, without reading the files."""
        return await asyncio.to_thread(
            places, self.config.path, is_config_name if self.config.directory else None, also
        )

    async def pinned(self, tree: Tree) -> tuple[Diagnostic, ...]:
        """Warn of files that are mount points, whose changes may never be seen."""
        return await asyncio.to_thread(pinned_files, self.config, tree)

    def prints_of(self, snapshot: Snapshot) -> Prints:
        """Fingerprint the secret files that a snapshot names. Blocks: it is for a worker thread."""
        return fingerprints(secret_files(snapshot, self.config.base), self._key)

    def commit(self) -> str | None:
        """Give the commit that is checked out, where git keeps the configuration. Blocks as well."""
        work_tree = gitstate.find_work_tree(self.config.path)
        return gitstate.commit(work_tree) if work_tree is not None else None

    def _read(self, also: Sequence[Path]) -> Reading:
        # The lock before the files: of two passes, it is the second's lock that lies between them.
        work_tree = gitstate.find_work_tree(self.config.path)
        busy = work_tree is not None and gitstate.locked(work_tree, self._clock.now_micros() / 1e6)
        return Reading(read_tree(self.config, also), fingerprints(also, self._key), busy)


def _unstable(before: Reading, after: Reading) -> Diagnostic:
    if after.busy:
        why, hint = "git has locked the work tree", "if no git is running, remove the index.lock in its git directory"
    else:
        moved = sorted({each.path for each in {*before.tree.files} ^ {*after.tree.files}})
        why = f"they keep changing: {', '.join(moved)}" if moved else "they keep changing"
        hint = "write a file under another name, then rename it"
    return Diagnostic(
        code="OR8002",
        severity=Severity.ERROR,
        summary=f"the configuration files could not be read at rest: {why}",
        hint=hint,
    )
