"""Puts a call's arguments together that come in pieces.

Source: "Streaming function call arguments" of the Gemini API (``streamFunctionCallArguments``): each piece has the path
of a value within the arguments (RFC 9535, of names and indices only) and the value, a string perhaps in several pieces.

Always true: pieces that do not fit are passed over; a list grows by one element at a time.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from omniroute.formats.gemini.wire import many, members
from omniroute.ir.parts import Signature

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,9})\]|\['([^']*)'\]|\["([^"]*)"\]""")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")

Step = str | int


class PartialCall:
    """A call whose arguments are not all there yet."""

    def __init__(self, name: str, given: str | None, signature: Signature | None) -> None:
        """Begin without arguments."""
        self.name = name
        self.given = given
        self.signature = signature
        self._arguments: dict[str, Any] = {}
        self._going_on: list[Step] | None = None

    def take(self, call: dict[str, Any]) -> None:
        """Take what one record says of the arguments."""
        whole = call.get("args")
        if isinstance(whole, dict):
            self._arguments.update(whole)
        for each in many(call.get("partialArgs")):
            self._piece(members(each))

    def arguments(self) -> str:
        """Give the arguments as JSON text."""
        return msgspec.json.encode(self._arguments).decode()

    def _piece(self, piece: dict[str, Any]) -> None:
        """Take one piece."""
        name = next((each for each in _VALUES if each in _spelt(piece)), None)
        steps = _steps(piece.get("jsonPath"))
        if name is None or not steps:
            return
        value = None if name == "nullValue" else _spelt(piece)[name]
        _put(self._arguments, steps, value, more=steps == self._going_on)
        self._going_on = steps if piece.get("willContinue") is True else None


def _spelt(piece: dict[str, Any]) -> dict[str, Any]:
    """Give a piece's members, those of two words in camelCase."""
    return {re.sub("_(v)", "V", name): value for name, value in piece.items()}


def _steps(path: object) -> list[Step]:
    """Read a path; what is not understood is no path."""
    if not isinstance(path, str) or not path.startswith("$"):
        return []
    return list(_walk(path[1:]))


def _walk(path: str) -> Iterator[Step]:
    """Read the steps of a path up to the first that is not understood."""
    for found in _STEP.finditer(path):
        plain, index, single, double = found.groups()
        yield int(index) if index is not None else next(each for each in (plain, single, double) if each is not None)


def _put(tree: dict[str, Any], steps: list[Step], value: object, *, more: bool) -> None:
    """Put a value where a path leads, making objects and lists on the way; ``more`` of a string goes behind it."""
    place: Any = tree
    for step, after in pairwise(steps):
        place = _enter(place, step, [] if isinstance(after, int) else {})
    if place is None:
        return
    last = steps[-1]
    before = _enter(place, last, value)
    if more and isinstance(before, str) and isinstance(value, str):
        place[last] = before + value


def _enter(place: Any, step: Step, new: object) -> Any:  # a tree of JSON
    """Give what stands at a step, after putting something new there where nothing is; None where nothing fits."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, new)
    if isinstance(place, list) and isinstance(step, int):
        if step == len(place):
            place.append(new)
        return place[step] if step < len(place) else None
    return None
