"""Tasks are started, and threads put to sleep, only where a reason is written down here."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.tree import Module, modules, none_of, parse

FORBIDDEN = frozenset({"time.sleep", "asyncio.create_task", "asyncio.ensure_future"})
LOOPS = frozenset({"get_running_loop", "get_event_loop", "new_event_loop"})

ALLOWED = {
    "omniroute/gateway/inbound.py": "listens for a client that leaves while its upstream is still thinking",
    "omniroute/storage/board.py": "flock(2) waits for ever or not at all, and whoever opens a board does not serve yet",
    "omniroute/storage/db.py": "SQLite itself does not wait for another process that is switching to write-ahead mode",
}
"""A module, and why it must start tasks of its own or make a thread sleep."""


def imported(tree: ast.Module) -> dict[str, str]:
    """Give what each imported name stands for, in full."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.asname or each.name: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return found


def on_a_loop(node: ast.Attribute) -> bool:
    """Say whether this is ``create_task`` of an event loop, which no task group owns."""
    owner = node.value
    called = owner.func if isinstance(owner, ast.Call) else None
    getter = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return node.attr == "create_task" and (getter in LOOPS or name.strip("_").endswith("loop"))


def waits(module: Module) -> Iterator[str]:
    known = imported(module.tree)
    for node in ast.walk(module.tree):
        place = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            full = f"{known.get(node.value.id, '')}.{node.attr}"
            if full in FORBIDDEN:
                yield f"{place}: {full}"
        if isinstance(node, ast.Attribute) and on_a_loop(node):
            yield f"{place}: create_task of a loop"
        if isinstance(node, ast.Name) and known.get(node.id) in FORBIDDEN:
            yield f"{place}: {known[node.id]}"


def test_no_module_starts_tasks_or_sleeps_without_a_reason() -> None:
    none_of(finding for module in modules() if module.path not in ALLOWED for finding in waits(module))


def test_no_reason_outlives_its_module() -> None:
    assert set(ALLOWED) == {module.path for module in modules() if module.path in ALLOWED and any(waits(module))}


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "import time as clock\nclock.sleep(1)",
        "from time import sleep\nsleep(1)",
        "import asyncio\nasyncio.create_task(f())",
        "import asyncio\nasyncio.ensure_future(f())",
        "from asyncio import create_task as go\ngo(f())",
        "import asyncio\nasyncio.get_running_loop().create_task(f())",
        "loop.create_task(f())",
        "self._loop.create_task(f())",
        "import asyncio\nstart = asyncio.create_task",
    ],
)
def test_a_task_or_a_sleep_is_found(text: str) -> None:
    assert list(waits(parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasync def f():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(f())",
        "import asyncio\nasync def f():\n    await asyncio.sleep(1)",
        "import anyio\nasync def f():\n    await anyio.sleep(1)",
    ],
)
def test_a_task_group_and_an_awaited_sleep_are_let_be(text: str) -> None:
    assert list(waits(parse(text))) == []
