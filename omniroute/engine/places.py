"""Where to watch for a configuration's changing.

Directories are watched and never files, since a file's watch dies with the file when an editor saves by renaming.
The places are the parent of every file and of every link on the way to it: a ConfigMap is changed by swapping the
link ``..data``, and git-sync changes one far above the files.

Always true: every directory named here exists by its real path, with no link in it. Of what is absent, the nearest
directory that exists is watched for the first name that is missing.
"""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

Identity = tuple[int, int]
"""Device and inode: another directory under the same name has another, mostly."""

_GONE: Identity = (0, 0)
_LONGEST_CHAIN = 40
"""Links followed before giving up; Linux gives up after as many (path_resolution(7))."""


class Places(msgspec.Struct, frozen=True):
    """Directories to watch with their identities, and what in them matters.

    ``entries`` are the real paths of single files and links; of ``roots`` every entry with a fitting name matters.
    """

    directories: tuple[tuple[str, Identity], ...]
    entries: frozenset[str]
    roots: tuple[str, ...]

    def concerns(self, path: str, fits: Callable[[str], bool]) -> bool:
        """Say whether an event at ``path`` can mean that the configuration changed."""
        if path in self.entries or any(path == directory for directory, _ in self.directories):
            return True
        parent, name = os.path.split(path)
        return parent in self.roots and fits(name)

    def vanished(self) -> str | None:
        """Name the first directory that is gone, or has another's identity by now."""
        return next((path for path, identity in self.directories if _identity(path) != identity), None)


def places(config: Path, fits: Callable[[str], bool] | None, also: Sequence[Path] = ()) -> Places:
    """Find the places of a configuration: of one file, or where ``fits`` is given of a directory's fitting entries.

    Args:
        config: absolute path of the file or directory.
        fits: says of an entry's name whether it counts; None for a single file.
        also: further files to watch.
    """
    entries: set[str] = set()
    roots: set[str] = set()
    for path in also if fits is not None else (config, *also):
        links, end = _trail(path)
        entries.update(links, (end,))
    if fits is not None:
        links, end = _trail(config)
        entries.update(links)
        if os.path.isdir(end):
            roots.add(end)
            entries.update(_linked(end, fits))
        else:
            entries.add(end)
    directories = {os.path.dirname(entry) for entry in entries} | roots
    return Places(tuple((path, _identity(path)) for path in sorted(directories)), frozenset(entries), tuple(roots))


def _linked(root: str, fits: Callable[[str], bool]) -> Iterable[str]:
    """Give the trails of the entries that are links; of the others the root itself is the only place."""
    try:
        links = [entry.path for entry in os.scandir(root) if fits(entry.name) and entry.is_symlink()]
    except OSError:
        return
    for path in links:
        more, end = _trail(Path(path))
        yield from more
        yield end


def _trail(path: Path) -> tuple[list[str], str]:
    """Follow a path: every link passed, and the real path it ends at or the first name that is missing."""
    links: list[str] = []
    at = path.anchor
    pending = list(reversed(path.parts[1:]))
    while pending:
        part = pending.pop()
        here = os.path.join(at, part)
        if part == os.pardir:
            at = os.path.dirname(at)
            continue
        try:
            target = os.readlink(here) if stat.S_ISLNK(os.lstat(here).st_mode) else None
        except (OSError, ValueError):  # the second for a name with a NUL in it
            return links, here if os.path.isdir(at) else at
        if target is None:
            at = here
            continue
        links.append(here)
        if len(links) > _LONGEST_CHAIN:
            break
        if os.path.isabs(target):
            at = path.anchor
        pending.extend(part for part in reversed(Path(target).parts) if part != path.anchor)
    return links, at


def _identity(path: str) -> Identity:
    try:
        info = os.stat(path)
    except OSError:
        return _GONE
    return info.st_dev, info.st_ino
