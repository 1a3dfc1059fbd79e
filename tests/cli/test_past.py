"""A past request is explained by the configuration that it was served with, whatever became of the files."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from omniroute.cli.past import NOT_WRITTEN
from omniroute.names import Outcome, Trigger
from omniroute.observe.events import Attempted, Exchanged
from omniroute.routing.chance import seed_of
from omniroute.storage.generations import next_generation
from tests.cli.command import run, written
from tests.cli.test_explain import SCHEMA, SECRET, TEXT
from tests.storage.test_report import ledger_of
from tests.support.client import chat, fetch
from tests.support.config_dirs import save_by_rename
from tests.support.events import ANSWERED, BUSY, NOON, exchanged
from tests.support.loaded import loaded
from tests.support.process import process_of
from tests.support.waiting import LIMIT

OTHER = TEXT.replace('smart = "coding"', '\n\n\nsmart = "house/other"')
ID = "req_00000001"


def served(folder: Path, text: str | None = TEXT, *, config: str | None = None, **changes: object) -> Path:
    """Write a database with one request in it, and the configuration that it was answered by."""
    folder.mkdir(exist_ok=True)
    path = folder / "usage.db"
    identity = config or loaded(text or TEXT).snapshot.id
    event: Exchanged = exchanged(1, **{"generation": 1, "config": identity[:12], "stream": False, **changes})
    ledger_of(path, event)
    next_generation(str(path), identity, NOON - 5_000_000, Trigger.START, "0.1.0", [("then.toml", text)])
    return path


def test_lines_are_those_of_the_files_as_they_were(tmp_path: Path) -> None:
    database = served(tmp_path, attempts=(Attempted("house/tiny", "one", 1_100_000, status=200),))
    now = written(tmp_path / "config", OTHER)
    done = run("explain", ID, "--database", database, "-c", now)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        "req_00000001, at 2025-11-23 12:00:00 UTC: 'smart' asked in openai-chat, not streamed\n"
    )
    assert "  it ended as ok with status 200, answered by house/large with credential 'main'\n" in done.stdout
    assert (
        "in force since 2025-11-23 11:59:55 UTC; lines are those of its files at 2025-11-23 11:59:55 UTC" in done.stdout
    )
    assert "  1. house/tiny with credential 'one': answered 200 after 1.10 s\n" in done.stdout
    assert "  'smart' is an alias of 'coding'  (then.toml:14)\n" in done.stdout
    assert str(now) not in done.stdout
    assert f"Note: {NOT_WRITTEN}.\n" in done.stdout


def test_the_plan_is_drawn_with_the_requests_own_seed(tmp_path: Path) -> None:
    done = run("explain", ID, "--database", served(tmp_path), "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["explanation"]["question"]["seed"] == seed_of(ID)
    asked = run("explain", "smart", "-c", written(tmp_path, TEXT), "--seed", seed_of(ID), "--json")
    drawn = [each["target"] for each in json.loads(asked.stdout)["explanation"]["candidates"]]
    assert [each["target"] for each in document["explanation"]["candidates"]] == drawn
    assert document["past"]["request"]["request_id"] == ID
    assert document["past"]["exact"] is True
    assert document["past"]["missing"] is None


def test_a_request_whose_id_came_twice_has_the_seed_of_its_id(tmp_path: Path) -> None:
    database = served(tmp_path, request_id=f"{ID}~{NOON}")
    done = run("explain", f"{ID}~{NOON}", "--database", database, "--json")
    assert json.loads(done.stdout)["explanation"]["question"]["seed"] == seed_of(ID)


def notes(folder: Path, *attempts: Attempted) -> list[str]:
    done = run("explain", ID, "--database", served(folder, attempts=attempts), "--json")
    found: list[str] = json.loads(done.stdout)["past"]["notes"]
    assert found.pop() == NOT_WRITTEN
    return found


def test_attempts_that_are_the_plans_need_no_note(tmp_path: Path) -> None:
    done = run("explain", ID, "--database", served(tmp_path), "--json")
    first = json.loads(done.stdout)["explanation"]["candidates"][0]
    made = Attempted(first["target"], first["credential"], 5, status=200)
    assert notes(tmp_path / "again", made) == []


def test_attempts_in_another_order_are_noted(tmp_path: Path) -> None:
    done = run("explain", ID, "--database", served(tmp_path), "--json")
    last = json.loads(done.stdout)["explanation"]["candidates"][-1]
    made = Attempted(last["target"], last["credential"], 5, status=200)
    assert notes(tmp_path / "again", made) == ["the attempts were not made in this order"]


def test_an_attempt_that_the_plan_lacks_is_noted(tmp_path: Path) -> None:
    [note] = notes(tmp_path, Attempted("nobody/x", "main", 5, status=200))
    assert note == "nobody/x with credential 'main' was asked, and is not in this plan"


def test_a_configuration_that_means_something_else_by_now_is_noted(tmp_path: Path) -> None:
    database = served(tmp_path, config="ab" * 32)
    done = run("explain", ID, "--database", database)
    assert done.exit_code == 0
    assert "take lines for hints" in done.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "'then.toml' was not kept, for it holds what looks like a secret"),
        ("[providers.house]\nnonsense = 1\n", "does not take its configuration any more: OR2"),
    ],
)
def test_where_the_files_are_of_no_use_what_happened_is_told_all_the_same(
    text: str | None, why: str, tmp_path: Path
) -> None:
    database = served(tmp_path, text, config="ab" * 32, outcome=Outcome.FAILED, status=502, code="upstream_down")
    done = run("explain", ID, "--database", database)
    assert done.exit_code == 1
    assert "it ended as failed with status 502 (upstream_down)" in done.stdout
    assert why in done.stdout
    done = run("explain", ID, "--database", database, "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert (done.exit_code, document["explanation"]) == (1, None)
    assert why in document["past"]["missing"]


def test_a_request_from_before_files_were_kept_says_so(tmp_path: Path) -> None:
    database = served(tmp_path, attempts=())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM generations")
        connection.commit()
    done = run("explain", ID, "--database", database)
    assert done.exit_code == 1
    assert "Attempts that were made:\n  none\n" in done.stdout
    assert "the files of its configuration were not kept" in done.stdout
    assert f"  under configuration 1-{loaded(TEXT).snapshot.short_id}\n" in done.stdout


def test_an_attempt_says_how_it_ended(tmp_path: Path) -> None:
    attempts = (ANSWERED, BUSY, Attempted("house/tiny", "two", 90_000))
    stdout = run("explain", ID, "--database", served(tmp_path, attempts=attempts)).stdout
    assert "  1. house/large with credential 'main': answered 200 after 1.10 s\n" in stdout
    assert "  2. other/small with credential 'spare': busy 429 after 0.09 s: asked to wait 2 s\n" in stdout
    assert "  3. house/tiny with credential 'two': given up after 0.09 s\n" in stdout


def test_a_request_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    done = run("explain", "req_00000009", "--database", served(tmp_path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has no request 'req_00000009'; `omniroute usage --recent 20` lists the last" in done.stderr
    done = run("explain", "req_00000009", "--database", tmp_path / "none.db")
    assert done.exit_code == 1
    assert "there is no database" in done.stderr


async def serves(url: str, generation: str) -> bool:
    """Whether a gateway has come to a generation of its configuration."""
    received = await fetch(f"{url}/v1/chat/completions", chat("smart"))
    return received.headers["x-omniroute-config"].startswith(generation)


async def test_a_request_to_a_gateway_is_explained_after_its_files_have_changed(tmp_path: Path) -> None:
    config = tmp_path / "routes.toml"
    echo = '[providers.echo]\n\n[aliases]\nsmart = "pair"\n\n[combos.pair]\ntargets = ["echo/echo-1", "echo/spare"]\n'
    config.write_text(echo, "utf-8")
    database = tmp_path / "usage.db"
    async with process_of(config, database) as gateway:
        received = await fetch(f"{gateway.url}/v1/chat/completions", chat("smart"))
        assert received.status == 200
        save_by_rename(config, echo.replace('"pair"', '"echo/spare"').replace("[aliases]", "\n\n[aliases]"))
        async with asyncio.timeout(LIMIT):
            while not await serves(gateway.url, "2-"):
                await asyncio.sleep(0.05)
        await gateway.end(signal.SIGTERM)
    request_id = received.headers["x-request-id"]
    done = run("explain", request_id, "--database", database)
    assert done.exit_code == 0, done.output
    assert f"  'smart' is an alias of 'pair'  ({config}:4)\n" in done.stdout
    assert f"  1. echo/echo-1  ({config}:7)\n" in done.stdout
    assert "with credential 'default': answered 200" in done.stdout


async def test_a_secret_that_a_comment_allows_is_not_in_the_database(tmp_path: Path) -> None:
    config = tmp_path / "routes.toml"
    config.write_text(
        '[providers.echo]\n\n[providers.mock]\nbase_url = "http://127.0.0.1:9/v1"\nformats = ["openai-chat"]\n'
        f'auth = "none"\nheaders = {{ x-key = "{SECRET}" }}  # omniroute: allow(OR4001) a mock\n',
        "utf-8",
    )
    database = tmp_path / "usage.db"
    async with process_of(config, database) as gateway:
        received = await fetch(f"{gateway.url}/v1/chat/completions", chat("echo/echo-1"))
        assert received.status == 200
        await gateway.end(signal.SIGTERM)
    request_id = received.headers["x-request-id"]
    assert not any(SECRET.encode() in each.read_bytes() for each in tmp_path.glob("usage.db*"))
    done = run("explain", request_id, "--database", database)
    assert done.exit_code == 1
    assert f"'{config}' was not kept, for it holds what looks like a secret" in done.stdout


KEYED = f"""{TEXT}
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "p"

[policies.p]
deny_models = ["house/*"]
budgets = ["team"]

[budgets.team]
limit = "2.00 USD"
on_exceed = {{ downgrade = "house/tiny" }}
"""


def test_the_policy_is_that_of_the_key_as_it_was_then(tmp_path: Path) -> None:
    database = served(tmp_path, KEYED, key="alice")
    document = json.loads(run("explain", ID, "--database", database, "--json").stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["explanation"]["question"]["key"] == "alice"
    assert document["explanation"]["ruling"]["policy"] == "p"
    assert {each["target"]: each["code"] for each in document["explanation"]["rejected"]} == {"house/tiny": "policy"}
    stdout = run("explain", ID, "--database", database).stdout
    assert "\nPolicy 'p' holds for key 'alice'  (then.toml:" in stdout


def test_who_asked_in_which_conversation_and_what_it_cost_are_told(tmp_path: Path) -> None:
    database = served(
        tmp_path, KEYED, session="s1", tags=("a", "b"), budgets=(("team", 1_792_796_400),), estimated=True
    )
    stdout = run("explain", ID, "--database", database).stdout
    assert "\n  with key 'alice', session 's1', tags a, b\n" in stdout
    assert "\n  it cost 0.0021 USD, as we estimate it\n" in stdout
    assert "\n  paid from budget 'team' since 2026-10-23 " in stdout
    assert "a budget without room may have put another model in its place" in stdout


def test_an_answer_from_a_cache_says_so(tmp_path: Path) -> None:
    database = served(tmp_path, cache="exact", target="", credential="", attempts=())
    stdout = run("explain", ID, "--database", database).stdout
    assert "\n  it ended as ok with status 200, answered by the exact cache\n" in stdout
    assert "Note: the exact cache answered, so nobody was asked.\n" in stdout


@pytest.mark.parametrize(
    ("outcome", "words", "attempts"),
    [
        ("admitted", "it is under way", "not known yet"),
        ("lost", "its process died before", "they would have been written down"),
    ],
)
def test_a_request_that_did_not_end_has_no_status(outcome: str, words: str, attempts: str, tmp_path: Path) -> None:
    database = served(tmp_path, attempts=())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE usage SET outcome = ?, status = 0, cost_nano = NULL, target = ''", (outcome,))
        connection.commit()
    stdout = run("explain", ID, "--database", database).stdout
    assert words in stdout
    assert attempts in stdout
    assert "status 0" not in stdout
    assert "\n  it cost" not in stdout
