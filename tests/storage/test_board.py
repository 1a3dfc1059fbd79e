"""The table that several processes write: what is found there, what is dropped, and what the killed leave behind."""

import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from omniroute.errors import StorageError
from omniroute.storage.board import BASE, CELLS, COLUMNS, FULL_AT, HEADER, RECORDS, SPENT, UNREAD, WIDTH, Board

ROOT = Path(__file__).parents[2]
GENERATION, CAPACITY, NEXT = 1, 2, 3
"""Words of the header."""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "x.db-workers")


@pytest.fixture
def board(folder: str) -> Iterator[Board]:
    with closing(Board(folder, clock=lambda: 1_000)) as opened:
        yield opened


@pytest.fixture
def other(folder: str, board: Board) -> Iterator[Board]:
    with closing(Board(folder, clock=lambda: 1_000)) as opened:
        yield opened


@contextmanager
def locked(board: Board) -> Iterator[memoryview]:
    assert board.lock()
    try:
        yield board.words
    finally:
        board.unlock()


def put(board: Board, name: str, word: int, value: int) -> int:
    with locked(board):
        (place,) = board.places([name])
        board.words[place + word] = value
    return place


def get(board: Board, name: str, word: int) -> int:
    with locked(board):
        (place,) = board.places([name])
        value: int = board.words[place + word]
    return value


def fill(board: Board, count: int, word: int = FULL_AT, value: int = 0, name: str = "filling") -> None:
    """Add so many records more."""
    with locked(board):
        for number in range(count):
            (place,) = board.places([f"{name}{number}"])
            board.words[place + word] = value


def test_what_one_writes_another_reads_whoever_came_first(board: Board, other: Board) -> None:
    put(board, "a", SPENT, 1)
    put(other, "b", SPENT, 2)
    put(board, "c", SPENT, 3)
    assert [get(each, name, SPENT) for each in (board, other) for name in "abc"] == [1, 2, 3, 1, 2, 3]
    with locked(board):
        assert len(set(board.places(["a", "b", "c", ("a", 0), ("a", 1), "('a', 0)"]))) == 6


def test_while_one_has_the_lock_no_other_gets_it(board: Board, other: Board) -> None:
    with locked(board):
        assert not other.lock()
    assert other.lock()
    other.unlock()


def test_each_has_a_column_and_the_total_is_of_all(folder: str, board: Board, other: Board) -> None:
    with closing(Board(folder)) as third:
        for each, value in ((board, 1), (other, 10), (third, 100)):
            put(each, "a", each.own, value)
        with locked(board):
            assert board.total(board.places(["a"])[0]) == 111


# Who lives.


def test_what_the_dead_had_is_freed_by_who_asks_and_of_the_living_nothing(folder: str, board: Board) -> None:
    with closing(Board(folder)) as living, closing(Board(folder)) as dead:
        place = put(living, "a", living.own, 5)
        put(dead, "a", dead.own, 7)
        elsewhere = put(dead, "b", dead.own, 9)
        put(dead, "b", BASE, 3)
        untouched = put(living, "c", living.own, 1)
        put(living, "c", BASE, 3)
        with locked(board):
            assert not board.bury([place])
        dead.close()
        with locked(board):
            assert board.total(place) == 12
            assert board.bury([place])
            assert [board.total(each) for each in (place, elsewhere, untouched)] == [5, 0, 1]
            assert [board.words[each + BASE] for each in (place, elsewhere, untouched)] == [UNREAD, UNREAD, 3]
            assert not board.bury([place])


def test_who_takes_the_column_of_one_who_died_finds_it_empty(folder: str, board: Board, other: Board) -> None:
    place = put(other, "a", other.own, 7)
    other.close()
    with closing(Board(folder)) as heir:
        assert heir.own == CELLS + 1
        with locked(heir):
            assert heir.total(place) == 0


def test_no_more_can_come_than_there_are_columns(folder: str, board: Board) -> None:
    with ExitStack() as stack:
        for column in range(1, COLUMNS):
            file = os.open(Path(folder) / str(column), os.O_RDWR | os.O_CREAT)
            stack.callback(os.close, file)
            flock(file, LOCK_EX)
        with pytest.raises(StorageError, match=f"{COLUMNS} workers share"):
            Board(folder)
    with closing(Board(folder)) as after:
        assert after.own == CELLS + 1


def test_who_finds_the_lock_taken_for_long_does_not_open(folder: str, board: Board) -> None:
    with locked(board), pytest.raises(StorageError, match="kept locked by a worker"):
        Board(folder, patience=0.01)


# What is believed.


@pytest.mark.parametrize("found", ["as it was", "older", "shorter", "other", "empty"])
def test_who_is_alone_begins_anew_whatever_is_there(folder: str, found: str) -> None:
    with closing(Board(folder)) as before:
        put(before, "a", SPENT, 1)
        put(before, "a", before.own, 1)
    path = Path(folder) / "board"
    written = path.read_bytes()
    path.write_bytes(
        {
            "as it was": written,
            "older": b"omniros0" + written[8:],
            "shorter": written[:-1],
            "other": b"SQLite format 3\0" * 100,
            "empty": b"",
        }[found]
    )
    with closing(Board(folder)) as after:
        assert after.own == CELLS
        assert get(after, "a", SPENT) == get(after, "a", after.own) == 0
        assert get(after, "a", BASE) == UNREAD
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("head", [b"omniros0", b""])
def test_who_is_not_alone_refuses_what_it_cannot_read(folder: str, board: Board, head: bytes) -> None:
    with (Path(folder) / "board").open("r+b") as file:
        written = file.read(8)
        file.seek(0)
        file.write(head or bytes(8))
        file.flush()
        with pytest.raises(StorageError, match="stop them first"):
            Board(folder)
        file.seek(0)
        file.write(written)
    Board(folder).close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(StorageError, match="cannot be used"):
        Board(str(tmp_path / "x"))


# What is dropped, and how it grows.


def test_of_a_full_table_what_says_nothing_is_dropped_and_the_rest_stays_where_it_is(
    board: Board, other: Board
) -> None:
    full = put(board, "full", FULL_AT, 1_000)
    kept = [
        put(board, "filling up", FULL_AT, 1_001),
        put(other, "seat", other.own, 1),
        put(board, "hold", board.own, 9),
    ]
    fill(board, RECORDS - 4)
    assert board.words[CAPACITY] == RECORDS
    put(other, "one more", SPENT, 4)
    assert other.words[CAPACITY] == RECORDS
    with locked(board):
        assert board.places(["filling up", "seat", "hold"]) == kept
        assert board.places(["one more"]) == [full]
        assert [board.words[kept[0] + FULL_AT], board.total(kept[1]), board.total(kept[2])] == [1_001, 1, 9]
    assert get(board, "one more", SPENT) == 4
    assert get(board, "full", FULL_AT) == 0
    assert get(other, "filling0", BASE) == UNREAD


def test_where_most_is_needed_the_table_grows_and_nothing_moves(folder: str, board: Board, other: Board) -> None:
    first = put(other, "first", other.own, 7)
    fill(board, 2 * RECORDS, FULL_AT, 2_000)
    assert board.words[CAPACITY] == 4 * RECORDS
    other.words[first + other.own] += 1  # without the lock, by who has not heard of it yet
    assert get(board, "first", other.own) == 8
    put(other, f"filling{2 * RECORDS - 1}", SPENT, 5)
    with closing(Board(folder)) as third:
        assert [get(third, f"filling{number}", SPENT) for number in (0, 2 * RECORDS - 1)] == [0, 5]
        assert get(third, "first", other.own) == 8


def test_a_name_is_found_again_though_it_was_dropped_while_others_were_looked_up(board: Board) -> None:
    fill(board, RECORDS)
    with locked(board):
        places = board.places(["filling1", "new", "newer", "filling2"])
        assert len(set(places)) == 4
        assert board.places(["filling2", "newer", "new", "filling1"]) == places[::-1]


LIMITED = """
import resource, sys
from omniroute.errors import StorageError
from omniroute.storage.board import FULL_AT, RECORDS, Board

board = Board(sys.argv[1], clock=lambda: 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
board.lock()
try:
    for number in range(RECORDS + 1):
        (place,) = board.places([str(number)])
        board.words[place + FULL_AT] = number + 1
except StorageError as error:
    print(error)
first, last = board.places(["0", str(RECORDS - 1)])
board.words[first + FULL_AT] = 0
(new,) = board.places(["new"])
print(board.words[last + FULL_AT], new == first)
"""


def test_where_the_file_cannot_grow_that_is_told_and_what_is_there_goes_on(folder: str) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] < 0
    done = subprocess.run([sys.executable, "-c", LIMITED, folder], capture_output=True, text=True, cwd=ROOT, check=True)
    said, known = done.stdout.splitlines()
    assert "cannot be used: File too large" in said
    assert known == f"{RECORDS} True"


# What the killed leave behind.


@pytest.mark.parametrize("first", ["orphan", "after"])
def test_a_record_whose_maker_was_killed_before_it_said_so_is_found_once(
    folder: str, board: Board, other: Board, first: str
) -> None:
    Board(folder).close()  # so that nobody looks anew when the next one comes
    put(other, "before", SPENT, 1)
    place = put(board, "orphan", SPENT, 6)
    board.words[NEXT] -= 1
    with closing(Board(folder)) as third:  # reads all that there is
        assert get(third, "orphan", SPENT) == 6
        get(other, first, SPENT)
        added = put(other, "after", SPENT, 7)
        assert added != place
        assert [get(each, "orphan", SPENT) for each in (other, third)] == [6, 6]
        assert [get(each, "after", SPENT) for each in (third, other)] == [7, 7]


def test_a_record_whose_maker_was_killed_before_its_name_was_whole_is_free(board: Board, other: Board) -> None:
    place = put(board, "half", SPENT, 6)
    board.words[place] = 0
    board.words[NEXT] -= 1
    assert put(other, "whole", BASE, 0) == place
    assert get(other, "whole", SPENT) == 0


def test_who_was_killed_while_it_made_room_did_no_harm(board: Board, other: Board) -> None:
    fill(board, RECORDS, board.own, 1)
    board.words[GENERATION] += 1
    assert get(other, "filling7", board.own) == 1
    with locked(other):
        (place,) = other.places(["filling8"])
        other.words[place + board.own] = 0
        other.words[GENERATION] += 1
        other.words[place] = 0  # and then it was killed
    new = put(board, "new", SPENT, 3)
    assert get(other, "new", SPENT) == 3
    assert new == place or other.words[CAPACITY] > RECORDS
    assert [get(each, "filling9", board.own) for each in (board, other)] == [1, 1]
    assert get(other, "filling8", board.own) == 0


ADDING = """
import random, sys
from omniroute.storage.board import Board

folder, me, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
dice, board = random.Random(me), Board(folder)
print("ready", flush=True)
sys.stdin.readline()
for step in range(steps):
    while not board.lock():
        pass
    names = [f"common{dice.randrange(200)}", f"{me} once {step}"]
    place, _ = board.places(names if dice.random() < 0.5 else [names[0], f"both{dice.randrange(2 * steps)}"])
    board.words[place + board.own] += 1
    if dice.random() < 0.3:
        (place_kept,) = board.places([f"{me} kept {step}"])
        board.words[place_kept + board.own] += 1
    board.unlock()
    board.words[place + board.own] += 1
print("done", flush=True)
sys.stdin.readline()
"""


def test_three_that_add_and_drop_at_once_lose_no_count(folder: str) -> None:
    steps = 2_000
    with closing(Board(folder)) as board, ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", ADDING, folder, f"w{number}", str(steps)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                )
            )
            for number in range(3)
        ]
        for wanted in ("ready\n", "done\n"):
            assert [each.stdout.readline() for each in started if each.stdout] == [wanted] * 3
            if wanted == "ready\n":
                for each in started:
                    assert each.stdin
                    each.stdin.write("go\n")
                    each.stdin.flush()
        with locked(board):
            assert board.words[GENERATION] > 5
            assert board.words[CAPACITY] > RECORDS
            assert sum(board.total(place) for place in board.places([f"common{each}" for each in range(200)])) == (
                2 * 3 * steps
            )
            kept = sum(board.total(HEADER + WIDTH * number) for number in range(board.words[CAPACITY])) - 2 * 3 * steps
            expected = sum(
                board.total(place)
                for name in range(3)
                for step in range(steps)
                if (place := board.places([f"w{name} kept {step}"])[0])
            )
            assert 0 < kept == expected
        for each in started:
            each.communicate("end\n")


def test_however_often_processes_are_killed_in_the_midst_of_it_the_others_count_right(folder: str) -> None:
    dice = random.Random(1)
    with closing(Board(folder)) as board:
        for round_ in range(12):
            command = [sys.executable, "-c", ADDING, folder, f"w{round_}", "1000000"]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            ) as process:
                assert process.stdin
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
                process.stdin.write("go\n")
                process.stdin.flush()
                for step in range(200 + dice.randrange(200)):
                    while not board.lock():
                        pass
                    (place,) = board.places([f"mine{step % 100}"])
                    board.words[place + board.own] += 1
                    board.unlock()
                    board.words[place + board.own] -= 1 if round_ else 0
                process.kill()
            names = [f"mine{number}" for number in range(100)]
            with locked(board):
                common = board.places([f"common{each}" for each in range(200)])
                board.bury(common)
                assert [board.total(place) for place in common] == [0] * 200
                own = sum(board.words[place + board.own] for place in board.places(names))
            if round_ == 0:
                counted = own
            assert own == counted
