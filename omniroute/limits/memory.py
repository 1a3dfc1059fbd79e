"""What one process counts for itself: rates, seats and money behind ``limits.port``.

Always true: no operation is suspended, so nothing comes between its beginning and its end. What is spent in a purse is
what was restored and the costs of the requests that were settled; what is held are the amounts of those that are not,
each once. A bucket is known while it is not full, a seat while somebody sits there, and of each budget the last
``PERIODS`` periods, and those that still hold something.
"""

from collections.abc import Mapping, Sequence

from omniroute.limits import gcra
from omniroute.limits.port import Bucket, Held, Purse, Seat, Standing, Taken

MOST = 16_384
"""Buckets that may be known before those that are full again are looked for."""
PERIODS = 8


class _Account:
    """One purse: what was spent, and what is held."""

    __slots__ = ("held", "spent")

    def __init__(self, spent: int = 0) -> None:
        self.spent = spent
        self.held = 0


class Memory:
    """All that is shared, in dictionaries of this process."""

    def __init__(self) -> None:
        """Start with full buckets, free seats, and nothing spent."""
        self._full_at: dict[str, int] = {}
        self._sweep_above = MOST
        self._seated: dict[str, int] = {}
        self._accounts: dict[str, dict[int, _Account]] = {}
        self._holds: dict[str, tuple[int, list[_Account]]] = {}

    def restore(self, spent: Mapping[tuple[str, int], int]) -> None:
        """Take over what was spent before this process began: nano-dollars by budget and beginning of the period."""
        for (budget, since), nano in spent.items():
            self._account(budget, since).spent = nano

    async def take(self, asked: Sequence[tuple[Bucket, int]], now: float) -> tuple[Taken, ...]:
        """Take units of each bucket, or of none."""
        at = gcra.nanos(now)
        known = self._full_at
        filled: list[int] = []
        for bucket, units in asked:
            full_at = gcra.after(bucket, known.get(bucket.name, 0), units, at)
            if units > 0 and full_at - at > bucket.period:
                return gcra.refused(asked, [known.get(each.name, 0) for each, _ in asked], at)
            filled.append(full_at)
        stand: list[Taken] = []
        for (bucket, _), full_at in zip(asked, filled, strict=True):
            known[bucket.name] = full_at
            stand.append(gcra.stands(bucket, full_at, at))
        if len(known) > self._sweep_above:
            self._sweep(at)
        return tuple(stand)

    def give(self, bucket: Bucket, units: int, now: float) -> None:
        """Give units back; fewer than zero charges."""
        at = gcra.nanos(now)
        full_at = self._full_at.get(bucket.name, 0)
        self._full_at[bucket.name] = gcra.after(bucket, full_at, -units, at)

    async def enter(self, seats: Sequence[Seat], now: float) -> Seat | None:
        """Sit down in each, or in none."""
        seated = self._seated
        for seat in seats:
            if seated.get(seat.name, 0) >= seat.limit:
                return seat
        for seat in seats:
            seated[seat.name] = seated.get(seat.name, 0) + 1
        return None

    def leave(self, seats: Sequence[Seat]) -> None:
        """Stand up."""
        seated = self._seated
        for seat in seats:
            left = seated.get(seat.name, 0) - 1
            if left > 0:
                seated[seat.name] = left
            else:
                seated.pop(seat.name, None)

    async def hold(self, request_id: str, purses: Sequence[Purse], amount: int, now: float) -> Held:
        """Set an amount aside in each purse, or in none."""
        before = self._let_go(request_id)
        accounts: list[_Account] = []
        standings: list[Standing] = []
        short: list[Purse] = []
        for purse in purses:
            account = self._account(purse.budget, purse.since)
            accounts.append(account)
            standings.append(Standing(account.spent, account.held))
            if purse.limit is not None and account.spent + account.held + amount > purse.limit:
                short.append(purse)
        if not short:
            self._keep(request_id, amount, accounts)
        elif before is not None:
            self._keep(request_id, *before)
        return Held(tuple(standings), tuple(short))

    def settle(self, request_id: str, purses: Sequence[Purse], cost: int) -> None:
        """Let go of a hold, and count the cost."""
        held = self._let_go(request_id)
        if held is not None:
            for account in held[1]:
                account.spent += cost

    async def standing(self, purse: Purse, now: float) -> Standing:
        """Say how a purse stands."""
        account = self._accounts.get(purse.budget, {}).get(purse.since) or _Account()
        return Standing(account.spent, account.held)

    def _account(self, budget: str, since: int) -> _Account:
        """Find a purse, or open it; one that is long past is closed for it."""
        periods = self._accounts.get(budget)
        if periods is None:
            periods = self._accounts[budget] = {}
        account = periods.get(since)
        if account is None:
            past = [begin for begin, each in periods.items() if begin and not each.held]
            if len(periods) >= PERIODS and past:
                del periods[min(past)]
            account = periods[since] = _Account()
        return account

    def _keep(self, request_id: str, amount: int, accounts: list[_Account]) -> None:
        self._holds[request_id] = (amount, accounts)
        for account in accounts:
            account.held += amount

    def _let_go(self, request_id: str) -> tuple[int, list[_Account]] | None:
        held = self._holds.pop(request_id, None)
        if held is not None:
            amount, accounts = held
            for account in accounts:
                account.held -= amount
        return held

    def _sweep(self, now: int) -> None:
        """Forget the buckets that are full again."""
        self._full_at = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        self._sweep_above = max(MOST, 2 * len(self._full_at))
