"""The pages of ``docs/reference``, made from the code: ``python -m tests.support.docs [--write]``.

Without ``--write``, it says which committed pages differ from what the code says, and exits with 1 where one does.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from omniroute.config.rules import rules_markdown
from tests.support.reference.cli import cli_page
from tests.support.reference.config import config_page
from tests.support.reference.errors import errors_page
from tests.support.reference.fidelity import fidelity_page
from tests.support.reference.http import http_page
from tests.support.reference.strategies import strategies_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
MADE = "<!-- Made from the code by `make docs`; edit the code instead. -->\n\n"

PAGES: Mapping[str, Callable[[], str]] = {
    "config.md": config_page,
    "cli.md": cli_page,
    "rules.md": rules_markdown,
    "http.md": http_page,
    "errors.md": errors_page,
    "fidelity.md": fidelity_page,
    "strategies.md": strategies_page,
}


def pages() -> dict[str, str]:
    """Make every page, by its file's name."""
    return {name: f"{MADE}{make().rstrip()}\n" for name, make in PAGES.items()}


def outdated(folder: Path = FOLDER) -> list[str]:
    """Name the pages that are not as the code says."""
    return [name for name, text in pages().items() if not _holds(folder / name, text)]


def write(folder: Path = FOLDER) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    if "--write" in arguments:
        write()
        return 0
    found = outdated()
    for name in found:
        print(f"docs/reference/{name} is not what the code says; write it anew with `make docs`")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
