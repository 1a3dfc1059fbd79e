"""What git's own files say, checked against git itself."""

import os
from pathlib import Path

import pytest

from omniroute.engine.gitstate import STALE_LOCK_SECONDS, commit, find_work_tree, locked
from tests.support.config_dirs import commits, git

NOW = 1_800_000_000.0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two commits and a directory below."""
    directory = tmp_path / "tree"
    commits(directory, {"config/a.toml": "1"}, {"config/a.toml": "2"})
    return directory


def commit_at(place: Path) -> str | None:
    found = find_work_tree(place)
    assert found is not None
    return commit(found)


def test_the_commit_is_found_from_a_directory_a_file_and_a_link_into_the_tree(tree: Path, tmp_path: Path) -> None:
    head = git(tree, "rev-parse", "HEAD")
    (tmp_path / "link").symlink_to(tree / "config")
    for place in (tree, tree / "config", tree / "config" / "a.toml", tmp_path / "link", tree / "config" / "absent"):
        assert commit_at(place) == head


def test_the_commit_is_found_detached_packed_and_on_a_branch_with_slashes(tree: Path) -> None:
    first = git(tree, "rev-parse", "HEAD~1")
    git(tree, "checkout", "-q", first)
    assert commit_at(tree) == first
    git(tree, "checkout", "-q", "-b", "team/a")
    assert commit_at(tree) == first
    git(tree, "pack-refs", "--all")
    assert commit_at(tree) == first
    git(tree, "checkout", "-q", "main")
    assert commit_at(tree) == git(tree, "rev-parse", "HEAD")


def test_a_linked_work_tree_has_its_own_head_and_lock_and_shares_the_branches(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"), "HEAD~1")
    side, main = find_work_tree(tmp_path / "side" / "config"), find_work_tree(tree)
    assert side is not None
    assert main is not None
    assert commit(side) == git(tree, "rev-parse", "side")
    (tree / ".git" / "worktrees" / "side" / "index.lock").touch()
    os.utime(tree / ".git" / "worktrees" / "side" / "index.lock", (NOW, NOW))
    assert locked(side, NOW)
    assert not locked(main, NOW)


def test_a_lock_counts_until_it_is_old_enough_to_be_a_dead_gits(tree: Path) -> None:
    found = find_work_tree(tree)
    assert found is not None
    assert not locked(found, NOW)
    lock = tree / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (NOW, NOW))
    assert locked(found, NOW)
    assert locked(found, NOW + STALE_LOCK_SECONDS - 1)
    assert not locked(found, NOW + STALE_LOCK_SECONDS + 1)


def test_what_is_no_work_tree_is_none_and_a_strange_one_has_no_commit(tmp_path: Path) -> None:
    assert find_work_tree(tmp_path / "config" / "absent") is None
    (tmp_path / ".git" / "config").mkdir(parents=True)
    assert find_work_tree(tmp_path / ".git" / "config") is None
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n", "utf-8")
    assert commit_at(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/\0\n", "utf-8")
    assert commit_at(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("what is this\n", "utf-8")
    assert commit_at(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("", "utf-8")
    assert commit_at(tmp_path) is None


def test_a_git_file_that_leads_nowhere_is_no_work_tree(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: ../gone\n", "utf-8")
    assert find_work_tree(tmp_path) is None
