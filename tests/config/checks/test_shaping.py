import pytest

from tests.support.written import HOUSE, codes, only, text_at


def combo(expression: str) -> str:
    return f"{HOUSE}[combos.c]\ntool_filter = '{expression}'\ntargets = [\"house/m\"]\n"


@pytest.mark.parametrize(
    ("expression", "label"),
    [
        ("[a", "unterminated character set"),
        ("*", "nothing to repeat"),
        ("a{99999999999999999999}", "too large a number, or nested too deeply"),
    ],
)
def test_a_tool_filter_that_cannot_be_read_is_an_error_that_says_why(expression: str, label: str) -> None:
    finding = only(combo(expression))
    assert (finding.code, finding.label) == ("OR2004", label)
    assert finding.summary == "`tool_filter` of combo `c` is no regular expression"
    assert text_at(finding) == f"'{expression}'"


@pytest.mark.parametrize("expression", ["", "^(?!dangerous_)", r"^mcp__\w+$"])
def test_a_tool_filter_may_be_any_regular_expression(expression: str) -> None:
    assert codes(combo(expression)) == []
