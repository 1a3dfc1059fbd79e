"""What git says about the tree a configuration lies in, read from its files: git itself is never run.

Always true: nothing here writes, and a tree that is no git work tree, or not one we understand, is None and never an
error. While git rewrites a work tree it holds ``index.lock`` in the work tree's own git directory, from before the
first file changes until after the last (measured: every mixed read of a checkout saw it, before or after).
"""

import os
import re
from pathlib import Path

import msgspec

STALE_LOCK_SECONDS = 60.0
"""A lock older than this is taken for one that a killed git left behind, and no longer waited for."""

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class WorkTree(msgspec.Struct, frozen=True):
    """Where a work tree keeps its state: ``own`` its HEAD and index, ``common`` the branches it shares."""

    own: Path
    common: Path


def find_work_tree(place: Path) -> WorkTree | None:
    """Find the git work tree that ``place`` lies in, by its real path; None where there is none.

    A ``.git`` file (linked work trees, submodules) is followed to the directory that it names.
    """
    real = Path(os.path.realpath(place))
    for directory in (real, *real.parents):
        own = _git_directory(directory / ".git")
        if own is not None:
            return WorkTree(own, own / (_first_line(own / "commondir") or "."))
    return None


def locked(tree: WorkTree, now: float) -> bool:
    """Say whether git is changing the tree at this moment; ``now`` is in Unix seconds."""
    try:
        since = (tree.own / "index.lock").stat().st_mtime
    except OSError:
        return False
    return now - since < STALE_LOCK_SECONDS


def commit(tree: WorkTree) -> str | None:
    """Give the hash of the commit that is checked out, or None where it cannot be read this way (reftable)."""
    head = _first_line(tree.own / "HEAD")
    if not head.startswith("ref: "):
        return head if _HASH.fullmatch(head) else None
    name = head.removeprefix("ref: ")
    loose = _first_line(tree.common / name)
    if _HASH.fullmatch(loose):
        return loose
    for line in _lines(tree.common / "packed-refs"):
        value, _, packed = line.partition(" ")
        if packed == name and _HASH.fullmatch(value):
            return value
    return None


def _git_directory(dot_git: Path) -> Path | None:
    named = _first_line(dot_git)
    own = dot_git.parent / named.removeprefix("gitdir: ") if named.startswith("gitdir: ") else dot_git
    return own if os.path.isfile(own / "HEAD") else None


def _first_line(path: Path) -> str:
    return next(iter(_lines(path)), "")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):  # the second for a path with a NUL in it
        return []
