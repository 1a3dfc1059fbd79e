"""Which database a command means."""

from contextlib import chdir
from pathlib import Path

import click
import pytest

from omniroute.cli.database import database_option, find_database, source
from omniroute.cli.options import config_option
from tests.cli.command import ECHO, run, written


@click.command()
@config_option
@database_option
def found(config: Path, database: str | None) -> None:
    """Say which database is meant, and where that was said."""
    where = source("database")
    click.echo(f"{find_database(database, config)} {where.name if where else ''}")


@pytest.mark.parametrize("named", ["a.db", "sqlite:a.db"])
def test_one_that_is_named_is_meant_with_or_without_its_scheme(named: str, tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert run("--database", named, group=found).stdout == f"{tmp_path / 'a.db'} COMMANDLINE\n"


def test_the_environment_comes_next_and_then_the_configuration(tmp_path: Path) -> None:
    path = written(tmp_path, f'{ECHO}[runtime]\ndatabase = "sqlite:c.db"\n')
    with chdir(tmp_path):
        environ = {"OMNIROUTE_DATABASE": "sqlite:e.db"}
        assert run("-c", path, env=environ, group=found).stdout == f"{tmp_path / 'e.db'} ENVIRONMENT\n"
        assert run("-c", path, group=found).stdout == f"{tmp_path / 'c.db'} DEFAULT\n"


def test_without_any_configuration_it_is_the_usual_one(tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert run(group=found).stdout == f"{tmp_path / 'omniroute.db'} DEFAULT\n"


def test_a_configuration_with_faults_names_none(tmp_path: Path) -> None:
    done = run("-c", written(tmp_path, "[combos.x]\n"), group=found)
    assert done.exit_code == 1
    assert "so which database it means is not known" in done.stderr
