"""``omniroute init``: a commented starter configuration, and the schema that its first line names.

Always true: what is written passes ``omniroute check --deny-warnings``. Of the environment, the names of variables are
looked at, and whether they are empty; no value is written or shown.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import click
import msgspec

from omniroute.cli.options import environment
from omniroute.cli.report import write_file
from omniroute.cli.schema import NAME
from omniroute.config.schema import schema_text
from omniroute.config.source import Source
from omniroute.engine.files import is_config_name, shipped_catalogue
from omniroute.formats import CODECS

FILE = "omniroute.toml"
ACTS = frozenset(CODECS)
"""The formats of providers that can be used."""
OTHERWISE_USED = frozenset({"GITHUB_TOKEN", "SCW_SECRET_KEY"})
"""Variables that are in many environments for another purpose: CI and code spaces, infrastructure tools."""

BLOCK = re.compile(r"# --- providers ---\n(.*?)# --- end ---\n", re.DOTALL)
"""What of the starter file gives way to the providers that were found."""


class Found(msgspec.Struct, frozen=True):
    """A provider of the catalogue whose key is in the environment; ``doubtful`` where it may be there by accident."""

    provider: str
    variable: str
    doubtful: bool


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="config")
@click.option("--from-env", is_flag=True, help="Add each provider whose key is in the environment.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(folder: Path, *, from_env: bool, force: bool) -> None:
    """Write a commented starter configuration.

    It goes into FOLDER, which is config/ where none is named, beside the JSON Schema that editors use.
    """
    target = folder / FILE
    there = sorted(filter(is_config_name, (each.name for each in folder.iterdir()))) if folder.is_dir() else []
    if there and not force:
        message = f"there is a configuration in {folder} already ({', '.join(there)}); --force overwrites {target}"
        raise click.UsageError(message)
    found = list(providers_found(shipped_catalogue(), environment())) if from_env else []
    write_file(target, _starter(found))
    write_file(folder / NAME, schema_text())
    for each in found:
        click.echo(_said(each), err=True)
    if from_env and not found:
        click.echo("no key of a provider that could be used is in the environment", err=True)
    click.echo(f"wrote {target}\ntry: omniroute check {folder} && omniroute serve {folder}", err=True)


def providers_found(catalogue: Iterable[Source], environ: Mapping[str, str]) -> Iterator[Found]:
    """Give the catalogue's providers whose key is there: of several that share a variable, the first usable one."""
    taken: set[str] = set()
    for source in catalogue:
        if not source.name.endswith(".toml"):
            continue
        providers: dict[str, Any] = tomllib.loads(source.text)["providers"]
        for name, provider in providers.items():
            variable = next((each for each in provider.get("api_key_env", ()) if environ.get(each)), None)
            if variable is not None and variable not in taken and ACTS & set(provider["formats"]):
                taken.add(variable)
                yield Found(name, variable, variable in OTHERWISE_USED)


def _said(found: Found) -> str:
    words = "left as a comment, since that variable is often there for something else" if found.doubtful else "added"
    return f"found {found.variable}: provider {found.provider}, {words}"


def _starter(found: list[Found]) -> str:
    """Write the file: as it is shipped, or with the tables of the providers that were found."""
    text = resources.files("omniroute.cli").joinpath("starter.toml").read_text(encoding="utf-8")
    sure = any(not each.doubtful for each in found)
    tables = "\n".join(map(_table, found))

    def chosen(block: re.Match[str]) -> str:
        return tables if sure else "\n".join((block[1], tables)) if found else block[1]

    return BLOCK.sub(chosen, text)


def _table(found: Found) -> str:
    """Write the table of one provider; as a comment where it is doubtful."""
    lines = f'[providers.{found.provider}]\napi_key = "env:{found.variable}"\n'
    return re.sub(r"^", "# ", lines, flags=re.MULTILINE).removesuffix("# ") if found.doubtful else lines
