"""Importing costs little and does nothing: what is loaded, by name.

A cold start is mostly imports, and ``check`` runs in commit hooks. A library that is not on these lists is imported
where it is needed, or put on a list in the open.
"""

import json
import sys

from tests.house.tree import python

LOADED = """
import json, sys
before = set(sys.modules)
{act}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(loaded)))
"""

CHECK = """
sys.argv = ["omniroute", "check", "--config", "examples"]
from omniroute.cli.main import main
try:
    main()
except SystemExit as stop:
    if stop.code:
        raise
"""

LIBRARIES_OF_CHECK = frozenset(
    {
        *("omniroute", "click", "msgspec"),
        *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
        *("jsonschema", "jsonschema_specifications", "referencing", "rpds", "attr", "attrs", "idna"),
    }
)
"""What checking a configuration is made of: the command line, the models, the schema, and what these import."""

SLOW = frozenset({"asyncio", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"})
"""Parts of the standard library that cost milliseconds, and that reading a configuration has no use for."""


def loaded(act: str) -> tuple[set[str], set[str]]:
    """Give the libraries, and the parts of the standard library, that an act loads in a fresh interpreter."""
    done = python(LOADED.format(act=act))
    assert done.returncode == 0, done.stdout + done.stderr
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    standard = {name for name in names if name in sys.stdlib_module_names or name.startswith("_sysconfigdata")}
    return set(names) - standard, standard


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded("import omniroute") == ({"omniroute"}, set())


def test_checking_loads_only_the_libraries_on_the_list() -> None:
    libraries, standard = loaded(CHECK)
    assert libraries - LIBRARIES_OF_CHECK == set()
    assert standard & SLOW == set()
