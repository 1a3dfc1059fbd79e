"""Checks of addresses: that they are some, and that those who should come in can."""

from collections.abc import Iterator
from ipaddress import ip_network

from omniroute.config.checks.world import World
from omniroute.config.compile_access import network
from omniroute.config.faults import Fault, Spot
from omniroute.config.policy import Network
from omniroute.config.source import Path
from omniroute.config.words import member, toml

_FILTER: Path = ("ip_filter", "networks")
_HERE = ("127.0.0.1", "::1")


def networks_can_be_read(world: World) -> Iterator[Fault]:
    """OR2004: networks are addresses, or networks in CIDR notation without bits behind their prefix."""
    for path, text in _written(world):
        if _read(text) is None:
            whole = _without_host_bits(text)
            yield Fault(
                "OR2004",
                f"`{text}` is not allowed as {member(path)}",
                Spot(path),
                label="bits behind the prefix are set" if whole else "neither an address nor a network",
                hint=f"write `{whole}` for the network, or the address alone" if whole else 'for example: "10.0.0.0/8"',
                fix=((Spot(path), toml(whole)),) if whole else (),
            )


def proxies_are_some(world: World) -> Iterator[Fault]:
    """OR4004: not every address in the world is that of a trusted proxy."""
    for index, text in enumerate(world.document.server.trusted_proxies):
        found = _read(text)
        if found is not None and found.first == 0 and found.last in ((1 << 32) - 1, (1 << 128) - 1):
            yield Fault(
                "OR4004",
                "every address is trusted as a proxy",
                Spot(("server", "trusted_proxies", index)),
                label="whoever connects can say where a request came from",
                hint="list the addresses of the proxies in front of the gateway, and nothing else",
            )


def callers_can_come_in(world: World) -> Iterator[Fault]:
    """OR5025: a policy allows some address that the filter lets in."""
    rule, listed = world.document.ip_filter, _filtered(world)
    if rule.mode == "off":
        return
    for name, policy in world.document.policies.items():
        allowed = [each for each in map(_read, policy.allow_ips) if each is not None]
        meets = _overlap if rule.mode == "allowlist" else _not_within
        if allowed and not any(meets(each, listed) for each in allowed):
            yield Fault(
                "OR5025",
                f"policy `{name}` allows only addresses that `[ip_filter]` keeps out",
                Spot(("policies", name, "allow_ips")),
                label="nobody comes in from here",
                related=((Spot(_FILTER), "the filter is looked at first"),),
                hint="let both have an address in common",
            )


def this_machine_comes_in(world: World) -> Iterator[Fault]:
    """OR5026: the filter lets the gateway's own machine in."""
    rule, listed = world.document.ip_filter, _filtered(world)
    if rule.mode == "off":
        return
    within = [each for each in _HERE if _overlap(network(each), listed)]
    out = [each for each in _HERE if (each in within) == (rule.mode == "blocklist")]
    if _HERE[0] in out:
        yield Fault(
            "OR5026",
            f"`[ip_filter]` keeps out {' and '.join(out)}",
            Spot(_FILTER if rule.networks else ("ip_filter", "mode")),
            label="requests from the gateway's own machine are refused",
            hint=f"add {toml(_HERE[0])}, unless that is what it is for"
            if rule.mode == "allowlist"
            else "take this machine's addresses out, unless that is what it is for",
        )


def _written(world: World) -> Iterator[tuple[Path, str]]:
    """Give each network that is written, and where."""
    for index, text in enumerate(world.document.server.trusted_proxies):
        yield ("server", "trusted_proxies", index), text
    for index, text in enumerate(world.document.ip_filter.networks):
        yield (*_FILTER, index), text
    for name, policy in world.document.policies.items():
        for index, text in enumerate(policy.allow_ips):
            yield ("policies", name, "allow_ips", index), text


def _filtered(world: World) -> list[Network]:
    """Give the networks of the filter that can be read."""
    return [each for each in map(_read, world.document.ip_filter.networks) if each is not None]


def _read(text: str) -> Network | None:
    try:
        return network(text)
    except ValueError:
        return None


def _without_host_bits(text: str) -> str | None:
    """Give the network that a text is in; None where it is in none."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return None


def _overlap(one: Network, others: list[Network]) -> bool:
    """Say whether a network has an address in common with any of these."""
    return any(one.version == each.version and one.first <= each.last and each.first <= one.last for each in others)


def _not_within(one: Network, others: list[Network]) -> bool:
    """Say whether a network has an address that none of these holds by itself."""
    return not any(one.version == each.version and each.first <= one.first and one.last <= each.last for each in others)
