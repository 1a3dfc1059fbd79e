"""Tries one candidate after the other until one has answered, or none is left."""

import asyncio
from collections.abc import Awaitable, Callable

from omniroute.engine.attempt import Attempt
from omniroute.engine.patience import Patience
from omniroute.engine.record import Record
from omniroute.engine.reply import Client
from omniroute.engine.runtime import Runtime
from omniroute.engine.understand import Understood
from omniroute.formats.translate import Carrier
from omniroute.routing import attempts
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate


async def pursue(
    rt: Runtime,
    understood: Understood,
    carry: Callable[[Candidate], Carrier],
    client: Client,
    patience: Patience,
    record: Record,
) -> tuple[Failure, ...]:
    """Carry out a plan; ``carry`` says how the request goes to a candidate. No failures: the client has its answer."""
    rt.health.planned(understood.plan)
    run, command = attempts.begin(understood.plan, record.began)
    while not isinstance(command, attempts.Give):
        if isinstance(command, attempts.Wait):
            await asyncio.sleep(command.seconds)  # the client's leaving and a stop interrupt it
            run, command = attempts.waited(run, patience.now())
            continue
        chosen = command.candidate
        way = understood.equipment.ways[chosen.target.provider.name, chosen.credential.name]
        attempt = Attempt(carry(chosen), understood.asked, understood.wish, chosen, client, record)
        failure = await _observed(rt, chosen, attempt.run(rt.upstream, way, patience, run.deadline), record, patience)
        if failure is None:
            if attempt.room is not None and attempt.room.remaining == 0:
                rt.health.exhausted(chosen, patience.now(), attempt.room.reset)
            rt.health.answered(understood.plan, chosen, patience.now())
            return ()
        run, command = attempts.failed(run, failure, patience.now())
    return command.failures


async def _observed(
    rt: Runtime, chosen: Candidate, running: Awaitable[Failure | None], record: Record, patience: Patience
) -> Failure | None:
    """Run an attempt, and learn from how it ended."""
    began = patience.now()
    rt.health.began(chosen, began)
    try:
        failure = await running
    except BaseException:
        rt.health.left(chosen)
        raise
    rt.health.ended(chosen, began, patience.now(), failure)
    if failure is None and record.first_token is not None:
        rt.health.first_token(chosen, record.first_token - began)
    return failure
