"""``omniroute check``: every fault in a configuration, offline and without secrets."""

import sys
import time
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace

from omniroute.cli.loading import Reading, read_config, verdict
from omniroute.cli.options import color_option, colours, config_argument, environment
from omniroute.cli.report import write_file
from omniroute.cli.suite import found_in_tests
from omniroute.cli.table import Column, table
from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import STYLES, render
from omniroute.config.waits import Bound
from omniroute.names import Severity
from omniroute.routing.survive import fragile, worst_cases

_TELL_WORST_CASES = ("human", "json")
"""The styles that have a place for what is no finding."""


@click.command()
@config_argument
@click.option(
    "--format", "style", type=click.Choice(list(STYLES)), default="human", show_default=True, help="How it is written."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
@click.option("--deny-warnings", is_flag=True, help="Exit with 3 where there are warnings.")
@click.option(
    "--resolve-secrets", is_flag=True, help="Look up every secret; says whether it is there, never what it is."
)
@click.option(
    "--survive",
    "losses",
    type=click.IntRange(1, 3),
    metavar="N",
    help="Warn of each alias and combo that does not survive the loss of any N providers, or of any N credentials.",
)
@click.option(
    "--worst-case", is_flag=True, help="Say how many attempts and how long each alias and combo can take at most."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing to people where nothing is wrong.")
@click.option("--no-hints", is_flag=True, help="Leave hints out.")
@color_option
def check(config: Path, style: str, output: Path | None, color: str, losses: int | None, **flags: bool) -> None:
    """Find every fault in a configuration; offline.

    PATH is a file or a directory, as with --config. It is read and nothing else is: no network, no secrets. Files of
    tests beside it (*.test.toml) are checked too, and not run. In GitHub Actions, findings are printed as annotations
    as well.
    """
    if flags["worst_case"] and style not in _TELL_WORST_CASES:
        message = f"--worst-case goes with --format {' or '.join(_TELL_WORST_CASES)}"
        raise click.UsageError(message)
    began = time.monotonic()
    reading = read_config(config, partial(fragile, losses=losses) if losses is not None else None)
    tests, of_tests = found_in_tests(reading)
    found = (*reading.found, *of_tests, *(_secrets(reading) if flags["resolve_secrets"] else ()))
    context = replace(
        reading.context,
        files=reading.context.files + tests,
        elapsed=time.monotonic() - began,
        colour=output is None and colours(color),
        hints=not flags["no_hints"],
        worst_cases=_worst_cases(reading) if flags["worst_case"] else None,
    )
    text = render(found, style, context)
    if style == "human" and flags["quiet"] and not _worth_saying(found):
        text = ""
    if style == "human" and context.worst_cases:
        text = "\n".join((*filter(None, (text,)), _listed(context.worst_cases)))
    if output is not None:
        write_file(output, text)
    else:
        click.echo(text, nl=False)
    if style == "human" and environment().get("GITHUB_ACTIONS") == "true":
        click.echo(render(found, "github", context), nl=False)
    sys.exit(verdict(reading.where, found, deny_warnings=flags["deny_warnings"]))


def _worst_cases(reading: Reading) -> tuple[Bound, ...]:
    return worst_cases(reading.snapshot) if reading.snapshot is not None else ()


def _listed(cases: tuple[Bound, ...]) -> str:
    columns = (Column("worst case", words=True), Column("attempts"), Column("seconds"))
    rows = [(each.name, f"{each.attempts:,}", _seconds(each.seconds)) for each in cases]
    return table(columns, rows, None) + "\n"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.3f}".rstrip("0").rstrip(".")


def _secrets(reading: Reading) -> tuple[Diagnostic, ...]:
    """Look every secret up, and report the ones that are not to be had."""
    # Here and not above: nothing else that `check` does looks at a secret.
    from omniroute.upstream.secrets import resolve_all  # noqa: PLC0415

    if reading.snapshot is None:
        return ()
    book = resolve_all(reading.snapshot, environment(), reading.where.base)
    return tuple(
        Diagnostic(
            code="OR9004",
            severity=Severity.ERROR,
            summary=f"credential `{name}` of provider `{provider}` has no secret: {reason}",
            path=("providers", provider),
        )
        for provider, name, reason in book.missing
    )


def _worth_saying(found: tuple[Diagnostic, ...]) -> bool:
    return any(each.severity is not Severity.HINT for each in found)
