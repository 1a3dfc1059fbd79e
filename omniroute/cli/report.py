"""How findings and files are written out by several commands."""

from collections.abc import Iterable
from pathlib import Path

import click

from omniroute import __version__
from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import RenderContext, render
from omniroute.config.render.human import summary
from omniroute.config.render.listing import arrange


def findings(diagnostics: Iterable[object], *, colour: bool) -> str:
    """Render findings for a person, without the lines that say what was checked: the caller says what it means."""
    found = [each for each in diagnostics if isinstance(each, Diagnostic)]
    context = RenderContext(__version__, colour=colour)
    return render(found, "human", context).removesuffix(summary(arrange(found), context) + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a file, and the directories above it.

    Raises:
        click.ClickException: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or type(error).__name__}"
        raise click.ClickException(message) from None
