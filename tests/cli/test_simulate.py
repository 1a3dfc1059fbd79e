"""``omniroute simulate``: a request played through, with what upstreams are told to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run, written

CONFIG = """\
#:schema ./omniroute.schema.json
[providers.first]
base_url = "http://127.0.0.1:9001/v1"
formats = ["openai-chat"]
credentials = [{ name = "main", api_key = "env:A" }, { name = "spare", api_key = "env:B" }]

[providers.second]
base_url = "http://127.0.0.1:9002/v1"
formats = ["openai-chat"]
auth = "none"

[providers.second.models.plain]
context = 1_000
capabilities = ["tools"]

[combos.pair]
targets = ["first/m", "second/plain"]

[combos.dice]
strategy = "weighted"
targets = [{ model = "first/m", weight = 3 }, "second/plain"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path, CONFIG)


def course(config: Path, *arguments: object) -> dict[str, Any]:
    done = run("simulate", "--config", config, "--json", *arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def attempts(config: Path, *arguments: object) -> list[str]:
    last = course(config, "--model", "pair", *arguments)["last"]
    return [f"{each['target']} {each['credential']}: {each['failure'] or 'answered'}" for each in last["attempts"]]


def test_the_decision_and_each_attempt_are_told(config: Path) -> None:
    done = run("simulate", "--config", config, "--model", "pair", "--fail", "first#main=429,first#spare=timeout")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "'pair' asked in openai-chat, not streamed, seed 0",
        "combo 'pair' chooses by priority",
        "order:",
        "  1. first/m with credential 'main', in openai-chat",
        "  2. first/m with credential 'spare', in openai-chat",
        "  3. second/plain with credential 'default', in openai-chat",
        "attempts:",
        "  1. first/m with credential 'main': HTTP 429 (busy)",
        "  2. first/m with credential 'spare': failed as given: timeout (timeout), after 300 s",
        "  3. second/plain with credential 'default': answered",
        "answer: 200 from second/plain",
    ]


def test_who_fails_is_a_provider_a_target_a_credential_or_everybody(config: Path) -> None:
    answered = "second/plain default: answered"
    assert attempts(config, "--fail", "first=503") == ["first/m main: down", answered]
    assert attempts(config, "--fail", "first/m=402") == ["first/m main: quota", "first/m spare: quota", answered]
    assert attempts(config, "--fail", "first/m#spare=401") == ["first/m main: answered"]
    assert attempts(config, "--fail", "*=500", "--fail", "second=200") == ["first/m main: down", answered]


def test_several_for_one_are_given_one_after_the_other(config: Path) -> None:
    assert attempts(config, "--fail", "first=429,first=200") == ["first/m main: busy", "first/m spare: answered"]


def test_the_time_to_wait_goes_to_what_fails(config: Path) -> None:
    arguments = (
        "--fail",
        "second=429,second=200",
        "--retry-after",
        "second=4s",
        "--repeat",
        "2",
        "--model",
        "second/x",
    )
    assert course(config, *arguments)["last"]["waited_seconds"] == 3.001
    assert course(config, *arguments, "--every", "10s")["last"]["waited_seconds"] == 0.0


def test_repeated_requests_are_told_in_shares(config: Path) -> None:
    done = run("simulate", "--config", config, "--model", "dice", "--repeat", "400", "--fail", "second=429")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "'dice' asked in openai-chat, not streamed, seed 0",
        "400 requests, one every 1 s",
        "target        asked first  answered",
    ]
    assert lines[-1] == "status 200: 100.0%"
    assert [line.split()[::2] for line in lines[3:-1]] == [["first/m", "100.0%"], ["second/plain", "0.0%"]]


def test_shares_hang_on_the_seed_and_are_near_the_weights(config: Path) -> None:
    one, same, other = (
        course(config, "--model", "dice", "--repeat", "400", "--seed", seed)["shares"] for seed in (1, 1, 7000)
    )
    assert one == same != other
    assert abs(one["answered"]["first/m"] - 0.75) < 0.06
    assert one["asked_first"] == one["answered"]


def test_a_body_says_what_is_asked(config: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    said = {"model": "pair", "stream": True, "messages": [{"role": "user", "content": "x" * 8_000}]}
    body.write_text(json.dumps(said))
    found = course(config, "--body", body)
    assert found["request"]["model"] == "pair"
    assert found["request"]["stream"] is True
    assert found["request"]["input_tokens"] > 1_200
    assert [each["code"] for each in found["last"]["plan"]["rejected"]] == ["context"]
    assert course(config, "--body", body, "--model", "second/x")["last"]["server"] == "second/x"


def test_what_is_needed_decides_and_is_told(config: Path) -> None:
    found = course(config, "--model", "pair", "--needs", "images, tools")
    assert found["request"]["needs"] == ["images", "tools"]
    assert [each["code"] for each in found["last"]["plan"]["rejected"]] == ["capability"]


def test_a_stream_that_breaks_off_is_not_begun_anew(config: Path) -> None:
    assert attempts(config, "--stream", "--fail", "first=cut") == ["first/m main: cut"]
    assert attempts(config, "--fail", "first=cut") == ["first/m main: down", "second/plain default: answered"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say what is asked for"),
        (("--model", "pair", "--fail", "frist=503"), "'frist' is none of first, second"),
        (("--model", "pair", "--fail", "first/=503"), "'first/' is none of"),
        (("--model", "pair", "--fail", "first#third=503"), "'first#third' is none of"),
        (("--model", "pair", "--fail", "first=slow"), "'slow' is neither an HTTP status nor one of auth, busy"),
        (("--model", "pair", "--fail", "first=99"), "'99' is neither"),
        (("--model", "pair", "--fail", "first"), "'first' is no WHO=WHAT"),
        (("--model", "pair", "--fail", "first="), "'first' is no WHO=WHAT"),
        (("--model", "pair", "--retry-after", "first=2s"), "'first' does not fail"),
        (("--model", "pair", "--fail", "first=429", "--retry-after", "first=2"), "'2' is no duration"),
        (("--model", "pair", "--every", "soon"), "'soon' is no duration"),
        (("--model", "pair", "--needs", "pictures"), "'pictures' is not one of tools, images"),
    ],
)
def test_wrong_usage_is_said(config: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run("simulate", "--config", config, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_a_body_that_is_none_is_wrong_usage(config: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("[]")
    done = run("simulate", "--config", config, "--body", body, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_a_configuration_with_faults_is_not_simulated(tmp_path: Path) -> None:
    path = written(tmp_path, "[combos.x]\n")
    done = run("simulate", "--config", path, "--model", "x")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[OR2002]" in done.stderr
    done = run("simulate", "--config", path, "--model", "x", "--json")
    assert json.loads(done.stdout)["valid"] is False
    assert run("simulate", "--config", tmp_path / "nowhere", "--model", "x").exit_code == 2


PAID = f"""{CONFIG}
[providers.first.models.m]
max_output = 1_000
price = {{ input = "1.00", output = "1000.00" }}

[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "p"

[policies.p]
budgets = ["team"]
schedule = {{ days = ["mon-fri"], hours = "08:00-20:00", timezone = "Europe/Berlin" }}

[budgets.team]
limit = "2.50 USD"
on_exceed = {{ downgrade = "second/plain" }}
"""
ALICE = ("--model", "first/m", "--key", "alice", "--at", "2026-11-23T12:00+01:00")


def test_a_budget_without_room_is_told_with_who_takes_over(tmp_path: Path) -> None:
    done = run("simulate", "--config", written(tmp_path, PAID), *ALICE, "--spent", "team=2USD")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "'first/m' asked in openai-chat, not streamed, seed 0, with key 'alice'",
        "policy 'p' holds",
        "a budget has no room: 'second/plain' is asked instead",
        "warning: budget 'team': 80% of 2.50 USD a month is spent; it begins anew on 2026-12-01 00:00 UTC",
        "warning: the price of this model is not known, so no budget can hold it back",
        "order:",
        "  1. second/plain with credential 'default', in openai-chat",
        "attempts:",
        "  1. second/plain with credential 'default': answered",
        "answer: 200 from second/plain",
    ]


def test_repeated_requests_spend_a_budget(tmp_path: Path) -> None:
    path = written(tmp_path, PAID)
    lines = run("simulate", "--config", path, *ALICE, "--repeat", "4").stdout.splitlines()
    assert lines[-1] == "downgraded, because a budget had no room: 50.0%"
    blocked = written(tmp_path / "blocked", PAID.replace('{ downgrade = "second/plain" }', '"block"'))
    lines = run("simulate", "--config", blocked, *ALICE, "--repeat", "4").stdout.splitlines()
    assert lines[-3:-1] == ["status 200: 50.0%", "status 429: 50.0%"]
    assert lines[-1].startswith("the last one: 429 budget_exceeded: budget 'team' has no room for this request")


def test_the_hours_of_a_policy_are_looked_at_and_told_to_programs(tmp_path: Path) -> None:
    found = course(written(tmp_path, PAID), *ALICE[:-1], "2026-11-22T12:00+01:00", "--session", "s1")
    assert (found["last"]["status"], found["last"]["code"], found["last"]["policy"]) == (403, "forbidden", "p")
    assert (found["request"]["key"], found["request"]["session"]) == ("alice", "s1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "bob"), "there is no client key 'bob'; there are: alice"),
        (("--spent", "team=2"), "'2' is no amount of money"),
        (("--spent", "tema=2USD"), "there is no budget 'tema'; there are: team"),
    ],
)
def test_keys_and_budgets_that_there_are_not_are_wrong_usage(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("simulate", "--config", written(tmp_path, PAID), "--model", "first/m", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_a_second_target_beside_a_late_one_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, f"{CONFIG}\n[resilience.hedge]\nenabled = true\n")
    late = "  where the first is late, the next target is asked beside it; nobody is late here"
    assert late in run("simulate", "--config", path, "--model", "pair").stdout.splitlines()
    assert late not in run("simulate", "--config", path, "--model", "second/plain").stdout.splitlines()
