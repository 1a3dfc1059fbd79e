"""``omniroute usage``: what was asked, answered and spent, from the database of runtime data.

Always true: what is unknown is shown as ``?`` and never as zero; names that clients made up reach a terminal only
without control characters.
"""

import csv
import json
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource

from omniroute.cli.database import database_option, find_database, source
from omniroute.cli.options import config_option
from omniroute.cli.table import Column, table
from omniroute.errors import StorageError
from omniroute.storage.report import By, PastRequest, Summary, recent, summary

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SUMS = tuple(map(Column, ("requests", "failed", "input", "output", "cache read", "cost", "unpriced")))
REQUEST = (
    Column("at (UTC)", words=True),
    Column("key", words=True),
    Column("tokens in+out"),
    Column("cost"),
    Column("took"),
    Column("outcome", words=True),
    Column("asked → answered by", words=True),
)

Rows = tuple[Summary, ...] | tuple[PastRequest, ...]


@click.command()
@config_option
@database_option
@click.option(
    "--by", type=click.Choice([each.value for each in By]), default="model", show_default=True, help="Group by."
)
@click.option("--since", metavar="SPAN", default="30d", show_default=True, help="How far back: 30m, 12h, 7d, 4w.")
@click.option("--recent", "last", type=click.IntRange(1, 10_000), metavar="N", help="List the last N requests instead.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How it is written.",
)
def usage(config: Path, database: str | None, last: int | None, style: str, **summed: str) -> None:
    """Report requests, tokens and cost.

    A cost is what is known: answers of models without a price are counted as unpriced, never as free. A day is one of
    UTC. CSV and JSON give instants and times in microseconds, and costs in billionths of a US dollar.
    """
    kind: type[Summary] | type[PastRequest] = PastRequest if last else Summary
    try:
        rows = _rows(find_database(database, config), last, **summed)
    except StorageError as error:
        raise click.ClickException(error.message) from None
    if style == "json":
        click.echo(json.dumps(msgspec.to_builtins(rows), indent=2))
    elif style == "csv":
        _csv(kind.__struct_fields__, msgspec.to_builtins(rows))
    elif not rows:
        click.echo("no requests yet" if last else f"no requests in the last {summed['since']}", err=True)
    else:
        click.echo(_drawn(rows, summed["by"]))


def _rows(database: str, last: int | None, by: str, since: str) -> Rows:
    """Read what was asked for."""
    if last and ParameterSource.COMMANDLINE in {source("by"), source("since")}:
        message = "--recent lists requests one by one; --by and --since are for sums"
        raise click.UsageError(message)
    now = time.time_ns() // 1000
    span = _micros(since)
    return recent(database, last) if last else summary(database, now - span, now, By(by))


def _micros(since: str) -> int:
    """Read a span such as ``7d`` in microseconds."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", since)
    if found is None:
        message = "write a number and a unit: 30m, 12h, 7d, 4w"
        raise click.BadParameter(message, param_hint="--since")
    return int(found[1]) * UNITS[found[2]] * 1_000_000


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print comma-separated values, unknown ones empty."""
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in row.items()} for row in rows
    )


def _drawn(rows: Rows, by: str) -> str:
    """Draw a table, as wide as the terminal where there is one."""
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    requests = [_listed(row) for row in rows if isinstance(row, PastRequest)]
    if requests:
        return table(REQUEST, requests, limit, named_last=True)
    return table((Column(by, words=True), *SUMS), _summed([row for row in rows if isinstance(row, Summary)]), limit)


def _summed(rows: Sequence[Summary]) -> list[tuple[str, ...]]:
    """The lines of the summary, and the sum of them where they are several."""
    lines = [(row.group or "–", *_figures(row)) for row in rows]
    if len(rows) > 1:
        sums = {name: _sum([getattr(row, name) for row in rows]) for name in Summary.__struct_fields__[1:]}
        lines.append(("total", *_figures(msgspec.convert({"group": "", **sums}, Summary))))
    return lines


def _figures(row: Summary) -> tuple[str, ...]:
    counts = (row.requests, row.failed, row.input_tokens, row.output_tokens, row.cache_read_tokens)
    return (*map(_count, counts), dollars(row.cost_nano), _count(row.unpriced))


def _sum(column: Sequence[int | None]) -> int | None:
    """Add up what is known; where nothing is, neither is the sum."""
    known = [each for each in column if each is not None]
    return sum(known) if known else None


def _listed(row: PastRequest) -> tuple[str, ...]:
    """One line of the list of requests."""
    at = datetime.fromtimestamp(row.at / 1e6, UTC).strftime("%m-%d %H:%M:%S")
    tokens, cost = f"{_count(row.input_tokens)}+{_count(row.output_tokens)}", dollars(row.cost_nano)
    if not row.target:  # nobody answered, so nothing was spent
        tokens = cost = "–"
    way = row.asked if row.target in {"", row.asked} else f"{row.asked} → {row.target}"
    told = f"{way} ({row.code})" if row.code else way
    return (at, row.key or "–", tokens, cost, f"{row.micros / 1e6:.2f} s", _outcome(row), told)


def _outcome(row: PastRequest) -> str:
    """Say how a request ended; of a good one, how many attempts it took where that was not one."""
    if row.outcome == "ok":
        return "ok" if len(row.attempts) == 1 else f"ok, {len(row.attempts)} attempts"
    return f"{row.outcome} {row.status}"


def _count(figure: int | None) -> str:
    """Show a count; what is unknown is not shown as zero."""
    return "?" if figure is None else f"{figure:,}"


def dollars(nano: int | None) -> str:
    """Write nano-dollars as dollars, exactly, with two places at least; unknown is not zero."""
    if nano is None:
        return "?"
    whole, _, part = f"{Decimal(nano).scaleb(-9):,.9f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
