"""Every module says what it is for."""

import ast

from tests.house.tree import Module, modules, none_of, parse


def undocumented(found: tuple[Module, ...]) -> list[str]:
    return [module.path for module in found if not (ast.get_docstring(module.tree) or "").strip()]


def test_every_module_opens_with_a_docstring() -> None:
    none_of(undocumented(modules()))


def test_a_module_without_a_docstring_is_found() -> None:
    assert undocumented((parse("x = 1\n"), parse('"""  """\n'), parse('"""What it is for."""\n'))) == [
        "omniroute/example.py",
        "omniroute/example.py",
    ]
