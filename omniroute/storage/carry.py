"""Usage rows out of one database and into another: JSON lines, or comma-separated values.

Always true: only rows of requests that have ended are carried; a row comes in once, however often it is read (request
ids are told apart as the ledger tells them); what it cost is added to what its budgets have spent in the same
transaction, so that sums go on being the sums of rows; a row that was deleted for its age (``retention``) is in that
sum already, and is not added again; a line that is no row ends the reading, and says where.
"""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Literal, TextIO

import msgspec

from omniroute.errors import StorageError
from omniroute.storage.db import connect_reading, explained, transaction
from omniroute.storage.migrations import open_database, require_current

Form = Literal["jsonl", "csv"]
Value = str | int | None

BATCH = 500
"""Rows that are read, and written, at a time: others write between them."""

_PAGE = "SELECT rowid, * FROM usage WHERE rowid > ? AND outcome <> 'admitted' ORDER BY rowid LIMIT ?"
_SPEND = """
    INSERT INTO spent (budget, since, spent_nano) VALUES (?, ?, ?)
    ON CONFLICT (budget, since) DO UPDATE SET spent_nano = spent_nano + excluded.spent_nano
"""
_BACK = """
    UPDATE spent SET swept_nano = swept_nano - :cost
    WHERE budget = :budget AND since = :since AND swept_until >= :at AND swept_nano >= :cost
"""
_BUDGETS = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class Column(msgspec.Struct, frozen=True):
    """A column of the table, as SQLite tells it; ``default`` is its SQL, None where it has none."""

    name: str
    integer: bool
    required: bool
    default: str | None


class Read(msgspec.Struct, frozen=True):
    """What became of rows that were read: those that came in, and those that were there already."""

    new: int
    known: int


def write_rows(path: str, stream: TextIO, form: Form) -> int:
    """Write every row to a stream, in the order in which they were counted; gives how many there are.

    Raises:
        StorageError: there is no such database, or it cannot be used.
    """
    with closing(connect_reading(path)) as connection, explained(path):
        require_current(connection, path)
        names = [each.name for each in _columns(connection)]
        rows = (dict(zip(names, row[1:], strict=True)) for row in _pages(connection))
        return _write_csv(names, rows, stream) if form == "csv" else _write_lines(rows, stream)


def read_rows(path: str, lines: Iterable[str], form: Form) -> Read:
    """Take rows in; gives how many were new.

    Args:
        path: the database, which is made where there is none.
        lines: what ``write_rows`` wrote.
        form: how it is written.

    Raises:
        StorageError: a line is no row; those before it, but for an unfinished batch, are in. Or the database cannot
            be used.
    """
    with closing(open_database(path)) as connection, explained(path):
        columns = {each.name: each for each in _columns(connection)}
        rows = _csv_rows(lines, columns) if form == "csv" else _json_rows(lines, columns)
        new = total = 0
        while batch := list(islice(rows, BATCH)):
            total += len(batch)
            with transaction(connection):
                new += _insert(connection, batch)
    return Read(new, total - new)


def _columns(connection: sqlite3.Connection) -> list[Column]:
    found = connection.execute("PRAGMA table_info(usage)").fetchall()
    return [Column(name, kind == "INTEGER", bool(required), default) for _, name, kind, required, default, _ in found]


def _pages(connection: sqlite3.Connection) -> Iterator[Sequence[Value]]:
    """Read a page at a time, so that no long transaction keeps the gateway's log from being cut."""
    last = 0
    while page := connection.execute(_PAGE, (last, BATCH)).fetchall():
        yield from page
        last = page[-1][0]


def _write_lines(rows: Iterable[Mapping[str, Value]], stream: TextIO) -> int:
    count = 0
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def _write_csv(names: Sequence[str], rows: Iterable[Mapping[str, Value]], stream: TextIO) -> int:
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def _json_rows(lines: Iterable[str], columns: Mapping[str, Column]) -> Iterator[dict[str, Value]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise _bad(number, f"no JSON: {error}") from None
        if not isinstance(found, dict):
            raise _bad(number, "no JSON object")
        yield _checked(number, found, columns)


def _csv_rows(lines: Iterable[str], columns: Mapping[str, Column]) -> Iterator[dict[str, Value]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise _bad(reader.line_num, "more or fewer values than the first line has names")
            yield _checked(reader.line_num, _typed(row, columns), columns)
    except csv.Error as error:
        raise _bad(reader.line_num, f"no comma-separated values: {error}") from None


def _typed(row: Mapping[str, str], columns: Mapping[str, Column]) -> dict[str, Value]:
    """Read what CSV has no types for; an empty value is an unknown one, where that may be."""
    found: dict[str, Value] = dict(row)
    for name, text in row.items():
        column = columns.get(name)
        if column is not None and not text and not column.required:
            found[name] = None
        elif column is not None and column.integer and text.removeprefix("-").isdecimal() and text.isascii():
            found[name] = int(text)
    return found


def _checked(number: int, row: Mapping[str, object], columns: Mapping[str, Column]) -> dict[str, Value]:
    """Give a row whose values are what its columns hold, missing ones left out."""
    unknown = row.keys() - columns.keys()
    if unknown:
        raise _bad(number, f"'{min(unknown)}' is no column of this version")
    for name, column in columns.items():
        if name not in row and column.required and column.default is None:
            raise _bad(number, f"'{name}' is missing")
        value = row.get(name)
        kind = int if column.integer else str
        if name in row and not (type(value) is kind or (value is None and not column.required)):
            raise _bad(number, f"'{name}' should be {'a whole number' if column.integer else 'a text'}")
    checked: dict[str, Value] = {name: value for name, value in row.items() if isinstance(value, str | int | None)}
    try:
        _BUDGETS.decode(str(checked.get("budgets", "[]")))
    except msgspec.DecodeError:
        raise _bad(number, "'budgets' should be a list of pairs: a name, and Unix seconds") from None
    return checked


def _insert(connection: sqlite3.Connection, rows: Iterable[Mapping[str, Value]]) -> int:
    """Write those that are new, and count what they cost."""
    spent: Counter[tuple[str, int]] = Counter()
    new = 0
    for row in rows:
        # The names are those of columns, for `_checked` has seen them.
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        statement = f"INSERT INTO usage ({names}) VALUES ({marks}) ON CONFLICT (request_id) DO NOTHING"  # noqa: S608 - as said above
        if connection.execute(statement, tuple(row.values())).rowcount:
            new += 1
            cost = int(row.get("cost_nano") or 0)
            for purse in _BUDGETS.decode(str(row.get("budgets", "[]"))):
                back = {"budget": purse[0], "since": purse[1], "at": row["at"], "cost": cost}
                if not connection.execute(_BACK, back).rowcount:
                    spent[purse] += cost
    connection.executemany(_SPEND, [(*purse, cost) for purse, cost in spent.items()])
    return new


def _bad(number: int, what: str) -> StorageError:
    return StorageError(f"line {number} is no usage row: {what}")
