"""Where what is in force is written: the key that decided a value, or that none did and a default holds.

Always true: an origin is the place of exactly the key that was asked for, in a user's file or else in the shipped
catalogue, never that of something near it, unless ``near`` was asked. Names are followed as ``compile`` follows them.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from omniroute.config.document import Document
from omniroute.config.layers import Catalogue, Merged, merge
from omniroute.config.references import names_of
from omniroute.config.snapshot import Combo, Target, Timeouts
from omniroute.config.source import Path, Place, Source
from omniroute.config.toml import parse, place
from omniroute.config.words import toml


class Origin(msgspec.Struct, frozen=True):
    """A key in a file; ``line`` and ``column`` count from 1. ``shipped`` says that the file came with the gateway."""

    file: str
    line: int
    column: int
    shipped: bool = False

    def __str__(self) -> str:
        """Write it as editors and terminals understand it."""
        return f"{self.file}:{self.line}"


class Hop(msgspec.Struct, frozen=True):
    """A name that stands for another, and the alias that says so: its own, or a pattern that it fits."""

    name: str
    alias: str
    to: str
    origin: Origin | None


class Listing(msgspec.Struct, frozen=True):
    """One way from a combo to a target: where the target is listed, and the tables of timeouts that it may pass."""

    path: Path
    tables: tuple[Path, ...]


class Origins:
    """The origins of one configuration that has no errors."""

    def __init__(self, document: Document, written: Sequence[Source], shipped: Sequence[Source]) -> None:
        """Find the places in the files that ``document`` was made of."""
        read = (parse(source)[0] for source in written)
        self._merged: Merged = merge([each for each in read if each is not None])[0]
        self._catalogue = Catalogue(shipped)
        self._document = document
        self._names = names_of(document)

    def of(self, *path: str | int) -> Origin | None:
        """Give the origin of a key; None where it is not written, so that a default holds."""
        for file in self._merged.files:
            if path in file.spans:
                return _origin(place(file, path, key=True))
        if len(path) > 1 and path[0] == "providers":
            found = self._catalogue.place(str(path[1]), *map(str, path[2:]))
            return _origin(found) if found is not None else None
        return None

    def written(self, table: str, name: str) -> Iterator[tuple[str, str, Origin | None]]:
        """Give what a user wrote of a named thing: each key, its value as TOML, and where it is."""
        for key, value in self._merged.values.get(table, {}).get(name, {}).items():
            yield key, toml(value), self.of(table, name, key)

    def near(self, *path: str | int) -> Origin | None:
        """Give the origin of a key, or of the nearest table around it down to the thing that has a name."""
        found = (self.of(*path[:length]) for length in range(len(path), min(len(path), 2) - 1, -1))
        return next((each for each in found if each is not None), None)

    def credential(self, provider: str, name: str) -> Origin | None:
        """Give the origin of one of a provider's credentials; that of the provider where it asks for none."""
        listed = self._document.providers[provider].credentials or ()
        for index, each in enumerate(listed):
            if each.name == name:
                return self.near("providers", provider, "credentials", index)
        return self.near("providers", provider, "api_key")

    def listed(self, combo: Combo, target: Target) -> Listing | None:
        """Find the way on which a combo came to a target: to this very one, where the same model is listed twice."""
        return next((way for found, way in self._ways(combo, (), set()) if found is target), None)

    def way(self, combo: str, index: int) -> Iterator[Hop]:
        """Give the aliases that lead from a name that a combo lists to what it means."""
        for step in self._names.chain(self._names.targets(combo)[index].following).steps:
            yield Hop(step.name, str(step.path[1]), step.following, self.of(*step.path))

    def timeouts(self, target: Target, way: Listing | None) -> Mapping[str, Origin | None]:
        """Give the origin of each time limit of a target, by its name: the one written nearest to the target."""
        tables = (
            *reversed(way.tables if way is not None else ()),
            ("providers", str(target.provider.name), "timeouts"),
            ("defaults", "timeouts"),
        )
        return {
            name: next((found for table in tables if (found := self.of(*table, name)) is not None), None)
            for name in Timeouts.__struct_fields__
        }

    def _ways(self, combo: Combo, above: tuple[Path, ...], seen: set[int]) -> Iterator[tuple[Target, Listing]]:
        """Give the ways from a combo to its targets, in the order written; a combo that comes again is the same."""
        if id(combo) in seen:
            return
        seen.add(id(combo))
        for index, step in enumerate(combo.steps):
            path: Path = ("combos", combo.name, "targets", index)
            here = (*above, ("combos", combo.name, "timeouts"), (*path, "timeouts"))
            if isinstance(step.to, Combo):
                yield from self._ways(step.to, here, seen)
            else:
                yield step.to, Listing(path, here)


def _origin(found: Place) -> Origin:
    start = found.span.start
    return Origin(found.source.name, start.line, start.column, found.source.shipped)
