"""Tries one candidate after the other until one has answered, or none is left."""

from collections.abc import Callable

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
    run, command = attempts.begin(understood.plan, record.began)
    while isinstance(command, attempts.Call):
        chosen = command.candidate
        way = understood.equipment.ways[chosen.target.provider.name, chosen.credential.name]
        attempt = Attempt(carry(chosen), understood.asked, understood.wish, chosen, client, record)
        failure = await attempt.run(rt.upstream, way, patience, run.deadline)
        if failure is None:
            return ()
        run, command = attempts.failed(run, failure, patience.now())
    return command.failures
