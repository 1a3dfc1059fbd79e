"""Who asks, and whether they may.

Always true: a key is known by its SHA-256 only. Finding it is one dictionary look-up by that digest, so its time
says nothing about how much of a guess was right; nothing compares the key itself. Who is kept out by an address or an
hour learns no more than that; whether a key exists is only told to those that the address filter lets in.
"""

from hashlib import sha256

import msgspec

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Key, Snapshot
from omniroute.errors import Forbidden, Unauthenticated
from omniroute.names import Scope
from omniroute.routing.permit import Address, inside, lets_in, open_now

HOW = "send it as 'Authorization: Bearer …' or 'x-api-key: …'; `omniroute key new NAME` makes one"


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks: the name of a client key, empty for a caller without one, and the policy that holds, if any does."""

    name: str = ""
    policy: Policy | None = None


NOBODY = Caller()
"""A caller without a key, where no policy holds for those."""


def admit(snapshot: Snapshot, presented: bytes | None, scope: Scope, now: float, address: Address | None) -> Caller:
    """Say who a request came from.

    Args:
        snapshot: the configuration.
        presented: the key as it was sent, or None.
        scope: what the caller wants to do.
        now: Unix seconds.
        address: where the request came from; None where that is not looked at.

    Raises:
        Unauthenticated: no key where one is needed, an unknown one, or one that has expired.
        Forbidden: the address or the hour is not one from which or at which it may, or the key lacks this scope.
    """
    rule = snapshot.ip_filter
    if rule.mode != "off" and address is not None and not lets_in(rule, address):
        raise Forbidden("requests from this address are not let in", ("ip_filter",))
    key = _key(snapshot, presented, now)
    policy = key.policy if key is not None else snapshot.anonymous
    if policy is not None:
        _open(policy, now, address)
    if key is None:
        if snapshot.keys and scope is not Scope.INFERENCE:  # else a key that lacks it would only have to be left out
            message = f"this needs a client key with the scope '{scope}': {HOW}"
            raise Unauthenticated(message, ("server", "require_api_key"))
        return NOBODY if policy is None else Caller("", policy)
    if scope not in key.scopes:
        message = f"client key '{key.name}' may not do this: it lacks the scope '{scope}'"
        raise Forbidden(message, ("keys", key.name, "scopes"))
    return Caller(key.name, policy)


def _key(snapshot: Snapshot, presented: bytes | None, now: float) -> Key | None:
    """Find the key that was presented; None is a caller without one, where those are let in."""
    if not snapshot.keys and not snapshot.server.require_api_key:
        return None
    if presented is None:
        if snapshot.server.require_api_key:
            message = f"this gateway needs a client key: {HOW}"
            raise Unauthenticated(message, ("server", "require_api_key"))
        return None
    key = snapshot.keys.get(sha256(presented).hexdigest())
    if key is None:
        message = "this client key is not known here; keys are in the [keys] tables of the configuration"
        raise Unauthenticated(message)
    if key.expires is not None and now >= key.expires:
        message = f"client key '{key.name}' has expired"
        raise Unauthenticated(message, ("keys", key.name, "expires"))
    return key


def _open(policy: Policy, now: float, address: Address | None) -> None:
    """Refuse what comes at an hour, or from an address, at or from which the policy allows nothing."""
    if policy.schedule is not None:
        wait = open_now(policy.schedule, now)
        if wait is not None:
            message = f"policy '{policy.name}' allows no requests at this hour; they are allowed again in {_span(wait)}"
            raise Forbidden(message, ("policies", policy.name, "schedule"))
    if policy.networks and address is not None and not inside(policy.networks, address):
        message = f"policy '{policy.name}' allows no requests from this address"
        raise Forbidden(message, ("policies", policy.name, "allow_ips"))


def _span(wait: float) -> str:
    """Say how long a wait is: in minutes, begun ones counted whole, and hours and days where there are any."""
    minutes = -int(-wait // 60)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "1m"
