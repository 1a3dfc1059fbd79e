"""``omniroute backup``: copies of the runtime data, and its usage rows as files.

Always true: what a command did is said on standard output, where a file went as its path alone, for scripts.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from omniroute.cli.database import database_option, find_database
from omniroute.cli.options import config_option
from omniroute.cli.table import Column, table
from omniroute.errors import StorageError
from omniroute.storage.backup import backups, create, restore
from omniroute.storage.carry import read_rows, write_rows

COLUMNS = (Column("backup", words=True), Column("made (UTC)", words=True), Column("for", words=True), Column("bytes"))

_folder = click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Directory, in place of `backups` beside it."
)
_form = click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="How rows are written.",
)


@click.group()
def backup() -> None:
    """Back up the runtime data, and restore it."""


def _on_database(command: Callable[..., None]) -> Callable[..., Any]:
    """Give a command the path of the database, and tell its troubles."""

    @wraps(command)
    def found(config: Path, database: str | None, **others: Any) -> None:
        with _told():
            command(find_database(database, config), **others)

    return config_option(database_option(found))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise click.ClickException(error.message) from None


@backup.command("create")
@_on_database
@_folder
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Remove the oldest beyond N that were made this way.")
def create_command(database: str, folder: Path | None, keep: int | None) -> None:
    """Copy the database, while the gateway goes on serving.

    The copy is of one instant, is checked, and is this user's alone. Its path is printed.
    """
    click.echo(create(database, _now(), folder=folder, keep=keep).path)


@backup.command("list")
@_on_database
@_folder
@click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to list."
)
def list_command(database: str, folder: Path | None, style: str) -> None:
    """List the backups, the newest first.

    Some are made without being asked for: `migration` before a new version changes the schema, `replaced` of what a
    restore replaced, `operation` over HTTP.
    """
    found = backups(database, folder)
    if style == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif found:
        lines = [(each.path, _day(each.at), each.why.value, f"{each.size:,}") for each in found]
        click.echo(table(COLUMNS, lines, None))
    else:
        click.echo("no backups yet: `omniroute backup create` makes one", err=True)


@backup.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@_on_database
def restore_command(database: str, file: Path) -> None:
    """Put the backup FILE in the place of the database, while no gateway runs on it.

    FILE is checked first, and what it replaces is kept as a backup.
    """
    done = restore(database, file, _now())
    kept = f"; what was there is kept as {done.replaced}" if done.replaced else ""
    click.echo(f"{done.database} is now what {done.source} was{kept}")


@backup.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True), default="-")
@_on_database
@_form
def export_command(database: str, file: IO[str], form: Any) -> None:
    """Write the usage rows to FILE, or to standard output."""
    count = write_rows(database, file, form)  # type: ignore[arg-type]  # click's lazy file is a text stream
    click.echo(f"{count} rows", err=True)


@backup.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@_on_database
@_form
def import_command(database: str, file: IO[str], form: Any) -> None:
    """Read usage rows from FILE, or from standard input.

    Rows that are there already, by their request id, are left as they are. What the others cost counts in their
    budgets.
    """
    done = read_rows(database, file, form)
    click.echo(f"{done.new} rows came in, {done.known} were there already", err=file is sys.stdin)


def _now() -> int:
    return time.time_ns() // 1000


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
