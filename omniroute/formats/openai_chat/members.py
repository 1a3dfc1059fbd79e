"""What reading and writing JSON objects of this format have in common.

Always true: whatever their kinds, members are read without an exception; one that is null is as good as absent.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.ir.loss import RESTATED, Loss, Weight, approximated, dropped, foreign
from omniroute.ir.parts import Extras


def rest(value: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Give the members of an object that are not among those known, less the empty ones (null)."""
    return {name: each for name, each in value.items() if each is not None and name not in known}


def nested(extras: dict[str, Any], name: str, value: Mapping[str, Any], *known: str) -> None:
    """Keep what is not known of an object within another under the inner one's name."""
    left = rest(value, *known)
    if left:
        extras[name] = left


def text(value: object) -> str | None:
    """Give a string; of anything else, nothing."""
    return value if isinstance(value, str) else None


def take_text(left: dict[str, Any], name: str) -> str | None:
    """Take a member out where it is a string."""
    return left.pop(name) if isinstance(left.get(name), str) else None


def take_bool(left: dict[str, Any], name: str) -> bool | None:
    """Take a member out where it is true or false."""
    return left.pop(name) if isinstance(left.get(name), bool) else None


def take_int(left: dict[str, Any], name: str) -> int | None:
    """Take a member out where it is an integer."""
    value = left.get(name)
    return left.pop(name) if isinstance(value, int) and not isinstance(value, bool) else None


def take_number(left: dict[str, Any], name: str) -> float | int | None:
    """Take a member out where it is a number."""
    value = left.get(name)
    return left.pop(name) if isinstance(value, int | float) and not isinstance(value, bool) else None


def members(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give an object's members, less the empty ones (null)."""
    return {name: each for name, each in value.items() if each is not None}


class Writing:
    """Keeps account of what cannot be said; ``own`` says whether what is written was read in this very format."""

    __slots__ = ("losses", "own")

    def __init__(self, *, own: bool) -> None:
        """Begin with no loss."""
        self.own = own
        self.losses: list[Loss] = []

    def drop(self, path: str, why: str) -> None:
        """Leave a setting out."""
        self.losses.append(dropped(path, why))

    def approximate(self, path: str, why: str) -> None:
        """Say something near it."""
        self.losses.append(approximated(path, why))

    def refuse(self, path: str, why: str) -> None:
        """Leave content out."""
        self.losses.append(dropped(path, why, weight=Weight.CONTENT))

    def extras(self, extras: Extras | None, path: str) -> dict[str, Any]:
        """Give the members to put back, those that say something again under their own name; of others, none."""
        if not extras:
            return {}
        if not self.own:
            self.losses += foreign(extras, path, "only its own format knows it")
            return {}
        return {name.removeprefix(RESTATED): value for name, value in extras.items()}
