"""Connections to the SQLite database.

Always true: a connection that was given out works in write-ahead mode, waits for others' locks, and is used by one
thread; transactions are opened by name and never by the driver; whatever SQLite or the file system refuses is told
as a ``StorageError`` that names the file and what to do.

Durability: commits are not synced one by one (``synchronous=NORMAL``). What was committed survives the end of this
process however it ends; a power failure may take the commits since the last checkpoint, and never the consistency of
the file (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omniroute.errors import StorageError

__all__ = [
    "BUSY_SECONDS",
    "MEMORY",
    "REMEDIES",
    "SCHEME",
    "StorageError",
    "closing_on_error",
    "connect",
    "connect_reading",
    "explained",
    "locate",
    "remedy",
    "transaction",
]

SCHEME = "sqlite:"
MEMORY = ":memory:"
"""A database without a file: each connection has its own, which ends with it."""

BUSY_SECONDS = 5.0
"""How long a statement waits for another connection's lock."""

# literal table: SQLite's primary result codes, and what a person can do
REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked: end that process, or wait until it is done",
    sqlite3.SQLITE_LOCKED: "another connection keeps it locked: wait until it is done",
    sqlite3.SQLITE_FULL: "free some space on that disk",
    sqlite3.SQLITE_IOERR: "look at the disk and its free space",
    sqlite3.SQLITE_READONLY: "give this user the right to write the file and its directory",
    sqlite3.SQLITE_PERM: "give this user the right to write the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "give this user the right to write the file and its directory",
    sqlite3.SQLITE_NOTADB: "name another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "restore it from a backup, or move it away to begin a new one",
}
_OTHERWISE = "name another database (runtime.database, or --database)"


def locate(written: str, base: Path) -> str:
    """Find the database that a configuration names.

    Args:
        written: ``sqlite:PATH``, or ``sqlite::memory:``.
        base: the directory that a relative path starts from.

    Returns:
        The file's path, or ``MEMORY``.

    Raises:
        StorageError: it is written in no form that is known here.
    """
    path = written.removeprefix(SCHEME)
    if path == written or not path:
        message = f"'{written}' names no database: write it as sqlite:PATH, for example sqlite:omniroute.db"
        raise StorageError(message)
    return path if path == MEMORY else str(base / path)


def connect(path: str) -> sqlite3.Connection:
    """Open a database for reading and writing; a new file is this user's alone (mode 0600).

    Raises:
        StorageError: it cannot be opened, or is not a database.
    """
    with explained(path):
        if path != MEMORY:
            _make_file(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        with closing_on_error(connection):
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
    return connection


def connect_reading(path: str) -> sqlite3.Connection:
    """Open an existing database for reading only.

    Raises:
        StorageError: there is none, or it cannot be opened, or it is not a database.
    """
    if not Path(path).exists():
        message = f"there is no database at '{path}': `omniroute serve` makes it when it starts"
        raise StorageError(message)
    with explained(path):
        uri = f"{Path(path).resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        with closing_on_error(connection):
            connection.execute("PRAGMA schema_version")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it; the lock to write is taken at the beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # On a full disk SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Tell the errors of SQLite and of the file system in our words."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"the database '{path}' cannot be used: {error}; {remedy(error)}"
        raise StorageError(message) from error
    except BrokenPipeError:
        raise  # a database is no pipe: whoever reads what is written meanwhile has left
    except OSError as error:
        message = f"the database '{path}' cannot be used: {error.strerror or error}; {_OTHERWISE}"
        raise StorageError(message) from error


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that could not be made ready."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def remedy(error: sqlite3.Error) -> str:
    """Say what a person can do about an error of SQLite."""
    # An error of the driver itself has no code. The low byte of SQLite's is the primary one.
    code = getattr(error, "sqlite_errorcode", None) or 0
    return REMEDIES.get(code & 0xFF, _OTHERWISE)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead mode; where two processes do it at once, SQLite refuses one without waiting."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _make_file(path: str) -> None:
    """Make the file before SQLite would, which gives it, and its companions, whatever rights the umask leaves."""
    if Path(path).is_dir():
        raise IsADirectoryError(None, "it is a directory")
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
