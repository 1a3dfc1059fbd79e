"""The configuration as files: finding, reading and fingerprinting them, and where to watch for their changing.

Always true: reading never raises. What could not be read is a diagnostic in the ``Tree``, and the fault is a part of
the raw hash, so that the same fault twice is no change and another fault is one. A reading is only what the disk held
while it lasted; whether to believe it is decided by reading twice (``engine.reload``).

A configuration is one file, or a directory: its ``*.toml`` in name order, not recursive, without names beginning with
``.`` and without ``*.test.toml``. An editor's backup (``routes.toml~``) does not end in ``.toml``.

Nothing of the event loop is imported here: ``omniroute check`` reads with this module and ends.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.prices import PRICES
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Place, Position, Source, Span
from omniroute.engine.places import Places, places
from omniroute.names import Severity

Stamp = tuple[int, int, int, int]
"""What tells two states of a file apart beside its content: device, inode, size, modification time (ns)."""


class ConfigPath(msgspec.Struct, frozen=True):
    """Where a configuration is. ``given`` is how it was named, and how it is shown; ``path`` is absolute.

    Whether it is a directory is settled once: a file that turns into a directory while we run is a fault.
    """

    given: Path
    path: Path
    directory: bool

    @property
    def base(self) -> Path:
        """The directory that relative paths in the configuration start from."""
        return self.path if self.directory else self.path.parent


class FileState(msgspec.Struct, frozen=True):
    """One file as it was read: the path to show, the SHA-256 of its bytes (empty where unreadable), its stamp."""

    path: str
    sha256: str
    stamp: Stamp


class Tree(msgspec.Struct, frozen=True):
    """One reading of a whole configuration.

    ``raw`` is a SHA-256 (hex) over names and bytes, for finding changes and nothing else. ``faults`` are what was
    wrong with the files themselves; ``sources`` those that could be read.
    """

    sources: tuple[Source, ...]
    faults: tuple[Diagnostic, ...]
    files: tuple[FileState, ...]
    raw: str
    places: Places


def find_config(path: Path) -> ConfigPath:
    """Settle what ``path`` means. It may be absent: then it counts as a file where it ends in ``.toml``."""
    absolute = path.absolute()
    directory = os.path.isdir(absolute) or not (os.path.exists(absolute) or absolute.suffix == ".toml")
    return ConfigPath(given=path, path=absolute, directory=directory)


def is_config_name(name: str) -> bool:
    """Say whether a directory's entry of this name is a part of the configuration."""
    return name.endswith(".toml") and not name.endswith(".test.toml") and not name.startswith(".")


def is_test_name(name: str) -> bool:
    """Say whether a file of this name holds tests of a configuration, and nothing that is served."""
    return name.endswith(".test.toml") and not name.startswith(".")


def read_tests(config: ConfigPath, named: Sequence[Path]) -> tuple[tuple[Source, ...], tuple[Diagnostic, ...]]:
    """Read files of tests: those ``named``, files or directories with them, or else those beside the configuration.

    Beside a directory's files, that is every one in it; beside a single file, the one of its name:
    ``routes.test.toml`` for ``routes.toml``.

    Returns:
        What could be read, and what is wrong with the others.
    """
    beside = config.given if config.directory else config.given.with_suffix(".test.toml")
    found = [path for each in named or (beside,) for path in _tests_at(each)]
    read = [_read(path.absolute(), path) for path in dict.fromkeys(found)]
    return (
        tuple(each.source for each in read if each.source is not None),
        tuple(each.fault for each in read if each.fault is not None),
    )


def _tests_at(path: Path) -> list[Path]:
    """Give the files of tests that a path means."""
    if path.is_dir():
        return [path / name for name in sorted(filter(is_test_name, os.listdir(path)))]
    return [path] if is_test_name(path.name) and path.exists() else []


def read_tree(config: ConfigPath, secrets: Sequence[Path] = ()) -> Tree:
    """Read everything once: bytes, stamps, and the places to watch, those of ``secrets`` among them."""
    read: list[_Outcome] = []
    try:
        read = _read_all(config)
        fault = None if read else _empty(config)
    except OSError as error:
        fault = _no_access(config, error)
    return _gather(read, fault, places(config.path, is_config_name if config.directory else None, secrets))


def secret_files(snapshot: Snapshot, base: Path) -> tuple[Path, ...]:
    """Name the files that the snapshot's secrets are read from, each once, in order; relative ones are ``base``'s."""
    return tuple(
        sorted(
            {
                base / credential.secret.locator
                for provider in snapshot.providers.values()
                for credential in provider.credentials
                if credential.secret is not None and credential.secret.scheme == "file"
            }
        )
    )


def fingerprints(paths: Iterable[Path], key: bytes) -> Mapping[Path, bytes]:
    """Give a keyed BLAKE2 of each file's content, and an empty one for what cannot be read.

    With a ``key`` that is random and lives as long as the process, nothing can be learnt from a fingerprint.
    """
    return {path: _fingerprint(path, key) for path in paths}


def pinned_files(
    config: ConfigPath, tree: Tree, mountinfo: Path = Path("/proc/self/mountinfo")
) -> tuple[Diagnostic, ...]:
    """Warn (OR9003) of configuration files that are mount points themselves, as Linux's ``mountinfo`` lists them.

    Such a mount holds on to one inode: Kubernetes never updates a ``subPath``, and a file that Docker bind-mounts
    does not follow when the one outside is replaced by a rename. A *directory* that is a mount point is fine: a
    ConfigMap's is one, and everything inside it is seen.
    """
    try:
        mounted = {_unescaped(line.split()[4]) for line in mountinfo.read_text("utf-8", "replace").splitlines()}
    except OSError:
        return ()
    return tuple(
        Diagnostic(
            code="OR9003",
            severity=Severity.WARNING,
            summary=f"`{state.path}` is a mount point, so changes of it may never be seen here",
            note="a mounted file stays the one that was mounted, also when another takes its name outside",
            hint="mount the directory that holds it instead",
        )
        for state in tree.files
        if os.path.realpath(_beside(config, state.path)) in mounted
    )


def shipped_catalogue() -> tuple[Source, ...]:
    """Read the provider catalogue that comes with the gateway: providers in name order, then prices in name order."""
    folder = resources.files("omniroute") / "catalogue"
    return (*_shipped(folder, "catalogue", ".toml"), *_shipped(folder / "prices", PRICES, ".json"))


def _shipped(folder: Traversable, shown: str, suffix: str) -> Iterator[Source]:
    """Read a folder's files with a suffix."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(suffix):
            yield Source(f"{shown}/{entry.name}", entry.read_text("utf-8"), shipped=True)


def schema_document() -> dict[str, Any]:
    """Read the JSON Schema: the packaged one, or in a checkout the one in ``schemas/`` beside the package."""
    package = resources.files("omniroute")
    packaged = package / "schemas" / "omniroute.schema.json"
    checkout = Path(str(package)).parent / "schemas" / "omniroute.schema.json"
    text = packaged.read_bytes() if packaged.is_file() else checkout.read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


class _Outcome(msgspec.Struct, frozen=True):
    """One file's outcome: content or a fault, never neither."""

    state: FileState
    source: Source | None = None
    fault: Diagnostic | None = None


def _read_all(config: ConfigPath) -> list[_Outcome]:
    if config.directory:
        names = sorted(filter(is_config_name, os.listdir(config.path)))
        return [_read(config.path / name, config.given / name) for name in names]
    os.lstat(config.path)
    return [_read(config.path, config.given)]


def _read(path: Path, given: Path) -> _Outcome:
    shown = _shown(given)
    try:
        with _opened(path) as file:
            data = file.read()
            info = os.fstat(file.fileno())
    except OSError as error:
        return _Outcome(FileState(shown, "", (0, 0, 0, 0)), fault=_unreadable(shown, error))
    stamp = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
    state = FileState(shown, hashlib.sha256(data).hexdigest(), stamp)
    try:
        return _Outcome(state, source=Source(shown, data.decode("utf-8")))
    except UnicodeDecodeError as error:
        return _Outcome(state, fault=_not_utf8(shown, data, error.start))


def _opened(path: Path) -> BinaryIO:
    """Open a regular file; a pipe, which would have to be waited for, and a directory are refused before."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return path.open("rb")


def _shown(path: Path) -> str:
    """A path for people: where its bytes are no text, as far as they are."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _gather(read: Sequence[_Outcome], fault: Diagnostic | None, watched: Places) -> Tree:
    faults = tuple(each.fault for each in read if each.fault is not None) + ((fault,) if fault else ())
    digest = hashlib.sha256()
    for part in (*((each.state.path, each.state.sha256) for each in read), *((f.code, f.summary) for f in faults)):
        digest.update("\0".join((*part, "")).encode())
    return Tree(
        sources=tuple(each.source for each in read if each.source is not None),
        faults=faults,
        files=tuple(each.state for each in read),
        raw=digest.hexdigest(),
        places=watched,
    )


def _fingerprint(path: Path, key: bytes) -> bytes:
    try:
        return hashlib.blake2b(path.read_bytes(), key=key, digest_size=16).digest() if path.is_file() else b""
    except OSError:
        return b""


def _beside(config: ConfigPath, shown: str) -> Path:
    return config.path / Path(shown).name if config.directory else config.path


def _unescaped(field: str) -> str:
    """Undo mountinfo's octal escapes of space, tab, newline and backslash (proc_pid_mountinfo(5))."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field


def _no_access(config: ConfigPath, error: OSError) -> Diagnostic:
    """Say that a configuration is absent, or that it is there and cannot be reached."""
    absent = isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.lexists(config.path)
    return _not_found(config) if absent else _unreadable(_shown(config.given), error)


def _not_found(config: ConfigPath) -> Diagnostic:
    return Diagnostic(
        code="OR9001",
        severity=Severity.ERROR,
        summary=f"there is no configuration at `{_shown(config.given)}`",
        note=f"looked for {'the directory' if config.directory else 'the file'} {_shown(config.path)}",
        hint="name a file or a directory with `--config`, or write a first one with `omniroute init`",
    )


def _empty(config: ConfigPath) -> Diagnostic:
    return Diagnostic(
        code="OR9001",
        severity=Severity.ERROR,
        summary=f"there is no configuration file in `{_shown(config.given)}`",
        note=f"looked for *.toml in {_shown(config.path)}, not in directories below it; "
        "names beginning with `.` and *.test.toml do not count",
        hint="write a first one with `omniroute init`",
    )


def _unreadable(shown: str, error: OSError) -> Diagnostic:
    why = error.strerror or type(error).__name__
    return Diagnostic(
        code="OR9002",
        severity=Severity.ERROR,
        summary=f"`{shown}` cannot be read: {why[:1].lower()}{why[1:]}",
        hint="a configuration file is a regular file, or a link to one, that this user may read",
    )


def _not_utf8(shown: str, data: bytes, start: int) -> Diagnostic:
    """Point at the first byte that is wrong, in the text as far as it can be shown."""
    before = data[:start].decode("utf-8")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    begin = Position(line, column, len(before))
    end = Position(line, column + 1, len(before) + 1)
    return Diagnostic(
        code="OR1003",
        severity=Severity.ERROR,
        summary=f"`{shown}` is not UTF-8: byte {start}, on line {line}, is 0x{data[start]:02x}",
        place=Place(Source(shown, data.decode("utf-8", "replace")), Span(begin, end)),
        label="this byte is not UTF-8",
        hint="save the file in UTF-8",
    )
