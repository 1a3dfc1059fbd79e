"""Small pieces of Markdown."""

import textwrap
from collections.abc import Iterable, Sequence


def paragraph(text: str) -> str:
    """Fill a paragraph."""
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table; cells hold Markdown, and the bars in them are escaped."""
    lines = [columns, ["---"] * len(columns), *([_cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def fenced(text: str, language: str = "") -> str:
    """Put a text into a block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def code(text: str) -> str:
    """Mark a text as code."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def anchor(heading: str) -> str:
    """Give the fragment by which a heading is found."""
    kept = "".join(each for each in heading.lower() if each.isalnum() or each in "-_ ")
    return f"#{kept.replace(' ', '-')}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
