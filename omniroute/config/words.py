"""How things of a configuration are named in messages.

Always true: what is named here is a key or a name, never a value of the document.
"""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from omniroute.config.source import Path

# literal table: the tables whose keys are names that the user chose, and what one of them is called
ENTITIES: dict[str, str] = {
    "providers": "provider",
    "aliases": "alias",
    "combos": "combo",
    "keys": "key",
    "policies": "policy",
    "budgets": "budget",
    "models": "model",
    "headers": "header",
}
_ITEMS: dict[str, str] = {"credentials": "credential", "targets": "target", "tests": "test", "upstream": "answer"}


def owner(path: Path) -> str:
    """Name the table at a path: ``provider `x```, ```[server]```, ``target 2 of combo `x```."""
    return _named(path, table=True)


def member(path: Path) -> str:
    """Name the value at a path: ```base_url` of provider `x```, ```port` of `[server]```."""
    return _named(path, table=False)


def meant(name: str, among: Iterable[str]) -> str | None:
    """Give the one of these names that was probably meant, if one is close."""
    lowered = {each.lower(): each for each in among}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def did_you_mean(name: str, among: Iterable[str]) -> str:
    """Give ``did you mean `x`?`` where something is close, else nothing."""
    close = meant(name, among)
    return f"did you mean `{close}`?" if close else ""


def listed(names: Iterable[str], last: str = "or") -> str:
    """Give ```a`, `b` or `c```."""
    quoted = [f"`{each}`" for each in names]
    if len(quoted) < 2:
        return "".join(quoted) or "nothing"
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def toml(value: Any) -> str:
    """Write a value of JSON's kinds as TOML, on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{toml_key(key)} = {toml(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """Write a key as TOML: bare where it can be."""
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else toml(key)


def _named(path: Path, *, table: bool) -> str:
    parts = _parts(path)
    if not parts:
        return "the configuration"
    if parts[0] == f"`{path[0]}`" and (table or len(parts) > 1):
        parts[0] = f"`[{path[0]}]`"
    return " of ".join(reversed(parts))


def _parts(path: Path) -> list[str]:
    """Give the steps of a path that a person would name, from the outside in."""
    parts: list[str] = []
    rest = list(path)
    while rest:
        step = rest.pop(0)
        if step in ENTITIES and rest and isinstance(rest[0], str):
            parts.append(f"{ENTITIES[str(step)]} `{rest.pop(0)}`")
        elif step in _ITEMS and rest and isinstance(rest[0], int):
            parts.append(f"{_ITEMS[str(step)]} {int(rest.pop(0)) + 1}")
        elif isinstance(step, int):
            parts.append(f"item {step + 1}")
        else:
            parts.append(f"`{step}`")
    return parts
