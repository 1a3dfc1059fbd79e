"""``docs/reference/cli.md``: every command, from the commands themselves."""

import inspect
from collections.abc import Iterator

import click

from omniroute.cli.exits import MEANINGS
from omniroute.cli.main import main
from omniroute.cli.options import DEFAULTS
from omniroute.settings import Settings
from tests.support.reference.markdown import code, fenced, paragraph, table

INTRODUCTION = f"""\
# The command line

A command's result goes to standard output, and what is said beside it to standard error. With `--format json` or
`--json`, standard output is one JSON document, whatever happens: where a command could not do its work, that is
`{{"error": {{"exit_code": …, "message": …}}}}`; a configuration with faults is reported as `omniroute check` reports it
([schema](../../schemas/diagnostics.schema.json)). `omniroute schema --write` writes the schemas of these documents.

A configuration is named as `PATH` or with `--config`, else by `OMNIROUTE_CONFIG`; else it is
{" or ".join(code(each) for each in DEFAULTS)} in the working directory, whichever is there.
"""

MORE: dict[str, str] = {
    "OMNIROUTE_CONFIG": "Configuration file or directory.",
    "NO_COLOR": "Not empty: no colours, unless `--color always` is given (<https://no-color.org>).",
    "GITHUB_ACTIONS": "`true`: `omniroute check` prints annotations as well.",
}
"""Variables that are no setting of the process."""


def cli_page() -> str:
    """Make the page."""
    context = click.Context(main, info_name="omniroute", **main.context_settings)
    return "\n".join(
        [
            INTRODUCTION,
            *(part for name in main.list_commands(context) for part in _command(name, context)),
            "## Exit codes\n",
            table(("code", "meaning"), ((str(code.value), meaning) for code, meaning in MEANINGS.items())),
            "## Environment variables\n",
            paragraph("Options win over variables, and both over what the configuration says."),
            table(("variable", "meaning"), _variables()),
        ]
    )


def _command(name: str, parent: click.Context) -> Iterator[str]:
    """Describe a command, and those below it."""
    assert isinstance(parent.command, click.Group)
    command = parent.command.get_command(parent, name)
    assert command is not None, name
    context = click.Context(command, info_name=name, parent=parent)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield from _itself(command, context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from _command(each, context)


def _itself(command: click.Command, context: click.Context) -> Iterator[str]:
    """Describe what a command does by itself."""
    yield f"## {context.command_path}\n"
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    yield fenced(usage, "console")
    yield from (paragraph(each) for each in inspect.cleandoc(command.help or "").split("\n\n"))
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield table(("option", "meaning"), (_option(each, context) for each in options))


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    assert record is not None
    names, meaning = record
    return code(names), meaning


def _variables() -> Iterator[tuple[str, str]]:
    yield from ((code(name), meaning) for name, meaning in MORE.items() if name.startswith("OMNIROUTE_"))
    for name, field in Settings.model_fields.items():
        yield code(f"OMNIROUTE_{name.upper()}"), field.description or ""
    yield from ((code(name), meaning) for name, meaning in MORE.items() if not name.startswith("OMNIROUTE_"))
