"""Usage rows: written once, settled once, in one transaction."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.names import Outcome
from omniroute.observe.events import Exchanged
from omniroute.observe.redact import redact
from omniroute.storage.migrations import open_database
from omniroute.storage.report import PastRequest, recent
from omniroute.storage.rows import LOST, MAX_TAGS, MAX_WORD, OPEN, TOGETHER, Rows, lose, show_open, write
from omniroute.storage.shared import spent
from tests.support.events import admitted, exchanged

TEAM, ALL = ("team", 1_763_856_000), ("all", 0)
SECRET = "sk-planted-0123456789abcdef"
ROWS = Rows("w1", redact)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "x.db")


@pytest.fixture
def connection(path: str) -> Iterator[sqlite3.Connection]:
    connection = open_database(path)
    yield connection
    connection.close()


def paid(number: int, cost: int | None, *purses: tuple[str, int], **changes: object) -> Exchanged:
    return exchanged(number, cost_nano=cost, budgets=purses, **changes)


def put(connection: sqlite3.Connection, *events: Exchanged) -> tuple[int, int]:
    return write(connection, [ROWS.final(event, None) for event in events])[:2]


def outcomes(path: str) -> dict[str, str]:
    return {row.request_id: row.outcome for row in recent(path, 100)}


def only(path: str) -> PastRequest:
    (row,) = recent(path, 10)
    return row


def test_what_rows_cost_is_added_to_each_of_their_budgets(connection: sqlite3.Connection, path: str) -> None:
    assert put(connection, paid(1, 5, TEAM, ALL), paid(2, 7, TEAM), paid(3, 11)) == (3, 0)
    assert put(connection, paid(4, 100, ALL)) == (1, 0)
    assert spent(path) == {TEAM: 12, ALL: 105}


def test_an_unknown_cost_adds_nothing_and_an_estimated_one_counts(connection: sqlite3.Connection, path: str) -> None:
    put(connection, paid(1, None, TEAM), paid(2, 7, TEAM, estimated=True))
    assert spent(path) == {TEAM: 7}


def test_a_request_is_settled_once_however_often_it_is_written(connection: sqlite3.Connection, path: str) -> None:
    assert put(connection, paid(1, 5, TEAM), paid(1, 5, TEAM), paid(2, 3, TEAM)) == (2, 0)
    assert put(connection, paid(2, 3, TEAM)) == (0, 0)
    assert spent(path) == {TEAM: 8}


def test_another_request_of_the_same_id_is_settled_too(connection: sqlite3.Connection, path: str) -> None:
    events = [paid(number, 5, TEAM, request_id="mine") for number in (1, 2)]
    assert put(connection, *events) == (2, 0)
    assert put(connection, *events) == (0, 0)
    assert spent(path) == {TEAM: 10}


def test_many_rows_at_once_are_each_written_once_and_take_the_place_of_open_ones(
    connection: sqlite3.Connection, path: str
) -> None:
    many = 2 * TOGETHER + 3
    show_open(connection, [ROWS.open(admitted(number, budgets=(TEAM,))) for number in range(0, many, 7)])
    events = [paid(number, 1, TEAM, input_tokens=None, stream=True) for number in range(many)]
    assert put(connection, *events) == (many, 0)
    rows = {row.request_id: (row.input_tokens, row.stream, row.format, row.outcome) for row in recent(path, 1000)}
    assert rows == {event.request_id: (None, True, event.format, Outcome.OK) for event in events}
    assert spent(path) == {TEAM: many}


@pytest.mark.parametrize("at", [0, TOGETHER, 2 * TOGETHER])
def test_among_many_rows_one_that_is_there_and_one_that_cannot_be_held_harm_no_other(
    at: int, connection: sqlite3.Connection, path: str
) -> None:
    many = 2 * TOGETHER + 3
    events = [paid(number, 1, TEAM) for number in range(many)]
    put(connection, events[at])
    events[at + 1] = paid(at + 1, 1, TEAM, input_tokens=2**63)
    assert put(connection, *events) == (many - 2, 1)
    assert put(connection, *events[at + 2 :], *events[:at]) == (0, 0)
    assert spent(path) == {TEAM: many - 1}


def test_what_was_counted_is_told_with_what_it_comes_to(connection: sqlite3.Connection) -> None:
    first = [ROWS.final(event, None) for event in (paid(1, 5, TEAM, ALL), paid(2, 7, TEAM), paid(3, 11))]
    assert write(connection, first)[2] == [(*TEAM, 12, 12), (*ALL, 5, 5)]
    second = [ROWS.final(event, None) for event in (paid(2, 7, TEAM), paid(4, 1, TEAM), paid(5, None, TEAM))]
    assert write(connection, second)[2] == [(*TEAM, 1, 13), (*TEAM, 0, 13)]


def test_a_row_that_cannot_be_held_counts_nothing_and_harms_no_other(connection: sqlite3.Connection, path: str) -> None:
    assert put(connection, paid(1, 5, TEAM), paid(2, 9, TEAM, input_tokens=2**63), paid(3, 7, TEAM)) == (2, 1)
    assert spent(path) == {TEAM: 12}


def test_of_a_row_that_cannot_be_held_it_is_told_that_its_cost_counts_nowhere(connection: sqlite3.Connection) -> None:
    entries = [ROWS.final(event, None) for event in (paid(1, 5, TEAM), paid(2, 9, TEAM, ALL, input_tokens=2**63))]
    assert write(connection, entries)[2] == [(*TEAM, 5, 5), (*TEAM, 9, 0), (*ALL, 9, 0)]


def test_a_cost_that_no_sum_can_hold_leaves_neither_row_nor_sum(connection: sqlite3.Connection, path: str) -> None:
    assert put(connection, paid(1, 2**62, TEAM), paid(2, 2**62, TEAM), paid(3, 2**62, TEAM)) == (1, 2)
    assert spent(path) == {TEAM: 2**62}
    assert outcomes(path) == {exchanged(1).request_id: "ok"}


def test_a_request_under_way_has_a_row_until_its_final_one_takes_its_place(
    connection: sqlite3.Connection, path: str
) -> None:
    begun = admitted(1, reserved=500, budgets=(TEAM,))
    show_open(connection, [ROWS.open(begun)])
    row = only(path)
    assert (row.outcome, row.status, row.reserved_nano, row.budgets, row.worker) == (OPEN, 0, 500, (TEAM,), "w1")
    assert (row.cost_nano, row.input_tokens, row.target, row.attempts) == (None, None, "", ())
    assert spent(path) == {}
    assert put(connection, paid(1, 5, TEAM)) == (1, 0)
    row = only(path)
    assert (row.outcome, row.cost_nano, row.reserved_nano, row.target) == ("ok", 5, 500, "house/large")
    assert spent(path) == {TEAM: 5}


def test_a_short_request_keeps_what_was_set_aside_for_it(connection: sqlite3.Connection, path: str) -> None:
    write(connection, [ROWS.final(exchanged(1), admitted(1, reserved=77))])
    assert only(path).reserved_nano == 77


def test_no_row_takes_the_place_of_a_final_one(connection: sqlite3.Connection, path: str) -> None:
    put(connection, paid(1, 5, TEAM, outcome=Outcome.CUT))
    show_open(connection, [ROWS.open(admitted(1))])
    lose(connection, [(exchanged(1).request_id, exchanged(1).at)])
    assert only(path).outcome == "cut"


def test_requests_of_one_id_that_are_under_way_at_once_have_a_row_each(
    connection: sqlite3.Connection, path: str
) -> None:
    begun = [admitted(number, request_id="mine") for number in (1, 2)]
    show_open(connection, [ROWS.open(each) for each in begun])
    assert put(connection, paid(2, 3, TEAM, request_id="mine")) == (1, 0)
    assert outcomes(path) == {"mine": OPEN, f"mine~{begun[1].at}": "ok"}
    assert put(connection, paid(1, 4, TEAM, request_id="mine")) == (1, 0)
    assert outcomes(path) == {"mine": "ok", f"mine~{begun[1].at}": "ok"}
    assert spent(path) == {TEAM: 7}


def test_what_was_lost_too_early_is_final_when_it_ends_after_all(connection: sqlite3.Connection, path: str) -> None:
    begun = admitted(1, budgets=(TEAM,))
    show_open(connection, [ROWS.open(begun)])
    lose(connection, [(begun.request_id, begun.at)])
    assert only(path).outcome == LOST
    assert put(connection, paid(1, 5, TEAM)) == (1, 0)
    assert (only(path).outcome, spent(path)) == ("ok", {TEAM: 5})


def test_of_two_requests_of_one_id_the_one_that_is_lost_is_lost(connection: sqlite3.Connection, path: str) -> None:
    begun = [admitted(number, request_id="mine") for number in (1, 2)]
    show_open(connection, [ROWS.open(each) for each in begun])
    lose(connection, [("mine", begun[1].at)])
    assert outcomes(path) == {"mine": OPEN, f"mine~{begun[1].at}": LOST}


def test_a_request_under_way_that_cannot_be_held_hides_no_other(connection: sqlite3.Connection, path: str) -> None:
    show_open(connection, [ROWS.open(admitted(1, reserved=2**63)), ROWS.open(admitted(2))])
    assert outcomes(path) == {admitted(2).request_id: OPEN}


def test_what_a_client_wrote_is_shortened_and_masked(connection: sqlite3.Connection, path: str) -> None:
    tags = (f"key: {SECRET}", "t" * 1_000, *(str(number) for number in range(1_000)))
    put(connection, exchanged(1, session=SECRET, tags=tags))
    show_open(connection, [ROWS.open(admitted(2, asked=SECRET))])
    newest, row = recent(path, 10)
    assert (newest.asked, row.session) == ("***", "***")
    assert row.tags[:2] == ("key: ***", "t" * MAX_WORD)
    assert len(row.tags) == MAX_TAGS
