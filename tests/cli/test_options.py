"""How commands find the configuration, and when they use colours."""

import os
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import click
import pytest

from omniroute.cli.options import colours, config_argument, config_option, config_or_default
from tests.cli.command import run


@click.command()
@config_argument
def anywhere(config: Path) -> None:
    click.echo(config)


@click.command()
@config_option
def flagged(config: Path) -> None:
    click.echo(config)


def test_a_path_can_be_named_with_or_without_a_flag() -> None:
    assert run("somewhere", group=anywhere).stdout == "somewhere\n"
    assert run("-c", "somewhere", group=anywhere).stdout == "somewhere\n"
    assert run("--config", "somewhere", group=flagged).stdout == "somewhere\n"


def test_a_path_that_is_named_twice_is_wrong_usage() -> None:
    done = run("here", "--config", "there", group=anywhere)
    assert done.exit_code == 2
    assert "named twice: 'here' and --config 'there'" in done.stderr


def test_what_is_named_wins_over_the_variable_and_the_variable_over_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "omniroute.toml").touch()
    environ = {"OMNIROUTE_CONFIG": "variable"}
    with chdir(tmp_path):
        for group in (anywhere, flagged):
            assert run("--config", "named", env=environ, group=group).stdout == "named\n"
            assert run(env=environ, group=group).stdout == "variable\n"
            assert run(env={"OMNIROUTE_CONFIG": ""}, group=group).stdout == "omniroute.toml\n"
        assert run("named", env=environ, group=anywhere).stdout == "named\n"


def test_the_default_is_what_there_is(tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert config_or_default(None) == Path("omniroute.toml")
        Path("config").mkdir()
        assert config_or_default(None) == Path("config")
        Path("omniroute.toml").touch()
        assert config_or_default(None) == Path("omniroute.toml")
        assert config_or_default(Path("other")) == Path("other")


def test_colours_are_for_terminals_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with (
        os.fdopen(theirs, "w") as terminal,
        (tmp_path / "file").open("w") as file,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.delenv("NO_COLOR", raising=False)
        with redirect_stdout(terminal), redirect_stderr(file):
            assert colours("auto")
            assert not colours("auto", stderr=True)
            assert colours("always", stderr=True)
            assert not colours("never")
            environment.setenv("NO_COLOR", "1")
            assert not colours("auto")
            assert colours("always")
            environment.setenv("NO_COLOR", "")
            assert colours("auto")
    os.close(ours)
