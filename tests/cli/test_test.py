"""``omniroute test``: the tests of a configuration, run and reported."""

import json
import re
from contextlib import chdir
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tests.cli.command import run, written
from tests.house.tree import ROOT

CONFIG = """\
#:schema ./omniroute.schema.json
[providers.first]
base_url = "http://127.0.0.1:9001/v1"
formats = ["openai-chat"]
auth = "none"

[providers.second]
base_url = "http://127.0.0.1:9002/v1"
formats = ["openai-chat"]
auth = "none"

[aliases]
fast = "pair"
slow = "second/large"

[combos.pair]
targets = ["first/m", "second/m"]

"""
GOOD = """\
[[tests]]
name = "the second answers when the first is down"
request = { model = "fast" }
given = { upstream = [{ provider = "first", status = 503 }] }
expect = { attempts = ["first/m", "second/m"], status = 200 }
"""
BAD = """
[[tests]]
name = "The first never gives up"
request = { model = "fast" }
given = { upstream = [{ provider = "first", status = 429 }] }
expect = { server = "first/m" }
repeat = 2
every = "500ms"
"""


def test_tests_that_pass_are_counted_and_what_none_reaches_is_listed(tmp_path: Path) -> None:
    done = run("test", "--config", written(tmp_path, CONFIG + GOOD))
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.sub(r"[0-9.]+ s$", "… s", done.stdout, flags=re.MULTILINE).splitlines() == [
        "1 test, 0 failed, in … s",
        "reached: 1 of 2 aliases, 1 of 1 combos, 2 of 3 targets (67 %)",
        "  reached by no test: aliases slow",
        "  reached by no test: targets second/large",
    ]


def test_a_failure_tells_where_what_and_why(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + GOOD + BAD)
    done = run("test", "--config", path)
    assert done.exit_code == 1
    told = done.stdout.splitlines()
    assert told[:12] == [
        f"{path}:26: failed: The first never gives up",
        "  server: expected first/m; got second/m",
        "  request 2 of 2:",
        "  combo 'pair' chooses by priority",
        "  order:",
        "    1. second/m with credential 'default', in openai-chat",
        "  left out:",
        "    first/m: every credential of provider 'first' cools down; the first is free in 1 s [cooling]",
        "  attempts:",
        "    1. second/m with credential 'default': answered",
        "  answer: 200 from second/m",
        "",
    ]
    assert told[12].startswith("2 tests, 1 failed, in ")


def test_of_a_single_request_only_its_course_is_told(tmp_path: Path) -> None:
    done = run("test", "--config", written(tmp_path, CONFIG + GOOD.replace("status = 200", "status = 503")))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1:3] == ["  status: expected 503; got 200", "  combo 'pair' chooses by priority"]


def test_a_mistake_in_a_test_fails_it(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + GOOD.replace('provider = "first"', 'provider = "frist"'))
    done = run("test", "--config", path)
    assert done.exit_code == 1
    assert "  given.upstream, answer 1: there is no provider `frist`" in done.stdout.splitlines()


def test_tests_are_chosen_by_a_word_and_by_paths(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + GOOD)
    beside = written(tmp_path, BAD, "omniroute.test.toml")
    assert run("test", "--config", path).exit_code == 1
    assert run("test", "--config", path, "-k", "SECOND").exit_code == 0
    assert run("test", "--config", path, path).exit_code == 0
    assert run("test", "--config", path, beside).exit_code == 1
    for choice in (("-k", "nothing of the kind"), (beside, "-k", "second")):
        done = run("test", "--config", path, *choice)
        assert (done.exit_code, done.stdout) == (2, "")
    assert run("test", "--config", path, tmp_path / "nowhere").exit_code == 2


def test_a_configuration_without_tests_says_so(tmp_path: Path) -> None:
    done = run("test", "--config", written(tmp_path, CONFIG))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "there are no tests"


@pytest.mark.parametrize(("least", "code"), [(0, 0), (66.6, 0), (67, 1), (100, 1)])
def test_too_little_reached_is_a_problem(tmp_path: Path, least: float, code: int) -> None:
    done = run("test", "--config", written(tmp_path, CONFIG + GOOD), "--coverage-fail-under", least)
    assert done.exit_code == code
    assert (f"less than {least:g} %" in done.stderr) is bool(code)


def test_json_says_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + GOOD + BAD)
    done = run("test", "--config", path, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["passed"], found["failed"]) == (1, 1)
    good, bad = found["tests"]
    assert (good["line"], good["passed"], good["differences"], good["telling"]) == (20, True, [], None)
    assert (bad["name"], bad["file"], bad["line"]) == ("The first never gives up", str(path), 26)
    assert bad["differences"] == [{"key": "server", "expected": "first/m", "happened": "second/m"}]
    assert bad["telling"]["server"] == "second/m"
    assert found["coverage"]["aliases"] == {"reached": 1, "of": 2}
    assert {"kind": "alias", "name": "slow"} in found["coverage"]["untouched"]


def test_junit_is_written(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + GOOD + BAD)
    assert run("test", "--config", path, "--junit", tmp_path / "out" / "junit.xml").exit_code == 1
    good, bad = Xml.fromstring((tmp_path / "out" / "junit.xml").read_text()).iter("testcase")
    assert good.attrib["line"] == "20"
    failure = bad.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "server: expected first/m; got second/m"


def test_faults_are_shown_instead_of_results(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG + '[[tests]]\nname = "x"\n')
    done = run("test", "--config", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[OR2002]" in done.stderr
    done = run("test", "--config", path, "--json")
    assert json.loads(done.stdout)["valid"] is False
    assert run("test", "--config", tmp_path / "nowhere").exit_code == 2


def test_the_examples_pass_and_all_of_them_is_reached() -> None:
    with chdir(ROOT):
        done = run("test", "--config", "examples", "--coverage-fail-under", "100")
    assert done.exit_code == 0, done.output


def test_a_policy_that_no_test_reaches_is_listed(tmp_path: Path) -> None:
    keyed = """
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "p"
[server]
require_api_key = false
[policies.p]
deny_models = ["second/*"]
"""
    done = run("test", "--config", written(tmp_path, CONFIG + keyed + GOOD))
    assert "0 of 1 policies" in done.stdout
    assert "  reached by no test: policies p" in done.stdout
    refused = '[[tests]]\nname = "no"\nrequest = { model = "slow", key = "alice" }\nexpect = { status = 403 }\n'
    done = run("test", "--config", written(tmp_path, CONFIG + keyed + GOOD + refused))
    assert (done.exit_code, "1 of 1 policies" in done.stdout) == (0, True)
