"""What is known of the world when a request is planned, beyond the configuration.

Always true: a view is only read; it may be backed by live counters, and a plan is made in one go, so that what it sees
fits together. Nothing in it is a secret. A plan made of the same snapshot, facts, view and seed is the same plan.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

Where = tuple[str, str]
"""A credential: its provider's name, and its own."""
Lock = tuple[str, str, str]
"""A credential for one model of its provider; the model is "" where the whole credential is meant."""


class Stuck(msgspec.Struct, frozen=True):
    """Where a session's last answer came from: its target, and the credential that was asked with."""

    target: str
    credential: str


class View(msgspec.Struct, frozen=True):
    """The world as it is now; times are seconds of one steady clock.

    ``unusable`` are credentials without a secret, with the reason. ``open`` are breakers that let nobody through, by
    target id or provider name, and when they try again. ``cooling`` are credentials that rest, and until when.
    ``in_flight`` counts what each target is answering, ``used`` what it was asked since the start, ``latency`` is the
    moving average of its seconds to the first token. ``served`` counts the requests of each combo, ``last_good`` is the
    target that answered each combo last. ``credential_used`` counts what each credential was asked with.
    ``sessions`` are where each conversation was answered last.
    ``failing`` is the share of a target's last attempts that failed, between 0 and 1. ``seated`` counts the requests
    that those are answering who answer only so many at once, by provider name and target id.
    """

    now: float = 0.0
    unusable: Mapping[Where, str] = MappingProxyType({})
    open: Mapping[str, float] = MappingProxyType({})
    cooling: Mapping[Lock, float] = MappingProxyType({})
    in_flight: Mapping[str, int] = MappingProxyType({})
    used: Mapping[str, int] = MappingProxyType({})
    latency: Mapping[str, float] = MappingProxyType({})
    failing: Mapping[str, float] = MappingProxyType({})
    served: Mapping[str, int] = MappingProxyType({})
    last_good: Mapping[str, str] = MappingProxyType({})
    credential_used: Mapping[Where, int] = MappingProxyType({})
    sessions: Mapping[str, Stuck] = MappingProxyType({})
    seated: Mapping[str, int] = MappingProxyType({})


def rests(view: View, provider: str, credential: str, model: str) -> float:
    """Give the seconds for which a credential still rests for a model; 0 where it does not."""
    if not view.cooling:
        return 0.0
    until = max(view.cooling.get((provider, credential, model), 0.0), view.cooling.get((provider, credential, ""), 0.0))
    return max(0.0, until - view.now)
