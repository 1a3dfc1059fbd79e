"""``omniroute``: the command line, each command imported when it is called.

Always true: commands parse, call and print; results go to standard output, and what is said beside them to standard
error. With ``--format json`` standard output is one JSON document, whatever happens. An exception that nobody expected
ends in a report file and exit code 70, here and nowhere else.
"""

import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from typing import Any

import click

from omniroute import __version__
from omniroute.cli.exits import MEANINGS, Exit

# literal table: command → where it is, and its line in the list of commands
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("omniroute.cli.serve:serve", "Run the gateway."),
    "check": ("omniroute.cli.check:check", "Find every fault in a configuration; offline."),
    "init": ("omniroute.cli.init:init", "Write a commented starter configuration."),
    "show": ("omniroute.cli.show:show", "Print the effective configuration, secrets as references."),
    "explain": ("omniroute.cli.explain:explain", "Say who would serve a request, or did, and which lines decided."),
    "graph": ("omniroute.cli.graph:graph_command", "Draw what names lead to: aliases, combos, targets, providers."),
    "simulate": ("omniroute.cli.simulate:simulate", "Play a request through, without a network."),
    "test": ("omniroute.cli.test:test", "Run the tests of a configuration: its [[tests]], without a network."),
    "schema": ("omniroute.cli.schema:schema", "Print the JSON Schema of the configuration."),
    "rule": ("omniroute.cli.rule:rule", "Explain a diagnostic code."),
    "key": ("omniroute.cli.key:key", "Make client keys."),
    "prices": ("omniroute.cli.prices:prices", "List what models cost, and how it differs from another list."),
    "usage": ("omniroute.cli.usage:usage", "Report requests, tokens and cost."),
    "backup": ("omniroute.cli.backup:backup", "Back up the runtime data, and restore it."),
    "audit": ("omniroute.cli.audit:audit", "Show what may have to be proved later, and check that it is whole."),
}


class _Commands(click.Group):
    """A group that knows its commands' names without importing them: ``check`` must not wait for a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, and of a name that is no command say which one was probably meant."""
        near = get_close_matches(args[0], COMMANDS, n=1)
        if near and args[0] not in COMMANDS and not ctx.resilient_parsing:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none; and what exit codes mean."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), meaning) for code, meaning in MEANINGS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note what was asked for, for the worst case."""
        ctx.obj = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command, and see that whatever happens ends in an exit code of ours."""
        asked: list[str] = ctx.obj
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(Exit.INTERRUPTED)
        except click.ClickException as error:
            _say_in_json(asked, error.format_message(), error.exit_code)
            raise
        except (click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told from here and nowhere else
            sys.exit(_crashed(error, asked))


def _crashed(error: Exception, asked: Sequence[str]) -> Exit:
    """Write a report of a fault of ours, and say where it is."""
    # Here and not above: it is needed when there is a fault, which is never.
    from omniroute.cli.crash import place, write_report  # noqa: PLC0415

    command = next((each for each in asked if each in COMMANDS), "")
    written = write_report(error, f"omniroute {command}")
    message = f"this is a fault of OmniRoute: {type(error).__name__} at {place(error)}"
    where = f"what is known of it is in {written}, which holds no secret: please report it with that file"
    _say_in_json(asked, message, Exit.BUG, report=str(written) if written else None)
    click.echo(
        f"omniroute: {message}\n{where if written else 'no report could be written; please report it'}", err=True
    )
    return Exit.BUG


def _say_in_json(asked: Sequence[str], message: str, code: int, **more: str | None) -> None:
    """Print what went wrong to programs that read standard output."""
    if not {"--format=json", "--json"}.isdisjoint(asked) or ("--format", "json") in pairwise(asked):
        click.echo(json.dumps({"error": {"exit_code": code, "message": message, **more}}, indent=2))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="omniroute %(version)s")
def main() -> None:
    """OmniRoute: one HTTP endpoint in front of every LLM provider, configured by files."""
