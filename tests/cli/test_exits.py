"""Exit codes keep their meaning."""

from omniroute.cli.exits import MEANINGS, Exit


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    assert {code.name: code.value for code in Exit} == {
        "FINE": 0,
        "PROBLEMS": 1,
        "USAGE": 2,
        "WARNINGS": 3,
        "BUG": 70,
        "BAD_CONFIG": 78,
        "INTERRUPTED": 130,
    }


def test_every_exit_code_is_explained() -> None:
    assert list(MEANINGS) == list(Exit)
