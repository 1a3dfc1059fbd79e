"""What workers share while they run: rates, seats and money, as operations that each happen at once or not at all.

Always true: an operation names everything that it needs, so that it can be carried out in one step wherever the state
lives: in this process (``limits.memory``), or in memory that several processes share. Times are Unix seconds,
money integer nano-dollars. All of ``take``, ``enter`` and ``hold`` is granted, or none of it.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

MINUTE = 60_000_000_000
"""Nanoseconds."""


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """A rate: ``limit`` units a ``period`` of nanoseconds, of which all may come at once after a pause."""

    name: str
    limit: int
    period: int = MINUTE


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What became of one bucket: what is left of it, and in how many seconds it is full again.

    ``retry_after`` is 0 where it was granted, else in how many seconds as much could be had; infinite where never.
    """

    bucket: Bucket
    remaining: int
    reset: float
    retry_after: float = 0.0


class Seat(msgspec.Struct, frozen=True, gc=False):
    """A limit of how many may be inside at once."""

    name: str
    limit: int


class Purse(msgspec.Struct, frozen=True, gc=False):
    """A budget in one of its periods, which begins at ``since``; ``limit`` None holds nothing back, and only counts."""

    budget: str
    since: int
    limit: int | None


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a purse stands: what was spent, and what is set aside for requests under way."""

    spent: int
    held: int


class Held(msgspec.Struct, frozen=True):
    """What became of a hold: how each purse stood before it; ``short`` are those without room, none where granted."""

    standings: tuple[Standing, ...]
    short: tuple[Purse, ...] = ()


class Shared(Protocol):
    """The port; one suite of tests runs against everything that stands behind it."""

    async def take(self, asked: Sequence[tuple[Bucket, int]], now: float) -> tuple[Taken, ...]:
        """Take so many units of each bucket, or none of any; gives each bucket's own answer, in order.

        No bucket is asked for twice at once.
        """
        ...

    def give(self, bucket: Bucket, units: int, now: float) -> None:
        """Give units back that were not needed; fewer than zero charges what was needed on top, without asking.

        Never waits: what is shared hears of it within a second.
        """
        ...

    async def enter(self, seats: Sequence[Seat], now: float) -> Seat | None:
        """Sit down in each, or in none; gives the first that is full, None where granted."""
        ...

    def leave(self, seats: Sequence[Seat]) -> None:
        """Stand up. Never waits: what is shared hears of it within a second."""
        ...

    async def hold(self, request_id: str, purses: Sequence[Purse], amount: int, now: float) -> Held:
        """Set ``amount`` aside in each purse, or in none: only where spent, held and it together stay within limits.

        A request has one hold: where it has one already, this one takes its place, or is refused and changes nothing.
        """
        ...

    def settle(self, request_id: str, purses: Sequence[Purse], cost: int) -> None:
        """Let go of what was held, and count what it cost. Never waits: it is sure to be counted in the end.

        Only the first time: a request that holds nothing has nothing to settle. Where the ledger counts what is spent
        (workers), the cost counts as held until it has.
        """
        ...

    async def standing(self, purse: Purse, now: float) -> Standing:
        """Say how a purse stands."""
        ...
