"""Usage rows out of one database and into another: once each, with what they cost."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from omniroute.errors import StorageError
from omniroute.storage.carry import BATCH, Form, Read, read_rows, write_rows
from omniroute.storage.db import connect_reading
from omniroute.storage.migrations import open_database
from omniroute.storage.retention import sweep
from omniroute.storage.verify import verify
from tests.storage.test_report import ledger_of
from tests.support.events import NOON, exchanged, unanswered

FORMS: list[Form] = ["jsonl", "csv"]
MARCH = 1_772_323_200
SPENT = "SELECT budget, since, spent_nano FROM spent ORDER BY 1, 2"


def dump(path: str, query: str = "SELECT * FROM usage ORDER BY request_id") -> list[Any]:
    with closing(connect_reading(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return ledger_of(
        tmp_path / "one.db",
        exchanged(1, budgets=(("team", MARCH),), tags=("a", 'b "quoted", with a comma\nand a line')),
        exchanged(2, budgets=(("team", MARCH), ("all", 0)), cost_nano=7, asked="größer, 大"),
        exchanged(3, cost_nano=None, budgets=(("all", 0),)),
        unanswered(4),
    )


def exported(path: str, form: Form) -> str:
    stream = io.StringIO(newline="")
    assert write_rows(path, stream, form) == len(dump(path))
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_every_row_comes_through_as_it_was_and_counts_in_its_budgets(form: Form, database: str, tmp_path: Path) -> None:
    other = str(tmp_path / "two.db")
    assert read_rows(other, io.StringIO(exported(database, form), newline=""), form) == Read(4, 0)
    assert dump(other) == dump(database)
    assert dump(other, SPENT) == dump(database, SPENT) == [("all", 0, 7), ("team", MARCH, 2_100_007)]


@pytest.mark.parametrize("form", FORMS)
def test_rows_that_are_there_are_neither_written_nor_counted_again(form: Form, database: str) -> None:
    before, spent = dump(database), dump(database, SPENT)
    assert read_rows(database, io.StringIO(exported(database, form), newline=""), form) == Read(0, 4)
    assert (dump(database), dump(database, SPENT)) == (before, spent)


def test_more_rows_than_a_batch_come_through_whole(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "one.db", *(exchanged(number) for number in range(2 * BATCH + 3)))
    lines = exported(path, "jsonl").splitlines(keepends=True)
    other = str(tmp_path / "two.db")
    assert read_rows(other, lines[:700], "jsonl") == Read(700, 0)
    assert read_rows(other, lines, "jsonl") == Read(2 * BATCH + 3 - 700, 700)
    assert dump(other) == dump(path)


def test_a_request_under_way_stays_where_it_is(database: str) -> None:
    with closing(open_database(database)) as connection:
        connection.execute("UPDATE usage SET outcome = 'admitted' WHERE request_id = 'req_00000001'")
    stream = io.StringIO()
    assert write_rows(database, stream, "jsonl") == 3
    assert "req_00000001" not in stream.getvalue()


def test_columns_that_an_older_version_did_not_have_take_their_defaults(database: str, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in exported(database, "jsonl").splitlines()]
    old = [{name: row[name] for name in row if name not in {"budgets", "tags", "reserved_nano"}} for row in rows]
    other = str(tmp_path / "two.db")
    assert read_rows(other, ["\n", *map(json.dumps, old)], "jsonl").new == 4
    assert dump(other, "SELECT DISTINCT budgets, reserved_nano FROM usage") == [("[]", None)]
    assert dump(other, SPENT) == []


def changed(**changes: object) -> Callable[[dict[str, Any]], str]:
    return lambda row: json.dumps({**row, **changes})


def without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: json.dumps({key: value for key, value in row.items() if key != name})


BAD: list[tuple[Callable[[dict[str, Any]], str], str]] = [
    (lambda _: "{", "line 2 is no usage row: no JSON"),
    (lambda _: "[]", "no JSON object"),
    (changed(colour="red"), "'colour' is no column of this version"),
    (changed(at="noon"), "'at' should be a whole number"),
    (changed(at=1.5), "'at' should be a whole number"),
    (changed(stream=True), "'stream' should be a whole number"),
    (changed(key=None), "'key' should be a text"),
    (changed(budgets="team"), "'budgets' should be a list of pairs"),
    (without("request_id"), "'request_id' is missing"),
]


@pytest.mark.parametrize(("make", "why"), BAD)
def test_a_line_that_is_no_row_is_told_with_its_number(
    make: Callable[[dict[str, Any]], str], why: str, database: str, tmp_path: Path
) -> None:
    good = exported(database, "jsonl").splitlines()
    other = str(tmp_path / "two.db")
    with pytest.raises(StorageError, match=why):
        read_rows(other, [good[0], make(json.loads(good[1]))], "jsonl")
    assert dump(other) == []


def test_a_table_that_is_none_is_told_with_its_line(database: str, tmp_path: Path) -> None:
    header, *rows = csv.reader(io.StringIO(exported(database, "csv"), newline=""))

    def read(*lines: list[str]) -> None:
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows(lines)
        stream.seek(0)
        read_rows(str(tmp_path / "two.db"), stream, "csv")

    with pytest.raises(StorageError, match="line 2 is no usage row: more or fewer values"):
        read(header, rows[1][:-1])
    with pytest.raises(StorageError, match="'at' should be a whole number"):
        read(header, ["noon" if name == "at" else value for name, value in zip(header, rows[1], strict=True)])
    with pytest.raises(StorageError, match="no comma-separated values"):
        read_rows(str(tmp_path / "two.db"), ["a,b\n", '"x'], "csv")
    read(header)


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database"):
        write_rows(str(tmp_path / "none.db"), io.StringIO(), "csv")


def test_rows_that_were_deleted_for_their_age_come_back_without_being_counted_again(database: str) -> None:
    lines, spent = exported(database, "jsonl"), dump(database, SPENT)
    with closing(open_database(database)) as connection:
        list(sweep(connection, NOON + 10**12, 1.0))
    assert dump(database) == []
    assert read_rows(database, io.StringIO(lines), "jsonl") == Read(4, 0)
    assert dump(database, SPENT) == spent
    assert verify(database, NOON).findings == ()
    assert dump(database, "SELECT sum(swept_nano) FROM spent") == [(0,)]
