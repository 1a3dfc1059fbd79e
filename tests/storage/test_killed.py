"""A process that is killed at any instant leaves a ledger whose sums hold, and nothing under way after its lease."""

from pathlib import Path

import pytest

from tests.support.mortal import judge, killed_after


@pytest.mark.parametrize("instant", [0.0, 0.15, 0.3, 0.55, 0.7, 0.85, 1.0, 1.6])
def test_after_a_kill_the_sums_hold_and_what_was_under_way_is_lost_when_the_lease_is_over(
    instant: float, tmp_path: Path
) -> None:
    path = str(tmp_path / "x.db")
    owed = killed_after(path, instant, seed=round(instant * 100))
    outcomes = judge(path, owed)
    assert instant < 1.5 or (owed and outcomes["admitted"])
