"""``omniroute usage``: over a real database, for people and for programs."""

import csv
import io
import json
import time
from contextlib import chdir
from pathlib import Path

import pytest

from omniroute.cli.usage import dollars
from omniroute.names import Outcome
from omniroute.observe.events import Exchanged
from omniroute.storage.db import connect
from omniroute.storage.report import By, PastRequest, Summary
from tests.cli.command import ECHO, on_terminal, run, written
from tests.storage.test_report import ledger_of
from tests.support.events import ANSWERED, BUSY, exchanged, unanswered

HOUR = 3_600_000_000


@pytest.fixture
def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def database(now: int, tmp_path: Path) -> str:
    return ledger_of(tmp_path / "usage.db", *requests(now))


def requests(now: int) -> list[Exchanged]:
    """A few requests of the last hours: two models, one of them without a price, and one that nobody answered."""
    free = {"model": "tiny", "target": "house/tiny", "cost_nano": None, "key": ""}
    return [
        exchanged(1, at=now - HOUR),
        exchanged(2, at=now - 2 * HOUR, attempts=(BUSY, ANSWERED)),
        exchanged(3, at=now - 3 * HOUR, asked="house/tiny", input_tokens=None, output_tokens=None, **free),
        exchanged(4, at=now - 4 * HOUR, outcome=Outcome.CUT, code="upstream_cut"),
        unanswered(5, at=now - 5 * HOUR),
    ]


def test_requests_are_summed_by_model(database: str) -> None:
    done = run("usage", "--database", database)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "model  requests  failed  input  output  cache read     cost  unpriced",
        "–             1       1      ?       ?           ?    $0.00         0",
        "large         3       1  2,436     420           0  $0.0063         0",
        "tiny          1       0      ?       ?           0        ?         1",
        "total         5       2  2,436     420           0  $0.0063         1",
    ]


@pytest.mark.parametrize("by", By)
def test_requests_are_summed_by_what_is_asked_for(by: By, database: str) -> None:
    lines = run("usage", "--database", database, "--by", by).stdout.splitlines()
    assert lines[0].startswith(by)
    assert all(len(line) <= 80 for line in lines)


def test_one_group_needs_no_total(database: str) -> None:
    assert "total" not in run("usage", "--database", database, "--by", "config").stdout


def test_only_the_time_that_is_asked_for_counts(database: str) -> None:
    done = run("usage", "--database", database, "--since", "90m", "--by", "key")
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [["alice", "1"]]
    done = run("usage", "--database", database, "--since", "1m")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no such requests\n")


@pytest.mark.parametrize("since", ["", "7", "d", "7 d", "-7d", "7y", "1e3d", "2020-13-01"])
def test_a_span_that_makes_no_sense_is_wrong_usage(since: str, database: str) -> None:
    done = run("usage", "--database", database, "--since", since)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "write a number and a unit: 30m, 12h, 7d, 4w" in done.stderr


def test_the_last_requests_are_listed_the_newest_first(database: str) -> None:
    lines = run("usage", "--database", database, "--recent", "10").stdout.splitlines()
    assert lines[0].split("  ")[0] == "at (UTC)"
    assert [line[14:].split() for line in lines[1:]] == [
        ["alice", "812+140", "$0.0021", "1.20", "s", "ok", "smart", "→", "house/large"],
        ["alice", "812+140", "$0.0021", "1.20", "s", "ok,", "2", "attempts", "smart", "→", "house/large"],
        ["–", "?+?", "?", "1.20", "s", "ok", "house/tiny"],
        ["alice", "812+140", "$0.0021", "1.20", "s", "cut", "200", "smart", "→", "house/large", "(upstream_cut)"],
        ["alice", "–", "–", "1.20", "s", "failed", "502", "smart", "(upstream_rate_limited)"],
    ]
    assert len(run("usage", "--database", database, "--recent", "2").stdout.splitlines()) == 3


def test_a_list_is_not_summed(database: str) -> None:
    done = run("usage", "--database", database, "--recent", "2", "--by", "key")
    assert done.exit_code == 2
    assert "--by is for sums" in done.stderr


def test_the_list_reaches_back_for_ever_unless_it_is_told_otherwise(now: int, tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, at=now - 9_000 * HOUR), exchanged(2, at=now - HOUR))
    assert len(run("usage", "--database", path, "--recent", "9").stdout.splitlines()) == 3
    assert len(run("usage", "--database", path, "--recent", "9", "--since", "2h").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("flags", "count"),
    [
        (("--key", "alice"), 4),
        (("--model", "tiny"), 1),
        (("--provider", "house"), 4),
        (("--outcome", "cut"), 1),
        (("--tag", "red"), 0),
        (("--since", "150m"), 2),
        (("--until", "150m"), 3),
        (("--since", "2h", "--until", "1h"), 1),
        (("--since", "2020-01-01", "--until", "2020-01-02T03:04"), 0),
        (("--since", "2020-01-01T00:00:00+02:00"), 5),
    ],
)
def test_only_the_requests_that_are_asked_for_are_listed_and_summed(
    flags: tuple[str, ...], count: int, database: str
) -> None:
    listed = json.loads(run("usage", "--database", database, "--recent", "9", "--format", "json", *flags).stdout)
    summed = json.loads(run("usage", "--database", database, "--format", "json", *flags).stdout)
    assert (len(listed), sum(each["requests"] for each in summed)) == (count, count)


def test_a_date_begins_in_the_time_zone_that_is_asked_for(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1))
    flags = ("usage", "--database", path, "--by", "hour", "--since", "2025-11-24", "--timezone")
    assert "2025-11-24 01:00" in run(*flags, "Pacific/Auckland").stdout
    assert run(*flags, "UTC").stdout == ""
    listed = run("usage", "--database", path, "--recent", "1", "--timezone", "Pacific/Auckland").stdout
    assert listed.startswith("at (Pacific/Auckland)")
    assert "11-24 01:00:00" in listed


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc", "", "Europe"])
def test_a_time_zone_that_is_none_is_wrong_usage(zone: str, database: str) -> None:
    done = run("usage", "--database", database, "--timezone", zone)
    assert done.exit_code == 2
    assert f"there is no time zone '{zone}' here" in done.stderr


def test_sums_of_tags_have_no_total_since_a_request_may_have_several(now: int, tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, at=now - HOUR, tags=("red", "blue")))
    lines = run("usage", "--database", path, "--by", "tag").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["blue", "1"], ["red", "1"]]


def test_estimates_caches_and_requests_that_did_not_end_are_told_apart(now: int, tmp_path: Path) -> None:
    path = ledger_of(
        tmp_path / "x.db",
        exchanged(1, at=now - HOUR, estimated=True),
        unanswered(2, at=now - 2 * HOUR, outcome=Outcome.OK, status=200, code="", cache="exact", attempts=()),
        unanswered(3, at=now - 3 * HOUR, status=0, micros=0, code="", attempts=()),
    )
    connection = connect(path)
    connection.execute("UPDATE usage SET outcome = 'lost' WHERE status = 0")
    connection.close()
    lines = run("usage", "--database", path, "--recent", "3").stdout.splitlines()
    assert [line[14:].split() for line in lines[1:]] == [
        ["alice", "812+140", "~$0.0021", "1.20", "s", "ok", "smart", "→", "house/large"],
        ["alice", "–", "–", "1.20", "s", "ok", "smart", "(from", "the", "exact", "cache)"],
        ["alice", "?+?", "?", "–", "lost", "smart"],
    ]


def test_a_ledger_whose_sums_hold_is_verified(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, budgets=(("team", 100),)), exchanged(2))
    done = run("usage", "verify", "--database", path)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "2 requests and 1 sum of budgets: everything holds\n"


def test_what_does_not_hold_is_told_and_fails(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", exchanged(1, budgets=(("team", 100),)), exchanged(2))
    connection = connect(path)
    connection.execute("UPDATE spent SET spent_nano = 5, swept_nano = 2000000000")
    connection.execute("UPDATE usage SET outcome = 'lost' WHERE request_id = 'req_00000002'")
    connection.close()
    done = run("usage", "verify", "--database", path)
    assert done.exit_code == 1
    assert "team, period from 1970-01-01 00:01:40  spent 5, but its rows cost 2100000" in done.stdout
    assert "1 finding\n$2.00 of the sums were spent by requests that are deleted" in done.stderr
    assert "1 request was lost when the process died" in done.stderr
    verdict = json.loads(run("usage", "verify", "--database", path, "--format", "json").stdout)
    assert (len(verdict["findings"]), verdict["lost"]) == (1, 1)


def test_a_database_that_is_not_there_cannot_be_verified(tmp_path: Path) -> None:
    done = run("usage", "verify", "--database", tmp_path / "none.db")
    assert done.exit_code == 1
    assert "there is no database at" in done.stderr


@pytest.mark.parametrize("flags", [(), ("--by", "day"), ("--recent", "10")])
def test_nothing_is_wider_than_a_terminal_of_80_columns_and_nothing_is_cut(
    flags: tuple[str, ...], now: int, tmp_path: Path
) -> None:
    model = "a-model-with-a-name-that-is-longer-than-most"
    long = exchanged(
        9, at=now - HOUR, model=model, target=f"house/{model}", asked="smart-and-large", key="team-platform"
    )
    database = ledger_of(tmp_path / "long.db", *requests(now), long)
    drawn = on_terminal("usage", "--database", database, *flags)
    assert max(map(len, drawn.splitlines())) <= 80
    assert (model in drawn) == (flags != ("--by", "day"))
    assert "…" not in drawn
    assert "\x1b" not in drawn


def test_in_a_pipe_lines_are_as_long_as_they_must_be(now: int, tmp_path: Path) -> None:
    model = "m" * 150
    path = ledger_of(tmp_path / "long.db", exchanged(9, at=now - HOUR, model=model, target=f"house/{model}"))
    assert f"  smart → house/{model}\n" in run("usage", "--database", path, "--recent", "1").stdout
    assert f"\n{model}  " in run("usage", "--database", path, env={"COLUMNS": "40"}).stdout


def test_what_a_client_made_up_cannot_command_the_terminal(now: int, tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "x.db", unanswered(1, at=now - HOUR, asked="\x1b[2Jgotcha\n"))
    printed = run("usage", "--database", path, "--recent", "1").stdout
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 2


def test_json_holds_every_row_with_exact_figures(database: str) -> None:
    rows = json.loads(run("usage", "--database", database, "--format", "json").stdout)
    assert [row["group"] for row in rows] == ["", "large", "tiny"]
    assert set(rows[0]) == set(Summary.__struct_fields__)
    assert rows[1]["cost_nano"] == 6_300_000
    assert rows[2]["cost_nano"] is None
    requests = json.loads(run("usage", "--database", database, "--recent", "2", "--format", "json").stdout)
    assert [each["request_id"] for each in requests] == ["req_00000001", "req_00000002"]
    assert set(requests[0]) == set(PastRequest.__struct_fields__)
    assert [each["failure"] for each in requests[1]["attempts"]] == ["busy", None]


def test_csv_has_a_header_and_leaves_what_is_unknown_empty(database: str) -> None:
    text = run("usage", "--database", database, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["cost_nano"] for row in rows] == ["0", "6300000", ""]
    text = run("usage", "--database", database, "--recent", "2", "--format", "csv").stdout
    attempts = json.loads(list(csv.DictReader(io.StringIO(text)))[1]["attempts"])
    assert [each["failure"] for each in attempts] == ["busy", None]


def test_an_empty_database_gives_empty_documents_and_a_word_to_people(tmp_path: Path) -> None:
    path = ledger_of(tmp_path / "empty.db")
    assert json.loads(run("usage", "--database", path, "--format", "json").stdout) == []
    for flags, kind in (((), Summary), (("--recent", "5"), PastRequest)):
        header = run("usage", "--database", path, "--format", "csv", *flags).stdout
        assert header.strip().split(",") == list(kind.__struct_fields__)
    done = run("usage", "--database", path, "--recent", "5")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no such requests\n")


def test_the_database_is_the_one_that_serve_would_write(now: int, tmp_path: Path) -> None:
    for name in ("named", "variable", "configured", "omniroute"):
        ledger_of(tmp_path / f"{name}.db", exchanged(1, at=now - HOUR, model=f"of-{name}"))
    written(tmp_path / "mine", ECHO + '\n[runtime]\ndatabase = "sqlite:configured.db"\n')
    environ = {"OMNIROUTE_DATABASE": "sqlite:variable.db"}
    with chdir(tmp_path):
        assert "of-named" in run("usage", "-c", "mine", "--database", "named.db", env=environ).stdout
        assert "of-named" in run("usage", "--database", "sqlite:named.db").stdout
        assert "of-variable" in run("usage", "-c", "mine", env=environ).stdout
        assert "of-configured" in run("usage", "-c", "mine").stdout
        assert "of-configured" in run("usage", env={"OMNIROUTE_CONFIG": "mine"}).stdout
        assert "of-omniroute" in run("usage").stdout


def test_a_configuration_with_faults_does_not_tell_which_database_it_means(tmp_path: Path) -> None:
    path = written(tmp_path, "[combos.x]\n")
    done = run("usage", "--config", path)
    assert done.exit_code == 1
    assert "is missing or has faults, so which database it means is not known" in done.stderr


def test_a_configuration_that_is_not_there_tells_nothing_either(tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert "is missing or has faults" in run("usage", "--config", "nowhere").stderr
        assert "is missing or has faults" in run("usage", env={"OMNIROUTE_CONFIG": "nowhere"}).stderr
        assert "there is no database at " in run("usage").stderr


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("usage", "--database", tmp_path / "none.db")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"there is no database at '{tmp_path / 'none.db'}'" in done.stderr


@pytest.mark.parametrize(("nano", "shown"), [
    (None, "?"),
    (0, "$0.00"),
    (1, "$0.000000001"),
    (2_100_000, "$0.0021"),
    (500_000_000, "$0.50"),
    (12_345_678_901_234, "$12,345.678901234"),
])  # fmt: skip
def test_dollars_are_exact(nano: int | None, shown: str) -> None:
    assert dollars(nano) == shown
