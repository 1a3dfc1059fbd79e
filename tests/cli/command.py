"""The command line, called in this process: with an environment of its own, and on a terminal where that matters."""

import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from omniroute.cli.main import main

OURS = ("OMNIROUTE_CONFIG", "OMNIROUTE_HOST", "OMNIROUTE_PORT", "OMNIROUTE_DATABASE", "OMNIROUTE_LOG_LEVEL")
ELSEWHERE = ("OMNIROUTE_LOG_FORMAT", "OMNIROUTE_WORKERS", "NO_COLOR", "GITHUB_ACTIONS", "COLUMNS")
CLEAN: Mapping[str, str | None] = dict.fromkeys((*OURS, *ELSEWHERE))
"""Variables that would change what commands do, taken away."""

ECHO = '#:schema ./omniroute.schema.json\n[providers.echo]\n\n[combos.hello]\ntargets = ["echo/echo-1"]\n'
"""A configuration without a fault."""


def run(*arguments: object, env: Mapping[str, str | None] | None = None, group: click.Command = main) -> Result:
    """Call ``omniroute`` with these arguments; an exit is a result, and any other exception fails the test."""
    return CliRunner().invoke(group, list(map(str, arguments)), env={**CLEAN, **(env or {})}, catch_exceptions=False)


def on_terminal(*arguments: object, columns: int = 80) -> str:
    """Call ``omniroute`` with standard output on a terminal, and give what is drawn there."""
    ours, theirs = os.openpty()
    try:
        with pytest.MonkeyPatch.context() as environment, os.fdopen(theirs, "w", encoding="utf-8") as terminal:
            for name in CLEAN:
                environment.delenv(name, raising=False)
            environment.setenv("COLUMNS", str(columns))
            with redirect_stdout(terminal), pytest.raises(SystemExit):
                main(list(map(str, arguments)))
        return _drawn(ours)
    finally:
        os.close(ours)


def _drawn(terminal: int) -> str:
    drawn = b""
    try:
        while part := os.read(terminal, 65536):
            drawn += part
    except OSError:  # Linux's way to say that the other end is closed (pty(7))
        pass
    return drawn.decode().replace("\r\n", "\n")


def written(folder: Path, text: str = ECHO, name: str = "omniroute.toml") -> Path:
    """Write a configuration file, and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, "utf-8")
    return path
