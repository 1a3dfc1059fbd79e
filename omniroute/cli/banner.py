"""What ``serve`` prints when it begins: where it listens, on what, and what to try next."""

import json
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from omniroute.config.compile import is_loopback
from omniroute.config.snapshot import Combo, Provider, Snapshot
from omniroute.engine.equipment import Equipment
from omniroute.engine.holder import Live

MOST_LINES = 12
"""Files, providers and combos that are listed, each; more are counted."""


def banner(live: Live, address: str, files: tuple[str, ...], version: str) -> str:
    """Say what is being served.

    Args:
        live: the configuration in force.
        address: the URL of the listening socket.
        files: the configuration's files, as they were named.
        version: ours.
    """
    snapshot = live.snapshot
    unusable = live.secrets.unusable if isinstance(live.secrets, Equipment) else {}
    lines = [
        f"OmniRoute {version} listens on {address}",
        f"  {'configuration':<13}  generation {live.generation}, {snapshot.short_id}",
        *_listed("files", files),
        *_listed("providers", [_provider(each, unusable) for each in snapshot.providers.values()]),
        *_listed("combos", [_combo(each) for each in snapshot.combos.values()]),
        f"  {'client keys':<13}  {_keys(snapshot)}{_open(snapshot, address)}",
        "",
        "Try:",
        *_try(snapshot, address),
        "",
    ]
    return "\n".join(lines)


def _provider(provider: Provider, unusable: Mapping[tuple[str, str], str]) -> str:
    """One provider in a line, with what it lacks."""
    missing = [
        unusable[provider.name, each.name] for each in provider.credentials if (provider.name, each.name) in unusable
    ]
    where = "inside this process" if provider.embedded else provider.base_url
    return f"{provider.name}: {where}" + "".join(f"  (!) {each}" for each in missing)


def _combo(combo: Combo) -> str:
    """One combo in a line."""
    return f"{combo.name}: {combo.strategy} of {', '.join(target.id for target in combo.targets)}"


def _listed(title: str, lines: list[str] | tuple[str, ...]) -> list[str]:
    """A titled list, cut where it is long."""
    rest = [f"… and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    shown = [*lines[:MOST_LINES], *rest]
    return [f"  {title if number == 0 else '':<13}  {line}" for number, line in enumerate(shown)]


def _keys(snapshot: Snapshot) -> str:
    """Who may ask."""
    if not snapshot.keys:
        return (
            "required, and none is written: `omniroute key new NAME`"
            if snapshot.server.require_api_key
            else "none needed"
        )
    needed = "required" if snapshot.server.require_api_key else "not required"
    return f"{len(snapshot.keys)}, {needed}"


def _open(snapshot: Snapshot, address: str) -> str:
    """Warn of an open door: ``--host`` may have opened one that the configuration does not know of."""
    here = is_loopback(urlsplit(address).hostname or "")
    return "" if here or snapshot.server.require_api_key else "  (!) whoever reaches this address may ask"


def _try(snapshot: Snapshot, address: str) -> list[str]:
    """A first request that this configuration answers."""
    listed = (f"{provider.name}/{model}" for provider in snapshot.providers.values() for model in provider.models)
    model = next(iter(snapshot.combos), None) or next(iter(snapshot.aliases), None) or next(listed, "provider/model")
    key = ' -H "Authorization: Bearer $KEY"' if snapshot.server.require_api_key else ""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
    return [
        f"  curl {address}/v1/chat/completions -H 'Content-Type: application/json'{key} \\",
        f"    -d {shlex.quote(body)}",
        f"  curl {address}/v1/models{key}",
        "  edit a file of the configuration and save it: the next request follows",
    ]
