"""``omniroute key``: client keys. A new key is shown once; what is kept is its SHA-256.

Always true: a key is 256 random bits, so a plain hash keeps it safe: there is nothing to guess. The key itself goes to
standard error only, so that no redirection puts it into a file of the configuration.
"""

import re
import secrets
from hashlib import sha256

import click
import tomli_w

from omniroute.config.document.base import NAME

PREFIX = "sk-omni-"
"""Many clients refuse a key that does not begin with ``sk-``."""


@click.group()
def key() -> None:
    """Make client keys."""


@key.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a client key called NAME.

    The key is shown once, on standard error. Standard output is the TOML that lets it in, and can be appended to a
    file of the configuration: omniroute key new alice >> config/keys.toml
    """
    if re.fullmatch(NAME, name) is None:
        message = "write a name in lower-case letters, digits, '.', '_' and '-', beginning with a letter or a digit"
        raise click.BadParameter(message, param_hint="NAME")
    made = PREFIX + secrets.token_urlsafe(32)
    click.echo(f"The key, shown this once; give it to the client:\n\n{made}\n", err=True)
    click.echo("What lets it in; put it into any file of the configuration:\n", err=True)
    click.echo(tomli_w.dumps({"keys": {name: {"sha256": sha256(made.encode()).hexdigest()}}}), nl=False)
