"""Checks of what combos make of requests."""

import re
from collections.abc import Iterator

from omniroute.config.checks.world import World
from omniroute.config.faults import Fault, Spot


def tool_filters_are_expressions(world: World) -> Iterator[Fault]:
    """OR2004: a tool filter is a regular expression."""
    for name, combo in world.document.combos.items():
        reason = _unreadable(combo.tool_filter or "")
        if reason is not None:
            yield Fault(
                "OR2004",
                f"`tool_filter` of combo `{name}` is no regular expression",
                Spot(("combos", name, "tool_filter")),
                label=reason,
                hint="write it as Python's `re` has it; in '…' quotes, a backslash is one",
            )


def _unreadable(expression: str) -> str | None:
    """Say why a regular expression cannot be read; None where it can."""
    try:
        re.compile(expression)
    except re.error as error:
        return error.msg
    except (OverflowError, RecursionError):
        return "too large a number, or nested too deeply"
    return None
