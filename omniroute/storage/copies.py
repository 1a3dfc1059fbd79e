"""Copies of a database that is in use, by SQLite's backup API.

Always true: a copy is the database as it was at one instant, however much is written meanwhile, and whoever writes
never waits for it; it gets its final name only when it is whole, checked and on the disk; it is this user's alone
(mode 0600), and is one file that needs no other.

The instant is that of a read transaction that lasts as long as the copying: in write-ahead mode readers and writers do
not keep each other waiting (https://www.sqlite.org/wal.html), and without it SQLite would begin anew after every
write (https://www.sqlite.org/c3ref/backup_finish.html).
"""

import os
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.db import MEMORY, connect_reading, explained

FOLDER = "backups"
"""Where copies are kept beside a database, unless somebody names another directory."""

PAGES = 512
"""Pages that are copied at once: 2 MiB, a few milliseconds."""
PAUSE = 0.002
"""Seconds between them, so that the disk is not only ours."""


class Why(StrEnum):
    """What a copy was made for, which its name says."""

    MANUAL = "manual"
    OPERATION = "operation"
    MIGRATION = "migration"
    REPLACED = "replaced"


class Copy(msgspec.Struct, frozen=True):
    """A copy on the disk; ``at`` is in Unix microseconds, ``size`` in bytes."""

    path: str
    at: int
    why: Why
    size: int


def folder_of(database: str) -> Path:
    """Name the directory in which the copies of a database are kept.

    Raises:
        StorageError: it is in memory, so there is nothing beside which they could be.
    """
    if database == MEMORY:
        message = "the database is in memory and has no copies: name a file (runtime.database, or --database)"
        raise StorageError(message)
    return Path(database).parent / FOLDER


def make(database: str, folder: Path, why: Why, at: int, stop: threading.Event | None = None) -> Copy:
    """Copy a database into a directory, which is made where it is not there. It blocks.

    Args:
        database: the path of an existing database.
        folder: where the copy is put.
        why: what it is made for.
        at: now, in Unix microseconds.
        stop: set from another thread, it ends the copying, and leaves nothing behind.

    Raises:
        StorageError: there is no such database, or it is damaged, or the copy could not be written, or was stopped.
    """
    final = folder / name_of(database, why, at)
    with explained(str(folder)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder / f".{final.name}.{os.getpid()}.part"
    try:
        duplicate(database, unfinished, stop)
        with explained(str(final)):
            unfinished.replace(final)
            with suppress(PermissionError):  # Windows opens no directories
                _sync(folder, os.O_RDONLY)
            return Copy(str(final), at, why, final.stat().st_size)
    finally:
        unfinished.unlink(missing_ok=True)


def duplicate(database: str, target: Path, stop: threading.Event | None = None) -> None:
    """Write a checked copy of a database to a file that must not be there yet.

    Raises:
        StorageError: as ``make``.
    """
    wait = (stop or threading.Event()).wait
    with closing(connect_reading(database)) as source:
        with explained(str(target)):
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            copy = sqlite3.connect(target, isolation_level=None)
        with closing(copy):
            with explained(database):
                # Nobody else sees the file, and it is synced once, as a whole.
                copy.execute("PRAGMA synchronous=OFF")
                copy.execute("PRAGMA journal_mode=OFF")
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
                source.backup(copy, pages=PAGES, progress=_between(wait, database))
            with explained(str(target)):
                copy.execute("PRAGMA journal_mode=DELETE")
            check(copy, database)
    with explained(str(target)):
        _sync(target, os.O_RDWR)


def check(connection: sqlite3.Connection, name: str) -> None:
    """Let SQLite look at the whole database.

    Raises:
        StorageError: it is damaged, or no database; the message has the first fault.
    """
    with explained(name):
        found: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        message = f"the database '{name}' is damaged: {found}; restore it from a backup: `omniroute backup list`"
        raise StorageError(message)


def listed(database: str, folder: Path) -> tuple[Copy, ...]:
    """Give the copies of a database in a directory, the newest first; none where there is no such directory."""
    found: list[Copy] = []
    with explained(str(folder)), suppress(FileNotFoundError):
        for path in folder.iterdir():
            told = _NAME.fullmatch(path.name)
            if told is not None and told["stem"] == Path(database).stem:
                at = datetime.strptime(told["at"], _TIME).replace(tzinfo=UTC)
                micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
                found.append(Copy(str(path), micros, Why(told["why"]), path.stat().st_size))
    return tuple(sorted(found, key=lambda each: (each.at, each.path), reverse=True))


def prune(database: str, folder: Path, why: Why, keep: int) -> tuple[Copy, ...]:
    """Remove the oldest copies that were made for one purpose, all but ``keep``; gives those that are gone.

    Raises:
        StorageError: one cannot be removed.
    """
    gone = tuple(each for each in listed(database, folder) if each.why is why)[keep:]
    with explained(str(folder)):
        for each in gone:
            Path(each.path).unlink(missing_ok=True)
    return gone


_TIME = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(rf"(?P<stem>.+)-(?P<at>\d{{8}}T\d{{6}}\.\d{{6}}Z)-(?P<why>{'|'.join(Why)})\.db")


def name_of(database: str, why: Why, at: int) -> str:
    """Name a copy after its database, its instant (Unix microseconds; in UTC) and what it was made for."""
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return f"{Path(database).stem}-{time.strftime(_TIME)}-{why}.db"


def _between(wait: Callable[[float], bool], database: str) -> Callable[[int, int, int], None]:
    """What is done after every few pages: leave the disk to others, and see whether to go on."""

    def progress(_status: int, remaining: int, _total: int) -> None:
        if remaining and wait(PAUSE):
            message = f"the copy of '{database}' was stopped before it was whole; nothing of it is left"
            raise StorageError(message)

    return progress


def _sync(path: Path, how: int) -> None:
    """Wait until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
