"""``omniroute schema``: the JSON Schemas of what people write and of what the commands print."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import click

from omniroute.cli.report import write_file
from omniroute.config.schema import schema_text

NAME = "omniroute.schema.json"
"""The schema of the configuration, which is generated from the document models."""


@click.command()
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write every schema into a directory instead, that of `check --format json` as well.",
)
def schema(folder: Path | None) -> None:
    """Print the JSON Schema of the configuration."""
    if folder is None:
        click.echo(schema_text(), nl=False)
        return
    for name, text in schemas():
        write_file(folder / name, text)
        click.echo(f"wrote {folder / name}", err=True)


def schemas() -> Iterator[tuple[str, str]]:
    """Give every schema that we ship, by its file's name: one is generated, the others are as they were written."""
    package = resources.files("omniroute")
    packaged = package / "schemas"
    folder = packaged if packaged.is_dir() else Path(str(package)).parent / "schemas"
    yield NAME, schema_text()
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.name.endswith(".schema.json") and each.name != NAME:
            yield each.name, each.read_text("utf-8")
