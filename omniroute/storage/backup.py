"""Backups: made while the gateway serves, restored while it does not.

Always true: what is restored was checked first, whole and of a schema that this version knows; what it replaces is kept
as a backup; a database that a gateway has open is never replaced, because that gateway would go on writing to the file
that is no longer there.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.audit import Entry, append
from omniroute.storage.copies import Copy, Why, duplicate, folder_of, listed, make, name_of, prune
from omniroute.storage.db import closing_on_error, connect, connect_reading, explained
from omniroute.storage.migrations import is_ours, open_database

_LIVING = "SELECT worker, alive_until FROM workers WHERE alive_until > ? ORDER BY worker"
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Restored(msgspec.Struct, frozen=True):
    """What became of a restore: ``replaced`` is where the database that was there is kept, "" where there was none."""

    database: str
    source: str
    replaced: str


def create(
    database: str,
    at: int,
    why: Why = Why.MANUAL,
    folder: Path | None = None,
    keep: int | None = None,
    stop: threading.Event | None = None,
) -> Copy:
    """Make a backup, and remove the oldest of its kind beyond ``keep``. It blocks; a gateway goes on serving.

    Args:
        database: the path of the database.
        at: now, in Unix microseconds.
        why: what it is made for.
        folder: where it is put, beside the database where none is named.
        keep: how many of this kind stay; all, where it is None.
        stop: set from another thread, it ends the copying.

    Raises:
        StorageError: as ``copies.make``.
    """
    where = folder or folder_of(database)
    made = make(database, where, why, at, stop)
    if keep is not None:
        prune(database, where, why, keep)
    return made


def backups(database: str, folder: Path | None = None) -> tuple[Copy, ...]:
    """Give the backups of a database, the newest first."""
    return listed(database, folder or folder_of(database))


def restore(database: str, source: Path, at: int) -> Restored:
    """Put a backup in the place of a database. It blocks.

    Args:
        database: the path that is replaced; there may be nothing there.
        source: the backup, or any other database of this program.
        at: now, in Unix microseconds.

    Raises:
        StorageError: the backup is damaged, or not one of ours, or of a newer version; or the database is in use. Then
            nothing was changed.
    """
    folder = folder_of(database)
    path = Path(database)
    if path.exists() and source.exists() and path.samefile(source):
        message = f"'{source}' is the database itself; `omniroute backup list` shows what it can be restored from"
        raise StorageError(message)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        duplicate(str(source), unfinished)
        with closing(connect_reading(str(unfinished))) as copy, explained(str(source)):
            if not is_ours(copy, str(source)):
                message = f"'{source}' is a database of some other program; nothing was changed"
                raise StorageError(message)
        with explained(database), _alone(database, at):
            replaced = _keep(path, folder, at)
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    with closing(open_database(database)) as connection, explained(database):
        append(connection, [Entry(at, "", "backup.restored", database, f"from {source}; replaced {replaced or '-'}")])
    return Restored(database, str(source), replaced)


@contextmanager
def _alone(database: str, at: int) -> Iterator[None]:
    """Hold a database so that nobody else has it, or begins to; a damaged one, or none, needs no holding."""
    held = _taken(database, at) if Path(database).exists() else None
    try:
        yield
    finally:
        if held is not None:
            held.close()


def _taken(database: str, at: int) -> sqlite3.Connection | None:
    """Lock a database, and give the connection that holds the lock; None where it is too damaged to be opened."""
    try:
        connection = connect(database)
        with closing_on_error(connection):
            _refuse_living(connection, database, at)
            _hold(connection, database)
    except (sqlite3.DatabaseError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        if isinstance(cause, sqlite3.DatabaseError) and cause.sqlite_errorcode & 0xFF in _DAMAGED:
            return None
        raise
    return connection


def _refuse_living(connection: sqlite3.Connection, database: str, at: int) -> None:
    """Name the gateway that runs on a database."""
    with suppress(sqlite3.OperationalError):  # written before there were workers
        living = connection.execute(_LIVING, (at,)).fetchall()
        if living:
            wait = max(until for _, until in living) - at
            message = (
                f"a gateway is running on '{database}' (worker {living[0][0]}): stop it first. One that was killed is "
                f"believed to live for {wait / 1e6:.0f} s more"
            )
            raise StorageError(message)


def _hold(connection: sqlite3.Connection, database: str) -> None:
    """Leave write-ahead mode, which SQLite allows only to whoever has a database alone; and lock it."""
    try:
        connection.execute("PRAGMA busy_timeout=500")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        message = f"the database '{database}' is open in another process: stop the gateway, and whatever else reads it"
        raise StorageError(message) from error


def _keep(path: Path, folder: Path, at: int) -> str:
    """Keep what is about to be replaced, and whatever of it SQLite had not yet put into its file."""
    if not path.exists():
        return ""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / name_of(str(path), Why.REPLACED, at)
    # Not copied: to close a file that SQLite has open in this process would end SQLite's locks on it (fcntl(2)).
    try:
        os.link(path, kept)
    except OSError:  # a file system without links
        path.rename(kept)
    # A log that stays behind would be played into the database that takes this one's place.
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(kept.with_name(kept.name + end))
    return str(kept)
