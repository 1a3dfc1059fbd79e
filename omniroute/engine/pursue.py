"""Tries one candidate after the other until one has answered, or none is left.

Always true: an attempt begins only where its target has room for it, and gives its place back when it ends. Nothing
here costs a task: only where a target may be late, and another is to be asked then, do attempts run in tasks of their
own (``engine.hedge``).
"""

import asyncio
from collections.abc import Callable
from math import isinf

from omniroute.engine.attempt import Attempt
from omniroute.engine.hedge import Race
from omniroute.engine.patience import Patience
from omniroute.engine.record import Record
from omniroute.engine.reply import Client
from omniroute.engine.runtime import Runtime
from omniroute.engine.toll import UNLIMITED
from omniroute.engine.understand import Understood
from omniroute.formats.translate import Carrier
from omniroute.names import FailureKind, ProviderName
from omniroute.routing import attempts
from omniroute.routing.attempts import Command, Give, Wait
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate

Carry = Callable[[Candidate], Carrier]


async def pursue(
    rt: Runtime, understood: Understood, carry: Carry, client: Client, patience: Patience, record: Record
) -> tuple[Failure, ...]:
    """Carry out a plan; ``carry`` says how the request goes to a candidate. No failures: the client has its answer."""
    return await _Pursuit(rt, understood, carry, client, patience, record).run()


class _Pursuit:
    """The attempts of one request."""

    __slots__ = (
        "_carry",
        "_client",
        "_health",
        "_late",
        "_patience",
        "_record",
        "_rt",
        "_run",
        "_understood",
        "_waited",
    )

    def __init__(
        self, rt: Runtime, understood: Understood, carry: Carry, client: Client, patience: Patience, record: Record
    ) -> None:
        self._rt = rt
        self._health = rt.health
        self._understood = understood
        self._carry = carry
        self._client = client
        self._patience = patience
        self._record = record
        self._late: Candidate | None = None
        self._waited: dict[ProviderName, float] = {}

    async def run(self) -> tuple[Failure, ...]:
        """Do what the machine of attempts says."""
        plan, health = self._understood.plan, self._health
        health.planned(plan)
        if plan.hedge is not None:
            health.hedging.asked()
        self._run, command = attempts.begin(plan, self._record.began)
        while not isinstance(command, Give):
            if isinstance(command, Wait):
                await asyncio.sleep(command.seconds)  # the client's leaving and a stop interrupt it
                self._run, command = attempts.waited(self._run, self._patience.now())
                continue
            following = await self._called(command.candidate)
            if following is None:
                return ()
            command = following
        return command.failures

    async def _called(self, chosen: Candidate) -> Command | None:
        """Ask a candidate, where it has room; None: the client has its answer."""
        target, patience = chosen.target, self._patience
        if target.limited and not self._health.queues.enter(target):
            if any(each.free_at <= patience.now() and self._room(each) for each in self._run.queue):
                self._run, command = attempts.postponed(self._run, chosen, patience.now())
                return command
            full = await self._seat(chosen)
            if full is not None:
                return self._failed(full)
        after = self._late_after(chosen)
        if after is not None:
            return await self._race(chosen, after)
        try:
            failure = await self._ask(chosen, self._client, patience)
        finally:
            self._left(chosen)
        return None if failure is None else self._failed(failure)

    def _failed(self, failure: Failure) -> Command:
        """Tell the machine of a failure."""
        self._run, command = attempts.failed(self._run, failure, self._patience.now())
        return command

    async def _ask(self, chosen: Candidate, client: Client, patience: Patience) -> Failure | None:
        """Make an attempt, where its provider may be asked as much as this by all callers together."""
        provider = chosen.target.provider
        if provider.rate == UNLIMITED:
            return await self._attempt(chosen, client, patience)
        record, tolls, tokens = self._record, self._rt.tolls, self._record.input_estimate
        wait = await tolls.room(provider, tokens, self._unix(patience))
        if wait:
            detail = f"may be asked no more by this gateway for {wait:.3g} s (providers.{provider.name}.rate)"
            busy = Failure(
                kind=FailureKind.BUSY,
                target=chosen.target.id,
                credential=chosen.credential.name,
                detail=detail,
                retry_after=None if isinf(wait) else wait,
                blameless=True,
            )
            record.attempted(chosen, 0.0, busy)
            return busy
        failure: Failure | None = None
        try:
            failure = await self._attempt(chosen, client, patience)
        finally:
            # Of one that was given up nobody knows: what the winner of a race used is not its own. One that failed
            # before it had said anything is taken to have used nothing.
            unsaid = failure is not None and not failure.started
            used = 0 if unsaid else record.used_by(chosen)
            tolls.left(provider, tokens, used, self._unix(patience))
        return failure

    def _unix(self, patience: Patience) -> float:
        """Give the time in Unix seconds."""
        return self._record.at / 1e6 + patience.now() - self._record.began

    async def _attempt(self, chosen: Candidate, client: Client, patience: Patience) -> Failure | None:
        """Make an attempt, and learn from how it ended."""
        understood, record, health = self._understood, self._record, self._health
        way = understood.equipment.ways[chosen.target.provider.name, chosen.credential.name]
        attempt = Attempt(self._carry(chosen), understood.asked, understood.wish, chosen, client, record)
        began = patience.now()
        health.began(chosen, began)
        try:
            failure = await attempt.run(self._rt.upstream, way, patience, self._run.deadline)
        except BaseException:
            health.left(chosen)
            raise
        ended = patience.now()
        health.ended(chosen, began, ended, failure)
        if failure is None:
            if record.first_token is not None:
                health.first_token(chosen, record.first_token - began, stream=understood.asked.stream)
            if attempt.room is not None and attempt.room.remaining == 0:
                health.exhausted(chosen, ended, attempt.room.reset)
            health.answered(understood.plan, chosen, ended)
        return failure

    # Places.

    def _room(self, candidate: Candidate) -> bool:
        """Say whether a candidate could be asked at once."""
        return not candidate.target.limited or self._health.queues.room(candidate.target)

    def _left(self, candidate: Candidate) -> None:
        """Give the place of a candidate back, where it has one."""
        if candidate.target.limited:
            self._health.queues.leave(candidate.target)

    async def _seat(self, chosen: Candidate) -> Failure | None:
        """Wait for a place; no longer at a provider, in all, than its ``queue`` says. None: it is taken."""
        provider, began = chosen.target.provider, self._patience.now()
        before = self._waited.get(provider.name, 0.0)
        limit = max(0.0, min(provider.queue - before, self._run.deadline - began))
        if await self._health.queues.wait(chosen.target, limit):
            return None
        seconds = self._patience.now() - began
        self._waited[provider.name] = before + seconds
        detail = f"answers as many requests as it may at once, and had no room within {seconds:.3g} s"
        failure = Failure(FailureKind.BUSY, chosen.target.id, chosen.credential.name, detail, blameless=True)
        self._record.attempted(chosen, seconds, failure)
        return failure

    # A second attempt.

    def _late_after(self, chosen: Candidate) -> float | None:
        """Give the seconds after which another candidate is to be asked beside this one, if one is."""
        run = self._run
        if self._understood.plan.hedge is None or self._late is not None or not run.left:
            return None
        if all(each.target.id == chosen.target.id for each in run.queue):
            return None
        return self._health.hedging.late_after(chosen, stream=self._understood.asked.stream)

    async def _race(self, first: Candidate, after: float) -> Command | None:
        """Ask a candidate, and a second one beside it should it be late; None: the client has its answer."""
        race = Race(self._client, self._ask_beside, self._left)
        await race.run(first, after, lambda: self._second(first))
        if race.answered:
            return None
        *earlier, last = race.failures
        for failure in earlier:
            self._run = attempts.noted(self._run, failure)
        return self._failed(last)

    def _second(self, first: Candidate) -> Candidate | None:
        """Choose whom to ask beside a candidate that is late, and take its place."""
        hedging = self._health.hedging
        found = attempts.beside(self._run, first, self._patience.now(), self._room) if hedging.left else None
        if found is None:
            return None
        self._run, second = found
        hedging.take()
        self._late = first
        if second.target.limited:
            self._health.queues.enter(second.target)
        return second

    async def _ask_beside(self, chosen: Candidate, client: Client, patience: Patience) -> Failure | None:
        """Make an attempt in a task of its own; it counts among those that the client is told of from its beginning."""
        record, began = self._record, patience.now()
        record.under_way += 1
        try:
            return await self._ask(chosen, client, patience)
        except asyncio.CancelledError:
            if chosen is self._late:  # it took at least as long: unless that counts, who is slow will seem quick
                self._health.hedging.took(chosen, patience.now() - began, stream=self._understood.asked.stream)
            raise
        finally:
            record.under_way -= 1
