"""A table of whole numbers in memory that several processes share: one record a name, and in it one cell a worker.

It is a folder beside the database: the file ``board``, which every worker maps, and an empty file for each column of
cells, which the worker that has that column keeps locked. All locks are ``flock(2)``: they belong to an open file, so
the kernel lets go of them whenever and however a process ends, and two boards in one process exclude each other too.

Invariants:

1. Who reads, or writes another's or everybody's numbers, has the lock; it is held for microseconds, and nobody is
   suspended meanwhile. A worker's own cells are written by that worker only, so that it may do that without the lock in
   a record that cannot be dropped: one where its own cell is not zero, before it writes and ever since it had the lock.
2. Nothing that a process leaves behind when it is killed between two writes is wrong to others: a record counts once
   the first word of its digest is there, which is written last, and is found by whoever looks for a free place; places
   are dropped, and the file grows, after the generation has changed, so that others look at everything anew.
3. Records never move. One is dropped when all its cells are zero and its rate is full: what is missing means just that.
4. The cells of a worker that died are zero as soon as somebody asks whether it lives; ``base`` of such a record is
   ``UNREAD`` then, for what was spent may have been written down before it could be told.
5. Whoever opens a board on which nobody lives begins a new one: nothing that it finds there is believed.
"""

import mmap
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from omniroute.errors import StorageError
from omniroute.storage.db import explained

if sys.platform != "win32":  # where several workers are refused (``cli.serve``)
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

    _AT_ONCE = LOCK_EX | LOCK_NB

Key = str | tuple[str, int]
"""What a record is for: a name, or a budget and the beginning of its period."""
Digest = tuple[int, int]

FORMAT = int.from_bytes(b"omniros1", "little")
_FORMAT, _GENERATION, _CAPACITY, _NEXT, _WORKERS = range(5)
"""Words of the header: what this is; changed whenever all is to be looked at anew; for how many records there is room;
before which of them the free places were given away; and in how many columns there ever was a worker."""
HEADER = 8

_DIGEST, _DIGEST_TOO, FULL_AT, SPENT, BASE, CELLS = range(6)
"""Words of a record: whose it is, and what everybody has in common; from ``CELLS`` on, each word is one worker's."""
WIDTH = 128
COLUMNS = WIDTH - CELLS
UNREAD = -1
"""In ``BASE``: nobody has read yet what was spent."""

RECORDS = 1024
"""Records that a new board has room for; where more than half of all are in use, that is doubled."""
TRIES = 4
"""How often a lock is asked for at once, which others have for about as long as that takes."""
PATIENCE = 5.0
"""Seconds for which the lock is waited for to open a board."""

_EMPTY = memoryview(bytes(8 * (WIDTH - FULL_AT))).cast("q")


class Board:
    """The board of one worker.

    ``words`` are its numbers, ``own`` is where in a record this worker's cell is, and ``known`` are the places of
    records that were looked up, which are to be believed while the lock is held.
    """

    words: memoryview

    def __init__(self, folder: str, clock: Callable[[], int] = time.time_ns, patience: float = PATIENCE) -> None:
        """Open the board, or make it, and take a column; blocks.

        Args:
            folder: where it is.
            clock: gives nanoseconds since 1970; rates that are full by then may be dropped.
            patience: seconds for which the lock is waited for.

        Raises:
            StorageError: it is kept locked, is another version's, or has no room for one more worker; or the file
                system does not allow it.
        """
        self._folder = Path(folder)
        self._clock = clock
        self._capacity = 0
        self._directory: dict[Digest, int] = {}
        self.known: dict[Key, int] = {}
        self._file = self._column_file = -1
        try:
            with explained(folder):
                self._open(patience)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave; what this worker still has in its cells is freed by whoever needs it."""
        for file in (self._column_file, self._file):
            if file >= 0:
                os.close(file)
        self._file = self._column_file = -1
        self.words = _EMPTY  # the cells may be another's now: nobody writes there by mistake

    def lock(self) -> bool:
        """Take the lock, unless another has it.

        Raises:
            StorageError: the board has grown, and cannot be mapped; the lock is not taken.
        """
        try:
            flock(self._file, _AT_ONCE)
        except BlockingIOError:
            if not self._insisted():
                return False
        if self.words[_GENERATION] != self._generation:
            try:
                with explained(str(self._folder)):
                    self._look_anew()
            except BaseException:
                self.unlock()
                raise
        return True

    def unlock(self) -> None:
        """Give the lock back."""
        flock(self._file, LOCK_UN)

    def places(self, keys: Sequence[Key]) -> list[int]:
        """Find the records of names, under the lock; what is not there is added.

        Raises:
            StorageError: there is no room, and the file cannot grow.
        """
        known = self.known
        try:
            return [known[key] for key in keys]
        except KeyError:
            return self._found(keys)

    def total(self, place: int) -> int:
        """Add up the cells of a record, under the lock."""
        return sum(self.words[place + CELLS : place + self._end])

    def bury(self, places: Iterable[int]) -> bool:
        """Free what dead workers have in these records, and everywhere, under the lock; False where there was none."""
        having = {
            column
            for place in places
            for column, cell in enumerate(self.words[place + CELLS : place + self._end])
            if cell and column != self._column
        }
        dead = [column for column in having if not self._lives(column)]
        for column in dead:
            self._clear(column)
        return bool(dead)

    def _open(self, patience: float) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._file = os.open(self._folder / "board", os.O_RDWR | os.O_CREAT, 0o600)
        self._wait(patience)
        try:
            self._join()
        finally:
            self.unlock()

    def _insisted(self) -> bool:
        """Ask for the lock a few times more."""
        for _ in range(TRIES):
            try:
                flock(self._file, _AT_ONCE)
            except BlockingIOError:
                continue
            return True
        return False

    def _wait(self, patience: float) -> None:
        """Take the lock, however long it takes."""
        give_up = time.monotonic() + patience
        while not self._insisted():
            if time.monotonic() > give_up:
                raise StorageError(locked(str(self._folder)))
            time.sleep(0.001)

    def _join(self) -> None:
        """Look at what there is, begin anew where nobody lives there, and take the first free column."""
        if not any(map(self._lives, range(COLUMNS))):
            self._begin()
        self._require_ours()
        self._look_anew()
        for column in range(COLUMNS):
            file = os.open(self._folder / str(column), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                flock(file, _AT_ONCE)
            except BlockingIOError:
                os.close(file)
                continue
            self._column_file, self._column, self.own = file, column, CELLS + column
            self._clear(column)
            if column >= self.words[_WORKERS]:
                self.words[_WORKERS] = column + 1
                self.words[_GENERATION] += 1
            self._look_anew()
            return
        message = f"{COLUMNS} workers share the database of '{self._folder}', and no more can: start fewer"
        raise StorageError(message)

    def _lives(self, column: int) -> bool:
        """Say whether the worker of a column lives."""
        try:
            file = os.open(self._folder / str(column), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            flock(file, _AT_ONCE)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def _begin(self) -> None:
        """Make the file anew: full rates, no seats taken, no money held; what makes it valid is written last."""
        os.ftruncate(self._file, 0)
        self._extend(0, RECORDS)
        os.pwrite(self._file, struct.pack("=5q", FORMAT, 1, RECORDS, 0, 0), 0)

    def _extend(self, had: int, records: int) -> None:
        """Make room on the disk, which a hole in the file would not be: who writes where there is none is killed."""
        start = _size(had) if had else 0
        end = _size(records)
        while start < end:
            start += os.pwrite(self._file, bytes(end - start), start)

    def _require_ours(self) -> None:
        """Refuse to share what was not written by this version, or is broken."""
        size = os.fstat(self._file).st_size
        head = os.pread(self._file, 8 * HEADER, 0)
        if len(head) == 8 * HEADER:
            format_, _, capacity = struct.unpack_from("=3q", head)
            if format_ == FORMAT and size >= _size(capacity):
                return
        message = (
            f"workers that run already share '{self._folder}', and this version cannot read it: stop them first, and "
            "start all together"
        )
        raise StorageError(message)

    def _look_anew(self) -> None:
        """Forget what is known of places, and read them all."""
        if not self._capacity or self.words[_CAPACITY] != self._capacity:
            self._map_anew()
        words = self.words
        self._generation = words[_GENERATION]
        self._end = CELLS + words[_WORKERS]
        self._seen = words[_NEXT]
        digests = zip(words[HEADER + _DIGEST :: WIDTH].tolist(), words[HEADER + _DIGEST_TOO :: WIDTH], strict=True)
        self._directory = {each: _place(number) for number, each in enumerate(digests) if each[0]}
        self.known.clear()

    def _map_anew(self) -> None:
        """Map all of the file; who still has the words of before writes into the same file."""
        (capacity,) = struct.unpack("=q", os.pread(self._file, 8, 8 * _CAPACITY))
        self.words = memoryview(mmap.mmap(self._file, _size(capacity))).cast("q")
        self._capacity = capacity

    def _clear(self, column: int) -> None:
        """Zero what a worker that is gone has in its cells; what it has spent may be more than was told."""
        words = self.words
        for number, cell in enumerate(words[HEADER + CELLS + column :: WIDTH].tolist()):
            if cell:
                place = _place(number)
                words[place + BASE] = UNREAD
                words[place + CELLS + column] = 0

    def _found(self, keys: Sequence[Key]) -> list[int]:
        """Find records that were not looked up before."""
        for number in range(self._seen, self.words[_NEXT]):
            self._note(number)
        self._seen = self.words[_NEXT]
        digests = [_digest(key) for key in keys]
        while missing := [digest for digest in digests if digest not in self._directory]:
            self._add(missing[0])
        places = [self._directory[digest] for digest in digests]
        self.known.update(zip(keys, places, strict=True))
        return places

    def _note(self, number: int) -> bool:
        """Take note of whose record is at a place; False where it is free."""
        place = _place(number)
        first, second = self.words[place : place + 2]
        if first:
            self._directory[first, second] = place
        return bool(first)

    def _add(self, digest: Digest) -> None:
        """Take a free place; where there is none, make some, and where a killed process had added it, find that."""
        number = self.words[_NEXT]
        while number < self._capacity and self._note(number):
            number += 1
        if number == self._capacity:
            self._tidy()
        elif digest not in self._directory:
            words, place = self.words, _place(number)
            words[place + FULL_AT : place + WIDTH] = _EMPTY
            words[place + BASE] = UNREAD
            words[place + _DIGEST_TOO] = digest[1]
            words[place + _DIGEST] = digest[0]
            words[_NEXT] = self._seen = number + 1
            self._directory[digest] = place

    def _tidy(self) -> None:
        """Drop what says nothing any more, and grow where that leaves less than half of the places free."""
        words, now = self.words, self._clock()
        words[_GENERATION] += 1
        kept = 0
        for number in range(self._capacity):
            place = _place(number)
            if words[place + FULL_AT] > now or any(words[place + CELLS : place + self._end]):
                kept += 1
            else:
                words[place + _DIGEST] = 0
        words[_NEXT] = 0
        with explained(str(self._folder)):
            if 2 * kept > self._capacity:
                self._grow(full=kept == self._capacity)
            self._look_anew()

    def _grow(self, *, full: bool) -> None:
        """Make room for as many records again; where the disk has none, only a table that is full is in trouble."""
        try:
            self._extend(self._capacity, 2 * self._capacity)
        except OSError:
            if full:
                raise
        else:
            self.words[_CAPACITY] = 2 * self._capacity


def locked(where: str) -> str:
    """Say that the lock cannot be had."""
    return f"'{where}' is kept locked by a worker: end the worker that is stopped, or wait until it goes on"


def _place(number: int) -> int:
    return HEADER + number * WIDTH


def _size(records: int) -> int:
    """Give the bytes of a board with so many records."""
    return 8 * (HEADER + records * WIDTH)


def _digest(key: Key) -> Digest:
    """Give 127 bits of a name, of which the first word is never zero."""
    first, second = struct.unpack("=qq", blake2b(repr(key).encode(), digest_size=16).digest())
    return first | 1, second
