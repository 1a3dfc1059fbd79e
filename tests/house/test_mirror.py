"""Every module has a test file that mirrors it: ``omniroute/config/toml.py``, ``tests/config/test_toml.py``."""

import ast
from pathlib import PurePosixPath

import pytest

from tests.house.tree import ROOT, Module, modules, none_of, parse

WITHOUT_LOGIC = (
    "omniroute/__main__.py",
    "omniroute/config/document/",
    "omniroute/config/policy.py",
    "omniroute/config/source.py",
    "omniroute/errors.py",
    "omniroute/formats/codec.py",
    "omniroute/ir/complaint.py",
    "omniroute/limits/port.py",
    "omniroute/names.py",
    "omniroute/observe/events.py",
    "omniroute/upstream/port.py",
)
"""Vocabulary, records and protocols, a folder where it ends in a slash: nothing in them is computed."""

DECIDING = (
    *(ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.BoolOp, ast.BinOp),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.With, ast.AsyncWith, ast.Await, ast.Yield),
)


def mirror(path: str) -> str:
    """Give the test file that a source file must have."""
    source = PurePosixPath(path)
    return (PurePosixPath("tests", *source.parts[1:-1]) / f"test_{source.name}").as_posix()


def inside_functions(tree: ast.Module) -> set[type[ast.AST]]:
    found: set[type[ast.AST]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= {type(inner) for statement in node.body for inner in ast.walk(statement)}
    return found


def has_logic(module: Module) -> bool:
    """Say whether a function of this module does more than hold or hand on a value."""
    return bool(inside_functions(module.tree) & {*DECIDING, ast.If, ast.Compare})


def listed(path: str) -> bool:
    """Say whether a file is on the list, or in a folder of it."""
    return any(path == entry or (entry.endswith("/") and path.startswith(entry)) for entry in WITHOUT_LOGIC)


def needs_a_test(module: Module) -> bool:
    """Say whether a file must have its mirror: all but the list, and packages that only describe themselves."""
    describes = module.path.endswith("/__init__.py") and not inside_functions(module.tree)
    return not describes and not listed(module.path)


def test_every_module_has_its_test_file() -> None:
    expected = {mirror(module.path) for module in modules() if needs_a_test(module)}
    none_of(sorted(path for path in expected if not (ROOT / path).is_file()))


def test_modules_without_tests_are_there_and_have_no_logic() -> None:
    found = [module for module in modules() if listed(module.path)]
    assert [entry for entry in WITHOUT_LOGIC if not any(module.path.startswith(entry) for module in found)] == []
    none_of(module.path for module in found if has_logic(module))


def test_a_new_module_needs_a_test_and_an_empty_package_does_not() -> None:
    assert needs_a_test(parse("", "omniroute/config/new.py"))
    assert mirror("omniroute/config/new.py") == "tests/config/test_new.py"
    assert mirror("omniroute/settings.py") == "tests/test_settings.py"
    assert not needs_a_test(parse('"""A room."""\n', "omniroute/new/__init__.py"))
    assert needs_a_test(parse("def f():\n    return 1\n", "omniroute/new/__init__.py"))


@pytest.mark.parametrize(
    "line", ["if x: ...", "return x == 1", "return x or 2", "return [y for y in x]", "return x + 1"]
)
def test_logic_is_recognised(line: str) -> None:
    assert has_logic(parse(f"def f(x):\n    {line}\n"))
    assert not has_logic(parse("class C:\n    def f(self, x):\n        self.x = tuple(x)\n"))
