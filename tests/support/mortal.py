"""A process that keeps a ledger until it is killed, and what must be true of its database afterwards.

As a program, ``python -m tests.support.mortal DATABASE SEED`` admits and records requests, some of which stay open for
long, share their ids, or have no known cost, and says on its standard output what it recorded.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec

from omniroute.observe.events import Admitted
from omniroute.observe.redact import redact
from omniroute.storage.ledger import Ledger
from omniroute.storage.migrations import open_database
from omniroute.storage.verify import verify
from omniroute.storage.workers import LEASE, bury
from tests.support.events import admitted, exchanged

ROOT = Path(__file__).parents[2]
PURSES = (("team", 1_763_856_000), ("team", 1_763_942_400), ("all", 0))
LOST_AT_MOST = 1.0
"""Seconds before its death of which a process may lose rows."""


def killed_after(path: str, seconds: float, seed: int) -> dict[int, tuple[float, int | None]]:
    """Kill such a process so long after it recorded its first request; gives, by instant, what was older and its cost.

    What is given had been recorded ``LOST_AT_MOST`` or longer when the process died.
    """
    command = [sys.executable, "-m", "tests.support.mortal", path, str(seed)]
    recorded: dict[int, tuple[float, int | None]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        kill_at = float("inf")
        for line in process.stdout:
            at, cost, moment = line.split()
            recorded[int(at)] = (float(moment), None if cost == "None" else int(cost))
            kill_at = min(kill_at, float(moment) + seconds)
            if time.monotonic() >= kill_at:
                os.kill(process.pid, signal.SIGKILL)
                killed = time.monotonic()
                break
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    return {at: each for at, each in recorded.items() if each[0] < killed - LOST_AT_MOST}


def judge(path: str, owed: dict[int, tuple[float, int | None]]) -> Counter[str]:
    """See that the database is whole and its sums hold, and that what the dead had under way is lost after its lease.

    Gives how many rows there are of each outcome, before and after.
    """
    now = time.time_ns() // 1000
    assert verify(path, now).findings == ()
    with closing(open_database(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT at, outcome, cost_nano, budgets, reserved_nano FROM usage").fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        final = {row[0]: row for row in rows if row[1] not in {"admitted", "lost"}}
        assert {at: cost for at, (_, cost) in owed.items()} == {at: final[at][2] for at in owed}
        assert spent_by_rows(list(final.values())) == spent(connection)
        bury(connection, now - round(LEASE * 1e6))  # the worker still counts as living
        before = Counter(row[1] for row in rows)
        assert outcomes(connection) == before
        bury(connection, now + round(LEASE * 1e6))
        after = outcomes(connection)
        assert after["admitted"] == 0
        assert after["lost"] == before["admitted"]
        assert connection.execute(
            "SELECT count(*) FROM usage WHERE outcome = 'lost' AND reserved_nano IS NULL"
        ).fetchone() == (0,)
        assert spent_by_rows(list(final.values())) == spent(connection)
    assert verify(path, now + round(LEASE * 1e6)).findings == ()
    return before


def outcomes(connection: sqlite3.Connection) -> Counter[str]:
    return Counter(dict(connection.execute("SELECT outcome, count(*) FROM usage GROUP BY 1").fetchall()))


def spent(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    rows = connection.execute("SELECT budget, since, spent_nano FROM spent WHERE spent_nano <> 0").fetchall()
    return {(budget, since): nano for budget, since, nano in rows}


def spent_by_rows(rows: list[tuple[int, str, int | None, str, int | None]]) -> dict[tuple[str, int], int]:
    """Add up what rows cost, by a second way: not that of the database."""
    sums: Counter[tuple[str, int]] = Counter()
    for _, _, cost, budgets, _ in rows:
        for budget, since in msgspec.json.decode(budgets):
            sums[budget, since] += cost or 0
    return {purse: nano for purse, nano in sums.items() if nano}


def live(path: str, seed: int) -> None:
    """Work until killed."""
    dice = random.Random(seed)
    ledger = Ledger(path, trouble=print, redact=redact)
    ledger.start()
    under_way: list[Admitted] = []
    for number in range(10_000_000):
        budgets = tuple(dice.sample(PURSES, dice.randrange(3)))
        named = {"request_id": "mine"} if dice.random() < 0.05 else {}
        begun = admitted(number, budgets=budgets, reserved=dice.randrange(1, 10**6), **named)
        ledger.admit(begun)
        under_way.append(begun)
        while len(under_way) > dice.randrange(40, 80):
            # Mostly the newest, so that some stay open for long.
            ended = under_way.pop(-1 - min(int(dice.expovariate(0.2)), len(under_way) - 1))
            cost = None if dice.random() < 0.1 else dice.randrange(10**6)
            event = exchanged(
                ended.at - admitted().at, request_id=ended.request_id, cost_nano=cost, budgets=ended.budgets
            )
            ledger.record(event)
            if dice.random() < 0.02:
                ledger.record(event)
            print(event.at, cost, time.monotonic(), flush=True)
        time.sleep(0.0005)


if __name__ == "__main__":
    live(sys.argv[1], int(sys.argv[2]))
