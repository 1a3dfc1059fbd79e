"""What a request has to pay before it is sent: it enters by its caller's limits, and sets its worst case aside.

Always true: whoever has no policy pays nothing here, and nothing is worked out for it.
"""

from typing import Protocol

import msgspec

from omniroute.engine.limit_headers import DOWNGRADED, many
from omniroute.engine.record import Record
from omniroute.engine.runtime import Runtime
from omniroute.engine.sessions import SILENT, Sessions
from omniroute.engine.terms import Headers
from omniroute.engine.toll import FREE, Toll, Tolls
from omniroute.engine.understand import Heard, Inbound, Understood, understand
from omniroute.errors import OverBudget, RateLimited
from omniroute.formats.glance import answers, most_output
from omniroute.routing.plan import Plan
from omniroute.routing.price import worst

BYTES_A_TOKEN = 4
"""Of a request whose tokens nobody estimated, for rates; they are put right when it ends."""
FEWEST_BYTES_A_TOKEN = 3
"""Of a request, when its worst case is set aside."""
LONGEST_OUTPUT = 16_384
"""Tokens of an answer that neither the request nor what is known of the model bounds, when its cost is set aside."""
MOST_DOWNGRADES = 4
IN_CIRCLES = "every model that takes over for a spent budget leads to another spent budget"


class Counters(Protocol):
    """What counts who enters: a part of ``Runtime``."""

    sessions: Sessions
    tolls: Tolls


async def enter(rt: Counters, heard: Heard, record: Record) -> Toll:
    """Let a request in by its caller's limits.

    Raises:
        RateLimited: the caller has asked for too much, or is in too many conversations.
    """
    policy, now = heard.caller.policy, record.at / 1e6
    if policy is None:
        return FREE
    named, limit = heard.talk.named, policy.sessions
    if limit is not None and named is not None and not rt.sessions.enter(record.key, named, limit, now):
        whose = f"the key '{record.key}'" if record.key else "whoever comes without a key"
        may = f"{whose} (policy '{policy.name}') may have {many(limit, 'conversation')} at once"
        message = f"{may}: go on with an old one, or wait until one was silent for {SILENT / 60:.0f} minutes"
        raise RateLimited(message)
    toll = rt.tolls.of(record.key, policy)
    if toll is not FREE:
        tokens = heard.facts.input_tokens
        try:
            await toll.enter(len(heard.body) // BYTES_A_TOKEN if tokens is None else tokens, now)
        except BaseException:
            toll.settle(0, 0, now)
            record.told = toll.headers(record.format, now)
            raise
    return toll


async def reserve(
    rt: Runtime, inbound: Inbound, heard: Heard, understood: Understood, record: Record, toll: Toll
) -> Understood:
    """Set aside what a request may cost; gives the plan that it is left with, which may be for a cheaper model.

    Raises:
        OmniRouteError: a budget has no room for it, or nobody can serve it as what takes over.
    """
    now, wire = record.at / 1e6, inbound.codec.format
    output, choices = most_output(heard.asked, wire), answers(heard.asked, wire)
    downgraded: Headers = ()
    for _ in range(MOST_DOWNGRADES):
        most = worst_case(understood.plan, len(heard.body), output, choices)
        try:
            verdict = await toll.reserve(record.request_id, most, now)
        except RateLimited:
            record.told = toll.headers(record.format, now)
            raise
        if verdict.downgrade is None:
            record.budgets = toll.budgets
            record.told = toll.headers(record.format, now) + downgraded
            return understood
        downgraded = (*downgraded, (DOWNGRADED, verdict.downgrade))
        heard = msgspec.structs.replace(heard, facts=msgspec.structs.replace(heard.facts, asked=verdict.downgrade))
        understood = understand(rt, inbound, heard, record)
    raise OverBudget(IN_CIRCLES)


def worst_case(plan: Plan, size: int, output: int | None, choices: int = 1) -> int | None:
    """Give what the dearest of a plan's candidates may cost in nano-dollars; None where a price is not known.

    Args:
        plan: who may be asked.
        size: bytes of the request.
        output: the most tokens that the request lets each of its answers have, where it says.
        choices: how many answers it asks for.
    """
    most, sent = 0, -(-size // FEWEST_BYTES_A_TOKEN)
    for candidate in plan.candidates:
        model = candidate.target.model
        context, longest = model.context, model.max_output
        if output is not None and (longest is None or output < longest):
            longest = output
        fits = sent if context is None or sent < context else context
        cost = worst(model.price, fits, choices * (LONGEST_OUTPUT if longest is None else longest))
        if cost is None:
            return None
        most = max(most, cost)
    return most if plan.hedge is None else 2 * most
