"""``omniroute audit``: what was refused, changed and operated, and whether the record of it is whole.

Always true: the database is opened for reading only; what others wrote reaches a terminal without control characters.
"""

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from omniroute.cli.database import database_option, find_database
from omniroute.cli.exits import Exit
from omniroute.cli.options import config_option
from omniroute.cli.table import Column, table
from omniroute.config.units import DURATION, seconds
from omniroute.errors import StorageError
from omniroute.storage.audit import AuditRow, Filter, rows, verify_file

COLUMNS = (
    Column("seq"),
    Column("at (UTC)", words=True),
    Column("actor", words=True),
    Column("action", words=True),
    Column("count"),
    Column("target: detail", words=True),
)


class _Listing(click.Group):
    """A group whose own name is short for listing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command in where it was left out."""
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help"}):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Listing)
def audit() -> None:
    """Show what may have to be proved later, and check that it is whole."""


@audit.command("list")
@config_option
@database_option
@click.option("--since", metavar="SPAN", default="30d", show_default=True, help="How far back: 30m, 12h, 7d.")
@click.option("--action", default="", metavar="ACTION", help="Only this action, such as config.applied.")
@click.option("--actor", default="", metavar="NAME", help="Only what this key, or this address, did.")
@click.option("--last", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many rows.")
@click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to list."
)
def list_command(config: Path, database: str | None, since: str, last: int, style: str, **which: str) -> None:
    """List the audit log, the newest row first; `omniroute audit` alone is short for it."""
    begin = max(0, time.time_ns() // 1000 - _span(since))
    try:
        found = rows(find_database(database, config), Filter(since=begin, **which), last)
    except StorageError as error:
        raise click.ClickException(error.message) from None
    if style == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif found:
        click.echo(table(COLUMNS, [_line(each) for each in found], None, named_last=True))
    else:
        click.echo(f"nothing in the last {since}", err=True)


@audit.command("verify")
@config_option
@database_option
def verify_command(config: Path, database: str | None) -> None:
    """Check the chain of hashes, in which every row covers the one before it.

    A row that was changed, removed or put in breaks it, and the exit code is 1 then. Whoever removes the last rows
    leaves a shorter chain: keep the hash that is printed elsewhere, and compare.
    """
    try:
        found = verify_file(find_database(database, config))
    except StorageError as error:
        raise click.ClickException(error.message) from None
    if found.broken is not None:
        click.echo(f"the chain is broken at row {found.broken}; the {found.rows} rows before it are whole")
        sys.exit(Exit.PROBLEMS)
    click.echo(f"{found.rows} rows, all whole; the last hash is {found.hash}")


def _span(since: str) -> int:
    """Read a span such as ``7d`` in microseconds."""
    if re.match(DURATION, since) is None:
        message = "write numbers and units: 30m, 12h, 7d"
        raise click.BadParameter(message, param_hint="--since")
    return round(seconds(since) * 1e6)


def _line(row: AuditRow) -> tuple[str, ...]:
    at = datetime.fromtimestamp(row.at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    told = ": ".join(each for each in (row.target, row.detail) if each)
    return (str(row.seq), at, row.actor or "–", row.action, str(row.count), told or "–")
