"""The audit log: what may have to be proved later, in a chain that shows where somebody meddled with it.

Invariants:

1. ``record`` never waits and never raises: it is called on the event loop.
2. A row's hash is the SHA-256 of the hash of the row before it and of its own canonical JSON, so a row that was
   changed, taken out or put in breaks the chain there. Who cuts rows off the end leaves a whole chain that is shorter:
   against that, keep the last hash that ``verify`` gave somewhere else.
3. Several processes may append to one file: the last row is read under the lock to write, so the chain has no fork.
4. Refusals cannot fill the disk: in each ``WINDOW`` a refused actor has one row, with a count, and of more
   than ``MOST_ACTORS`` at once the rest are counted together.
5. No secret reaches the disk: texts are shortened and masked.
6. Nothing is dropped in silence. While the database cannot be written rows wait, ``MAX_PENDING`` at most; what is lost
   is told.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from queue import Empty, SimpleQueue

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.db import connect_reading, explained, remedy, transaction
from omniroute.storage.migrations import open_database, require_current

REFUSED = "key.refused"
"""The action under which a refused caller is told; there may be very many of them."""

WINDOW = 60.0
"""Seconds of refusals that one row counts."""
MOST_ACTORS = 60
"""Refused actors with rows of their own at a time."""
OTHERS = "…"
"""The actor of what is counted together."""
MAX_PENDING = 10_000
LONGEST = 1024
"""Characters kept of each text."""
LONGEST_HEARD = 4 * LONGEST
"""Characters of each text that wait to be masked: a client's words may be as long as a body, and very many may wait."""
TEXTS = ("actor", "action", "target", "detail")
RETRY = 0.5
"""Seconds between attempts to write."""
BEGINNING = "0" * 64
"""What stands where the first row would have a hash before it."""

_LAST = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_INSERT = """
    INSERT INTO audit (seq, at, actor, action, target, detail, count, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ROWS = """
    SELECT seq, at, actor, action, target, detail, count, previous, hash FROM audit
    WHERE (:action = '' OR action = :action) AND (:actor = '' OR actor = :actor) AND at >= :since
    ORDER BY seq DESC LIMIT :limit OFFSET :offset
"""
_CHAIN = "SELECT seq, at, actor, action, target, detail, count, previous, hash FROM audit ORDER BY seq"


class Entry(msgspec.Struct, frozen=True):
    """What happened: ``actor`` did ``action`` to ``target``, ``count`` times; ``at`` is in Unix microseconds."""

    at: int
    actor: str
    action: str
    target: str = ""
    detail: str = ""
    count: int = 1


class AuditRow(msgspec.Struct, frozen=True):
    """A row as it is on the disk; ``previous`` and ``hash`` are the chain, SHA-256 in hex."""

    seq: int
    at: int
    actor: str
    action: str
    target: str
    detail: str
    count: int
    previous: str
    hash: str


class Verdict(msgspec.Struct, frozen=True):
    """What checking the chain found: how many rows are whole, the last one's hash, and the first that is not whole."""

    rows: int
    hash: str
    broken: int | None


class AuditLog:
    """Appends entries from a thread of its own.

    ``record`` may be called before ``start``: the entries wait. ``start`` and ``close`` block, so on an event loop they
    belong into a worker thread.
    """

    def __init__(
        self,
        path: str,
        *,
        trouble: Callable[[str], None],
        redact: Callable[[str], str],
        window: float = WINDOW,
        connect: Callable[[str], sqlite3.Connection] = open_database,
    ) -> None:
        """Hold what is needed; nothing is opened before ``start``.

        Args:
            path: the database.
            trouble: told when entries cannot be written or are lost, in the writer's thread; it must neither wait nor
                raise.
            redact: masks what looks like a secret.
            window: the seconds of refusals that one row counts.
            connect: opens the database with its schema.
        """
        self._path = path
        self._connect = connect
        self._trouble = trouble
        self._redact = redact
        self._refusals = _Refusals(window)
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._give_up_at = 0.0
        self._in_hand = 0
        # The first has one writer, who records; the second is the thread's.
        self._refused = 0
        self._told_refused = 0
        self._told = ""

    def record(self, entry: Entry) -> None:
        """Take one entry, to be written at once, or within a window where it is one of many refusals."""
        if self._queue.qsize() + self._in_hand >= MAX_PENDING:
            self._refused += 1
        else:
            self._queue.put(_heard(entry))

    def start(self) -> None:
        """Open the database and begin to write.

        Raises:
            StorageError: the database cannot be used.
        """
        self._connect(self._path).close()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def close(self, patience: float = 10.0) -> None:
        """Write everything and end; what cannot be written within ``patience`` seconds is lost, and told."""
        if self._thread is None or self._closing.is_set():
            return
        self._give_up_at = time.monotonic() + patience
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[Entry] = []
        while not self._closing.is_set() or not self._queue.empty():
            waiting += self._taken(RETRY if waiting else self._refusals.due_in(time.monotonic()))
            if waiting and self._wrote(waiting):
                waiting = []
            self._in_hand = len(waiting)
        waiting += self._refusals.all()
        while waiting and not self._wrote(waiting):
            if time.monotonic() > self._give_up_at:
                self._trouble(f"{len(waiting)} audit rows are lost: the gateway stopped before they could be written")
                return
            waiting += self._taken(RETRY)

    def _taken(self, patience: float | None) -> list[Entry]:
        """Wait for entries, and give those that are to be written now."""
        try:
            first = self._queue.get(timeout=patience)
        except Empty:
            first = None
        taken = [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]
        now = time.monotonic()
        entries = [each for each in taken if each is not None and self._refusals.passes(each, now)]
        return [*self._refusals.due(now), *entries]

    def _wrote(self, entries: Sequence[Entry]) -> bool:
        """Bring entries to the disk; False where that has to be tried again."""
        lost = self._refused - self._told_refused
        if lost:
            self._told_refused += lost
            self._trouble(f"{lost} audit rows are lost: {MAX_PENDING:,} were waiting already")
        try:
            with closing(self._connect(self._path)) as connection:
                append(connection, [self._clean(each) for each in entries])
        except (sqlite3.Error, StorageError) as error:
            text = error.message if isinstance(error, StorageError) else f"{error}; {remedy(error)}"
            if text != self._told:
                self._told = text
                self._trouble(f"audit rows cannot be written to '{self._path}': {text}")
            return False
        self._told = ""
        return True

    def _clean(self, entry: Entry) -> Entry:
        texts = {name: self._redact(getattr(entry, name))[:LONGEST] for name in TEXTS}
        # What is no Unicode SQLite refuses; a client's bytes are nobody's reason to stop the chain.
        plain = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in texts.items()}
        return msgspec.structs.replace(entry, **plain)


def _heard(entry: Entry) -> Entry:
    """Cut what is too long before it waits; hardly ever is anything."""
    long = [name for name in TEXTS if len(getattr(entry, name)) > LONGEST_HEARD]
    return (
        msgspec.structs.replace(entry, **{name: getattr(entry, name)[:LONGEST_HEARD] for name in long})
        if long
        else entry
    )


class _Refusals:
    """Counts refusals, so that an actor who is refused without end has one row a window."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._open: dict[tuple[str, str], tuple[float, Entry | None]] = {}

    def passes(self, entry: Entry, now: float) -> bool:
        """Say whether an entry is to be written now; otherwise it is counted."""
        if entry.action != REFUSED:
            return True
        key = (entry.actor, entry.action)
        if key not in self._open and len(self._open) >= MOST_ACTORS:
            entry = msgspec.structs.replace(entry, actor=OTHERS, target="", detail="")
            key = (OTHERS, entry.action)
        if key not in self._open:
            self._open[key] = (now + self._window, None)
            return entry.actor != OTHERS or self._counted(key, entry)
        return self._counted(key, entry)

    def _counted(self, key: tuple[str, str], entry: Entry) -> bool:
        until, held = self._open[key]
        count = entry.count + (held.count if held else 0)
        self._open[key] = (until, msgspec.structs.replace(held or entry, count=count))
        return False

    def due_in(self, now: float) -> float | None:
        """Give the seconds until something is due; None where nothing is."""
        return max(min((until for until, _ in self._open.values()), default=now) - now, 0.01) if self._open else None

    def due(self, now: float) -> list[Entry]:
        """Take what was counted in windows that are over; who goes on being refused has another window."""
        over = [key for key, (until, _) in self._open.items() if until <= now]
        found = [held for key in over if (held := self._open.pop(key)[1]) is not None]
        for each in found:
            self._open[each.actor, each.action] = (now + self._window, None)
        return found

    def all(self) -> list[Entry]:
        """Take everything that was counted."""
        found = [held for _, held in self._open.values() if held is not None]
        self._open.clear()
        return found


def append(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Put entries at the end of the chain, in one transaction.

    Raises:
        sqlite3.Error: nothing was written.
    """
    with transaction(connection):
        seq, previous = connection.execute(_LAST).fetchone() or (0, BEGINNING)
        for number, entry in enumerate(entries, seq + 1):
            fields = {"seq": number, **msgspec.structs.asdict(entry)}
            digest = _hash(previous, fields)
            connection.execute(_INSERT, (*fields.values(), previous, digest))
            previous = digest


def verify(connection: sqlite3.Connection) -> Verdict:
    """Check the whole chain, from its first row to its last."""
    previous, whole = BEGINNING, 0
    for seq, *values, before, digest in connection.execute(_CHAIN):
        fields = {"seq": seq, **dict(zip(Entry.__struct_fields__, values, strict=True))}
        if seq != whole + 1 or before != previous or digest != _hash(previous, fields):
            return Verdict(whole, previous, seq)
        previous, whole = digest, seq
    return Verdict(whole, previous, None)


def verify_file(path: str) -> Verdict:
    """Check the chain of a database.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with _reading(path) as connection, explained(path):
        return verify(connection)


class Filter(msgspec.Struct, frozen=True):
    """Which rows: of an action, of an actor, since an instant in Unix microseconds; "" and 0 are all."""

    action: str = ""
    actor: str = ""
    since: int = 0


def rows(path: str, which: Filter, limit: int, offset: int = 0) -> tuple[AuditRow, ...]:
    """Give rows, the newest first.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with _reading(path) as connection, explained(path):
        asked = {**msgspec.structs.asdict(which), "limit": limit, "offset": offset}
        return tuple(AuditRow(*row) for row in connection.execute(_ROWS, asked))


def _reading(path: str) -> "closing[sqlite3.Connection]":
    connection = connect_reading(path)
    try:
        require_current(connection, path)
    except StorageError:
        connection.close()
        raise
    return closing(connection)


def _hash(previous: str, fields: Mapping[str, str | int]) -> str:
    """Chain a row; its JSON is canonical as RFC 8785 has it: keys in order, no spaces, whole numbers, UTF-8."""
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(f"{previous}{canonical}".encode()).hexdigest()
