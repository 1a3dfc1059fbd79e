"""The number of each configuration that was put in force, and its files as they were then.

Always true: numbers only grow, over restarts too; going on with the configuration that was the last one in force
takes no new number. Rows are only ever added. Files are kept once for each configuration: where the same one was
written otherwise later, what is kept is how it was written first.
"""

from collections.abc import Sequence

import msgspec

from omniroute.names import ReloadResult, Trigger
from omniroute.storage.db import explained, transaction
from omniroute.storage.migrations import open_database

_LAST = "SELECT generation, config FROM generations ORDER BY generation DESC LIMIT 1"
_INSERT = """
    INSERT INTO generations (generation, at, config, previous, trigger, result, version) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEEP = "INSERT INTO configurations (config, first_seen, files) VALUES (?, ?, ?) ON CONFLICT (config) DO NOTHING"

File = tuple[str, str | None]
"""A file's name and its text; None where that is not to be kept."""


_AFTER = "SELECT min(generation) FROM generations WHERE config = ? AND generation > ?"


def later_generation(path: str, config_id: str, held: int) -> int | None:
    """Give the number that another worker gave a configuration since the one that this one holds.

    Of several workers one may be slow, and take up a configuration when others are at the next one already: for it that
    is no way back, and needs no number of its own.

    Args:
        path: the database.
        config_id: the snapshot's id.
        held: the number of what is in force here.

    Returns:
        The first number after ``held`` under which it was put in force; None where there is none.

    Raises:
        StorageError: the database cannot be used.
    """
    connection = open_database(path)
    try:
        with explained(path):
            found: tuple[int | None] = connection.execute(_AFTER, (config_id, held)).fetchone()
    finally:
        connection.close()
    return found[0]


def next_generation(path: str, config_id: str, at: int, trigger: Trigger, version: str, files: Sequence[File]) -> int:
    """Give the number under which a configuration is put in force, and note that it was, with its files.

    It opens the database for itself and blocks, so it belongs into a worker thread.

    Args:
        path: the database.
        config_id: the snapshot's id.
        at: Unix microseconds.
        trigger: why it is put in force.
        version: this program's.
        files: what it was read from; without a secret.

    Returns:
        The last number again where that was the same configuration, else the next one, beginning with 1.

    Raises:
        StorageError: the database cannot be used.
    """
    connection = open_database(path)
    try:
        with explained(path), transaction(connection):
            last: tuple[int, str] = connection.execute(_LAST).fetchone() or (0, "")
            generation, previous = last
            if previous != config_id:
                generation += 1
                row = (generation, at, config_id, previous, trigger.value, ReloadResult.APPLIED.value, version)
                connection.execute(_INSERT, row)
            connection.execute(_KEEP, (config_id, at, msgspec.json.encode(files).decode()))
    finally:
        connection.close()
    return generation
