"""Tests of a configuration: played, judged, and refused where they could never fail."""

import tomllib
from typing import Any

import pytest

from omniroute.config.document.behaviour import ConfigTest
from omniroute.engine.trial import Trial, run_test, script_of, shares
from omniroute.names import FailureKind
from omniroute.routing.simulate import EVERYBODY, Reply
from tests.support.written import snapshot

TEXT = """\
[providers.first]
base_url = "http://127.0.0.1:9001/v1"
formats = ["openai-chat"]
credentials = [{ name = "main", api_key = "env:A" }, { name = "spare", api_key = "env:B" }]

[providers.first.models.plain]
context = 1_000
capabilities = ["tools"]

[providers.second]
base_url = "http://127.0.0.1:9002/v1"
formats = ["openai-chat"]
auth = "none"

[combos.pair]
targets = ["first/plain", "second/m"]

[combos.dice]
strategy = "weighted"
targets = [{ model = "first/plain", weight = 4 }, "second/m"]

[keys.alice]
sha256 = "abababababababababababababababababababababababababababababababab"
expires = 2027-01-01

[keys.dora]
sha256 = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
policy = "p"

[policies.p]
deny_models = ["second/*"]
budgets = ["team"]
max_sessions = 1
schedule = { days = ["mon"], hours = "08:00-20:00" }

[providers.first.models.priced]
max_output = 1_000
price = { input = "1.00", output = "1.00" }

[budgets.team]
limit = "200.00 USD"
on_exceed = { downgrade = "first/plain" }
"""
CONFIG = snapshot(TEXT)
NOW = 1_790_000_000.0
ASKED = 'request = { model = "pair", key = "alice" }'


def config_test(text: str) -> ConfigTest:
    values: dict[str, Any] = tomllib.loads(f'name = "x"\n{text}')
    return ConfigTest.model_validate(values)


def run(text: str, *, at: float = NOW) -> Trial:
    return run_test(CONFIG, config_test(text), at)


def differences(text: str) -> dict[str, tuple[str, str]]:
    trial = run(text)
    assert trial.mistakes == ()
    assert trial.passed is (trial.differences == ())
    return {each.key: (each.expected, each.happened) for each in trial.differences}


def test_what_is_expected_and_comes_passes() -> None:
    trial = run(
        ASKED
        + '\ngiven = { upstream = [{ provider = "first", status = 503 }] }'
        + '\nexpect = { attempts = ["first/plain", "second/m"], status = 200, server = "second/m" }'
    )
    assert trial.passed
    assert trial.telling is None
    assert len(trial.played) == 1


def test_each_expectation_that_is_not_met_is_told_with_what_happened() -> None:
    text = f"""{ASKED}
expect = {{ attempts = ["second/m"], status = 503, server = "second/m", shares = {{ "second/m" = 1 }} }}"""
    assert differences(text) == {
        "status": ("503", "200"),
        "attempts": ("second/m", "first/plain"),
        "server": ("second/m", "first/plain"),
        "share of second/m": ("1 ± 0.05", "0"),
    }


def test_where_nobody_answers_that_is_what_happened() -> None:
    text = f"""{ASKED}
given = {{ upstream = [{{ status = 429 }}] }}
expect = {{ attempts = [], server = "second/m", status = 200 }}"""
    found = differences(text)
    assert found["status"] == ("200", "429 upstream_rate_limited")
    assert found["server"] == ("second/m", "nobody answered")
    assert found["attempts"] == ("none", "first/plain, first/plain, second/m")


def test_of_repeated_requests_each_must_have_the_status_and_the_last_the_rest() -> None:
    text = f"""{ASKED}
repeat = 3
given = {{ upstream = [{{ status = 200 }}, {{ status = 400 }}, {{ status = 200 }}] }}
expect = {{ status = 200, server = "first/plain" }}"""
    trial = run(text)
    assert [each.key for each in trial.differences] == ["status"]
    assert trial.telling is trial.played[1]
    assert not run(text.replace("status = 200, ", "attempts = [], ")).passed


def test_shares_are_those_of_all_requests_within_the_tolerance() -> None:
    text = """\
repeat = 500
request = { model = "dice", key = "alice" }
expect = { shares = { "first/plain" = 0.8, "second/m" = 0.2 } }"""
    assert run(text).passed
    assert differences(text.replace("= 0.8", "= 0.6")) == {"share of first/plain": ("0.6 ± 0.05", "0.796")}
    assert run(text.replace("= 0.8", "= 0.6").replace("} }", "}, tolerance = 0.3 }")).passed


def test_what_a_request_needs_and_how_long_it_is_decides() -> None:
    pictures = 'request = { model = "pair", key = "alice", needs = ["images"] }\nexpect = { attempts = ["second/m"] }'
    long = 'request = { model = "pair", key = "alice", tokens = 2_000 }\nexpect = { attempts = ["second/m"] }'
    assert run(pictures).passed
    assert run(long).passed


def test_the_client_key_is_looked_at_as_when_serving() -> None:
    assert run(f"{ASKED}\nexpect = {{ status = 200 }}").passed
    assert run(f"{ASKED}\nexpect = {{ status = 401 }}", at=1_900_000_000.0).passed
    assert run('request = { model = "pair" }\nexpect = { status = 401 }').passed


def test_the_seed_changes_the_draw() -> None:
    text = 'seed = {}\nrequest = {{ model = "dice", key = "alice" }}\nexpect = {{ status = 200 }}'
    assert {run(text.format(seed)).played[0].server for seed in range(20)} == {"first/plain", "second/m"}


def test_the_script_is_in_the_order_written_and_by_place() -> None:
    text = f"""{ASKED}
given = {{ upstream = [
  {{ provider = "first", status = 429, retry_after = "2s" }},
  {{ provider = "first", failure = "down" }},
  {{ target = "first/plain", credential = "spare", status = 401 }},
  {{ failure = "timeout" }},
] }}
expect = {{ status = 200 }}"""
    assert script_of(config_test(text)) == {
        "first": (Reply(429, 2.0), Reply(FailureKind.DOWN)),
        "first/plain#spare": (Reply(401),),
        EVERYBODY: (Reply(FailureKind.TIMEOUT),),
    }


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ('{ provider = "frist", status = 503 }', "there is no provider `frist`"),
        ('{ target = "frist/m", status = 503 }', "`frist/m` is no target"),
        ('{ target = "pair", status = 503 }', "`pair` is no target"),
        ('{ provider = "first", target = "first/plain", status = 503 }', "exclude each other"),
        ('{ provider = "first" }', "write either `status` or `failure`"),
        ('{ provider = "first", status = 503, failure = "down" }', "write either `status` or `failure`"),
        ('{ provider = "first", credential = "third", status = 503 }', "has no credential `third`"),
        ('{ credential = "main", status = 503 }', "`credential` needs a `provider` or a `target`"),
    ],
)
def test_what_could_never_happen_is_a_mistake_of_the_test(given: str, mistake: str) -> None:
    trial = run(f"{ASKED}\ngiven = {{ upstream = [{{ status = 500 }}, {given}] }}\nexpect = {{ status = 200 }}")
    assert not trial.passed
    assert trial.played == ()
    (found,) = trial.mistakes
    assert found.startswith("given.upstream, answer 2: ")
    assert mistake in found


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('request = { model = "pair", key = "bob" }\nexpect = { status = 200 }', "there is no client key `bob`"),
        (f"{ASKED}\nexpect = {{}}", "it expects nothing"),
        (f"{ASKED}\nexpect = {{ tolerance = 0.5, shares = {{}} }}", "it expects nothing"),
        (f'{ASKED}\nexpect = {{ attempts = ["pair"] }}', "`pair` is no target"),
        (f'{ASKED}\nexpect = {{ server = "frist/m" }}', "`frist/m` is no target"),
        (f'{ASKED}\nexpect = {{ shares = {{ "frist/m" = 0 }} }}', "`frist/m` is no target"),
        (
            'request = { model = "pair", key = "alice", format = "openai-speech" }\nexpect = { status = 200 }',
            "no client can ask in `openai-speech`",
        ),
    ],
)
def test_what_could_never_fail_or_never_pass_is_a_mistake_of_the_test(text: str, mistake: str) -> None:
    trial = run(text)
    assert not trial.passed
    assert len(trial.mistakes) == 1
    assert mistake in trial.mistakes[0]


def test_shares_of_who_is_asked_first_are_not_those_of_who_answers() -> None:
    text = f"""{ASKED}
repeat = 4
given = {{ upstream = [{{ provider = "first", failure = "invalid" }}, {{ provider = "first", status = 503 }}] }}
expect = {{ status = 200 }}"""
    played = run(text).played
    assert shares(played, first=True) == {"first/plain": 1.0}
    assert shares(played) == {"second/m": 0.75}
    assert shares(run('request = { model = "nobody" }\nexpect = { status = 401 }').played) == {}


MONDAY = "at = 2026-11-23T09:00:00+01:00"


@pytest.mark.parametrize(
    ("request_of", "given", "expect"),
    [
        ('model = "first/priced"', MONDAY, 'server = "first/priced", status = 200'),
        ('model = "first/priced"', f'{MONDAY}, spent = {{ team = "200 USD" }}', 'server = "first/plain"'),
        ('model = "first/priced"', "at = 2026-11-24T09:00:00+01:00", "status = 403, attempts = []"),
        ('model = "second/m"', MONDAY, "status = 403"),
        ('model = "pair"', f"{MONDAY}, upstream = [{{ status = 500 }}]", 'attempts = ["first/plain"], status = 502'),
        ('model = "first/priced", session = "s"', MONDAY, "status = 200"),
    ],
)
def test_a_policy_its_hours_and_its_budgets_hold_for_the_key_that_is_shown(
    request_of: str, given: str, expect: str
) -> None:
    text = f'request = {{ {request_of}, key = "dora" }}\ngiven = {{ {given} }}\nexpect = {{ {expect} }}'
    trial = run(text)
    assert (trial.mistakes, trial.differences) == ((), ())
    assert trial.played[0].policy == "p"


def test_a_budget_that_there_is_not_is_a_mistake() -> None:
    trial = run(f'{ASKED}\ngiven = {{ spent = {{ tema = "1 USD" }} }}\nexpect = {{ status = 200 }}')
    assert trial.mistakes == ("given.spent: there is no budget `tema`",)
