"""The life of a request, from a body that was read to a response that was sent.

Invariants:
1. One snapshot for the whole request: what is reloaded meanwhile is for the next one.
2. Exactly one ``Exchanged`` event, however the request ends: answered, refused, failed, cut or abandoned.
3. Until the client has seen a byte of an answer, a failure may move on to the next candidate; after it, never: then
   the client gets an error in its own protocol, and never a clean end.
4. When the request ends, its upstream connection is released; at once, where the client has left.
5. What was taken of limits and set aside of budgets is settled once, when the request ends.
"""

import asyncio
import traceback
from contextlib import suppress
from pathlib import PurePath

from omniroute.config.policy import CacheUse
from omniroute.config.snapshot import Target
from omniroute.engine.count import count
from omniroute.engine.embedding import Hands
from omniroute.engine.holder import Live
from omniroute.engine.patience import Patience, Why
from omniroute.engine.purse import enter, reserve
from omniroute.engine.pursue import pursue
from omniroute.engine.record import Record
from omniroute.engine.replays import Repeat
from omniroute.engine.reply import Client, ClientLeft, error_headers, view_of
from omniroute.engine.runtime import Runtime
from omniroute.engine.terms import unix_micros
from omniroute.engine.toll import FREE, Toll
from omniroute.engine.understand import Inbound, Understood, hear, understand
from omniroute.errors import (
    Bug,
    Draining,
    Forbidden,
    OmniRouteError,
    Refused,
    RequestError,
    StorageError,
    Unauthenticated,
)
from omniroute.formats.codec import Codec, Terms, ThinkingMode
from omniroute.formats.likeness import likeness
from omniroute.formats.sameness import Naming
from omniroute.formats.translate import Carrier
from omniroute.names import Capability, Outcome
from omniroute.observe.events import Audited, Exchanged, Faulted, Troubled
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.permit import written_address
from omniroute.routing.plan import Candidate
from omniroute.storage.audit import REFUSED

ANY_CACHE = CacheUse()
"""What caches may answer whom no policy binds."""
LAST_WORDS = 5.0
"""Seconds that a client has to take the error that ends its stream."""


async def exchange(rt: Runtime, live: Live, inbound: Inbound, client: Client, patience: Patience) -> None:
    """Answer one request, whatever it takes; all that leaves it is the cancellation of a server that stops at once."""
    record = Record(inbound.request_id, inbound.codec.format, live, unix_micros(), patience.now())
    rt.active.add(patience)
    repeat = rt.answers.attend(live.snapshot, inbound.wants, client, patience, record)
    visit = _Visit(rt, inbound, client if repeat is None else repeat.client, patience, record, repeat)
    try:
        await visit.answer_or_explain()
    except ClientLeft:
        pass
    except asyncio.CancelledError:
        if patience.why is None:
            raise
        stopping = patience.why is Why.STOPPING
        patience.settle()
        if stopping:
            await visit.explain(Draining("the gateway stopped before this request was answered"))
    except Exception as error:  # noqa: BLE001 - the one blanket catch: a bug in one request must not be silent, nor end others
        rt.report(faulted(inbound.request_id, error))
        await visit.explain(Bug("something in the gateway broke; its log has the details"))
    finally:
        patience.close()
        rt.active.discard(patience)
        rt.report(visit.settled())


class _Visit:
    """One request on its way through the gateway, and what has to be settled when it leaves."""

    __slots__ = ("_client", "_inbound", "_patience", "_record", "_repeat", "_rt", "_toll")

    def __init__(
        self,
        rt: Runtime,
        inbound: Inbound,
        client: Client,
        patience: Patience,
        record: Record,
        repeat: Repeat | None,
    ) -> None:
        self._rt = rt
        self._inbound = inbound
        self._client = client
        self._patience = patience
        self._record = record
        self._repeat = repeat
        self._toll: Toll = FREE

    async def answer_or_explain(self) -> None:
        """Answer; what is refused, and what nobody could answer, is said in the client's dialect."""
        try:
            failures = await self._answer()
        except OmniRouteError as error:
            await self.explain(error)
        else:
            if failures:
                await self.explain(AllFailed(self._record.asked, failures))

    async def _answer(self) -> tuple[Failure, ...]:
        """Let the request in, see whether its answer is there already, and else have it answered.

        Returns:
            Why nobody could answer; no failures: the client has its answer.
        """
        rt, inbound, record, repeat = self._rt, self._inbound, self._record, self._repeat
        heard = await hear(rt, inbound, self._client, record)
        if repeat is not None and await repeat.claimed(_naming(inbound), heard.body):
            return ()
        self._toll = await enter(rt, heard, record)
        if self._toll is not FREE:
            record.over = self._pay
        understood = understand(rt, inbound, heard, record)
        if inbound.counts:
            return await count(rt, understood, self._client, self._patience, record)
        if repeat is not None:
            record.told = self._toll.headers(record.format, record.at / 1e6)  # a hit tells how its asker stands
            policy, wish = heard.caller.policy, inbound.wish
            use = ANY_CACHE if policy is None else policy.cache
            naming = (*_naming(inbound), wish.passed, wish.progress)
            if await repeat.recalled(heard.asked, understood.plan, use, naming):
                return ()
            if use.semantic and await self._resembled(understood, repeat, use, naming):
                return ()
        if self._toll is not FREE:
            understood = await reserve(rt, inbound, heard, understood, record, self._toll)
        record.estimates = True
        rt.admit(record.admitted(self._toll.reserved))
        return await self._sent(understood)

    async def _resembled(
        self, understood: Understood, repeat: Repeat, use: CacheUse, naming: tuple[Naming, ...]
    ) -> bool:
        """Answer with what was said to a similar question; True where the client has its answer."""
        if self._record.live.snapshot.caches.semantic is None:
            return False
        alike = likeness(understood.asked, understood.translation, naming)
        if alike is None:
            return False
        hands = Hands(self._rt.upstream, self._rt.report, self._toll.beside())
        return await repeat.resembled(hands, alike, understood.plan, use)

    async def _sent(self, understood: Understood) -> tuple[Failure, ...]:
        """Try one candidate after the other."""
        record = self._record

        def carry(chosen: Candidate) -> Carrier:
            terms = _terms(chosen.target)
            return understood.translation.carrier(chosen.format, terms, record.request_id, record.at)

        return await pursue(self._rt, understood, carry, self._client, self._patience, record)

    async def explain(self, error: OmniRouteError) -> None:
        """Say why there is no answer; a key or an address that is refused is told to whoever keeps the audit log."""
        if isinstance(error, Unauthenticated | Forbidden):
            inbound, record = self._inbound, self._record
            actor = record.key or (written_address(inbound.address) if inbound.address is not None else "")
            self._rt.report(Audited(record.at, actor, REFUSED, record.asked or inbound.codec.format, error.message))
        if isinstance(error, StorageError):  # its words name files of this machine
            self._rt.report(Troubled(self._record.at, error.message))
            error = StorageError("the gateway cannot use its runtime data now; its log has the details")
        await explain(self._inbound.codec, self._client, self._record, error)

    def settled(self) -> Exchanged:
        """Let go of whoever waits for this request, pay what it cost, and give what is to be told of it."""
        if self._repeat is not None:
            self._repeat.close()
        self._record.over = None  # which refers to this, as this does to the record: what does so is freed late
        return self._pay()

    def _pay(self) -> Exchanged:
        """Pay what the request cost: once its client has all, who may at once ask again, and when it has ended."""
        event = self._record.exchanged(self._patience.now())
        if self._toll is not FREE:
            self._toll.settle(event.cost_nano, _tokens(event), unix_micros() / 1e6)
        return event


async def explain(codec: Codec, client: Client, record: Record, error: OmniRouteError) -> None:
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


def _naming(inbound: Inbound) -> tuple[Naming, ...]:
    """Give what a request's path says of its meaning."""
    place, codec = inbound.place, inbound.codec
    return (codec.format, codec.media, place.model, place.stream, inbound.provider, inbound.counts)


def _tokens(event: Exchanged) -> int:
    """Give the tokens that a request came to; none where nobody was asked, or nothing is known or estimated of it."""
    if event.cache:
        return 0
    return (
        (event.input_tokens or 0)
        + (event.output_tokens or 0)
        + (event.cache_read_tokens or 0)
        + (event.cache_write_tokens or 0)
        + (event.cache_write_1h_tokens or 0)
    )


def _terms(target: Target) -> Terms:
    """Say what a body needs to know of its target."""
    model = target.model
    thinking = None
    if Capability.ADAPTIVE_THINKING in model.capabilities:
        thinking = ThinkingMode.ADAPTIVE
    elif Capability.THINKING in model.capabilities:
        thinking = ThinkingMode.TOKENS
    return Terms(model.name, model.max_output, target.provider.stream_usage, thinking)


def faulted(request_id: str, error: Exception) -> Faulted:
    """Name a bug by its type and where it was raised; never by its words, which may hold a request's content."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Faulted(unix_micros(), request_id, type(error).__name__, where)
