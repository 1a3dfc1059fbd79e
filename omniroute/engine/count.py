"""Answers how many tokens a request has: by a provider's own counter, else by an estimate that is marked as one.

The targets of the plan are asked in its order, but only those whose format has a counter. What a provider refuses as
the request's own fault is told to the client; where none of them can say, the estimate of ``ir.estimate`` is. The
header ``X-OmniRoute-Count`` says which of the two it is. No usage is recorded: nothing was answered.
"""

import msgspec

from omniroute.engine.patience import Patience
from omniroute.engine.pursue import pursue
from omniroute.engine.record import Record
from omniroute.engine.reply import JSON, Client
from omniroute.engine.runtime import Runtime
from omniroute.engine.understand import Understood
from omniroute.formats import CODECS
from omniroute.formats.counting import Counting, counter_of
from omniroute.formats.translate import Carrier
from omniroute.ir.estimate import estimate
from omniroute.names import FailureKind, Outcome
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate

TELLING = frozenset({FailureKind.INVALID, FailureKind.CONTEXT, FailureKind.REFUSED})
"""Failures that are the request's own fault: an estimate would hide them."""


async def count(
    rt: Runtime, understood: Understood, client: Client, patience: Patience, record: Record
) -> tuple[Failure, ...]:
    """Answer with a count; failures are given only where they are the request's own fault."""
    able = tuple(each for each in understood.plan.candidates if CODECS[each.format].counter is not None)
    if able:
        plan = msgspec.structs.replace(understood.plan, candidates=able, hedge=None)
        counting = msgspec.structs.replace(understood, plan=plan)
        failures = await pursue(
            rt, counting, lambda candidate: _carrier(understood, candidate), client, patience, record
        )
        if not failures or failures[-1].kind in TELLING:
            return failures
    codec = understood.translation.codec
    body = counter_of(codec).render(estimate(understood.translation.request))
    await client.whole(200, (*JSON, ("x-omniroute-count", "estimate")), body)
    record.ended(Outcome.OK, 200)
    return ()


def _carrier(understood: Understood, candidate: Candidate) -> Carrier:
    """Ask a candidate's counter: with the client's own bytes, where it is answered by them."""
    translation, upstream = understood.translation, CODECS[candidate.format]
    client, model = translation.codec, candidate.target.model.name
    if upstream.format is not client.format or translation.restated:
        body = counter_of(upstream).body(translation.spoken(upstream.format).body, model)
    elif understood.plain:
        body = client.prepare(understood.asked, model, False).body
    else:
        body = counter_of(upstream).body(msgspec.json.decode(understood.asked.body), model)
    return Counting(client, upstream, body)
