"""What is written in several files, as one document, with the shipped catalogue under it.

Always true: nothing is overridden in silence. Between a user's files, a key stands in one of them only; over the
catalogue, what the user writes wins, table by table and key by key, and only providers that the user names are
taken from there. Every value can be traced to the text that it was read from.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from omniroute.config.diagnostics import Diagnostic, Related
from omniroute.config.document.providers import CatalogueProvider, Provider
from omniroute.config.prices import PRICES, read_prices
from omniroute.config.rules import RULES
from omniroute.config.snapshot import PriceList
from omniroute.config.source import Path, Place, Source
from omniroute.config.toml import Parsed, parse, place
from omniroute.config.words import member

NAMED = frozenset({"providers", "aliases", "combos", "keys", "policies", "budgets"})
"""The tables whose keys are names; each name is written in one file, whole."""

_CATALOGUE_ONLY = CatalogueProvider.model_fields.keys() - Provider.model_fields.keys()
_ALTERNATIVES = frozenset({"auth"})
"""Keys that take one of several shapes: half of one and half of another would be none of them."""

Values = dict[str, Any]


class Merged(msgspec.Struct, frozen=True):
    """A user's files as one document; ``tests`` says from which file, and where in it, each item of it came."""

    values: Values
    files: tuple[Parsed, ...] = ()
    tests: tuple[tuple[int, int], ...] = ()

    def place(self, path: Path, *, key: bool = False) -> Place | None:
        """Give the place of a value or its key, or of the nearest table around it; None where nothing is written."""
        if path[:1] == ("tests",) and len(path) > 1 and isinstance(path[1], int):
            file, index = self.tests[path[1]]
            return place(self.files[file], ("tests", index, *path[2:]), key=key)
        for length in range(len(path), 0, -1):
            for each in self.files:
                if path[:length] in each.spans:
                    return place(each, path, key=key)
        return self.start(0) if self.files else None

    def start(self, file: int) -> Place:
        """Give the beginning of a file."""
        return place(self.files[file], ())


class Catalogue:
    """The providers that come with the gateway: one file for each, named after it, read when it is needed.

    Beside it stands a file of prices for some of them, ``prices/<provider>.json``.
    """

    def __init__(self, shipped: Sequence[Source]) -> None:
        """Take the files; nothing is parsed yet."""
        self._sources = {_stem(each.name): each for each in shipped if each.name.endswith(".toml")}
        self._prices = {each.name: each for each in shipped if each.name.endswith(".json")}
        self._parsed: dict[str, Parsed | None] = {}
        self._lists: dict[str, PriceList] = {}
        self.found: list[Diagnostic] = []
        """What is wrong with the files that were read: nothing, as the catalogue's own tests show."""

    @property
    def names(self) -> frozenset[str]:
        """The names of all providers in it."""
        return frozenset(self._sources)

    def entry(self, name: str) -> Values | None:
        """Give what is known of a provider, with the keys that only the catalogue has."""
        parsed = self._read(name)
        if parsed is None:
            return None
        entry: Values | None = parsed.values.get("providers", {}).get(name)
        return entry

    def place(self, name: str, *below: str) -> Place | None:
        """Give the place of a provider's key in the catalogue, if it has it."""
        parsed = self._read(name)
        path = ("providers", name, *below)
        return place(parsed, path) if parsed is not None and path in parsed.spans else None

    def variables(self, name: str) -> tuple[str, ...]:
        """Give the names of the environment variables in which people keep this provider's key."""
        return tuple((self.entry(name) or {}).get("api_key_env", ()))

    def aliases(self, name: str) -> tuple[str, ...]:
        """Give the other prefixes under which people know this provider's models."""
        return tuple((self.entry(name) or {}).get("aliases", ()))

    def prices(self, name: str) -> PriceList:
        """Give what a provider charges; an empty list where nobody knows."""
        if name not in self._lists:
            source = self._prices.get(f"{PRICES}/{name}.json")
            self._lists[name] = read_prices(source.text) if source is not None else PriceList()
        return self._lists[name]

    def _read(self, name: str) -> Parsed | None:
        if name not in self._parsed:
            source = self._sources.get(name)
            parsed, found = parse(source) if source is not None else (None, ())
            self._parsed[name] = parsed
            self.found.extend(found)
        return self._parsed[name]


def merge(files: Sequence[Parsed]) -> tuple[Merged, tuple[Diagnostic, ...]]:
    """Make one document of several files, in their order, and report what is written in two of them (OR1004)."""
    values: Values = {}
    tests: list[tuple[int, int]] = []
    found: list[Diagnostic] = []
    for index, file in enumerate(files):
        written = file.values
        if isinstance(items := written.get("tests"), list):
            tests += [(index, position) for position in range(len(items))]
        found += (_twice(files[:index], file, path) for path in _laid(values, written))
    return Merged(values, tuple(files), tuple(tests)), tuple(found)


def complete(values: Values, catalogue: Catalogue) -> Values:
    """Lay what is written over the catalogue: each provider that is named is completed from the entry of its name."""
    providers = values.get("providers")
    if not isinstance(providers, dict):
        return values
    return values | {"providers": {name: _completed(name, each, catalogue) for name, each in providers.items()}}


def _completed(name: str, written: Any, catalogue: Catalogue) -> Any:
    entry = catalogue.entry(name)
    if entry is None or not isinstance(written, dict):
        return written
    return _over({key: value for key, value in entry.items() if key not in _CATALOGUE_ONLY}, written)


def _over(below: Values, above: Mapping[str, Any]) -> Values:
    """Lay a table over another: tables are merged, everything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, dict) and isinstance(value, dict) and key not in _ALTERNATIVES
        result[key] = _over(under, value) if both else value  # type: ignore[arg-type]  # `both` says so
    return result


def _laid(into: Values, written: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Put a file's table into the document; give the paths that were there already."""
    for key, value in written.items():
        here = (*path, key)
        there = into.get(key)
        if key not in into:
            into[key] = _own(value)
        elif here == ("tests",) and isinstance(there, list) and isinstance(value, list):
            into[key] = [*there, *value]
        elif isinstance(there, dict) and isinstance(value, dict) and not (len(path) == 1 and path[0] in NAMED):
            yield from _laid(there, value, here)
        else:
            yield here


def _own(value: Any) -> Any:
    """Copy the tables of a value, since others may be laid into them."""
    return {key: _own(each) for key, each in value.items()} if isinstance(value, dict) else value


def _twice(before: Sequence[Parsed], file: Parsed, path: Path) -> Diagnostic:
    first = next(each for each in before if path in each.spans)
    return Diagnostic(
        code="OR1004",
        severity=RULES["OR1004"].severity,
        summary=f"{member(path)} is written in two files",
        place=place(file, path, key=True),
        path=path,
        label="written a second time",
        related=(Related(place(first, path, key=True), "first written here"),),
        hint="keep one of the two",
    )


def _stem(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].removesuffix(".toml")
