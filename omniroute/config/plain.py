"""Secrets that are written in clear, wherever they stand (OR4001).

Always true: no part of a value is in what is said of it, and the place of each such value is marked, so that every
rendering hides it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from omniroute.config.faults import Fault, Spot
from omniroute.config.layers import Catalogue
from omniroute.config.leaks import SECRET_HEADERS, looks_secret, seems_random
from omniroute.config.source import Path
from omniroute.config.words import member, toml

_VARIABLE = re.compile(r"\$?\{?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|SECRET))\}?")
_SCHEMES = ("env:", "file:", "keyring:")
_SCHEMES_HINT = "write env:NAME, file:PATH or keyring:SERVICE/NAME"
_HISTORY = "it may already be in the history of version control: have it replaced by its issuer"


def plain_secret(path: Path, value: str, catalogue: Catalogue) -> Fault:
    """Say what is wrong with the value of a secret's key that is not a reference."""
    variable = _VARIABLE.fullmatch(value)
    if variable is not None:
        reference = toml(f"env:{variable[1]}")
        return Fault(
            "OR2004",
            f"{member(path)} is the name of a variable, without `env:` before it",
            Spot(path),
            label="not a reference to a secret",
            hint=f"write {path[-1]} = {reference}",
            fix=((Spot(path), reference),),
        )
    if value.startswith(_SCHEMES) and not looks_secret(value):
        return Fault(
            "OR2004",
            f"{member(path)} is not a reference to a secret",
            Spot(path),
            label="the name of a variable has letters, digits and `_`"
            if value.startswith("env:")
            else "not a name that can be looked up",
            hint=_SCHEMES_HINT,
            masked=True,
        )
    hint = f'write {path[-1]} = "env:{usual_variable(str(path[1]), catalogue)}"'
    return replace(_in_clear(path, value, hint), firm=True)


def secrets_in_clear(values: Any, known: Iterable[Path]) -> Iterator[Fault]:
    """Find what looks like a secret in every other string of a document."""
    seen = set(known)
    for path, value in _strings(values, ()):
        header = len(path) == 4 and path[2] == "headers" and str(path[3]).lower() in SECRET_HEADERS
        if path not in seen and (header or looks_secret(value)):
            yield _in_clear(
                path,
                value,
                "take it out; a provider's key goes into its api_key, as env:NAME, file:PATH or keyring:SERVICE/NAME",
            )


def _in_clear(path: Path, value: str, hint: str) -> Fault:
    likely = looks_secret(value) or seems_random(value)
    return Fault(
        "OR4001",
        f"secret written in clear: {member(path)}",
        Spot(path),
        label=f"{_counted(value)}, {'looks like an API key' if likely else 'not a reference'}",
        hint=hint,
        note=_HISTORY,
        masked=True,
    )


def _counted(text: str) -> str:
    return f"{len(text)} character{'' if len(text) == 1 else 's'}"


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings(each, (*path, index))


def usual_variable(provider: str, catalogue: Catalogue) -> str:
    """Give the variable in which people keep a provider's key, or one made from its name."""
    variables = catalogue.variables(provider)
    return variables[0] if variables else f"{re.sub('[^A-Z0-9]+', '_', provider.upper()).strip('_')}_API_KEY"
