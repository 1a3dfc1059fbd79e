"""The proof that sums hold finds whatever does not."""

from contextlib import closing
from pathlib import Path

import pytest

from omniroute.observe.redact import redact
from omniroute.storage.db import connect
from omniroute.storage.migrations import open_database
from omniroute.storage.rows import Rows, show_open, write
from omniroute.storage.upkeep import BURIAL
from omniroute.storage.verify import RULES, SHOWN, verify
from omniroute.storage.workers import LEASE, renew
from tests.support.events import NOON, admitted, exchanged

TEAM = ("team", 1_763_856_000)
ROWS = Rows("w1", redact)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "x.db")
    with closing(open_database(path)) as connection:
        renew(connection, "w1", NOON)
        events = [exchanged(number, cost_nano=5, budgets=(TEAM,)) for number in range(3)]
        write(connection, [ROWS.final(event, None) for event in events])
        show_open(connection, [ROWS.open(admitted(9))])
    return path


def spoil(path: str, statement: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute(statement)


def test_what_holds_has_no_findings(path: str) -> None:
    verdict = verify(path, NOON)
    assert (verdict.findings, verdict.requests, verdict.purses, verdict.swept_nano, verdict.lost) == ((), 4, 1, 0, 0)


SPENT, NO_SUM, NO_COST, TWICE, UNDER_WAY, _WHOLE = RULES


@pytest.mark.parametrize(
    ("rule", "statement", "where", "what"),
    [
        (SPENT, "UPDATE spent SET spent_nano = 14", "team, period from 2025-11-23 00:00:00", "spent 14, but"),
        (SPENT, "UPDATE spent SET swept_nano = 2", "team", "and deleted ones 2 nano-dollars"),
        (SPENT, "DELETE FROM spent", "team", "spent 0, but its rows cost 15"),
        (SPENT, "UPDATE usage SET cost_nano = 6 WHERE request_id = 'req_00000001'", "team", "its rows cost 16"),
        (SPENT, "INSERT INTO spent SELECT 'all', 0, 3, 0, 0", "all, period from 1970", "spent 3, but its rows"),
        (NO_SUM, "INSERT INTO spent VALUES ('all', 0, -3, -3, 0)", "all", "spent -3 nano-dollars"),
        (NO_COST, "UPDATE usage SET audio_in_tokens = -1 WHERE outcome = 'admitted'", "req_00000009", "cost ?"),
        (NO_COST, "UPDATE usage SET micros = -1 WHERE outcome = 'admitted'", "req_00000009", "took -1"),
        (UNDER_WAY, "DELETE FROM workers", "req_00000009", "its worker w1 is gone"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_found(rule: str, statement: str, where: str, what: str, path: str) -> None:
    spoil(path, statement)
    found = [each for each in verify(path, NOON).findings if each.rule == rule]
    assert len(found) == 1
    assert found[0].where.startswith(where)
    assert what in found[0].what


def test_a_request_that_is_billed_twice_is_found(path: str) -> None:
    at = exchanged(1).at
    spoil(path, f"UPDATE usage SET request_id = 'req_00000001~' || {at}, at = {at} WHERE request_id = 'req_00000002'")
    (finding,) = verify(path, NOON).findings
    assert (finding.rule, finding.where, finding.what) == (TWICE, f"req_00000001~{at}", "is the request req_00000001")


def test_the_dead_are_given_time_to_be_noticed(path: str) -> None:
    noticed = NOON + round((LEASE + BURIAL) * 1e6)
    assert verify(path, noticed - 1).findings == ()
    assert {each.rule for each in verify(path, noticed).findings} == {UNDER_WAY}


def test_of_many_findings_some_are_told_and_the_rest_is_counted(path: str) -> None:
    with closing(connect(path)) as connection:
        rows = [ROWS.final(exchanged(number, cost_nano=-1), None) for number in range(100, 100 + SHOWN + 7)]
        write(connection, rows)
    findings = verify(path, NOON).findings
    assert len(findings) == SHOWN + 1
    assert findings[-1].what == "7 more of these"


def test_a_damaged_file_is_found(path: str) -> None:
    spoil(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'idx_usage_at'")
    (finding,) = verify(path, NOON).findings
    assert finding.rule == "the file is whole"
