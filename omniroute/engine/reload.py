"""From files on the disk to the configuration in force, at start and whenever they may have changed.

Invariants:

1. Only what ``engine.steady`` believes is loaded.
2. Whatever goes wrong, what is in force stays in force, and the gateway goes on.
3. The same bytes are tried once: what was refused is neither tried nor reported again until something changes, or
   somebody asks by a signal. (Files that will not rest, and errors that are not the files', are tried again at every
   look, and reported once.)
4. Only ``start`` and ``look`` swap, one at a time, on the loop; reading, validating and resolving secrets happen in
   worker threads.

Who looks, and when, is ``engine.watch``.
"""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from omniroute import __version__
from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.config.document import Document
from omniroute.config.load import Loaded
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import ConfigPath, Tree
from omniroute.engine.guard import guard
from omniroute.engine.holder import Holder, Live, tag_for
from omniroute.engine.places import Places
from omniroute.engine.status import Active, FileHash, LastAttempt, ReloadStatus, WatcherState
from omniroute.engine.steady import Clock, Prints, Reader, Reading, SystemClock, Timing
from omniroute.errors import ConfigError
from omniroute.names import ReloadResult, Severity, Trigger
from omniroute.observe.events import Event, Reloaded


class Hands(msgspec.Struct, frozen=True):
    """What reloading needs others to do. The first four are called in a worker thread, never two at once.

    ``load`` compiles sources. ``prepare`` gives a snapshot what it needs to be served (its secrets), and raises
    ``ConfigError`` where that cannot be. ``number`` gives the generation for a configuration's id, an instant (Unix
    microseconds), a trigger and the sources that it was compiled from. ``restart_only`` names the keys that differ
    between two documents and act only at a restart. ``brief`` renders diagnostics, a line each. ``report`` takes the
    events.
    """

    load: Callable[[Sequence[Source]], Loaded]
    prepare: Callable[[Snapshot], object | None]
    number: Callable[[str, int, Trigger, Sequence[Source]], int]
    restart_only: Callable[[Document, Document], tuple[str, ...]]
    brief: Callable[[Sequence[Diagnostic]], Sequence[str]]
    report: Callable[[Event], None]


class _Look(msgspec.Struct, frozen=True):
    """When a look began, by both clocks, and why."""

    at: int
    began: float
    trigger: Trigger


class _Outcome(msgspec.Struct, frozen=True):
    """What came of a reading.

    ``document`` is there where the reading says what is in force from now on; ``live`` is there where something is
    to be swapped in, which may be what is in force already, with its secrets read again. ``prints`` are of the
    secret files that the new configuration names, ``pending`` what of it waits for a restart, ``refused`` is its id
    where it is not taken.
    """

    result: ReloadResult
    diagnostics: tuple[Diagnostic, ...]
    prints: Prints = {}
    refused: str = ""
    document: Document | None = None
    live: Live | None = None
    commit: str | None = None
    pending: tuple[str, ...] = ()


class Reloader:
    """Keeps ``holder`` holding what the files say, as far as that can be put to work.

    ``places`` is where to watch, as of the last reading. ``watcher`` is what the watcher tells of itself, for the
    status; it goes by the same ``timing`` and ``clock``.
    """

    holder: Holder
    places: Places
    watcher: WatcherState
    _active: Active
    _last: LastAttempt
    _started_with: Document

    def __init__(
        self, config: ConfigPath, hands: Hands, timing: Timing | None = None, clock: Clock | None = None
    ) -> None:
        """Hold the tools; nothing is read before ``start``."""
        self.timing = timing or Timing()
        self.clock: Clock = clock or SystemClock()
        self.report = hands.report
        self.holder = Holder()
        self.watcher = WatcherState()
        self._hands = hands
        self._reader = Reader(config, self.timing, self.clock)
        self._one_at_a_time = asyncio.Lock()
        self._prints: Prints = {}
        self._tried: tuple[str, Prints] = ("", {})
        self._tried_is_active = False
        self._in_sync = False
        self._pending: tuple[str, ...] = ()
        self._looks = 0
        self._unchanged = 0

    async def start(self) -> Live:
        """Load for the first time, and put the result in force.

        Raises:
            ConfigError: with every diagnostic, where there is nothing that could be put in force.
        """
        look = self._begin(Trigger.START)
        reading = await self._reader.steady(await self._read(), (), self.timing.longest)
        if isinstance(reading, Diagnostic):
            raise self._unusable((reading,))
        outcome = await asyncio.to_thread(self._try, reading, Trigger.START)
        if outcome.live is None or outcome.document is None:
            raise self._unusable(outcome.diagnostics)
        pinned = await self._reader.pinned(reading.tree)
        self._started_with = outcome.document
        self._settle(look, reading, msgspec.structs.replace(outcome, diagnostics=(*outcome.diagnostics, *pinned)))
        return outcome.live

    async def look(self, trigger: Trigger, patience: float | None = None) -> ReloadResult | None:
        """Read the files, and put them in force where they are new and good.

        Args:
            trigger: why. A signal asks for everything: what was refused is tried again, secrets are read again.
            patience: seconds to wait at most for the files to settle; ``timing.longest`` where it is not given.

        Returns:
            What came of it, or None where the files are what they were at the last look.
        """
        async with self._one_at_a_time:
            look = self._begin(trigger)
            try:
                return await self._look(look, self.timing.longest if patience is None else patience)
            except Exception as bug:  # noqa: BLE001 - invariant 2: a bug that an edit wakes must not end what serves
                return self._note(look, _Outcome(ReloadResult.ERROR, (_broken(bug),)))

    async def survey(self) -> Places:
        """Find out anew where to watch, without reading the files."""
        self.places = await self._reader.survey(self._secret_paths())
        return self.places

    def status(self) -> ReloadStatus:
        """Tell all; only after ``start``."""
        return ReloadStatus(
            active=self._active,
            last_attempt=self._last,
            in_sync_with_disk=self._in_sync,
            pending_restart=self._pending,
            watcher=self.watcher,
            looks=self._looks,
            unchanged=self._unchanged,
        )

    def _begin(self, trigger: Trigger) -> _Look:
        self._looks += 1
        return _Look(self.clock.now_micros(), self.clock.monotonic(), trigger)

    async def _look(self, look: _Look, patience: float) -> ReloadResult | None:
        first = await self._read()
        if self._is_known(first, look.trigger):
            return None
        reading = await self._reader.steady(first, self._secret_paths(), patience)
        if isinstance(reading, Diagnostic):
            return self._note(look, _Outcome(ReloadResult.UNSTABLE, (reading,)))
        if self._is_known(reading, look.trigger):
            return None
        watched = self._secret_paths()
        result = self._settle(look, reading, await asyncio.to_thread(self._try, reading, look.trigger))
        if self._secret_paths() != watched:
            await self.survey()
        return result

    def _secret_paths(self) -> tuple[Path, ...]:
        """The secret files of what is in force and of what was tried last: a refusal may be for want of one."""
        return tuple({**self._prints, **self._tried[1]})

    async def _read(self) -> Reading:
        reading = await self._reader.read(self._secret_paths())
        self.places = reading.tree.places
        return reading

    def _is_known(self, reading: Reading, trigger: Trigger) -> bool:
        """Say whether this was tried already, and count it then."""
        if trigger is Trigger.SIGNAL or (reading.tree.raw, reading.prints) != self._tried:
            return False
        self._unchanged += 1
        self._in_sync = self._tried_is_active
        return True

    def _try(self, reading: Reading, trigger: Trigger) -> _Outcome:
        """Do all that may take time, in a thread, and change nothing of ours.

        Where the files are refused, what is in force must still not be left with secrets that were rotated.
        """
        outcome = self._judge(reading, trigger)
        if trigger is Trigger.START:
            return outcome
        if outcome.document is not None:
            pending = self._hands.restart_only(self._started_with, outcome.document)
            return msgspec.structs.replace(outcome, pending=pending)
        if self._kept(reading) != self._prints:
            old = self.holder.current
            with suppress(ConfigError):
                return msgspec.structs.replace(outcome, live=self._equipped(reading, old.snapshot, trigger, old))
        return outcome

    def _judge(self, reading: Reading, trigger: Trigger) -> _Outcome:
        if has_errors(reading.tree.faults):
            return _Outcome(ReloadResult.REJECTED, reading.tree.faults)
        loaded = self._hands.load(reading.tree.sources)
        snapshot, document, found = loaded.snapshot, loaded.document, loaded.diagnostics
        if snapshot is None or document is None:
            return _Outcome(ReloadResult.REJECTED, found)
        # Before secrets are resolved: one that changes in between is found changed at the next look.
        prints = self._reader.prints_of(snapshot)
        old = None if trigger is Trigger.START else self.holder.current
        same = old if old is not None and old.snapshot.id == snapshot.id else None
        if same is not None and prints == self._prints and trigger is not Trigger.SIGNAL:
            return _Outcome(ReloadResult.UNCHANGED, found, prints, document=document, commit=self._reader.commit())
        refusals = guard(old.snapshot, snapshot) if old is not None else ()
        if refusals:
            return _Outcome(ReloadResult.GUARDED, (*found, *refusals), prints, snapshot.id)
        try:
            live = self._equipped(reading, snapshot, trigger, same)
        except ConfigError as error:
            return _Outcome(ReloadResult.REJECTED, (*found, *_said(error)), prints, snapshot.id)
        return _Outcome(ReloadResult.APPLIED, found, prints, document=document, live=live, commit=self._reader.commit())

    def _equipped(self, reading: Reading, snapshot: Snapshot, trigger: Trigger, same: Live | None) -> Live:
        """Prepare a snapshot and number it; the same configuration with other secrets keeps its number."""
        prepared = self._hands.prepare(snapshot)
        at = self.clock.now_micros()
        if same is not None:
            generation = same.generation
        else:
            generation = self._hands.number(snapshot.id, at, trigger, reading.tree.sources)
        return Live(snapshot, generation, at, trigger, tag_for(generation, snapshot), prepared)

    def _settle(self, look: _Look, reading: Reading, outcome: _Outcome) -> ReloadResult:
        """Take over what came of a reading: the swap, and what is remembered of it."""
        if outcome.live is not None:
            self.holder.swap(outcome.live)
            self._prints = outcome.prints if outcome.document is not None else self._kept(reading)
        if outcome.document is not None:
            self._pending = outcome.pending
            self._active = _described(self.holder.current, reading.tree, outcome.commit)
        self._tried = (reading.tree.raw, {**self._kept(reading), **outcome.prints})
        self._tried_is_active = outcome.document is not None
        return self._note(look, outcome)

    def _kept(self, reading: Reading) -> Prints:
        """The fingerprints, as read now, of the secret files of what is in force."""
        return {path: mark for path, mark in reading.prints.items() if path in self._prints}

    def _note(self, look: _Look, outcome: _Outcome) -> ReloadResult:
        """Remember an attempt for the status, and report it, unless it is a trouble that merely lasts."""
        live = self.holder.current
        micros = round((self.clock.monotonic() - look.began) * 1e6)
        lasting = (
            outcome.result in {ReloadResult.UNSTABLE, ReloadResult.ERROR}
            and look.trigger is not Trigger.SIGNAL
            and self._last.diagnostics == outcome.diagnostics
        )
        self._in_sync = outcome.document is not None
        self._last = LastAttempt(
            at=look.at,
            trigger=look.trigger,
            result=outcome.result,
            hash=live.snapshot.id if self._in_sync else outcome.refused,
            duration_ms=micros / 1000,
            errors=_count(outcome.diagnostics, Severity.ERROR),
            warnings=_count(outcome.diagnostics, Severity.WARNING),
            diagnostics=outcome.diagnostics,
        )
        if not lasting:
            self.report(self._event(self._last, live, micros, outcome.refused))
        return outcome.result

    def _event(self, last: LastAttempt, live: Live, micros: int, refused: str) -> Reloaded:
        return Reloaded(
            at=last.at,
            trigger=last.trigger,
            result=last.result,
            generation=live.generation,
            config=live.snapshot.id,
            micros=micros,
            refused=refused,
            errors=last.errors,
            warnings=last.warnings,
            faults=tuple(self._hands.brief([each for each in last.diagnostics if each.severity is not Severity.HINT])),
        )

    def _unusable(self, diagnostics: tuple[Diagnostic, ...]) -> ConfigError:
        errors = _count(diagnostics, Severity.ERROR)
        found = "1 error" if errors == 1 else f"{errors} errors"
        return ConfigError(f"the configuration at `{self._reader.config.given}` cannot be used: {found}", diagnostics)


def _described(live: Live, tree: Tree, commit: str | None) -> Active:
    return Active(
        generation=live.generation,
        hash=live.snapshot.id,
        applied_at=live.applied_at,
        trigger=live.trigger,
        files=tuple(FileHash(each.path, each.sha256) for each in tree.files),
        commit=commit,
        app_version=__version__,
    )


def _count(diagnostics: Sequence[Diagnostic], severity: Severity) -> int:
    return sum(each.severity is severity for each in diagnostics)


def _said(error: ConfigError) -> tuple[Diagnostic, ...]:
    """What an error says, as diagnostics: those that it carries, or its words."""
    carried = tuple(each for each in error.diagnostics if isinstance(each, Diagnostic))
    return carried or (Diagnostic(code="OR9005", severity=Severity.ERROR, summary=error.message),)


def _broken(bug: Exception) -> Diagnostic:
    """Name a bug by its type and place; its words might hold anything, a secret too."""
    where = traceback.extract_tb(bug.__traceback__)[-1]
    return Diagnostic(
        code="OR9005",
        severity=Severity.ERROR,
        summary=f"the new configuration could not be put to work: {type(bug).__name__} "
        f"at {Path(where.filename).name}:{where.lineno}",
        hint="what was in force stays in force; please report this",
    )
