"""The life of a request, from a body that was read to a response that was sent.

Invariants:
1. One snapshot for the whole request: what is reloaded meanwhile is for the next one.
2. Exactly one ``Exchanged`` event, however the request ends: answered, refused, failed, cut or abandoned.
3. Until the client has seen a byte of an answer, a failure may move on to the next candidate; after it, never: then
   the client gets an error in its own protocol, and never a clean end.
4. When the request ends, its upstream connection is released; at once, where the client has left.
"""

import asyncio
import traceback
from contextlib import suppress
from pathlib import PurePath

from omniroute.config.snapshot import Target
from omniroute.engine.count import count
from omniroute.engine.holder import Live
from omniroute.engine.patience import Patience, Why
from omniroute.engine.pursue import pursue
from omniroute.engine.record import Record
from omniroute.engine.reply import Client, ClientLeft, error_headers, view_of
from omniroute.engine.runtime import Runtime, unix_micros
from omniroute.engine.understand import Inbound, understand
from omniroute.errors import Bug, Draining, OmniRouteError, Refused, RequestError
from omniroute.formats.codec import Codec, Terms, ThinkingMode
from omniroute.formats.translate import Carrier
from omniroute.names import Capability, Outcome
from omniroute.observe.events import Faulted
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import Candidate

LAST_WORDS = 5.0
"""Seconds that a client has to take the error that ends its stream."""


async def exchange(rt: Runtime, live: Live, inbound: Inbound, client: Client, patience: Patience) -> None:
    """Answer one request, whatever it takes; all that leaves it is the cancellation of a server that stops at once."""
    record = Record(inbound.request_id, inbound.codec.format, live, unix_micros(), patience.now())
    rt.active.add(patience)
    try:
        await _answer_or_explain(rt, inbound, client, patience, record)
    except ClientLeft:
        pass
    except asyncio.CancelledError:
        if patience.why is None:
            raise
        stopping = patience.why is Why.STOPPING
        patience.settle()
        if stopping:
            await _explain(
                inbound.codec, client, record, Draining("the gateway stopped before this request was answered")
            )
    except Exception as error:  # noqa: BLE001 - the one blanket catch: a bug in one request must not be silent, nor end others
        rt.report(faulted(inbound.request_id, error))
        await _explain(inbound.codec, client, record, Bug("something in the gateway broke; its log has the details"))
    finally:
        patience.close()
        rt.active.discard(patience)
        rt.report(record.exchanged(patience.now()))


async def _answer_or_explain(rt: Runtime, inbound: Inbound, client: Client, patience: Patience, record: Record) -> None:
    """Answer; what is refused, and what nobody could answer, is said in the client's dialect."""
    try:
        failures = await _answer(rt, inbound, client, patience, record)
    except OmniRouteError as error:
        await _explain(inbound.codec, client, record, error)
    else:
        if failures:
            await _explain(inbound.codec, client, record, AllFailed(record.asked, failures))


async def _answer(
    rt: Runtime, inbound: Inbound, client: Client, patience: Patience, record: Record
) -> tuple[Failure, ...]:
    """Understand what is asked, and try one candidate after the other. No failures: the client has its answer."""
    understood = await understand(rt, inbound, client, record)
    if inbound.counts:
        return await count(rt, understood, client, patience, record)

    def carry(chosen: Candidate) -> Carrier:
        terms = _terms(chosen.target)
        return understood.translation.carrier(chosen.format, terms, record.request_id, record.at)

    return await pursue(rt, understood, carry, client, patience, record)


def _terms(target: Target) -> Terms:
    """Say what a body needs to know of its target."""
    model = target.model
    thinking = None
    if Capability.ADAPTIVE_THINKING in model.capabilities:
        thinking = ThinkingMode.ADAPTIVE
    elif Capability.THINKING in model.capabilities:
        thinking = ThinkingMode.TOKENS
    return Terms(model.name, model.max_output, target.provider.stream_usage, thinking)


async def _explain(codec: Codec, client: Client, record: Record, error: OmniRouteError) -> None:
    """Say why there is no answer: as a whole response, or in the midst of a stream by that protocol's error event."""
    if client.ended:
        if record.outcome is Outcome.CANCELLED:  # something broke in the midst of a whole answer
            record.ended(Outcome.CUT, 200, error.code)
        return
    if client.started:
        record.ended(Outcome.CUT, 200, error.code)
        with suppress(TimeoutError):  # who does not read cannot be told: the connection is closed
            async with asyncio.timeout(LAST_WORDS):
                await client.end(codec.render_error_event(view_of(record, error)))
        return
    refused = isinstance(error, RequestError | Refused)
    record.ended(Outcome.REFUSED if refused else Outcome.FAILED, error.status, error.code)
    await client.whole(error.status, error_headers(record, error), codec.render_error(view_of(record, error)))


def faulted(request_id: str, error: Exception) -> Faulted:
    """Name a bug by its type and where it was raised; never by its words, which may hold a request's content."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Faulted(unix_micros(), request_id, type(error).__name__, where)
