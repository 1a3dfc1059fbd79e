"""The tests of a configuration: gathered from its files, and from the files of tests beside it.

Always true: what is tested is the configuration that ``serve`` would read; a file of tests adds tests to it and nothing
else.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from omniroute.cli.loading import Reading, read_config
from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.config.document.behaviour import ConfigTest
from omniroute.config.layers import Merged, merge
from omniroute.config.load import load
from omniroute.config.references import Names, names_of
from omniroute.config.rules import RULES
from omniroute.config.source import Place, Source
from omniroute.config.toml import Parsed, parse, place
from omniroute.engine.files import read_tests, schema_document, shipped_catalogue

_STRAY = "OR2003"


class Written(msgspec.Struct, frozen=True):
    """A test, and where it is written."""

    test: ConfigTest
    place: Place

    @property
    def where(self) -> str:
        """The file and line, as compilers name them."""
        return f"{self.place.source.name}:{self.place.span.start.line}"


class Suite(msgspec.Struct, frozen=True):
    """A configuration and its tests; where ``reading`` holds no snapshot, its findings say why, and there are none."""

    reading: Reading
    tests: tuple[Written, ...] = ()
    names: Names = Names({}, (), {})


def read_suite(config: Path, named: Sequence[Path] = ()) -> Suite:
    """Read a configuration and its tests.

    Args:
        config: the configuration.
        named: files or directories; only the tests that are written there are given. They may hold files of tests that
            are not beside the configuration.
    """
    reading = read_config(config)
    if reading.snapshot is None:
        return Suite(reading)
    more, found = read_tests(reading.where, named)
    parsed = [file for source in (*reading.sources, *more) if (file := parse(source)[0]) is not None]
    found += tuple(stray for file in parsed[len(reading.sources) :] for stray in _stray(file))
    loaded = load(shipped_catalogue(), (*reading.sources, *more), schema_document(), datetime.now(UTC).date())
    if loaded.document is None or has_errors(found):
        return Suite(replace(reading, snapshot=None, document=None, found=(*found, *loaded.diagnostics)))
    tests = _placed(loaded.document.tests, merge(parsed)[0])
    chosen = tuple(each for each in tests if _within(each.place.source, named))
    return Suite(reading, chosen, names_of(loaded.document))


def found_in_tests(reading: Reading) -> tuple[int, tuple[Diagnostic, ...]]:
    """Find what is wrong with the files of tests that are beside a configuration; gives how many there are as well."""
    more, found = read_tests(reading.where, ())
    if not more:
        return len(found), found
    names = {each.name for each in more}
    strays = tuple(stray for source in more if (file := parse(source)[0]) is not None for stray in _stray(file))
    loaded = load(shipped_catalogue(), (*reading.sources, *more), schema_document(), datetime.now(UTC).date())
    inside = (each for each in loaded.diagnostics if each.place is not None and each.place.source.name in names)
    return len(more) + len(found), (*found, *strays, *inside)


def _stray(file: Parsed) -> Iterator[Diagnostic]:
    """Say what a file of tests holds beside tests."""
    for key in file.values:
        if key != "tests":
            yield Diagnostic(
                code=_STRAY,
                severity=RULES[_STRAY].severity,
                summary=f"`{key}` stands in a file of tests, which `serve` never loads",
                place=place(file, (key,), key=True),
                path=(key,),
                label="only [[tests]] may stand here",
                hint="move it to a file whose name does not end in `.test.toml`",
            )


def _placed(tests: Iterable[ConfigTest], merged: Merged) -> Iterator[Written]:
    """Find where each test is written."""
    for index, test in enumerate(tests):
        file, position = merged.tests[index]
        yield Written(test, place(merged.files[file], ("tests", position, "name"), key=True))


def _within(source: Source, named: Sequence[Path]) -> bool:
    """Say whether a file is one of those that were named, or in one of the directories."""
    path = Path(source.name).absolute()
    return not named or any(each.absolute() in {path, path.parent} for each in named)
