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
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from click.core import ParameterSource

from omniroute.cli.database import database_option, find_database, source
from omniroute.cli.exits import Exit
from omniroute.cli.options import config_option
from omniroute.cli.table import Column, table
from omniroute.errors import StorageError
from omniroute.names import Outcome
from omniroute.storage.report import By, Filter, PastRequest, Summary, recent, summary
from omniroute.storage.rows import LOST, OPEN
from omniroute.storage.verify import Verdict, verify

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SUMS = tuple(map(Column, ("requests", "failed", "input", "output", "cache read", "cost", "unpriced")))
REQUEST = (
    Column("key", words=True),
    Column("tokens in+out"),
    Column("cost"),
    Column("took"),
    Column("outcome", words=True),
    Column("asked → answered by", words=True),
)
FINDING = (Column("what should hold", words=True), Column("where", words=True), Column("what is there", words=True))

Rows = tuple[Summary, ...] | tuple[PastRequest, ...]
Command = TypeVar("Command", bound=Callable[..., Any])

FILTERS = (
    click.option(
        "--since", metavar="WHEN", default="30d", show_default=True, help="From 30m, 12h, 7d, 4w ago, or from a date."
    ),
    click.option("--until", metavar="WHEN", help="Before then.  [default: now]"),
    click.option("--key", metavar="NAME", help="Only requests of this client key."),
    click.option("--model", metavar="NAME", help="Only those that this model answered."),
    click.option("--provider", metavar="NAME", help="Only those that this provider answered."),
    click.option(
        "--outcome",
        type=click.Choice([*(each.value for each in Outcome), OPEN, LOST]),
        help="Only those that ended so.",
    ),
    click.option("--tag", metavar="TAG", help="Only those with this tag."),
    click.option(
        "--timezone",
        "zone",
        metavar="ZONE",
        default="UTC",
        show_default=True,
        help="IANA time zone of days, hours and dates.",
    ),
)


def _filtered(command: Command) -> Command:
    """Add the options that say which requests are meant."""
    return reduce(lambda inner, option: option(inner), reversed(FILTERS), command)


@click.group(invoke_without_command=True)
@config_option
@database_option
@click.option(
    "--by", type=click.Choice([each.value for each in By]), default="model", show_default=True, help="Group by."
)
@_filtered
@click.option("--recent", "last", type=click.IntRange(1, 10_000), metavar="N", help="List the last N requests instead.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How it is written.",
)
def usage(config: Path, database: str | None, last: int | None, style: str, **meant: str | None) -> None:
    """Report requests, tokens and cost.

    A cost is what is known: answers of models without a price are counted as unpriced, never as free, and so are
    requests under way. One with several tags counts for each. CSV and JSON give instants and times in microseconds,
    and costs in billionths of a US dollar.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    kind: type[Summary] | type[PastRequest] = PastRequest if last else Summary
    by, zone = By(meant.pop("by") or ""), _zone(meant.pop("zone") or "")
    rows = _rows(database, config, last, by, zone, **meant)
    if style == "json":
        click.echo(json.dumps(msgspec.to_builtins(rows), indent=2))
    elif style == "csv":
        _csv(kind.__struct_fields__, msgspec.to_builtins(rows))
    elif not rows:
        click.echo("no such requests", err=True)
    else:
        click.echo(_drawn(rows, by, zone))


@usage.command("verify")
@config_option
@database_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How it is written.",
)
def verify_command(config: Path, database: str | None, style: str) -> None:
    """Prove that the sums of the ledger hold.

    What each budget has spent in each period must be the sum of its requests, none of them billed twice, none of them
    under way in a process that died, and nothing negative. Exits with 1 where something does not hold.
    """
    try:
        verdict = verify(find_database(database, config), _now())
    except StorageError as error:
        raise click.ClickException(error.message) from None
    if style == "json":
        click.echo(json.dumps(msgspec.to_builtins(verdict), indent=2))
    else:
        _tell(verdict)
    sys.exit(Exit.PROBLEMS if verdict.findings else Exit.FINE)


def _tell(verdict: Verdict) -> None:
    """Print what does not hold, and what was looked at."""
    if verdict.findings:
        click.echo(table(FINDING, [(each.rule, each.where, each.what) for each in verdict.findings], None))
    looked = f"{_many(verdict.requests, 'request')} and {_many(verdict.purses, 'sum')} of budgets"
    click.echo(
        f"{looked}: {_many(len(verdict.findings), 'finding') if verdict.findings else 'everything holds'}", err=True
    )
    if verdict.swept_nano:
        gone = dollars(verdict.swept_nano)
        click.echo(
            f"{gone} of the sums were spent by requests that are deleted, of which only the sum is left", err=True
        )
    if verdict.lost:
        lost = f"{_many(verdict.lost, 'request')} {'was' if verdict.lost == 1 else 'were'} lost"
        click.echo(f"{lost} when the process died: what that cost is unknown", err=True)


def _rows(database: str | None, config: Path, last: int | None, by: By, zone: tzinfo, **meant: str | None) -> Rows:
    """Read what was asked for."""
    if last and source("by") is ParameterSource.COMMANDLINE:
        message = "--recent lists requests one by one; --by is for sums"
        raise click.UsageError(message)
    now = _now()
    since, until = meant.pop("since"), meant.pop("until")
    ever = last is not None and source("since") is not ParameterSource.COMMANDLINE
    first = 0 if ever else _instant(since or "", "--since", now, zone)
    asked = Filter(first, Filter().until if until is None else _instant(until, "--until", now, zone), **meant)
    try:
        path = find_database(database, config)
        return recent(path, last, asked) if last else summary(path, asked, by, zone)
    except StorageError as error:
        raise click.ClickException(error.message) from None


def _now() -> int:
    return time.time_ns() // 1000


def _instant(written: str, option: str, now: int, zone: tzinfo) -> int:
    """Read a span back from now, such as ``7d``, or a date, or an instant of RFC 3339; gives Unix microseconds."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", written)
    if found is not None:
        return now - int(found[1]) * UNITS[found[2]] * 1_000_000
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        message = "write a number and a unit: 30m, 12h, 7d, 4w; or a date: 2026-01-31, 2026-01-31T08:00"
        raise click.BadParameter(message, param_hint=option) from None
    return round((read if read.tzinfo is not None else read.replace(tzinfo=zone)).timestamp() * 1_000_000)


def _zone(name: str) -> tzinfo:
    """Find a time zone by its name."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"there is no time zone '{name}' here: write one like Europe/Berlin"
        raise click.BadParameter(message, param_hint="--timezone") from None


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print comma-separated values, unknown ones empty."""
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in row.items()} for row in rows
    )


def _drawn(rows: Rows, by: By, zone: tzinfo) -> str:
    """Draw a table, as wide as the terminal where there is one."""
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    requests = [_listed(row, zone) for row in rows if isinstance(row, PastRequest)]
    if requests:
        return table((Column(f"at ({zone})", words=True), *REQUEST), requests, limit, named_last=True)
    sums = [row for row in rows if isinstance(row, Summary)]
    return table((Column(by.value, words=True), *SUMS), _summed(sums, total=by is not By.TAG), limit)


def _summed(rows: Sequence[Summary], *, total: bool) -> list[tuple[str, ...]]:
    """The lines of the summary, and the sum of them where they are several, and nothing is in more than one."""
    lines = [(row.group or "–", *_figures(row)) for row in rows]
    if len(rows) > 1 and total:
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


def _listed(row: PastRequest, zone: tzinfo) -> tuple[str, ...]:
    """One line of the list of requests."""
    at = datetime.fromtimestamp(row.at / 1e6, zone).strftime("%m-%d %H:%M:%S")
    tokens, cost = f"{_count(row.input_tokens)}+{_count(row.output_tokens)}", dollars(row.cost_nano)
    if not row.target and row.outcome not in {OPEN, LOST}:  # nobody answered, so nothing was spent
        tokens = cost = "–"
    way = row.asked if row.target in {"", row.asked} else f"{row.asked} → {row.target}"
    why = row.code or (f"from the {row.cache} cache" if row.cache else "")
    told = f"{way} ({why})".lstrip() if why else way
    took = f"{row.micros / 1e6:.2f} s" if row.status else "–"
    return (
        at,
        row.key or "–",
        tokens,
        f"~{cost}" if row.estimated and row.cost_nano is not None else cost,
        took,
        _outcome(row),
        told,
    )


def _outcome(row: PastRequest) -> str:
    """Say how a request ended; of a good one, how many attempts it took where that was more than one."""
    if row.outcome == Outcome.OK:
        return "ok" if len(row.attempts) < 2 else f"ok, {len(row.attempts)} attempts"
    return f"{row.outcome} {row.status}" if row.status else row.outcome


def _many(count: int, what: str) -> str:
    """Write a number of things."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _count(figure: int | None) -> str:
    """Show a count; what is unknown is not shown as zero."""
    return "?" if figure is None else f"{figure:,}"


def dollars(nano: int | None) -> str:
    """Write nano-dollars as dollars, exactly, with two places at least; unknown is not zero."""
    if nano is None:
        return "?"
    whole, _, part = f"{Decimal(nano).scaleb(-9):,.9f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
