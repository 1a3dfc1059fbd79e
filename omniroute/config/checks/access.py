"""Checks of the doors: client keys, and who can reach the gateway; and of the files themselves."""

from collections.abc import Iterator

from omniroute.config.checks.world import World
from omniroute.config.compile import is_loopback, requires_api_key
from omniroute.config.compile_access import expiry
from omniroute.config.faults import Fault, Spot

SCHEMA_LINE = "#:schema "


def client_keys_differ(world: World) -> Iterator[Fault]:
    """OR4002: no two client keys are the same."""
    seen: dict[str, str] = {}
    for name, key in world.document.keys.items():
        first = seen.setdefault(key.sha256, name)
        if first != name:
            yield Fault(
                "OR4002",
                f"keys `{first}` and `{name}` are the same key",
                Spot(("keys", name, "sha256")),
                label="this hash again",
                related=((Spot(("keys", first, "sha256")), "first here"),),
                hint=f"make a new one: omniroute key new {name}",
            )


def open_door(world: World) -> Iterator[Fault]:
    """OR4003: who listens beyond this machine asks for keys."""
    host = world.document.server.host
    if not requires_api_key(world.document) and not is_loopback(host):
        yield Fault(
            "OR4003",
            f"the gateway listens on {host} and asks for no key",
            Spot(("server", "require_api_key")),
            label="whoever reaches the port can spend the providers' credentials",
            related=((Spot(("server", "host")), "reachable from elsewhere"),),
            hint="set require_api_key = true and add a key (omniroute key new NAME), or listen on 127.0.0.1",
        )


def keys_have_not_expired(world: World) -> Iterator[Fault]:
    """OR5003: no client key has expired."""
    midnight = expiry(world.today)
    for name, key in world.document.keys.items():
        if key.expires is not None and expiry(key.expires) <= midnight:
            yield Fault(
                "OR5003",
                f"key `{name}` has expired",
                Spot(("keys", name, "expires")),
                label="requests with it are refused",
                hint=f"remove it, or make a new one: omniroute key new {name}",
            )


def schema_is_named(world: World) -> Iterator[Fault]:
    """OR5001: the first line of every file says where its schema is."""
    for index, file in enumerate(world.merged.files):
        if not file.source.text.startswith(SCHEMA_LINE):
            yield Fault(
                "OR5001",
                "the first line does not name the schema",
                Spot((), file=index),
                label="editors find no schema for this file",
                hint=f"begin with `{SCHEMA_LINE}./omniroute.schema.json`, which `omniroute schema --write .` makes",
            )
