"""A process that keeps a ledger, killed at 200 instants that nobody chose."""

import random
from collections import Counter
from pathlib import Path

from tests.support.mortal import judge, killed_after

INSTANTS = 200
LATEST = 2.0
"""Seconds."""


def test_after_each_of_200_kills_the_sums_hold_and_nothing_stays_under_way(tmp_path: Path) -> None:
    dice = random.Random()
    seen: Counter[str] = Counter()
    owed = 0
    for number in range(INSTANTS):
        path, seed, instant = str(tmp_path / f"{number}.db"), dice.randrange(2**32), dice.uniform(0, LATEST)
        print(f"{number}: killed after {instant:.3f} s, seed {seed}", flush=True)
        rows = killed_after(path, instant, seed)
        owed += len(rows)
        seen += judge(path, rows)
    print(f"{INSTANTS} kills, {owed} rows owed, none lost; found {dict(seen)}")
    assert owed
    assert seen["admitted"]
