"""The command line as a whole: what is imported when, and how it ends when something is wrong."""

import json
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from omniroute import __version__
from omniroute.cli.exits import MEANINGS
from omniroute.cli.main import COMMANDS, main
from tests.cli.command import ECHO, run, written
from tests.house.tree import python

SECRET = "sk-planted-0123456789abcdef"


class Fragile(type(main)):  # type: ignore[misc]  # the group's own class has no public name
    """The command line with one command, which fails as it is told."""

    failure: BaseException = RuntimeError(SECRET)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx

        @click.command(cmd_name)
        @click.option("--format")
        def check(**_: Any) -> None:
            secret = SECRET
            raise self.failure from KeyError(secret)

        return check


def failing(failure: BaseException) -> Fragile:
    group = Fragile("omniroute")
    group.failure = failure
    return group


def test_help_names_every_command_and_exit_code() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert f"  {name:<{max(map(len, COMMANDS))}}  {line}" in done.stdout
    for code, meaning in MEANINGS.items():
        assert f"  {code.value:<3}  {meaning}" in done.stdout


def test_help_imports_no_command_and_none_of_their_libraries() -> None:
    code = """
import sys
from omniroute.cli.main import main
try:
    main(["--help"])
finally:
    print(*sorted(name for name in sys.modules if name.partition(".")[0] in {"omniroute", "pydantic", "msgspec"}))
"""
    assert python(code).stdout.splitlines()[-1].split() == [
        "omniroute",
        "omniroute.cli",
        "omniroute.cli.exits",
        "omniroute.cli.main",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_first_sentence_of_the_commands_own_help(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    assert command.name == name
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]
    done = run(name, "--help")
    assert done.exit_code == 0
    assert COMMANDS[name][1] in done.stdout


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"omniroute {__version__}\n"


def test_without_a_command_the_help_is_shown_and_it_counts_as_wrong_usage() -> None:
    done = run()
    assert done.exit_code == 2
    assert "Commands:" in done.stderr


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    done = run("usages")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "No such command 'usages'. Did you mean 'usage'?" in done.stderr


def test_a_command_that_resembles_none_is_refused() -> None:
    done = run("frobnicate")
    assert done.exit_code == 2
    assert "No such command 'frobnicate'." in done.stderr


@pytest.mark.parametrize("asked", [["--format", "json"], ["--format=json"]])
def test_wrong_usage_is_told_in_json_to_those_who_read_json(asked: list[str]) -> None:
    done = run("check", *asked, "--nonsense")
    assert done.exit_code == 2
    told = json.loads(done.stdout)["error"]
    assert told["exit_code"] == 2
    assert "--nonsense" in told["message"]
    assert "--nonsense" in done.stderr


def test_an_unexpected_exception_ends_in_a_report_without_a_secret(tmp_path: Path) -> None:
    with chdir(tmp_path):
        done = run("check", "--key", SECRET, group=failing(ValueError(SECRET)))
        assert done.exit_code == 2, "an option that does not exist is no fault of ours"
        done = run("check", group=failing(ValueError(SECRET)))
    assert (done.exit_code, done.stdout) == (70, "")
    (report,) = tmp_path.glob("omniroute-report-*.txt")
    assert report.name in done.stderr
    assert "ValueError at " in done.stderr
    text = report.read_text("utf-8")
    assert "command     omniroute check\n" in text
    assert "builtins.KeyError\n" in text
    assert "builtins.ValueError\n" in text
    assert "tests/cli/test_main.py" in text
    assert SECRET not in text + done.output


def test_a_crash_is_one_json_document_for_those_who_read_json(tmp_path: Path) -> None:
    with chdir(tmp_path):
        done = run("check", "--format", "json", group=failing(ValueError(SECRET)))
    assert done.exit_code == 70
    told = json.loads(done.stdout)["error"]
    assert told["exit_code"] == 70
    assert told["message"].startswith("this is a fault of OmniRoute: ValueError at ")
    assert (tmp_path / told["report"]).is_file()
    assert SECRET not in done.output


def test_an_interruption_is_exit_code_130() -> None:
    done = run("check", group=failing(KeyboardInterrupt()))
    assert (done.exit_code, done.output) == (130, "")


def test_a_reader_that_leaves_early_is_no_fault_of_ours(tmp_path: Path) -> None:
    with chdir(tmp_path):
        done = run("check", group=failing(BrokenPipeError(32, "Broken pipe")))
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_program_reads_one_document_whatever_is_wrong(tmp_path: Path) -> None:
    written(tmp_path / "good", ECHO)
    written(tmp_path / "bad", "[combos.x]\n")
    for arguments in (
        ("check", tmp_path / "good", "--quiet"),
        ("check", tmp_path / "bad"),
        ("check", tmp_path / "nowhere"),
        ("show", tmp_path / "good"),
        ("show", tmp_path / "bad"),
        ("show", tmp_path / "nowhere"),
        ("usage", "--database", tmp_path / "none.db"),
        ("usage", "--since", "yesterday"),
    ):
        json.loads(run(*arguments, "--format", "json").stdout)
