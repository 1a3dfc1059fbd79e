"""However workers hold, settle, write, hear and die: what is spent and held is never less than what was spent.

And never more than that, what the living hold, and what their requests cost that were not written or heard of yet.
"""

import asyncio
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.limits.port import Purse
from omniroute.storage.db import connect
from omniroute.storage.rows import Counted, Rows, write
from omniroute.storage.shared import SharedByWorkers, spent
from tests.support.events import exchanged
from tests.support.laws import often

NOW = 1_795_000_000.0
PURSES = (Purse("team", 7, 100), Purse("all", 0, 150))
ROWS = Rows("w", str)
NUMBERS = count()


class Worker:
    """One worker: the board, and in place of its ledger what is to be written, and what it has not heard of yet."""

    def __init__(self, path: str) -> None:
        self.shared = SharedByWorkers(path)
        self.held: dict[str, tuple[tuple[Purse, ...], int]] = {}
        self.unwritten: list[tuple[str, tuple[Purse, ...], int]] = []
        self.unheard: list[Counted] = []

    async def hold(self, purses: tuple[Purse, ...], amount: int) -> bool:
        name = f"r{next(NUMBERS)}"
        held = await self.shared.hold(name, purses, amount, NOW)
        if not held.short:
            self.held[name] = (purses, amount)
        return not held.short

    def settle(self, cost: int) -> None:
        name, (purses, _) = self.held.popitem()
        self.shared.settle(name, purses, cost)
        self.shared.settle(name, purses, cost)
        self.unwritten.append((name, purses, cost))

    def write(self, path: str, *, as_one: bool) -> None:
        entries = [
            ROWS.final(
                exchanged(
                    next(NUMBERS), request_id=name, cost_nano=cost, budgets=tuple((p.budget, p.since) for p in purses)
                ),
                None,
            )
            for name, purses, cost in self.unwritten
        ]
        with closing(connect(path)) as connection:
            for each in [entries] if as_one else [[entry] for entry in entries]:
                self.unheard += write(connection, each)[2]
        self.unwritten.clear()

    async def hear(self) -> None:
        self.shared.count(self.unheard)
        self.unheard = []
        await self.shared.standing(PURSES[0], NOW)  # what it was told is done with its next operation

    def mine(self) -> tuple[Counter[str], Counter[str]]:
        """What it holds and has not written, by budget; and what it has not heard of."""
        sure: Counter[str] = Counter()
        for purses, amount in [*self.held.values(), *((purses, cost) for _, purses, cost in self.unwritten)]:
            sure.update({purse.budget: amount for purse in purses})
        unheard: Counter[str] = Counter()
        for each in self.unheard:
            unheard[each.budget] += each.cost
        return sure, unheard


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "hold", "settle", "settle", "write", "write one by one", "hear", "hear", "die"]),
        st.integers(0, 2),
        st.integers(0, 60),
        st.sampled_from([PURSES[:1], PURSES[1:], PURSES]),
    ),
    min_size=20,
    max_size=50,
)


@settings(max_examples=often(80), deadline=None)
@given(steps=STEPS)
def test_spent_and_held_are_together_what_was_spent_and_is_on_its_way(
    steps: list[tuple[str, int, int, tuple[Purse, ...]]],
) -> None:
    with ExitStack() as stack:
        path = str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "x.db")
        workers = [Worker(path) for _ in range(3)]
        try:
            asyncio.run(_interleaved(path, workers, steps))
        finally:
            for each in workers:
                each.shared.close()


async def _interleaved(path: str, workers: list[Worker], steps: list[tuple[str, int, int, tuple[Purse, ...]]]) -> None:
    for what, number, amount, purses in steps:
        worker = workers[number]
        match what:
            case "hold":
                room = [purse.limit or 0 for purse in purses]
                stood = [await workers[0].shared.standing(purse, NOW) for purse in purses]
                fits = all(each.spent + each.held + amount <= limit for each, limit in zip(stood, room, strict=True))
                assert await worker.hold(purses, amount) == fits
            case "settle" if worker.held:
                worker.settle(amount)
            case "write" | "write one by one":
                worker.write(path, as_one=what == "write")
            case "hear":
                await worker.hear()
            case "die":
                worker.shared.close()
                workers[number] = Worker(path)
            case _:
                continue
        await _stands(path, workers)
    for worker in workers:
        worker.write(path, as_one=True)
        await worker.hear()
    await _stands(path, workers)


async def _stands(path: str, workers: list[Worker]) -> None:
    written = spent(path)
    sure: Counter[str] = Counter()
    unheard: Counter[str] = Counter()
    for worker in workers:
        mine, rest = worker.mine()
        sure.update(mine)
        unheard.update(rest)
    for purse in PURSES:
        for worker in workers:
            stands = await worker.shared.standing(purse, NOW)
            least = written.get((purse.budget, purse.since), 0) + sure[purse.budget]
            assert least <= stands.spent + stands.held <= least + unheard[purse.budget]
