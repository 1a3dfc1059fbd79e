"""Renderings that somebody has looked at: every style of some findings, byte for byte.

With ``OMNIROUTE_GOLDEN=write`` in the environment the expected texts are written anew; read them before they are
committed.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import RenderContext, render
from omniroute.config.rules import RULES

FILES: Mapping[str, str] = {
    "human": "expected.human.txt",
    "concise": "expected.concise.txt",
    "json": "expected.json",
    "github": "expected.github.txt",
    "sarif": "expected.sarif",
}
"""The name of the file that holds the expected text of each style."""

ROOT = Path(__file__).parents[1] / "golden"
WRITE = os.getenv("OMNIROUTE_GOLDEN") == "write"


def hold(folder: Path, style: str, findings: Iterable[Diagnostic], context: RenderContext) -> None:
    """Compare a rendering with the text that a folder expects."""
    hold_text(folder, style, render(findings, style, context))


def hold_text(folder: Path, style: str, text: str) -> None:
    """Compare what was rendered elsewhere with the text that a folder expects."""
    text = _without_rules(text) if style == "sarif" else text
    expected = folder / FILES[style]
    if WRITE:
        expected.write_bytes(text.encode())
    assert text == expected.read_bytes().decode()


def _without_rules(text: str) -> str:
    """Leave out the rules of a SARIF document: they are the same everywhere, and have a test of their own."""
    document = json.loads(text)
    assert len(document["runs"][0]["tool"]["driver"].pop("rules")) == len(RULES)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
