"""Decodes and encodes JSON as leniently as this format's servers and clients do.

Always true: nothing here raises, whatever the bytes; what cannot be written as UTF-8 (half of a surrogate pair, which
JSON's escapes allow) is replaced, not refused.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.ir.loss import RESTATED
from omniroute.ir.parts import CacheHint, Extras


def decode(data: bytes | str) -> Any:
    """Decode JSON; bytes that are not UTF-8 and halves of surrogate pairs pass. None for what is not JSON even so."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        value = json.loads(data if isinstance(data, str) else data.decode("utf-8", "replace"))
        return msgspec.json.decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None


def encode(value: Any) -> bytes:
    """Encode JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def rest(value: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Give the members that are not modelled; null is the same as absent."""
    return {name: member for name, member in value.items() if name not in known and member is not None}


def restate(target: dict[str, Any], extras: Extras | None) -> None:
    """Put members back that were kept beside a value of this very format."""
    for name, member in (extras or {}).items():
        target[name.removeprefix(RESTATED)] = member


def read_cache(value: Mapping[str, Any], extras: dict[str, Any]) -> CacheHint | None:
    """Read ``cache_control``; what the IR does not know of it goes to ``extras``."""
    control = value.get("cache_control")
    if control is None:
        return None
    ttl = control.get("ttl") if isinstance(control, dict) else None
    if not isinstance(control, dict) or control.get("type") != "ephemeral" or not isinstance(ttl, str | None):
        extras["cache_control"] = control
        return None
    more = rest(control, frozenset({"type", "ttl"}))
    if more:
        extras["cache_control"] = more
    return CacheHint(ttl)


def write_cache(cache: CacheHint) -> dict[str, Any]:
    """Write ``cache_control``."""
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}
