"""Decisions are short, numbered, in the index, and say what holds them."""

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT

FOLDER = ROOT / "docs" / "decisions"
DECISIONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
HEADINGS = ["## Context", "## Decision", "## Consequences", "## How it is held"]
PAGE = 55

each_decision = pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)


@each_decision
def test_a_decision_has_its_four_parts_on_one_page(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith(f"# {path.name[:4]}: ")
    assert lines[2].startswith("Status: ")
    assert [line for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= PAGE


def test_decisions_are_numbered_without_a_gap_and_all_of_them_are_in_the_index() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    index = (FOLDER / "README.md").read_text("utf-8")
    assert re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", index) == [path.name for path in DECISIONS]


@each_decision
def test_files_that_a_decision_names_in_this_repository_are_there(path: Path) -> None:
    named = re.findall(r"`((?:tests|omniroute|docs|schemas)/[\w./-]+)`", path.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
