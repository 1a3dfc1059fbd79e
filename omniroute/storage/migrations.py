"""The schema of the database, as steps that are applied in order and never changed once released.

Always true: a step is applied in one transaction with the note of it, by one process at a time; a database that
knows a step which this version does not is left alone.
"""

import sqlite3
import time
from collections.abc import Callable

from sqlite_utils import Database, Migrations

from omniroute.errors import StorageError
from omniroute.storage.copies import Why, folder_of, listed, make, prune
from omniroute.storage.db import MEMORY, closing_on_error, connect, explained, transaction

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


@SCHEMA()
def m005_money(db: Database) -> None:
    """What requests are paid from, and what several workers share: who lives, what is held, spent, taken and running.

    A hold, and a seat, count for as long as the worker lives that has it: ``alive_until``, in Unix microseconds.
    ``swept_nano`` is the part of what was spent whose rows were deleted for their age; ``swept_until`` is when the
    last of those began, in Unix microseconds.
    """
    usage = db.table("usage")
    for name in ("cache_write_1h_tokens", "audio_in_tokens", "audio_out_tokens", "reserved_nano"):
        usage.add_column(name, int)
    usage.add_column("estimated", int, not_null_default=0)
    for name in ("cache", "session", "worker"):
        usage.add_column(name, str, not_null_default="")
    for name in ("tags", "budgets"):  # JSON
        usage.add_column(name, str, not_null_default="[]")
    # The few requests that are under way are found without a look at all that ever were.
    db.execute("CREATE INDEX idx_usage_open ON usage (worker) WHERE outcome = 'admitted'")
    db.table("workers").create(
        {"worker": str, "started": int, "alive_until": int},
        pk="worker",
        not_null={"started", "alive_until"},
        strict=db.supports_strict,
    )
    db.table("spent").create(
        {"budget": str, "since": int, "spent_nano": int, "swept_nano": int, "swept_until": int},
        pk=("budget", "since"),
        not_null={"spent_nano", "swept_nano", "swept_until"},
        defaults={"swept_nano": 0, "swept_until": 0},
        strict=db.supports_strict,
    )
    db.table("holds").create(
        {"budget": str, "since": int, "request_id": str, "amount_nano": int, "worker": str},
        pk=("budget", "since", "request_id"),
        not_null={"amount_nano", "worker"},
        strict=db.supports_strict,
    )
    db.table("holds").create_index(["request_id"])
    db.table("buckets").create(
        {"name": str, "full_at": int}, pk="name", not_null={"full_at"}, strict=db.supports_strict
    )
    db.table("seats").create(
        {"name": str, "worker": str, "taken": int},
        pk=("name", "worker"),
        not_null={"taken"},
        strict=db.supports_strict,
    )


@SCHEMA()
def m006_memory(db: Database) -> None:
    """Answers that are kept: for the exact cache, and for idempotency keys; instants in Unix microseconds."""
    table = db.table("recordings")
    table.create(
        {
            "key": str,
            "kind": str,
            "fingerprint": str,
            "scope": str,
            "model": str,
            "at": int,
            "expires": int,
            "state": str,
            "worker": str,
            "size": int,
            "answer": bytes,  # last, so that the other columns are read without it
        },
        pk="key",
        not_null={"kind", "fingerprint", "scope", "model", "at", "expires", "state", "worker", "size"},
        strict=db.supports_strict,
    )
    table.create_index(["expires"])


@SCHEMA()
def m007_audit(db: Database) -> None:
    """What may have to be proved later; each row's hash covers the one before it."""
    db.table("audit").create(
        {
            "seq": int,
            "at": int,
            "actor": str,
            "action": str,
            "target": str,
            "detail": str,
            "count": int,
            "previous": str,
            "hash": str,
        },
        pk="seq",
        not_null={"at", "actor", "action", "target", "detail", "count", "previous", "hash"},
        strict=db.supports_strict,
    )


@SCHEMA()
def m008_no_index_of_keys(db: Database) -> None:
    """Each row was entered in it, and nothing looked there: whatever is asked of a key is of a stretch of time."""
    db.execute("DROP INDEX idx_usage_key_at")


@SCHEMA()
def m009_shared_in_memory(db: Database) -> None:
    """What workers share beside what was spent is on their board (``board``)."""
    for name in ("holds", "buckets", "seats"):
        db.table(name).drop()


STEPS = frozenset(
    step.__name__
    for step in (
        m001_usage,
        m002_generations,
        m003_translation,
        m004_configurations,
        m005_money,
        m006_memory,
        m007_audit,
        m008_no_index_of_keys,
        m009_shared_in_memory,
    )
)


BACKUP_EVERY = 3_600_000_000
"""Microseconds between the copies that are made before the schema changes: of many starts in a row, one makes one."""
BACKUPS_KEPT = 3


def open_database(path: str, clock: Callable[[], int] = time.time_ns) -> sqlite3.Connection:
    """Open a database for reading and writing, with the schema of this version.

    Before the schema of a database with rows is changed a copy of it is made (``copies``), once an hour at most.

    Args:
        path: the file.
        clock: gives nanoseconds since 1970.

    Raises:
        StorageError: it cannot be used, or was written by a newer version; then nothing in it was changed.
    """
    connection = connect(path)
    with closing_on_error(connection), explained(path):
        if not is_current(connection, path):
            _back_up(connection, path, clock() // 1000)
            with transaction(connection):
                # Asked again under the lock, for another process may have been here; `apply` leaves out what is done.
                is_current(connection, path)
                SCHEMA.apply(_database(connection))
    return connection


def _back_up(connection: sqlite3.Connection, path: str, at: int) -> None:
    """Copy a database that holds anything, unless that was done of late."""
    if path == MEMORY or not is_ours(connection, path):
        return
    if connection.execute("SELECT NOT EXISTS (SELECT 1 FROM usage)").fetchone()[0]:
        return
    folder = folder_of(path)
    newest = next((each.at for each in listed(path, folder) if each.why is Why.MIGRATION), -BACKUP_EVERY)
    if at - newest >= BACKUP_EVERY:
        make(path, folder, Why.MIGRATION, at)
        prune(path, folder, Why.MIGRATION, BACKUPS_KEPT)


def is_ours(connection: sqlite3.Connection, path: str) -> bool:
    """Say whether a database has any step of this program; only reads.

    Raises:
        StorageError: it has steps of a newer version.
    """
    return _missing(connection, path) != STEPS


def is_current(connection: sqlite3.Connection, path: str) -> bool:
    """Say whether a database has every step of this version; only reads.

    Raises:
        StorageError: it has steps of a newer version.
    """
    return not _missing(connection, path)


def _missing(connection: sqlite3.Connection, path: str) -> frozenset[str]:
    """Give the steps of this version that a database lacks."""
    applied = {step.name for step in SCHEMA.applied(_database(connection))}
    newer = sorted(applied - STEPS)
    if newer:
        message = (
            f"the database '{path}' was written by a newer omniroute (schema step '{newer[-1]}'): "
            "run that version, or name another database"
        )
        raise StorageError(message)
    return STEPS - applied


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
