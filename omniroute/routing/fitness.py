"""Whether a target can serve a request, and whether it can now, as reasons and not as booleans.

Always true: what is unknown of a model speaks for it; only what is known can make it unfit. ``unfit`` reads nothing
that changes, so that what it refuses stays refused for as long as the configuration is the same; ``resting`` reads
nothing but what passes.
"""

from math import ceil

from omniroute.config.snapshot import Target
from omniroute.ir.facts import Facts
from omniroute.names import Capability
from omniroute.routing.view import View, rests

Rest = tuple[str, str, float]
"""A code, a reason, and for how many seconds it holds."""


def unfit(target: Target, facts: Facts) -> tuple[str, str] | None:
    """Say why a target cannot serve a request, whatever its state.

    An estimate of the input is rough, so it must exceed the model's context by more than a fifth to count; a model of
    which no capability is known is taken to have all.

    Returns:
        A stable code (``context`` or ``capability``) and the reason in words, or None where nothing speaks against it.
    """
    context, tokens = target.model.context, facts.input_tokens
    if context is not None and tokens is not None and tokens * 5 > context * 6:
        return "context", f"the input is estimated at {tokens} tokens; the model takes {context}"
    capabilities = target.model.capabilities
    if capabilities and not facts.needs <= capabilities:
        missing = ", ".join(each for each in Capability if each in facts.needs - capabilities)
        return "capability", f"the request needs {missing}, which the model does not have"
    return None


def resting(target: Target, view: View) -> Rest | None:
    """Say why a target cannot be asked now, though it may be later.

    A target rests while the breaker of it or its provider is open and its time to try again has not come, and while
    all of its provider's credentials that have a secret cool down for its model.

    Returns:
        A stable code (``breaker`` or ``cooling``), the reason in words, and the seconds (more than 0) until it
        passes; of several the one that lasts longest. None where nothing speaks against it.
    """
    if not view.open and not view.cooling:  # nearly always: nobody rests
        return None
    found = [*_breakers(target, view), *_cooling(target, view)]
    return max(found, key=lambda each: each[2], default=None)


def _breakers(target: Target, view: View) -> list[Rest]:
    """Give the breakers that let nobody through to a target."""
    found: list[Rest] = []
    for what, name in (("target", target.id), ("provider", target.provider.name)):
        seconds = view.open.get(name, view.now) - view.now
        if seconds > 0:
            reason = f"{what} '{name}' failed too often and is left alone; it is tried again in {ceil(seconds)} s"
            found.append(("breaker", reason, seconds))
    return found


def _cooling(target: Target, view: View) -> list[Rest]:
    """Give the time until the first usable credential is free, where none is now."""
    provider = target.provider
    usable = [each for each in provider.credentials if (provider.name, each.name) not in view.unusable]
    seconds = min((rests(view, provider.name, each.name, target.model.name) for each in usable), default=0.0)
    if not seconds:
        return []
    reason = f"every credential of provider '{provider.name}' cools down; the first is free in {ceil(seconds)} s"
    return [("cooling", reason, seconds)]
