"""The package as data for the rules of the house: its modules, parsed, and its catalogue's names."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "omniroute"
CATALOGUE = PACKAGE / "catalogue"


class Module(msgspec.Struct, frozen=True):
    """One source file: its path from the repository root, its text, and its syntax tree."""

    path: str
    text: str
    tree: ast.Module


def parse(text: str, path: str = "omniroute/example.py") -> Module:
    """Make a module of a text, for trying a rule out."""
    return Module(path, text, ast.parse(text, path))


@cache
def modules() -> tuple[Module, ...]:
    """Give every source file of the package, in path order."""
    files = sorted(PACKAGE.rglob("*.py"))
    assert files, f"no source files under {PACKAGE}"
    return tuple(parse(file.read_text("utf-8"), file.relative_to(ROOT).as_posix()) for file in files)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method, nested ones as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def catalogue_names() -> tuple[str, ...]:
    """Give the providers' names, which are the names of the catalogue's files."""
    names = tuple(sorted(file.stem for file in CATALOGUE.glob("*.toml")))
    assert names, f"no providers under {CATALOGUE}"
    return names


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter at the repository root."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def none_of(findings: Iterable[str]) -> None:
    """Fail with every finding on a line of its own, where there is any."""
    found = list(findings)
    assert not found, "\n".join(["", *found])
