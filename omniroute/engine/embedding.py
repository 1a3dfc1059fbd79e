"""Asks a configured model for a text's embedding, in the shape of OpenAI's "Create embeddings".

Source: https://platform.openai.com/docs/api-reference/embeddings/create, which other providers speak as well.

Invariants:

1. An embedding is a help, and nothing depends on it: what fails, lies or takes longer than ``PATIENCE`` is None, and
   never an error. The model is then left alone for ``REST`` seconds, doubled with each failure that follows.
2. Each call that was made is one ``Exchanged`` event of its own, of the format ``openai-embeddings``: what it cost is
   the caller's, whose budgets it is paid from, and stands beside the request, whose id it bears with ``SUFFIX`` behind
   it. No call is made for which a budget has no room.
3. A vector comes from one model only: the first that the configured name stands for. No other takes its place, since
   the vectors of two models cannot be compared.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Annotated, cast

import msgspec

from omniroute.config.snapshot import Credential, Target
from omniroute.engine.attempt import KIND_OF_PHASE
from omniroute.engine.equipment import Equipment, Way
from omniroute.engine.record import CLIENT_LEFT, Record
from omniroute.engine.terms import unix_micros
from omniroute.engine.toll import FREE, Toll
from omniroute.errors import OmniRouteError, OverBudget, StorageError
from omniroute.formats.complaint import complain
from omniroute.ir.facts import Facts
from omniroute.ir.usage import Usage
from omniroute.limits.cooldown import Cooldowns
from omniroute.limits.nearest import unit
from omniroute.names import FailureKind, Format, Outcome
from omniroute.observe.events import Attempted, Event, Exchanged
from omniroute.routing.failure import MEANING
from omniroute.routing.judge import kind_of, retry_after
from omniroute.routing.price import cost, worst
from omniroute.routing.resolve import resolve
from omniroute.upstream.port import Outgoing, SendError, Upstream

PATIENCE = 2.0
"""Seconds that a request waits for an embedding."""
REST = 5.0
LONGEST_REST = 300.0
"""Seconds for which a model is left alone after a failure, and at most."""
LONGEST_ANSWER = 1024 * 1024
"""Bytes of an answer that are read at most."""
DIMENSIONS = (8, 8_192)
"""How many numbers a vector has at least and at most; no model that is on offer is outside of that."""
SUFFIX = "-embedding"


class Hands(msgspec.Struct, frozen=True):
    """By what a model is asked, who is told of it, and what pays for it (``Toll.beside``)."""

    upstream: Upstream
    report: Callable[[Event], None]
    toll: Toll = FREE


class Embedding(msgspec.Struct, frozen=True):
    """A vector of length 1 (``limits.nearest.unit``), and what tells the model that made it from every other."""

    model: str
    vector: bytes


class _Place(msgspec.Struct, frozen=True):
    """Whom to ask, and how."""

    target: Target
    credential: Credential
    way: Way

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.target.provider.name, self.credential.name, self.target.model.name)


class _Failed(msgspec.Struct, frozen=True):
    """Why there is no vector."""

    kind: FailureKind
    detail: str
    status: int | None = None
    wait: float | None = None


class _Said(msgspec.Struct, frozen=True):
    """What came of a call."""

    vector: bytes | None = None
    usage: Usage | None = None
    failed: _Failed | None = None


class _Vector(msgspec.Struct):
    embedding: list[float]


_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _Tokens(msgspec.Struct):
    total_tokens: _Count | None = None
    prompt_tokens: _Count | None = None

    @property
    def usage(self) -> Usage | None:
        """What was used; not every provider tells what is input, where there is nothing else."""
        tokens = self.total_tokens if self.prompt_tokens is None else self.prompt_tokens
        return None if tokens is None else Usage(input=tokens)


class _Body(msgspec.Struct):
    data: list[_Vector]
    usage: _Tokens | None = None


_DECODER = msgspec.json.Decoder(_Body)


class Embedder:
    """The models that were asked in this process."""

    __slots__ = ("_now", "_patience", "_rests")

    def __init__(self, now: Callable[[], float] = monotonic, patience: float = PATIENCE) -> None:
        """Wait for an embedding for ``patience`` seconds; ``now`` is a steady clock's."""
        self._now = now
        self._patience = patience
        self._rests = Cooldowns(REST, LONGEST_REST)

    async def embed(self, hands: Hands, name: str, text: str, record: Record) -> Embedding | None:
        """Give a text's embedding, None where there is none to be had now.

        Args:
            hands: by what it is asked for.
            name: a target, an alias or a combo, of which the first target counts.
            text: what is embedded.
            record: the notes on the request for which it is asked, which pays for it.

        Raises:
            asyncio.CancelledError: the client has left.
        """
        place = _place(name, record)
        if place is None or self._rests.until.get(place.key, 0.0) > self._now():
            return None
        if not await _afforded(hands.toll, place, text, record):
            return None
        began, at = self._now(), unix_micros()
        said: _Said | None = None
        try:
            said = await self._ask(hands.upstream, place, text)
        finally:
            event = _exchanged(name, record, place, said, (at, round((self._now() - began) * 1e6)))
            event = msgspec.structs.replace(event, budgets=hands.toll.budgets)
            hands.toll.settle(event.cost_nano, None, unix_micros() / 1e6)
            hands.report(event)
        if said.failed is not None:
            self._rests.refused(place.key, self._now(), said.failed.wait, began)
        if said.vector is None:
            return None
        self._rests.eased(place.key)
        return Embedding(f"{place.target.provider.base_url} {place.target.id}", said.vector)

    async def _ask(self, upstream: Upstream, place: _Place, text: str) -> _Said:
        """Ask, within the time that there is."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._call(upstream, place, text)
        except TimeoutError:
            return _Said(failed=_Failed(FailureKind.TIMEOUT, f"gave no embedding within {self._patience:g} s"))
        except SendError as error:
            return _Said(failed=_Failed(KIND_OF_PHASE[error.phase], place.way.hide(error.detail)))

    async def _call(self, upstream: Upstream, place: _Place, text: str) -> _Said:
        """Make the call."""
        wanted = {"model": place.target.model.name, "input": text, "encoding_format": "float"}
        outgoing = Outgoing(
            url=f"{place.target.provider.base_url}/embeddings{place.way.query}",
            headers=place.way.headers,
            body=msgspec.json.encode(wanted),
            connect=self._patience,
            first_byte=self._patience,
        )
        answer = await upstream.send(outgoing)
        try:
            body = await answer.read(LONGEST_ANSWER)
        finally:
            await answer.close()
        if answer.status == 200:
            return _read(body)
        complaint = complain(answer.status, body)
        detail = place.way.hide(f"HTTP {answer.status}: {complaint.message}")
        wait = retry_after(answer.headers, unix_micros() / 1e6)
        return _Said(failed=_Failed(kind_of(answer.status, complaint), detail, answer.status, wait))


def _place(name: str, record: Record) -> _Place | None:
    """Find whom to ask: the first target, by its first credential that can be used."""
    try:
        target = resolve(record.live.snapshot, Facts(name, Format.OPENAI_EMBEDDINGS, stream=False)).targets[0]
    except OmniRouteError:
        return None
    ways = cast("Equipment", record.live.secrets).ways
    provider = target.provider
    for credential in sorted(provider.credentials, key=lambda each: each.priority):
        way = ways.get((provider.name, credential.name))
        if way is not None:
            return _Place(target, credential, way)
    return None


async def _afforded(toll: Toll, place: _Place, text: str, record: Record) -> bool:
    """Set aside what a call may cost at most; False where a budget has no room for it."""
    most = worst(place.target.model.price, len(text.encode()), 0)  # no token is less than a byte
    try:
        verdict = await toll.reserve(record.request_id + SUFFIX, most, unix_micros() / 1e6)
    except (OverBudget, StorageError):  # of which the request itself is told, where it comes to that
        return False
    return verdict.downgrade is None


def _read(body: bytes) -> _Said:
    """Read an answer; one vector is asked for, and any other number of them is a mistake."""
    try:
        read = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _Said(failed=_Failed(FailureKind.MALFORMED, "the answer holds no embedding that can be read", 200))
    usage = read.usage.usage if read.usage is not None else None
    numbers = read.data[0].embedding if len(read.data) == 1 else []
    least, most = DIMENSIONS
    vector = unit(numbers) if least <= len(numbers) <= most else None
    if vector is not None:
        return _Said(vector, usage)
    detail = f"the answer holds {len(read.data)} embeddings, the first of {len(numbers)} dimensions, and none of use"
    return _Said(usage=usage, failed=_Failed(FailureKind.MALFORMED, detail, 200))


def _exchanged(name: str, record: Record, place: _Place, said: _Said | None, when: tuple[int, int]) -> Exchanged:
    """Tell of a call; ``when`` is the instant and the time that it took, in microseconds."""
    target, failed = place.target, said.failed if said is not None else None
    answered = said is not None and failed is None
    usage = said.usage if said is not None else None
    meaning = MEANING[failed.kind] if failed is not None else None
    at, micros = when
    attempted = Attempted(
        target=target.id,
        credential=place.credential.name,
        micros=micros,
        failure=failed.kind if failed is not None else None,
        status=failed.status if failed is not None else 200 if answered else None,
        detail=failed.detail if failed is not None else "",
    )
    return Exchanged(
        request_id=record.request_id + SUFFIX,
        at=at,
        format=Format.OPENAI_EMBEDDINGS,
        asked=name,
        key=record.key,
        stream=False,
        status=200 if answered else meaning.status if meaning is not None else CLIENT_LEFT,
        outcome=Outcome.OK if answered else Outcome.FAILED if failed is not None else Outcome.CANCELLED,
        generation=record.live.generation,
        config=record.live.snapshot.short_id,
        micros=micros,
        provider=target.provider.name,
        model=target.model.name,
        target=target.id,
        credential=place.credential.name,
        upstream_format=Format.OPENAI_EMBEDDINGS,
        code=meaning.code if meaning is not None else "",
        input_tokens=usage.input if usage is not None else None,
        cost_nano=cost(target.model.price, usage) if usage is not None else None,
        session=record.session or "",
        tags=record.tags,
        attempts=(attempted,),
    )
