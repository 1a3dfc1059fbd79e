"""Options that several commands share, and how they find the configuration."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

DEFAULTS = ("omniroute.toml", "config")
"""Where a configuration is looked for when nobody says where it is."""

_config = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar="OMNIROUTE_CONFIG",
    help="Configuration file or directory.  [default: $OMNIROUTE_CONFIG, else omniroute.toml, else config/]",
)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``config``: the path that was named, or the default one."""

    @wraps(command)
    def found(config: Path | None, **others: Any) -> Any:
        return command(config=config_or_default(config), **others)

    return _config(found)


def config_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``config`` as ``config_option`` does; its path may be named without a flag as well."""

    @wraps(command)
    def found(config: Path | None, path: Path | None, **others: Any) -> Any:
        named = click.get_current_context().get_parameter_source("config")
        if path is not None and named is ParameterSource.COMMANDLINE:
            message = f"the configuration is named twice: '{path}' and --config '{config}'"
            raise click.UsageError(message)
        return command(config=config_or_default(path or config), **others)

    argument = click.argument("path", required=False, type=click.Path(path_type=Path))
    return argument(_config(found))


def _coloured(context: click.Context, _parameter: click.Parameter, choice: str) -> str:
    """Tell click as well, which else takes colours out of what goes to no terminal."""
    context.color = {"always": True, "never": False}.get(choice)
    return choice


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    callback=_coloured,
    help="When to use colours; auto is on a terminal, unless NO_COLOR is set.",
)


def environment() -> Mapping[str, str]:
    """The process's environment: read here, and passed on as an argument."""
    return os.environ  # noqa: TID251 - the one place that reads it


def config_or_default(given: Path | None) -> Path:
    """Give the configuration's path: what was said, else the first default that exists, else the first default."""
    if given is not None:
        return given
    found = (Path(name) for name in DEFAULTS if Path(name).exists())
    return next(found, Path(DEFAULTS[0]))


def colours(choice: str, *, stderr: bool = False) -> bool:
    """Decide about colours: ``NO_COLOR`` (https://no-color.org) and a redirected output switch ``auto`` off."""
    if choice != "auto":
        return choice == "always"
    stream = sys.stderr if stderr else sys.stdout
    return stream.isatty() and not environment().get("NO_COLOR")
