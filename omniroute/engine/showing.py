"""Who asks, where nobody has the client key itself: for explanations, rehearsals and tests of a configuration.

Always true: whether a request is let in is decided by ``admission.admit``.
"""

from hashlib import sha256
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Key, Snapshot
from omniroute.engine.admission import Caller, admit
from omniroute.names import Scope


class Showing(msgspec.Struct, frozen=True):
    """The client key that a request comes with, by its name (None: without one), and when, in Unix seconds.

    ``session`` is what its headers call the conversation. ``needed`` says whether a request without a key is refused
    where the configuration asks for one.
    """

    key: str | None
    at: float
    session: str | None = None
    needed: bool = True


def key_named(snapshot: Snapshot, name: str) -> Key | None:
    """Find a client key by its name."""
    return next((each for each in snapshot.keys.values() if each.name == name), None)


def policy_of(snapshot: Snapshot, name: str | None) -> Policy | None:
    """Give the policy that holds for the key of this name, or for whoever comes without one."""
    key = key_named(snapshot, name) if name else None
    return snapshot.anonymous if key is None else key.policy


def let_in(snapshot: Snapshot, shown: Showing) -> Caller:
    """Admit whoever shows a key of this name: one whose digest is known, since nobody knows the key itself.

    Raises:
        Refused: the client is not let in.
    """
    if not shown.needed:
        snapshot = replace(snapshot, server=replace(snapshot.server, require_api_key=False))
    if shown.key is None:
        return admit(snapshot, None, Scope.INFERENCE, shown.at, None)
    presented = shown.key.encode()
    key = key_named(snapshot, shown.key)
    keys = {**snapshot.keys, **({sha256(presented).hexdigest(): key} if key is not None else {})}
    return admit(replace(snapshot, keys=MappingProxyType(keys)), presented, Scope.INFERENCE, shown.at, None)
