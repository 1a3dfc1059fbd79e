"""What is known of a request while it runs; it becomes one ``Exchanged`` event, however the request ends.

Always true: it is filled in as things happen, so that whatever interrupts a request, its row says what is true.
"""

from collections.abc import Callable

import msgspec

from omniroute.config.snapshot import Target
from omniroute.engine.holder import Live
from omniroute.engine.terms import Headers
from omniroute.errors import Draining
from omniroute.ir.loss import Loss, summary
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format, Outcome
from omniroute.observe.events import Admitted, Attempted, Exchanged
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate
from omniroute.routing.price import cost

BYTES_A_TOKEN = {False: 4, True: 150}
"""Bytes of an answer for each of its tokens, whole and streamed, where its provider does not say how many there were.
Events say a token or a few each, and repeat the names of the answer around it."""

CLIENT_LEFT = 499
"""The status of a request whose client left before it was sent one; nginx made the number customary."""


class Record:
    """The notes on one request; ``began`` is of a steady clock in seconds, ``at`` Unix microseconds.

    ``cache`` says what answered in place of an upstream: then the request costs nothing. ``tags``, ``budgets`` and
    ``estimated`` are those of ``Exchanged``. ``told`` are headers that any answer carries. ``relayed`` counts the bytes
    of the answer that the client was sent, and ``input_estimate`` the request's tokens, for when its provider does not
    tell: then they are estimated, if ``estimates`` says so. ``broken_off`` says that what it told was not yet all.
    ``under_way`` counts the attempts that are made at once, while two are. ``over`` is called as soon as the client has
    all of its answer, which may be before the upstream's connection is done with.
    """

    __slots__ = (
        "_answered",
        "_attempts",
        "_given_up",
        "answered_at",
        "asked",
        "at",
        "began",
        "broken_off",
        "budgets",
        "cache",
        "code",
        "estimated",
        "estimates",
        "first_token",
        "format",
        "input_estimate",
        "key",
        "live",
        "losses",
        "outcome",
        "over",
        "relayed",
        "replaced",
        "request_id",
        "session",
        "status",
        "stream",
        "tags",
        "told",
        "under_way",
        "usage",
    )

    def __init__(self, request_id: str, wire: Format, live: Live, at: int, began: float) -> None:
        """Begin; until something else is known, the client has left."""
        self.request_id = request_id
        self.format = wire
        self.live = live
        self.at = at
        self.began = began
        self.asked = ""
        self.key = ""
        self.stream = False
        self.session: str | None = None
        self.replaced: tuple[str, str] | None = None
        self.status = CLIENT_LEFT
        self.outcome = Outcome.CANCELLED
        self.code = ""
        self.cache = ""
        self.first_token: float | None = None
        self.answered_at: float | None = None
        self.over: Callable[[], object] | None = None
        self.usage: Usage | None = None
        self.losses: tuple[Loss, ...] = ()
        self.tags: tuple[str, ...] = ()
        self.budgets: tuple[tuple[str, int], ...] = ()
        self.told: Headers = ()
        self.estimates = self.estimated = self.broken_off = False
        self.input_estimate = self.relayed = 0
        self._answered: Candidate | None = None
        self._given_up: Candidate | None = None
        self.under_way = 0
        self._attempts: list[Attempted] = []

    @property
    def attempts(self) -> int:
        """How many attempts were made beside or before the one that asks; after the last of them, all."""
        return len(self._attempts) + max(0, self.under_way - 1)

    def answering(self, candidate: Candidate) -> None:
        """This candidate's answer is on its way to the client."""
        self._answered = candidate

    def attempted(self, candidate: Candidate, seconds: float, failure: Failure | None = None) -> None:
        """An attempt ended: with an answer, with a failure, or given up because nobody waited for it any more."""
        kind: FailureKind | None = failure.kind if failure else None
        if failure is None and candidate is not self._answered:
            self._given_up = candidate
        answered = 200 if candidate is self._answered else None
        self._attempts.append(
            Attempted(
                target=candidate.target.id,
                credential=candidate.credential.name,
                micros=round(seconds * 1e6),
                failure=kind,
                status=failure.status if failure else answered,
                detail=failure.detail if failure else "",
            )
        )

    def used_by(self, candidate: Candidate) -> int | None:
        """Give the tokens that an attempt came to, where it answers and its provider has told; None: nobody knows."""
        usage = self.usage if candidate is self._answered else None
        return None if usage is None else usage.prompt + usage.output

    def admitted(self, reserved: int = 0) -> Admitted:
        """Tell that it may now cost something, ``reserved`` nano-dollars at worst."""
        return Admitted(
            request_id=self.request_id,
            at=self.at,
            format=self.format,
            asked=self.asked,
            key=self.key,
            stream=self.stream,
            generation=self.live.generation,
            config=self.live.snapshot.short_id,
            reserved=reserved,
            budgets=self.budgets,
        )

    def ended(self, outcome: Outcome, status: int, code: str = "") -> None:
        """Note how the request ended; ``status`` is what the client was sent."""
        self.outcome = outcome
        self.status = status
        self.code = code

    def _used(self) -> Usage | None:
        """Give what the provider says was used; where it never told, an estimate, marked as one.

        Who leaves before an answer has begun has had the request sent all the same, and providers may bill its input;
        so it is where the gateway stops.
        """
        told = self.usage
        exact = told is not None and not (self.broken_off and self.outcome is not Outcome.OK)
        if exact or self._billed is None or not self.estimates:
            return told
        self.estimated = True
        relayed = -(-self.relayed // (BYTES_A_TOKEN[self.stream]))
        if told is None:
            return Usage(self.input_estimate, relayed)
        return msgspec.structs.replace(told, output=max(told.output, relayed))

    @property
    def _billed(self) -> Candidate | None:
        """Whose price holds: that of who answered, else of who was being asked when the client left or we stopped."""
        if self._answered is None and (self.outcome is Outcome.CANCELLED or self.code == Draining.code):
            return self._given_up
        return self._answered

    def exchanged(self, now: float) -> Exchanged:
        """Close the notes at ``now``, of the clock of ``began``; the client may have had its whole answer before."""
        ended = now if self.answered_at is None else self.answered_at
        usage, billed, answered = self._used(), self._billed, self._answered
        target: Target | None = answered.target if answered else None
        return Exchanged(
            request_id=self.request_id,
            at=self.at,
            format=self.format,
            asked=self.asked,
            key=self.key,
            stream=self.stream,
            status=self.status,
            outcome=self.outcome,
            generation=self.live.generation,
            config=self.live.snapshot.short_id,
            micros=round((ended - self.began) * 1e6),
            first_token_micros=None if self.first_token is None else round((self.first_token - self.began) * 1e6),
            provider=target.provider.name if target else "",
            model=target.model.name if target else "",
            target=target.id if target else "",
            credential=answered.credential.name if answered else "",
            upstream_format=answered.format if answered else None,
            losses=summary(self.losses) if self.losses else "",
            code=self.code,
            input_tokens=usage.input if usage else None,
            output_tokens=usage.output if usage else None,
            cache_read_tokens=usage.cache_read if usage else None,
            cache_write_tokens=usage.cache_write if usage else None,
            reasoning_tokens=usage.reasoning if usage else None,
            cost_nano=0 if self.cache else cost(billed.target.model.price, usage) if billed and usage else None,
            cache_write_1h_tokens=usage.cache_write_1h if usage else None,
            audio_in_tokens=usage.audio_in if usage else None,
            audio_out_tokens=usage.audio_out if usage else None,
            estimated=self.estimated,
            cache=self.cache,
            session=self.session or "",
            tags=self.tags,
            budgets=self.budgets,
            attempts=tuple(self._attempts),
        )
