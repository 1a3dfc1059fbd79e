"""What the marks on the document's keys say: which need a restart, and where secrets are referred to."""

from collections.abc import Iterator

from pydantic import BaseModel

from omniroute.config.document import Document
from omniroute.config.document.base import RELOAD
from omniroute.config.source import Path


def restart_only(before: Document, after: Document) -> tuple[str, ...]:
    """Name the dotted keys that differ and take effect only when the gateway is restarted."""
    return tuple(sorted(_restart_only(before, after)))


def secrets(document: Document) -> Iterator[tuple[Path, str]]:
    """Give the path of every secret that is referred to, and the reference as it is written."""
    for name, provider in document.providers.items():
        if provider.api_key is not None:
            yield ("providers", name, "api_key"), provider.api_key
        for index, each in enumerate(provider.credentials or ()):
            yield ("providers", name, "credentials", index, "api_key"), each.api_key


def _restart_only(before: BaseModel, after: BaseModel) -> Iterator[str]:
    for name, field in type(before).model_fields.items():
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        marks = field.json_schema_extra
        if isinstance(marks, dict) and RELOAD in marks:
            yield name
        elif isinstance(old, BaseModel):
            yield from (f"{name}.{below}" for below in _restart_only(old, new))
