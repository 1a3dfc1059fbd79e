"""One attempt: one candidate is asked, and what comes back is passed on or judged.

Invariants:
1. What the client is sent of a stream is whole records: the upstream's own bytes where both speak one format.
2. Nothing is sent before the first record that means something: until then the attempt may still fail unseen.
3. The upstream connection is released before the attempt ends.
4. Waiting for the upstream is bounded at every step; time in which we wait for the client counts for none but the
   whole request's.
5. What an upstream says of a failure is told without the credential that it was asked with.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from math import inf

import msgspec

from omniroute.config.snapshot import Timeouts
from omniroute.engine.equipment import Way
from omniroute.engine.patience import Patience, Why
from omniroute.engine.progress import ProgressWatch
from omniroute.engine.record import Record
from omniroute.engine.reply import Client, Prompt, answer_headers
from omniroute.engine.terms import Headers
from omniroute.formats.codec import Asked, Watch
from omniroute.formats.translate import Carrier
from omniroute.ir.complaint import Complaint
from omniroute.limits.ratelimits import Learnt, learnt
from omniroute.names import FailureKind, Outcome
from omniroute.routing.failure import Failure
from omniroute.routing.judge import kind_of, kind_of_complaint, retry_after
from omniroute.routing.plan import Candidate
from omniroute.upstream.port import Answer, Outgoing, Phase, Pouring, SendError, Upstream

LONGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of a whole answer that are read at most; images and audio come inside JSON."""
LONGEST_COMPLAINT = 1024 * 1024
"""Bytes of an error body that are read at most."""
LONGEST_PREAMBLE = 1024 * 1024
"""Bytes that are held back at most of a stream that has said nothing yet."""
CLIENT = "the client to read"
"""What is waited for where it is not the upstream."""
LONGEST_DRAIN = 1.0
"""Seconds to wait for the end of a body whose answer is complete."""

# literal table: what a failure to send means
KIND_OF_PHASE: dict[Phase, FailureKind] = {
    Phase.CONNECT: FailureKind.DOWN,
    Phase.CONNECT_TIMEOUT: FailureKind.TIMEOUT,
    Phase.TLS: FailureKind.DOWN,
    Phase.SEND: FailureKind.DOWN,
    Phase.FIRST_BYTE_TIMEOUT: FailureKind.TIMEOUT,
    Phase.PROTOCOL: FailureKind.MALFORMED,
    Phase.CUT: FailureKind.DOWN,
    Phase.TOO_LONG: FailureKind.MALFORMED,
}


class Wish(msgspec.Struct, frozen=True):
    """What a client asks by its headers.

    ``passed`` go on to an upstream of its format; ``session`` names the conversation that the request belongs to, and
    ``tags`` are what the client wants to find it by.
    """

    passed: Headers = ()
    progress: bool = False
    session: str | None = None
    tags: tuple[str, ...] = ()


class Attempt:
    """One candidate being asked.

    ``started`` says that the client has seen a part of its answer, ``room`` what the upstream said of its rate limits.
    """

    __slots__ = (
        "_asked",
        "_candidate",
        "_carrier",
        "_client",
        "_deadline",
        "_held",
        "_limits",
        "_patience",
        "_record",
        "_way",
        "_wish",
        "room",
        "started",
    )

    def __init__(
        self, carrier: Carrier, asked: Asked, wish: Wish, candidate: Candidate, client: Client, record: Record
    ) -> None:
        """Prepare to ask ``candidate`` what the client asked."""
        self._held = b""
        self._carrier = carrier
        self._asked = asked
        self._wish = wish
        self._candidate = candidate
        self._client = client
        self._record = record
        self._limits: Timeouts = candidate.target.timeouts
        self.room: Learnt | None = None
        self.started = False

    async def run(self, upstream: Upstream, way: Way, patience: Patience, deadline: float) -> Failure | None:
        """Ask; None means that the client has its answer. ``deadline`` is the whole request's, of ``patience.now``.

        Raises:
            asyncio.CancelledError: the client has left, or the server is stopping.
        """
        self._patience = patience
        self._deadline = deadline
        self._way = way
        since = patience.now()
        try:
            failure = await self._ask(upstream, since)
        except SendError as error:
            patience.rest()
            failure = self._failure(KIND_OF_PHASE[error.phase], error.detail)
        except asyncio.CancelledError:
            if patience.why is not Why.LATE:
                self._record.attempted(self._candidate, patience.now() - since)
                raise
            patience.settle()
            failure = self._failure(
                FailureKind.TIMEOUT,
                f"timed out waiting for {patience.waited_for}",
                blameless=patience.waited_for == CLIENT,
            )
        self._record.attempted(self._candidate, patience.now() - since, failure)
        return failure

    async def _ask(self, upstream: Upstream, since: float) -> Failure | None:
        """Send the request, and see what kind of answer comes."""
        target, limits, asked, way = self._candidate.target, self._limits, self._asked, self._way
        prepared = self._carrier.prepare()
        until = min(since + (limits.first_byte if asked.stream else limits.answer), self._deadline)
        self._patience.expect(until, "an answer")
        answer = await upstream.send(
            Outgoing(
                url=_url(target.provider.base_url + self._carrier.url(target.model.name, asked.stream), way),
                headers=_headers(way, self._carrier, self._wish.passed),
                body=prepared.body,
                connect=min(limits.connect, until - since),
                first_byte=inf,
            )
        )
        if answer.status == 429 or any(value == "0" and "ratelimit" in name for name, value in answer.headers.items()):
            self.room = learnt(answer.headers, self._record.at / 1e6)
        try:
            if answer.status != 200:
                return await self._refusal(answer)
            if asked.stream and not _is_json(answer):
                return await self._relay(answer, self._watch(self._carrier.watch(prepared)), since)
            return await self._whole(answer, since)
        finally:
            self._patience.rest()
            await answer.close()

    async def _refusal(self, answer: Answer) -> Failure:
        """Read an answer whose status says that it is none; what that says stands, even where its body is lost."""
        self._wait(self._limits.between_events, "the body of an error answer")
        try:
            body = await answer.read(LONGEST_COMPLAINT)
        except SendError:
            body = b""
        complaint = self._carrier.upstream.complain(answer.status, body)
        detail = f"HTTP {answer.status}" + (f": {complaint.message}" if complaint.message else "")
        wait = retry_after(answer.headers, self._record.at / 1e6)
        if wait is None and self.room is not None:
            wait = self.room.reset
        kind = kind_of(answer.status, complaint)
        return self._failure(kind, detail, status=answer.status, wait=wait, complaint=complaint)

    async def _whole(self, answer: Answer, since: float) -> Failure | None:
        """Read an answer that is not streamed, and hand it on if it is one."""
        self._patience.expect(min(since + self._limits.answer, self._deadline), "the whole answer")
        body = await answer.read(LONGEST_ANSWER)
        self._patience.rest()
        whole = self._carrier.whole(body)
        answered = whole.answered
        if answered.complaint is not None:
            return self._complained(answered.complaint, answered.trouble)
        if self._asked.stream:
            return self._failure(FailureKind.MALFORMED, "answered a streamed request with one whole body")
        record = self._record
        record.answering(self._candidate)
        record.usage = answered.usage
        record.losses = self._carrier.losses
        record.first_token = self._patience.now()
        record.relayed = len(whole.body)
        await self._client.whole(200, answer_headers(record, self._candidate, answer, self._carrier), whole.body)
        record.ended(Outcome.OK, 200)
        return None

    async def _relay(self, answer: Answer, watch: Watch, since: float) -> Failure | None:
        """Pass a stream on until it ends or breaks, and see which of the two it was."""
        chunks = answer.chunks()
        last = b""
        lost: SendError | None = None
        self._patience.expect(min(since + self._limits.first_token, self._deadline), "the first event of the stream")
        try:
            last = await self._pump(answer, watch, chunks)
        except SendError as error:
            lost = error
        finally:
            if self.started:  # else another attempt may have noted its own
                self._record.usage = watch.usage
                self._record.broken_off = not watch.done
        self._wait_for_client()
        last += watch.close()
        if watch.complaint is None and watch.started:
            await self._complete(answer, watch, last, chunks)
            return None
        if self.started:
            await self._client.send(last)
        return self._broken(watch, lost)

    async def _pump(self, answer: Answer, watch: Watch, chunks: AsyncIterator[bytes]) -> bytes:
        """Pass records on as they come; give those of the chunk that ended the answer, which are yet to be sent."""
        pour = self._pouring(watch, chunks)
        async for chunk in chunks:
            ready = watch.feed(chunk)
            if _over(watch):
                return ready
            if not (self.started or watch.started):
                self._hold(ready)
                continue
            self._wait_for_client()
            if not self.started:
                await self._start(answer)
                ready, self._held = self._held + ready, b""
            if ready:
                self._record.relayed += len(ready)
                await self._client.send(ready)
            self._wait_for_event()
            if pour is not None:
                await pour()
                if _over(watch):
                    last, self._held = self._held, b""
                    return last
        return b""

    def _pouring(self, watch: Watch, chunks: AsyncIterator[bytes]) -> Callable[[], Awaitable[None]] | None:
        """Give what passes records on in the moment in which they are read, where both connections can do that.

        It ends where the client's is full, where there is no more to read, and where the answer is over: then what
        ended it is held.
        """
        client, record = self._client, self._record
        if not (isinstance(client, Prompt) and isinstance(chunks, Pouring)):
            return None

        def passed(chunk: bytes) -> bool:
            ready = watch.feed(chunk)
            if _over(watch):
                self._held = ready
                return False
            self._wait_for_event()
            record.relayed += len(ready)
            return client.put(ready) if ready else True

        return partial(chunks.pour, passed)

    def _counts(self) -> bool:
        """Whether the client is told of progress: where it asked, and its streams have room for events of ours."""
        return self._wish.progress and self._carrier.client.media == "text/event-stream"

    def _watch(self, watch: Watch) -> Watch:
        """Tell of progress where it was asked for."""
        if not self._counts():
            return watch
        return ProgressWatch(watch, self._carrier.client, self._record.began, self._patience.now)

    def _hold(self, ready: bytes) -> None:
        """Keep records back that mean nothing yet, but not any number of them."""
        self._held += ready
        if len(self._held) > LONGEST_PREAMBLE:
            raise SendError(Phase.TOO_LONG, f"sent more than {LONGEST_PREAMBLE} bytes that say nothing")

    async def _start(self, answer: Answer) -> None:
        """Begin the response: from here on, no other candidate can answer."""
        record = self._record
        self.started = True
        record.answering(self._candidate)
        record.first_token = self._patience.now()
        record.losses = self._carrier.losses
        headers = answer_headers(record, self._candidate, answer, self._carrier, stream=True)
        if self._counts():
            headers = (*headers, ("x-omniroute-progress", "enabled"))
        await self._client.start(200, headers)
        record.status = 200

    async def _complete(self, answer: Answer, watch: Watch, last: bytes, chunks: AsyncIterator[bytes]) -> None:
        """End the response: the answer is whole, even where the connection was lost behind it."""
        if not self.started:
            await self._start(answer)
        self._record.usage = watch.usage
        self._record.losses = self._carrier.losses
        rest = self._held + last
        self._record.relayed += len(rest)
        await self._client.end(rest)
        self._record.ended(Outcome.OK, 200)
        self._record.answered_at = self._patience.now()
        if self._record.over is not None:
            self._record.over()
        await self._drain(chunks)

    def _broken(self, watch: Watch, lost: SendError | None) -> Failure:
        """Say what is wrong with a stream that did not become an answer."""
        if lost is not None and watch.trouble is not FailureKind.MALFORMED:
            return self._failure(FailureKind.CUT if self.started else KIND_OF_PHASE[lost.phase], lost.detail)
        if watch.complaint is None:
            return self._failure(FailureKind.MALFORMED, "the stream held no answer")
        return self._complained(watch.complaint, watch.trouble)

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Read what is left behind the answer's end, so that the connection can be used again; the client has all."""
        self._patience.expect(self._patience.now() + LONGEST_DRAIN, "the end of the body")
        try:
            async for _ in chunks:
                pass
        except SendError:
            return
        except asyncio.CancelledError:
            if self._patience.why is not Why.LATE:
                raise
            self._patience.settle()

    def _wait(self, limit: float, what: str) -> None:
        """Expect something of the upstream within ``limit`` seconds, and within the request's time."""
        self._patience.expect(min(self._patience.now() + limit, self._deadline), what)

    def _wait_for_event(self) -> None:
        """Expect the next event of a stream that has begun."""
        self._wait(self._limits.between_events, "the next event of the stream")

    def _wait_for_client(self) -> None:
        """Expect nothing of the upstream; but a client that does not read may not hold it for ever."""
        self._patience.expect(self._deadline, CLIENT)

    def _complained(self, complaint: Complaint, trouble: FailureKind | None) -> Failure:
        """Make a failure of what an answer of status 200 said of itself."""
        return self._failure(trouble or kind_of_complaint(complaint), complaint.message, complaint=complaint)

    def _failure(
        self,
        kind: FailureKind,
        detail: str,
        *,
        status: int | None = None,
        wait: float | None = None,
        complaint: Complaint | None = None,
        blameless: bool = False,
    ) -> Failure:
        """Make a failure of this attempt."""
        return Failure(
            kind=kind,
            target=self._candidate.target.id,
            credential=self._candidate.credential.name,
            detail=self._way.hide(detail),
            status=status,
            retry_after=wait,
            started=self.started,
            blameless=blameless,
            complaint=complaint and msgspec.structs.replace(complaint, message=self._way.hide(complaint.message)),
        )


def _url(url: str, way: Way) -> str:
    """Append a credential that is carried in the query."""
    return url + ("&" + way.query[1:] if way.query and "?" in url else way.query)


def _headers(way: Way, carrier: Carrier, passed: Headers) -> Headers:
    """Give a request's headers: the provider's own, then the client's that pass, then what the format needs."""
    more = (*passed, *carrier.upstream.headers) if carrier.upstream is carrier.client else carrier.upstream.headers
    headers = way.headers
    for name, value in more:
        if all(name != known for known, _ in headers):
            headers = (*headers, (name, value))
    return headers


def _over(watch: Watch) -> bool:
    """Whether nothing that comes of a stream can matter any more."""
    return watch.done or watch.complaint is not None


def _is_json(answer: Answer) -> bool:
    """Whether an answer says that it is one JSON body, and so no stream."""
    return answer.headers.get("content-type", "").startswith("application/json")
