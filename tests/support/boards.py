"""What stands on the board of a database, read from its file by a way of its own."""

from pathlib import Path

from omniroute.storage.board import BASE, CELLS, HEADER, SPENT, UNREAD, WIDTH
from omniroute.storage.shared import board_of


def records(database: str | Path) -> list[list[int]]:
    """Give the numbers of each record that is in use."""
    words = memoryview((Path(board_of(str(database))) / "board").read_bytes()).cast("q").tolist()
    found = [words[place : place + WIDTH] for place in range(HEADER, len(words), WIDTH)]
    return [each for each in found if each[0]]


def taken(database: str | Path) -> int:
    """Add up what all workers have: seats, and nano-dollars."""
    return sum(sum(each[CELLS:]) for each in records(database))


def purses(database: str | Path) -> list[tuple[int, int]]:
    """Give what was spent and what is held, purse by purse."""
    return [(each[SPENT], sum(each[CELLS:])) for each in records(database) if each[BASE] != UNREAD]
