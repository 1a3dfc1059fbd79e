"""How findings and files are written out by several commands."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from omniroute import __version__
from omniroute.cli.loading import Reading, verdict
from omniroute.cli.options import colours
from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import RenderContext, render
from omniroute.config.render.human import summary
from omniroute.config.render.listing import arrange


def findings(diagnostics: Iterable[object], *, colour: bool) -> str:
    """Render findings for a person, without the lines that say what was checked: the caller says what it means."""
    found = [each for each in diagnostics if isinstance(each, Diagnostic)]
    context = RenderContext(__version__, colour=colour)
    return render(found, "human", context).removesuffix(summary(arrange(found), context) + "\n")


def refuse(reading: Reading, color: str, *, as_json: bool) -> NoReturn:
    """Report the faults of a configuration instead of what was asked for: to programs as ``check --format json``."""
    if as_json:
        click.echo(render(reading.found, "json", reading.context), nl=False)
    else:
        click.echo(findings(reading.found, colour=colours(color, stderr=True)), err=True, nl=False)
    sys.exit(verdict(reading.where, reading.found))


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
