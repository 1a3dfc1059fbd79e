"""Mappings that forget.

Always true: after ``keep`` a mapping holds at most as many entries as it was told, those that were kept last.
"""

from collections import OrderedDict
from typing import TypeVar

Value = TypeVar("Value")


def keep(mapping: OrderedDict[str, Value], name: str, value: Value, most: int) -> None:
    """Put an entry last, and let go of the first where there are more than ``most``, which is at least 1."""
    mapping[name] = value
    mapping.move_to_end(name)
    if len(mapping) > most:
        mapping.popitem(last=False)
