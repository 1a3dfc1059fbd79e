"""Who asks, and whether they may.

Always true: a key is known by its SHA-256 only. Finding it is one dictionary look-up by that digest, so its time
says nothing about how much of a guess was right; nothing compares the key itself.
"""

from hashlib import sha256

from omniroute.config.snapshot import Key, Snapshot
from omniroute.errors import Forbidden, Unauthenticated
from omniroute.names import Scope

HOW = "send it as 'Authorization: Bearer …' or 'x-api-key: …'; `omniroute key new NAME` makes one"


def admit(snapshot: Snapshot, presented: bytes | None, scope: Scope, now: float) -> Key | None:
    """Say which client key a request came with; None is an anonymous caller, where those are let in.

    Args:
        snapshot: the configuration.
        presented: the key as it was sent, or None.
        scope: what the caller wants to do.
        now: Unix seconds.

    Raises:
        Unauthenticated: no key where one is needed, an unknown one, or one that has expired.
        Forbidden: the key does not have this scope.
    """
    if not snapshot.keys and not snapshot.server.require_api_key:
        return None
    if presented is None:
        if snapshot.server.require_api_key:
            message = f"this gateway needs a client key: {HOW}"
            raise Unauthenticated(message)
        return None
    key = snapshot.keys.get(sha256(presented).hexdigest())
    if key is None:
        message = "this client key is not known here; keys are in the [keys] tables of the configuration"
        raise Unauthenticated(message)
    if key.expires is not None and now >= key.expires:
        message = f"client key '{key.name}' has expired"
        raise Unauthenticated(message)
    if scope not in key.scopes:
        message = f"client key '{key.name}' may not do this: it lacks the scope '{scope}'"
        raise Forbidden(message)
    return key
