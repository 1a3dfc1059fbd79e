import ast
import re
from pathlib import Path as FilePath

import pytest

from omniroute.config import checks
from omniroute.config.check import CHECKS, entity
from omniroute.config.rules import RULES
from omniroute.config.source import Path
from tests.support.written import HOUSE, codes


def test_every_check_is_in_the_table_and_says_which_findings_it_gives() -> None:
    written = {
        node.name
        for file in FilePath(str(checks.__file__)).parent.glob("*.py")
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and (ast.get_docstring(node) or "").startswith("OR")
    }
    assert {each.__name__ for each in CHECKS} == written
    for each in CHECKS:
        assert set(re.findall(r"OR\d{4}", each.__doc__ or "")) <= RULES.keys()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("providers", "a", "models", "m"), ("providers", "a")),
        (("aliases", "a"), ("aliases", "a")),
        (("server", "port"), ("server",)),
        (("version",), ("version",)),
        ((), ()),
    ],
)
def test_a_path_belongs_to_a_named_thing_or_a_table(path: Path, expected: Path) -> None:
    assert entity(path) == expected


def test_what_is_broken_is_not_checked_further_but_everything_else_is() -> None:
    text = (
        "[providers.own]\nbase_url = 3\n"  # would also lack a key
        '[combos.c]\ntargets = ["nobody/m"]\nstrategy = "x"\n'  # would also name nobody
        '[combos.d]\ntargets = ["nobody/m"]\n'
    )
    assert codes(text + HOUSE) == ["OR2001", "OR2004", "OR3001"]
