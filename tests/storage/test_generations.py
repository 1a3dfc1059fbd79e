"""Numbers of configurations: they only grow, whatever restarts."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.errors import StorageError
from omniroute.names import Trigger
from omniroute.storage.db import transaction
from omniroute.storage.generations import later_generation, next_generation
from omniroute.storage.migrations import open_database
from tests.support.events import NOON

FILES = (("routes.toml", "[providers.echo]\n"), ("leaky.toml", None))


def number(path: Path, config: str, at: int = NOON, trigger: Trigger = Trigger.FILE) -> int:
    return next_generation(str(path), config, at, trigger, "0.1.0", FILES)


def test_the_first_configuration_is_number_one(tmp_path: Path) -> None:
    assert number(tmp_path / "x.db", "aaa") == 1


def test_every_other_configuration_takes_the_next_number(tmp_path: Path) -> None:
    assert [number(tmp_path / "x.db", config) for config in ("aaa", "bbb", "ccc")] == [1, 2, 3]


def test_a_restart_with_the_same_configuration_goes_on_with_its_number(tmp_path: Path) -> None:
    assert [number(tmp_path / "x.db", config) for config in ("aaa", "bbb", "bbb", "bbb")] == [1, 2, 2, 2]


def test_going_back_to_an_older_configuration_is_a_change_too(tmp_path: Path) -> None:
    assert [number(tmp_path / "x.db", config) for config in ("aaa", "bbb", "aaa")] == [1, 2, 3]


def test_a_number_comes_with_what_put_it_in_force(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    number(path, "aaa", 5, Trigger.START)
    number(path, "bbb", 7, Trigger.SIGNAL)
    number(path, "bbb", 9, Trigger.START)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT * FROM generations ORDER BY generation").fetchall()
    assert rows == [
        (1, 5, "aaa", "", "start", "applied", "0.1.0"),
        (2, 7, "bbb", "aaa", "signal", "applied", "0.1.0"),
    ]


def kept(path: Path) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM configurations ORDER BY config").fetchall()


def test_the_files_of_a_configuration_are_kept_as_they_were_first(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for at, (config, text) in enumerate([("aaa", "one"), ("bbb", "two"), ("aaa", "one, otherwise written")]):
        next_generation(str(path), config, at, Trigger.FILE, "0.1.0", [("a.toml", text)])
    assert kept(path) == [("aaa", 0, '[["a.toml","one"]]'), ("bbb", 1, '[["a.toml","two"]]')]


def test_of_a_file_that_is_not_to_be_kept_the_name_is(tmp_path: Path) -> None:
    number(tmp_path / "x.db", "aaa", 5)
    assert kept(tmp_path / "x.db") == [("aaa", 5, '[["routes.toml","[providers.echo]\\n"],["leaky.toml",null]]')]


def test_the_files_of_a_configuration_that_was_numbered_before_are_kept_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    number(path, "aaa", 5)
    with closing(open_database(str(path))) as connection:
        connection.execute("DELETE FROM configurations")
    assert number(path, "aaa", 9, Trigger.START) == 1
    assert [row[:2] for row in kept(path)] == [("aaa", 9)]


def test_a_slow_worker_takes_the_numbers_that_others_gave(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for config in ("aaa", "bbb", "ccc", "aaa"):
        number(path, config)
    assert [later_generation(str(path), config, 1) for config in ("bbb", "ccc", "aaa")] == [2, 3, 4]
    assert later_generation(str(path), "aaa", 4) is None, "to go back from there is a change"
    assert later_generation(str(path), "ddd", 0) is None


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    open_database(str(path)).close()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: number(path, "aaa"), range(16))) == {1}


def test_a_number_is_chosen_under_the_lock_to_write(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(open_database(str(path))) as other, ThreadPoolExecutor(1) as pool:
        with transaction(other):
            ours = pool.submit(number, path, "aaa")
            # Time enough for a careless look at what is there; the outcome does not depend on it.
            wait([ours], timeout=0.2)
            other.execute("INSERT INTO generations VALUES (7, 1, 'aaa', '', 'start', 'applied', '1')")
        assert ours.result() == 7


def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is a directory"):
        number(tmp_path, "aaa")


def test_no_connection_is_left_open(tmp_path: Path) -> None:
    number(tmp_path / "x.db", "aaa")
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
def test_numbers_never_go_backwards_and_change_exactly_with_the_configuration(
    tmp_path_factory: pytest.TempPathFactory, configs: list[str]
) -> None:
    path = tmp_path_factory.mktemp("generations") / "x.db"
    numbers = [number(path, config) for config in configs]
    changes = [int(before != after) for before, after in pairwise(configs)]
    assert numbers[0] == 1
    assert [after - before for before, after in pairwise(numbers)] == changes
