"""``omniroute serve``: run the gateway."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
import pydantic

from omniroute import __version__
from omniroute.cli.banner import banner
from omniroute.cli.exits import Exit
from omniroute.cli.options import color_option, colours, config_argument, environment
from omniroute.cli.report import findings
from omniroute.errors import ConfigError, StorageError
from omniroute.gateway.assembly import Process, Started
from omniroute.gateway.assembly import serve as run
from omniroute.gateway.workers import supervise
from omniroute.settings import Settings

Result = TypeVar("Result")


WORKER = (sys.executable, "-m", "omniroute.cli.worker")


class BadConfig(click.ClickException):
    """The configuration cannot be used."""

    exit_code = Exit.BAD_CONFIG


@click.command()
@config_argument
@click.option("--host", metavar="HOST", help="Address to listen on, in place of server.host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Port, in place of server.port; 0 takes a free one."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Serve with so many processes, which share limits and budgets.  [default: 1]",
)
@click.option("--database", metavar="FILE", help="SQLite file for runtime data, in place of runtime.database.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="How much the log says; debug has a line a request.  [default: info]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Form of the log.  [default: text on a terminal, else json]",
)
@color_option
def serve(config: Path, color: str, **flags: Any) -> None:
    """Run the gateway.

    PATH is a file or a directory, as with --config. Options override the variables OMNIROUTE_HOST, OMNIROUTE_PORT and
    so on, and both override what the configuration says. A configuration that cannot be used ends it with exit code
    78; later, a bad edit leaves the last good one serving.
    """
    process = _process(config, {name: value for name, value in flags.items() if value is not None})
    try:
        stopped_by = _supervised(process) if process.workers > 1 else run_on_loop(run(process, sys.stderr, _announce))
    except ConfigError as error:
        click.echo(findings(error.diagnostics, colour=colours(color, stderr=True)), err=True, nl=False)
        raise BadConfig(error.message) from None
    except StorageError as error:
        raise click.ClickException(error.message) from None
    except OSError as error:
        message = f"cannot listen: {error.strerror or error}; --host and --port name another address"
        raise click.ClickException(message) from None
    sys.exit(Exit.INTERRUPTED if stopped_by is signal.SIGINT else Exit.FINE)


def _process(config: Path, flags: dict[str, Any]) -> Process:
    """Put flags over OMNIROUTE_* variables."""
    try:
        settings = Settings(**flags)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = f"OMNIROUTE_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}"
        raise click.UsageError(message) from None
    return Process(
        config=config,
        environ=environment(),
        host=settings.host,
        port=settings.port,
        database=settings.database,
        log_level=settings.log_level,
        log_style=settings.log_format or ("text" if sys.stderr.isatty() else "json"),
        workers=settings.workers,
    )


def _supervised(process: Process) -> signal.Signals | None:
    """Serve with several processes."""
    if sys.platform == "win32":
        message = "--workers needs sockets that are inherited, and signals, which this system does not have"
        raise click.UsageError(message)
    return asyncio.run(supervise(process, sys.stderr, _announce, WORKER))


def _announce(started: Started) -> None:
    click.echo(banner(started.live, started.address, started.files, __version__))


def run_on_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop, where there is one: it takes a third less CPU a request."""
    try:
        # Here and not above: it does not exist for every system, and nothing else needs it.
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
