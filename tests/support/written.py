"""Configurations as people write them, loaded beside a catalogue small enough to see through."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.document import Document
from omniroute.config.load import Loaded, load
from omniroute.config.schema import document_schema
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source

ROOT = Path(__file__).parents[2]
SCHEMA = document_schema()
TODAY = date(2026, 11, 23)
SCHEMA_LINE = "#:schema ../schemas/omniroute.schema.json\n"

SHIPPED = tuple(
    Source(f"catalogue/{name}.toml", f"[providers.{name}]\n{text}", shipped=True)
    for name, text in {
        "acme": (
            'base_url = "https://api.acme.example/v1"\n'
            'formats = ["openai-chat", "openai-embeddings"]\n'
            'headers = { x-version = "1", x-shared = "catalogue" }\n'
            'aliases = ["ac"]\n'
            'api_key_env = ["ACME_KEY", "ACME_API_KEY"]\n'
            'docs = "https://docs.acme.example"\n'
            "[providers.acme.models.large]\n"
            "context = 1000\n"
            'capabilities = ["tools"]\n'
            'price = { input = "1.00", output = "2.00" }\n'
        ),
        "lingua": 'base_url = "https://api.lingua.example"\nformats = ["openai-images"]\n',
        "queried": 'base_url = "https://api.queried.example"\nauth = { query = "key" }\n',
        "here": 'base_url = "embedded:here"\nformats = ["openai-chat"]\nauth = "none"\n',
    }.items()
)
HOUSE = '[providers.house]\nbase_url = "http://10.0.0.7:8000/v1"\nauth = "none"\n'
"""A provider that needs nothing else."""


def loaded(*texts: str, shipped: Sequence[Source] = SHIPPED, today: date = TODAY) -> Loaded:
    """Load these files, called a.toml, b.toml and so on; each gets a first line that names the schema."""
    sources = [Source(f"{chr(97 + index)}.toml", SCHEMA_LINE + text) for index, text in enumerate(texts)]
    return load(shipped, sources, SCHEMA, today)


def found(*texts: str) -> tuple[Diagnostic, ...]:
    """Give the findings about these files."""
    return loaded(*texts).diagnostics


def only(*texts: str) -> Diagnostic:
    """Give the one finding about these files."""
    diagnostics = found(*texts)
    assert len(diagnostics) == 1, [(each.code, each.summary) for each in diagnostics]
    return diagnostics[0]


def codes(*texts: str) -> list[str]:
    """Give the codes of what is found."""
    return [each.code for each in found(*texts)]


def snapshot(*texts: str) -> Snapshot:
    """Give the snapshot of files that have no fault."""
    result = loaded(*texts)
    assert result.snapshot is not None, [(each.code, each.summary) for each in result.diagnostics]
    return result.snapshot


def document(*texts: str) -> Document:
    """Give the document of files that have no fault."""
    result = loaded(*texts)
    assert result.document is not None, [(each.code, each.summary) for each in result.diagnostics]
    return result.document


def text_at(diagnostic: Diagnostic) -> str:
    """Give the text that a finding points to."""
    assert diagnostic.place is not None
    span = diagnostic.place.span
    return diagnostic.place.source.text[span.start.offset : span.end.offset]


def line_of(diagnostic: Diagnostic) -> int:
    """Give the line that a finding points to, the first one being that which names the schema."""
    assert diagnostic.place is not None
    return diagnostic.place.span.start.line


def mended(text: str, diagnostic: Diagnostic) -> str:
    """Carry out a finding's fix on the text of the first file."""
    whole = SCHEMA_LINE + text
    for edit in sorted(diagnostic.fix, key=lambda each: each.place.span, reverse=True):
        span = edit.place.span
        whole = whole[: span.start.offset] + edit.text + whole[span.end.offset :]
    return whole.removeprefix(SCHEMA_LINE)


def committed_schema() -> object:
    """Give the schema as it is committed."""
    return json.loads((ROOT / "schemas" / "omniroute.schema.json").read_text("utf-8"))
