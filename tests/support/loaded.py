"""Configurations loaded from texts, with the places of everything in them."""

from datetime import date
from functools import cache
from typing import Any

import msgspec

from omniroute.config.document import Document
from omniroute.config.load import load
from omniroute.config.origins import Origins
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import schema_document, shipped_catalogue

TODAY = date(2026, 11, 23)


class Configuration(msgspec.Struct, frozen=True):
    """A configuration without errors."""

    snapshot: Snapshot
    document: Document
    origins: Origins
    sources: tuple[Source, ...]

    def line(self, *path: str | int) -> str | None:
        """Where a key is written, as FILE:LINE."""
        found = self.origins.of(*path)
        return str(found) if found is not None else None


@cache
def shipped() -> tuple[Source, ...]:
    return shipped_catalogue()


@cache
def _schema() -> dict[str, Any]:
    return schema_document()


def loaded(*texts: str) -> Configuration:
    """Load files of these texts, which are called ``a.toml``, ``b.toml`` and so on."""
    sources = tuple(Source(f"{chr(ord('a') + number)}.toml", text) for number, text in enumerate(texts))
    found = load(shipped(), sources, _schema(), TODAY)
    assert found.snapshot is not None, found.diagnostics
    assert found.document is not None
    return Configuration(found.snapshot, found.document, Origins(found.document, sources, shipped()), sources)


def line_of(text: str, part: str) -> int:
    """The line on which a part of a text stands, which stands there once."""
    assert text.count(part) == 1, part
    return text[: text.index(part)].count("\n") + 1
