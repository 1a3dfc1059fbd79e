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
from typing import cast

import msgspec

from omniroute.engine.admission import admit
from omniroute.engine.attempt import Attempt
from omniroute.engine.holder import Live
from omniroute.engine.patience import Patience, Why
from omniroute.engine.record import Record
from omniroute.engine.reply import Client, ClientLeft, error_headers, view_of
from omniroute.engine.runtime import Equipment, Runtime, unix_micros
from omniroute.errors import Bug, Draining, OmniRouteError, Refused, RequestError
from omniroute.formats.codec import Codec
from omniroute.ir.facts import Facts
from omniroute.names import Outcome, ProviderName, Scope
from omniroute.observe.events import Faulted
from omniroute.routing import attempts
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import make_plan

LAST_WORDS = 5.0
"""Seconds that a client has to take the error that ends its stream."""


class Inbound(msgspec.Struct, frozen=True):
    """What a request's head says. ``presented`` is the client key as it came, ``provider`` the path's."""

    request_id: str
    codec: Codec
    presented: bytes | None
    provider: ProviderName | None = None


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
    """Admit, understand and plan; then try one candidate after the other. No failures: the client has its answer."""
    if rt.draining:
        raise Draining("the gateway is stopping; send this request again in a moment")
    snapshot, codec = record.live.snapshot, inbound.codec
    key = admit(snapshot, inbound.presented, Scope.INFERENCE, record.at / 1e6)
    record.key = key.name if key else ""
    asked = codec.ask(await client.body(snapshot.server.max_body))
    record.asked, record.stream = asked.model, asked.stream
    facts = Facts(asked.model, codec.format, asked.stream, inbound.provider)
    equipment = cast("Equipment", record.live.secrets)
    plan = make_plan(snapshot, facts, equipment.view)
    run, command = attempts.begin(plan, record.began)
    while isinstance(command, attempts.Call):
        chosen = command.candidate
        way = equipment.ways[chosen.target.provider.name, chosen.credential.name]
        attempt = Attempt(codec, asked, chosen, client, record)
        failure = await attempt.run(rt.upstream, way, patience, run.deadline)
        if failure is None:
            return ()
        run, command = attempts.failed(run, failure, patience.now())
    return command.failures


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
