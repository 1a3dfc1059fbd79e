"""Every style of every case, byte for byte; OMNIROUTE_GOLDEN=write writes the expected texts anew."""

import json
import os

import pytest

from omniroute.config.render import STYLES, render
from omniroute.config.rules import RULES
from tests.config.render.cases import CASES, ROOT, sources_of

FILES = {
    "human": "expected.human.txt",
    "concise": "expected.concise.txt",
    "json": "expected.json",
    "github": "expected.github.txt",
    "sarif": "expected.sarif",
}
WRITE = os.getenv("OMNIROUTE_GOLDEN") == "write"


def rendered(case: str, style: str) -> str:
    made = CASES[case](sources_of(case))
    text = render(made.findings, style, made.context)
    return without_rules(text) if style == "sarif" else text


def without_rules(text: str) -> str:
    """Leave out the rules of a SARIF document: they are the same everywhere, and have a test of their own."""
    document = json.loads(text)
    assert len(document["runs"][0]["tool"]["driver"].pop("rules")) == len(RULES)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES)
def test_a_rendering_is_what_it_was_when_somebody_looked_at_it(case: str, style: str) -> None:
    expected = ROOT / case / FILES[style]
    text = rendered(case, style)
    if WRITE:
        expected.write_bytes(text.encode())
    assert text == expected.read_bytes().decode()


def test_every_folder_is_a_case_and_every_style_has_a_file() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_dir()} == set(CASES)
    assert set(FILES) == set(STYLES)
