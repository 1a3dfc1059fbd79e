"""``omniroute rule``: every code is explained."""

import pytest

from omniroute.config.rules import RULES
from tests.cli.command import on_terminal, run


@pytest.mark.parametrize("code", RULES)
def test_every_code_is_explained_with_both_examples(code: str) -> None:
    done = run("rule", code)
    rule = RULES[code]
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{code} {rule.name} ({rule.severity})\n")
    words = done.stdout.split()
    assert " ".join(rule.explanation.split()) in " ".join(words)
    for example in (rule.wrong, rule.right):
        for line in example.splitlines():
            assert f"    {line}" in done.stdout or not line


def test_a_code_can_be_written_in_lower_case() -> None:
    assert run("rule", "or3001").stdout == run("rule", "OR3001").stdout


def test_an_unknown_code_is_wrong_usage() -> None:
    done = run("rule", "OR0000")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no rule OR0000; `omniroute rule --all` lists them" in done.stderr


def test_every_code_is_listed_in_a_line() -> None:
    listed = run("rule", "--all").stdout
    assert [line.split()[:3] for line in listed.splitlines()] == [
        [rule.code, rule.severity, rule.name] for rule in RULES.values()
    ]
    assert run("rule").stdout == listed


def test_an_explanation_is_no_wider_than_the_terminal() -> None:
    for columns in (60, 200):
        prose = [line for line in on_terminal("rule", "OR2006", columns=columns).splitlines() if line[:1] != " "]
        assert max(map(len, prose)) <= min(columns, 100)
