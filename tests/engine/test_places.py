"""Which directories are watched, and what in them matters."""

from pathlib import Path

import pytest

from omniroute.engine.files import is_config_name
from omniroute.engine.places import Places, places
from tests.support.config_dirs import config_map, swap_link


def directories(found: Places) -> list[str]:
    return [path for path, _ in found.directories]


def concerned(found: Places, *paths: Path) -> list[bool]:
    return [found.concerns(str(path), is_config_name) for path in paths]


def test_of_a_directory_the_directory_is_watched_for_fitting_names(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").touch()
    found = places(tmp_path, is_config_name)
    assert directories(found) == [str(tmp_path)]
    assert concerned(found, tmp_path / "routes.toml", tmp_path / "new.toml", tmp_path) == [True, True, True]
    others = (tmp_path / "routes.toml~", tmp_path / ".routes.toml.swp", tmp_path / "db.sqlite", tmp_path / "sub/a.toml")
    assert concerned(found, *others) == [False] * 4


def test_of_a_single_file_only_its_name_matters(tmp_path: Path) -> None:
    found = places(tmp_path / "routes.toml", None)
    assert directories(found) == [str(tmp_path)]
    assert concerned(found, tmp_path / "routes.toml", tmp_path / "other.toml") == [True, False]


def test_every_link_on_the_way_is_watched_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "trees/1/config").mkdir(parents=True)
    (tmp_path / "trees/1/config/routes.toml").touch()
    (tmp_path / "git").mkdir()
    (tmp_path / "git/current").symlink_to("../trees/1")
    (tmp_path / "link").symlink_to(tmp_path / "git/current/config")
    for found in (places(tmp_path / "link", is_config_name), places(tmp_path / "link/routes.toml", None)):
        assert directories(found) == [str(tmp_path), str(tmp_path / "git"), str(tmp_path / "trees/1/config")]
        assert concerned(found, tmp_path / "link", tmp_path / "git/current") == [True, True]
        assert concerned(found, tmp_path / "trees/1/config/routes.toml", tmp_path / "git/other") == [True, False]


def test_links_within_a_directory_are_followed_each(tmp_path: Path) -> None:
    config_map(tmp_path / "config", "1", {"a.toml": "", "b.toml": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/c.toml").touch()
    (tmp_path / "config/c.toml").symlink_to(tmp_path / "elsewhere/c.toml")
    (tmp_path / "config/notes.txt").symlink_to("nowhere")
    found = places(tmp_path / "config", is_config_name)
    assert directories(found) == [str(tmp_path / each) for each in ("config", "config/..1", "elsewhere")]
    assert concerned(found, tmp_path / "config/..data", tmp_path / "elsewhere/c.toml") == [True, True]
    assert concerned(found, tmp_path / "config/notes.txt", tmp_path / "config/nowhere") == [False, False]


@pytest.mark.parametrize("path", ["absent", "absent/below", "absent/below/more"])
def test_of_what_is_absent_the_nearest_directory_is_watched_for_the_first_missing_name(
    tmp_path: Path, path: str
) -> None:
    for found in (places(tmp_path / path, is_config_name), places(tmp_path / path / "a.toml", None)):
        assert directories(found) == [str(tmp_path)]
        assert concerned(found, tmp_path / "absent", tmp_path / "a.toml") == [True, False]


def test_a_file_in_the_place_of_a_directory_is_watched_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    for found in (places(tmp_path / "config", is_config_name), places(tmp_path / "config/a.toml", None)):
        assert directories(found) == [str(tmp_path)]
        assert concerned(found, tmp_path / "config") == [True]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    found = places(tmp_path / "a" / "routes.toml", None)
    assert str(tmp_path) in directories(found)
    assert concerned(found, tmp_path / "a", tmp_path / "b") == [True, True]


def test_dots_in_a_path_are_taken_after_links_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "link").symlink_to("deep/er")
    found = places(tmp_path / "link/../routes.toml", None)
    assert directories(found) == [str(tmp_path), str(tmp_path / "deep")]
    assert concerned(found, tmp_path / "deep/routes.toml", tmp_path / "routes.toml") == [True, False]


def test_further_files_are_watched_with_a_directory_and_with_a_file(tmp_path: Path) -> None:
    config_map(tmp_path / "secrets", "1", {"key": "k"})
    (tmp_path / "config").mkdir()
    for found in (
        places(tmp_path / "config", is_config_name, [tmp_path / "secrets/key"]),
        places(tmp_path / "config/a.toml", None, [tmp_path / "secrets/key"]),
    ):
        assert directories(found) == [str(tmp_path / each) for each in ("config", "secrets", "secrets/..1")]
        assert concerned(found, tmp_path / "secrets/..data", tmp_path / "secrets/..1/key") == [True, True]


def test_another_directory_under_the_same_name_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "other").mkdir()
    found = places(tmp_path / "config", is_config_name)
    assert found.vanished() is None
    (tmp_path / "config").rename(tmp_path / "old")
    assert found.vanished() == str(tmp_path / "config")
    (tmp_path / "other").rename(tmp_path / "config")
    assert found.vanished() == str(tmp_path / "config")
    assert places(tmp_path / "config", is_config_name) != found


def test_a_swapped_link_gives_other_places(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
    swap_link(tmp_path / "current", "1")
    before = places(tmp_path / "current", is_config_name)
    swap_link(tmp_path / "current", "2")
    assert places(tmp_path / "current", is_config_name) != before
