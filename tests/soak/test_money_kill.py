"""Two workers, killed under load at 40 instants that nobody chose: no money is lost track of."""

import random
from pathlib import Path

from tests.support.killed import killed

KILLS = 40
LONGEST = 2.5
"""Seconds of load before a kill."""


async def test_after_40_kills_under_load_what_was_spent_is_what_the_rows_say_and_nothing_stays_held(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    toll = await killed(tmp_path, KILLS, LONGEST, random.Random(seed))
    print(toll)
    assert toll.kills == KILLS
    assert toll.owed
    assert toll.held
