"""The number of each configuration that was put in force.

Always true: numbers only grow, over restarts too; going on with the configuration that was the last one in force
takes no new number. Rows are only ever added.
"""

from omniroute.names import ReloadResult, Trigger
from omniroute.storage.db import explained, transaction
from omniroute.storage.migrations import open_database

_LAST = "SELECT generation, config FROM generations ORDER BY generation DESC LIMIT 1"
_INSERT = """
    INSERT INTO generations (generation, at, config, previous, trigger, result, version) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def next_generation(path: str, config_id: str, at: int, trigger: Trigger, version: str) -> int:
    """Give the number under which a configuration is put in force, and note that it was.

    It opens the database for itself and blocks, so it belongs into a worker thread.

    Args:
        path: the database.
        config_id: the snapshot's id.
        at: Unix microseconds.
        trigger: why it is put in force.
        version: this program's.

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
    finally:
        connection.close()
    return generation
