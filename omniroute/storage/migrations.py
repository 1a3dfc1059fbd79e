"""The schema of the database, as steps that are applied in order and never changed once released.

Always true: a step is applied in one transaction with the note of it, by one process at a time; a database that
knows a step which this version does not is left alone.
"""

import sqlite3

from sqlite_utils import Database, Migrations

from omniroute.errors import StorageError
from omniroute.storage.db import closing_on_error, connect, explained, transaction

SCHEMA = Migrations("omniroute")


# literal table: name, type, and whether it may be unknown
_USAGE = (
    ("request_id", str, False),
    ("at", int, False),
    ("format", str, False),
    ("asked", str, False),
    ("key", str, False),
    ("stream", int, False),
    ("status", int, False),
    ("outcome", str, False),
    ("code", str, False),
    ("provider", str, False),
    ("model", str, False),
    ("target", str, False),
    ("credential", str, False),
    ("input_tokens", int, True),
    ("output_tokens", int, True),
    ("cache_read_tokens", int, True),
    ("cache_write_tokens", int, True),
    ("reasoning_tokens", int, True),
    ("cost_nano", int, True),
    ("micros", int, False),
    ("first_token_micros", int, True),
    ("attempts", str, False),
    ("generation", int, False),
    ("config", str, False),
)


@SCHEMA()
def m001_usage(db: Database) -> None:
    """One row a request; instants and durations are integer microseconds, money integer nano-dollars."""
    table = db.table("usage")
    table.create(
        {name: kind for name, kind, _ in _USAGE},
        pk="request_id",
        not_null={name for name, _, unknown in _USAGE if not unknown},
        strict=db.supports_strict,
    )
    table.create_index(["at"])
    table.create_index(["key", "at"])


@SCHEMA()
def m002_generations(db: Database) -> None:
    """One row a configuration that was put in force."""
    db.table("generations").create(
        {
            "generation": int,
            "at": int,
            "config": str,
            "previous": str,
            "trigger": str,
            "result": str,
            "version": str,
        },
        pk="generation",
        not_null={"at", "config", "previous", "trigger", "result", "version"},
        strict=db.supports_strict,
    )


@SCHEMA()
def m003_translation(db: Database) -> None:
    """What was spoken with the upstream, where one answered, and what could not be said in it, in a line."""
    table = db.table("usage")
    table.add_column("upstream_format", str)
    table.add_column("losses", str, not_null_default="")


@SCHEMA()
def m004_configurations(db: Database) -> None:
    """The files of each configuration that was put in force, once: JSON, pairs of a name and a text or null."""
    db.table("configurations").create(
        {"config": str, "first_seen": int, "files": str},
        pk="config",
        not_null={"first_seen", "files"},
        strict=db.supports_strict,
    )


STEPS = frozenset(step.__name__ for step in (m001_usage, m002_generations, m003_translation, m004_configurations))


def open_database(path: str) -> sqlite3.Connection:
    """Open a database for reading and writing, with the schema of this version.

    Raises:
        StorageError: it cannot be used, or was written by a newer version; then nothing in it was changed.
    """
    connection = connect(path)
    with closing_on_error(connection), explained(path):
        if not is_current(connection, path):
            with transaction(connection):
                # Asked again under the lock, for another process may have been here; `apply` leaves out what is done.
                is_current(connection, path)
                SCHEMA.apply(_database(connection))
    return connection


def is_current(connection: sqlite3.Connection, path: str) -> bool:
    """Say whether a database has every step of this version; only reads.

    Raises:
        StorageError: it has steps of a newer version.
    """
    applied = {step.name for step in SCHEMA.applied(_database(connection))}
    newer = sorted(applied - STEPS)
    if newer:
        message = (
            f"the database '{path}' was written by a newer omniroute (schema step '{newer[-1]}'): "
            "run that version, or name another database"
        )
        raise StorageError(message)
    return applied == STEPS


def require_current(connection: sqlite3.Connection, path: str) -> None:
    """Refuse to read a database that this version would have to change first; only reads.

    Raises:
        StorageError: it lacks steps of this version, or has some of a newer one.
    """
    if not is_current(connection, path):
        message = (
            f"the database '{path}' lacks what this version of omniroute keeps in it: "
            "start `omniroute serve` once, or name another database"
        )
        raise StorageError(message)


def _database(connection: sqlite3.Connection) -> Database:
    return Database(connection, recursive_triggers=False, execute_plugins=False)
