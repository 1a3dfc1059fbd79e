"""``omniroute show``: the effective configuration: catalogue and defaults applied, secrets as references."""

import json
from datetime import date
from pathlib import Path

import click
import tomli_w

from omniroute.cli.loading import read_config
from omniroute.cli.options import color_option, config_argument
from omniroute.cli.report import refuse
from omniroute.config.effective import effective


@click.command()
@config_argument
@click.option(
    "--format",
    "style",
    type=click.Choice(["toml", "json"]),
    default="toml",
    show_default=True,
    help="How it is written.",
)
@color_option
def show(config: Path, style: str, color: str) -> None:
    """Print the effective configuration, secrets as references.

    PATH is a file or a directory, as with --config. What the catalogue and the defaults add is written out. What is
    printed is a configuration of its own, which means the same. A configuration with faults is not shown: its faults
    are.
    """
    reading = read_config(config)
    if reading.document is None:
        refuse(reading, color, as_json=style == "json")
    shown = effective(reading.document)
    click.echo(json.dumps(shown, indent=2, default=_moment) if style == "json" else tomli_w.dumps(shown).rstrip())


def _moment(value: object) -> str:
    """Write a date or a time, which JSON has no type for, as TOML writes it."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
