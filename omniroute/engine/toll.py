"""What a caller pays to pass: its rates, its seats, and its budgets.

Always true: a toll is settled once, however its request ends, and then nothing of it is left behind but the request
itself, the tokens that it used, and what it cost. Nobody waits here: who may not pass is told when to come again. A
caller without a policy pays nothing, and its toll is the same for everybody. Times are Unix seconds, money integer
nano-dollars.
"""

from functools import lru_cache
from math import ceil, inf

import msgspec

from omniroute.config.policy import Policy, Rate
from omniroute.config.snapshot import Provider
from omniroute.engine.accounts import NOBODY, Account, Accounts
from omniroute.engine.limit_headers import low, many, over, rate_headers
from omniroute.engine.terms import Headers
from omniroute.errors import RateLimited
from omniroute.limits.port import Bucket, Held, Seat, Shared, Taken
from omniroute.names import Format

WARNING = "x-omniroute-budget-warning"
UNLIMITED = Rate()
MOST_KEYS = 4096
"""Keys whose counters are remembered."""
SEAT_AGAIN = 1.0
"""Seconds after which to look again for a seat at a provider: nobody knows when one will be free."""


class Gates(msgspec.Struct, frozen=True):
    """The counters behind one ``Rate``; those that it does not limit are absent."""

    requests: Bucket | None
    tokens: Bucket | None
    seats: tuple[Seat, ...]

    def asked(self, tokens: int) -> tuple[tuple[Bucket, int], ...]:
        """Say what one request of so many tokens takes."""
        if self.requests is None:
            return ((self.tokens, tokens),) if self.tokens is not None else ()
        if self.tokens is None:
            return ((self.requests, 1),)
        return ((self.requests, 1), (self.tokens, tokens))


@lru_cache(maxsize=4096)
def gates(owner: str, rate: Rate) -> Gates:
    """Give the counters of an owner, such as ``key:alice``; an edited limit goes on with what was counted."""
    return Gates(
        requests=None if rate.requests is None else Bucket(f"{owner}:requests", rate.requests),
        tokens=None if rate.tokens is None else Bucket(f"{owner}:tokens", rate.tokens),
        seats=() if rate.concurrent is None else (Seat(f"{owner}:concurrent", rate.concurrent),),
    )


UNLIMITED_GATES = Gates(None, None, ())

MOST_HELD = 10**15
"""Nano-dollars (a million dollars) that are set aside for a request at most: how much a client asks for is any number,
and thousands of these together are one that SQLite can hold."""


class Verdict(msgspec.Struct, frozen=True):
    """What budgets say of a request that may go on.

    ``downgrade`` is the name that it has to ask for instead: nothing is set aside then, and it is to be planned anew
    and reserved again. ``warnings`` are for the client and the log.
    """

    downgrade: str | None = None
    warnings: tuple[str, ...] = ()


PASS = Verdict()


class Toll:
    """The toll of one request. This one is for a caller without a policy: it costs nothing, and remembers nothing."""

    __slots__ = ()

    @property
    def budgets(self) -> tuple[tuple[str, int], ...]:
        """What the request is paid from, each with the beginning of its period; empty before ``reserve``."""
        return ()

    @property
    def reserved(self) -> int:
        """What is set aside for it."""
        return 0

    async def enter(self, tokens: int, now: float) -> None:
        """Let a request in that has about so many tokens.

        Raises:
            RateLimited: the caller has asked for too much, or has too many requests under way.
            StorageError: what is shared cannot be asked.
        """

    async def reserve(self, request_id: str, worst: int | None, now: float) -> Verdict:
        """Set aside what a request may cost at most; None where that is not known, and nothing is set aside.

        Raises:
            OverBudget: a budget that blocks has no room for it.
            StorageError: what is shared cannot be asked.
        """
        return PASS

    def settle(self, cost: int | None, tokens: int | None, now: float) -> None:
        """End the request, which cost so much and used so many tokens; None where nobody knows.

        A request that was never sent on used 0 tokens. The second time does nothing.
        """

    def beside(self) -> "Toll":
        """Give the toll of a call that is made for the request, under an id of its own: it is paid from its budgets."""
        return self

    def headers(self, wire: Format, now: float) -> Headers:
        """Tell the client in the words of its format how its limits stand, and which budgets run low."""
        return ()


FREE = Toll()


class Tolls:
    """Gives each request its toll; it outlives configurations, and what was counted goes on under the next one."""

    def __init__(self, shared: Shared) -> None:
        """Hold what is counted with."""
        self.shared = shared
        self._accounts = Accounts()
        self._known: dict[str, tuple[Policy, Gates | None]] = {}

    def of(self, name: str, policy: Policy | None) -> Toll:
        """Give the toll of a request that came with the key of this name, empty for those without one, who are one."""
        if policy is None:
            return FREE
        known = self._known.get(name)
        if known is None or known[0] is not policy:
            known = self._met(name, policy)
        behind = known[1]
        return FREE if behind is None else _Paid(self.shared, self._accounts, behind, name, policy)

    def _met(self, name: str, policy: Policy) -> tuple[Policy, Gates | None]:
        """Look up the counters of a key under a policy, none where it counts nothing, and remember them."""
        costs = bool(policy.budgets) or policy.rate != UNLIMITED
        met = (policy, gates(f"key:{name}" if name else "anonymous", policy.rate) if costs else None)
        if len(self._known) >= MOST_KEYS:
            self._known.clear()
        self._known[name] = met
        return met

    async def room(self, provider: Provider, tokens: int, now: float) -> float:
        """Take room at a provider for one attempt of about so many tokens, right before it.

        Returns:
            0 where it was taken: then ``left`` has to be called. Else in how many seconds there may be room, infinite
            where the request is longer than all that the provider may be asked in a minute.

        Raises:
            StorageError: what is shared cannot be asked.
        """
        if provider.rate == UNLIMITED:
            return 0.0
        behind = gates(f"provider:{provider.name}", provider.rate)
        if behind.seats and await self.shared.enter(behind.seats, now) is not None:
            return SEAT_AGAIN
        try:
            stand = await self.shared.take(behind.asked(tokens), now)
        except BaseException:
            self.shared.leave(behind.seats)
            raise
        wait = max((each.retry_after for each in stand), default=0.0)
        if wait:
            self.shared.leave(behind.seats)
        return wait

    def left(self, provider: Provider, tokens: int, used: int | None, now: float) -> None:
        """End an attempt for which room was taken; ``used`` are the tokens it came to, None where nobody knows."""
        if provider.rate != UNLIMITED:
            behind = gates(f"provider:{provider.name}", provider.rate)
            self.shared.leave(behind.seats)
            if behind.tokens is not None and used is not None and used != tokens:
                self.shared.give(behind.tokens, tokens - used, now)


class _Paid(Toll):
    """The toll of one request of a caller with a policy."""

    __slots__ = (
        "_account", "_accounts", "_downgraded", "_gates", "_key", "_policy", "_request_id", "_reserved", "_seated",
        "_settled", "_shared", "_stand", "_tokens", "_warnings",
    )  # fmt: skip

    def __init__(self, shared: Shared, accounts: Accounts, behind: Gates, key: str, policy: Policy) -> None:
        self._shared = shared
        self._accounts = accounts
        self._gates = behind
        self._key = key
        self._policy = policy
        self._stand: tuple[Taken, ...] = ()
        self._tokens: int | None = None
        self._seated = False
        self._request_id = ""
        self._account: Account | None = None
        self._reserved = 0
        self._downgraded = NOBODY
        self._warnings: tuple[str, ...] = ()
        self._settled = False

    @property
    def budgets(self) -> tuple[tuple[str, int], ...]:
        """What the request is paid from."""
        return () if self._account is None else self._account.names

    @property
    def reserved(self) -> int:
        """What is set aside for it."""
        return self._reserved

    async def enter(self, tokens: int, now: float) -> None:
        """Sit down first, because a seat can be left without a trace."""
        behind = self._gates
        if behind.seats:
            if await self._shared.enter(behind.seats, now) is not None:
                raise RateLimited(self._crowded(behind.seats[0].limit))
            self._seated = True
        asked = behind.asked(tokens)
        if asked:
            self._stand = stand = await self._shared.take(asked, now)
            for each in stand:
                if each.retry_after:
                    raise self._too_much(stand, tokens)
            self._tokens = tokens

    async def reserve(self, request_id: str, worst: int | None, now: float) -> Verdict:
        """Hold the worst case in all budgets; those that only warn, and those that were stepped down for, hold all."""
        if not self._policy.budgets:
            return PASS
        account = self._accounts.of(self._policy, now)
        amount = min(worst or 0, MOST_HELD)
        held = await self._shared.hold(request_id, account.binding(self._downgraded), amount, now)
        if held.short:
            return self._without_room(held, account, amount, now)
        self._request_id, self._account, self._reserved = request_id, account, amount
        return self._with_room(held, account, worst)

    def settle(self, cost: int | None, tokens: int | None, now: float) -> None:
        """Give back what was not used, and count what was."""
        if not self._settled:
            self._settled = True
            if self._seated:
                self._shared.leave(self._gates.seats)
            bucket, estimate = self._gates.tokens, self._tokens
            if bucket is not None and estimate is not None and tokens is not None and tokens != estimate:
                self._shared.give(bucket, estimate - tokens, now)
        if self._account is not None:  # only the first time counts (``limits.port``)
            self._shared.settle(self._request_id, self._account.purses, cost or 0)

    def beside(self) -> Toll:
        """Let budgets alone decide: the request itself has come in by its caller's limits."""
        return _Paid(self._shared, self._accounts, UNLIMITED_GATES, self._key, self._policy)

    def headers(self, wire: Format, now: float) -> Headers:
        """Tell how the limits stood when the request came in."""
        told = rate_headers(self._stand, wire, now) if self._stand else ()
        return (*told, *((WARNING, warning) for warning in self._warnings)) if self._warnings else told

    def _whose(self) -> str:
        who = f"the key '{self._key}'" if self._key else "whoever comes without a key"
        return f"{who} (policy '{self._policy.name}')"

    def _crowded(self, limit: int) -> str:
        return (
            f"{self._whose()} has {many(limit, 'request')} under way, and no more may be at once: wait until one ends"
        )

    def _too_much(self, stand: tuple[Taken, ...], tokens: int) -> RateLimited:
        """Say which limit is in the way: the one that lets go last."""
        worst = max(stand, key=lambda each: each.retry_after)
        wait, limit = worst.retry_after, worst.bucket.limit
        of_requests = worst.bucket is self._gates.requests
        may = f"{self._whose()} may ask for {many(limit, 'request' if of_requests else 'token')} a minute"
        if wait == inf:
            return RateLimited(f"{may}, and this request alone has about {tokens:,}: make it shorter")
        asked = "" if of_requests else f", and this request has about {tokens:,}"
        return RateLimited(f"{may}{asked}: try again in {many(ceil(wait), 'second')}", wait)

    def _without_room(self, held: Held, account: Account, amount: int, now: float) -> Verdict:
        """Step down, where all that is in the way says so.

        Raises:
            OverBudget: something that is in the way blocks.
        """
        downgrade = None
        names = {purse.budget for purse in held.short}
        for budget, stands, span in zip(self._policy.budgets, held.standings, account.spans, strict=True):
            if budget.name not in names:
                continue
            if budget.downgrade is None:
                raise over(budget, stands, span, amount, now)
            downgrade = downgrade or budget.downgrade
        self._downgraded |= names
        return Verdict(downgrade=downgrade)

    def _with_room(self, held: Held, account: Account, worst: int | None) -> Verdict:
        """Warn of budgets that run low, or cannot be watched."""
        warnings: list[str] = []
        for place, stands in enumerate(held.standings):
            if stands.spent >= account.low_from[place]:
                warnings.append(low(self._policy.budgets[place], stands, account.spans[place]))
        if worst is None:
            warnings.append("the price of this model is not known, so no budget can hold it back")
        if not warnings:
            return PASS
        self._warnings = tuple(warnings)
        return Verdict(warnings=self._warnings)
