"""How commands that read runtime data find the database: the one that ``serve`` would write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from omniroute.cli.loading import read_config
from omniroute.config.document.process import Runtime
from omniroute.storage.db import SCHEME, locate

database_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--database",
    metavar="FILE",
    envvar="OMNIROUTE_DATABASE",
    help="SQLite file that `serve` writes.  [default: runtime.database of the configuration]",
)


def find_database(named: str | None, config: Path) -> str:
    """Find the database: the one that was named, or the one that the configuration names.

    Raises:
        click.ClickException: the configuration has faults, so that nobody knows.
        StorageError: what is named is no database.
    """
    if named is None and (config.exists() or source("config") is not ParameterSource.DEFAULT):
        snapshot = read_config(config).snapshot
        if snapshot is None:
            message = (
                f"the configuration at '{config}' is missing or has faults, so which database it means is not known: "
                f"see `omniroute check {config}`, or name the database with --database"
            )
            raise click.ClickException(message)
        named = snapshot.database
    written = named or Runtime().database
    return locate(written if written.startswith(SCHEME) else SCHEME + written, Path.cwd())


def source(option: str) -> ParameterSource | None:
    """Say where an option's value comes from."""
    return click.get_current_context().get_parameter_source(option)
