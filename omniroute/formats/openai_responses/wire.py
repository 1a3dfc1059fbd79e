"""What the modules of this format share: decoding JSON leniently, and keeping members that the IR does not model.

Always true: what ``keep`` takes from an object, ``put_back`` gives again, whatever its values.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from omniroute.ir.loss import RESTATED, Loss, Weight, dropped, foreign
from omniroute.ir.parts import CacheHint, Extras
from omniroute.names import Format

OWN = Format.OPENAI_RESPONSES

WHY = "the Responses format has no place for it"

_LARGEST = 2**63
_QUIET = frozenset({"id", "status", "prompt_cache_breakpoint"})
"""Members that mean nothing in another format, or that the IR says as well."""


def loads(data: bytes | msgspec.Raw) -> Any:
    """Decode JSON; None for what is none.

    Bytes that are not UTF-8, halves of surrogate pairs and NaN pass as they do with clients, and are made such that
    they can be written again.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        value = json.loads(bytes(data).decode("utf-8", "replace"), parse_int=_integer)
        clean = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(clean, parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | float:
    """Read an integer; one beyond 64 bits becomes a float, as the fast decoder has it."""
    if len(digits) > len(str(_LARGEST)):
        return float(digits)
    value = int(digits)
    return value if -_LARGEST <= value < 2 * _LARGEST else float(digits)


def keep(value: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any] | None:
    """Give the members of an object that are not ``known``, as extras; None where there are none.

    An empty array says no more than that its place is there; it is restated, as ids and states are.
    """
    kept = {
        f"{RESTATED}{name}" if name in _QUIET or member == [] else name: member
        for name, member in value.items()
        if member is not None and name not in known
    }
    return kept or None


def with_extra(extras: Extras | None, name: str, value: Any) -> Extras:
    """Give extras with one member more."""
    return {**(extras or {}), name: value}


def put_back(extras: Extras | None, without: Iterable[str] = ()) -> dict[str, Any]:
    """Give the members that ``keep`` took, by the names they had, but for those ``without``."""
    if not extras:
        return {}
    return {name.removeprefix(RESTATED): value for name, value in extras.items() if name not in without}


def members(value: object) -> Mapping[str, Any]:
    """Give an object's members; of anything else, none."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Give an array's elements; of anything else, none."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Give a string that holds something; of anything else, None."""
    return value if isinstance(value, str) and value else None


class Saying:
    """Gathers what could not be said while something is written; ``own`` says that it was read from this format."""

    def __init__(self, wire: Format) -> None:
        """Begin without losses, for something that was read from format ``wire``."""
        self.own = wire is OWN
        self.losses: list[Loss] = []

    def drop(self, path: str, why: str = WHY, *, weight: Weight = Weight.SETTING) -> None:
        """Note something of which nothing is said."""
        self.losses.append(dropped(path, why, weight=weight))

    def lose(self, path: str, why: str = WHY) -> None:
        """Note content of which nothing is said."""
        self.drop(path, why, weight=Weight.CONTENT)

    def drop_cache(self, cache: CacheHint | None, path: str) -> None:
        """Note a cache hint, of which nothing is said.

        Breakpoints are taken by few models, and a server refuses what it does not know; only the client's own stay.
        """
        if cache is not None and not self.own:
            self.drop(f"{path}.cache")

    def extras(self, extras: Extras | None, path: str, without: Iterable[str] = ()) -> dict[str, Any]:
        """Give the members to be put back; another format's are losses instead."""
        if self.own:
            return put_back(extras, without)
        self.losses.extend(foreign(extras, path, WHY))
        return {}
