"""Pages taken apart: their blocks of code, and what stands around them."""

import re
from pathlib import Path

import msgspec

from tests.house.tree import ROOT

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<words>.*)$", re.MULTILINE)


class Block(msgspec.Struct, frozen=True):
    """A block of code: its language, its text, and the line that it begins on."""

    language: str
    text: str
    line: int


def all_pages() -> list[Path]:
    """Give every page that people read: what stands in the root, and everything below ``docs``."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: str) -> list[Block]:
    """Give the blocks of code, in order."""
    return [
        Block(each["language"], each["text"], page.count("\n", 0, each.start()) + 2) for each in FENCE.finditer(page)
    ]


def prose(page: str) -> str:
    """Give a page without its blocks of code."""
    return FENCE.sub("", page)


def links(page: str) -> list[str]:
    """Give where a page's links lead."""
    return [each["target"] for each in LINK.finditer(re.sub(r"`[^`]*`", "", prose(page)))]


def anchors(page: str) -> set[str]:
    """Give the fragments by which a page's headings are found, as GitHub makes them."""
    found: set[str] = set()
    for heading in HEADING.finditer(prose(page)):
        kept = "".join(each for each in heading["words"].lower() if each.isalnum() or each in "-_ ")
        found.add(kept.replace(" ", "-"))
    return found
