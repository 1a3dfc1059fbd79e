import pytest

from tests.support.written import HOUSE, codes, found, only, text_at

LISTED = HOUSE + "[providers.house.models]\nlarge-1 = {}\nlarge-2 = {}\nsmall = {}\ntiny = {}\n"


def aliases(*lines: str, providers: str = LISTED) -> str:
    return providers + "[aliases]\n" + "".join(f"{line}\n" for line in lines)


def test_an_alias_that_has_the_name_of_a_listed_model_is_found() -> None:
    finding = only(aliases('"house/small" = "house/large-1"'))
    assert finding.code == "OR5005"
    assert finding.summary == "alias `house/small` takes the place of model `house/small`"
    assert finding.label == "who asks for `house/small` gets what this stands for"
    assert text_at(finding) == '"house/small"'


def test_a_pattern_that_holds_any_name_takes_the_names_of_models_as_well() -> None:
    finding = only(aliases('"*" = "house/*"', providers=HOUSE + "[providers.house.models.a]\n"))
    assert (finding.code, finding.summary) == ("OR5005", "alias `*` takes the place of model `house/a`")
    finding = only(aliases('"*" = "house/*"'))
    assert finding.summary == (
        "alias `*` takes the place of 4 models, such as `house/large-1`, `house/large-2` and `house/small`"
    )


def test_a_model_that_another_alias_takes_is_not_told_of_a_pattern_as_well() -> None:
    exact, pattern = found(aliases('"house/small" = "house/tiny"', '"*" = "house/x"', '"house/large-*" = "house/tiny"'))
    assert exact.summary == "alias `house/small` takes the place of model `house/small`"
    assert pattern.summary == "alias `*` takes the place of model `house/tiny`"
    pattern = only(aliases('"house/*" = "house/other-*"', '"*all" = "house/tiny"'))
    assert (pattern.code, pattern.summary[:15]) == ("OR5006", "alias `house/*`")


@pytest.mark.parametrize(
    "line",
    [
        'small = "house/small"',
        '"house/large-*" = "house/small"',
        '"house/other" = "house/small"',
        '"s*" = "house/*"',
        '"*" = "*"',
    ],
)
def test_other_aliases_leave_models_alone(line: str) -> None:
    assert codes(aliases(line)) == []


def test_a_pattern_that_selects_no_listed_model_is_found() -> None:
    finding = only(aliases('"big-*" = "house/larg-*"'))
    assert finding.code == "OR5006"
    assert finding.summary == "alias `big-*` leads to `house/larg-*`, and provider `house` lists no such model"
    assert finding.label == "it lists 4 models, such as `large-1`, `large-2` and `small`"
    assert text_at(finding) == '"house/larg-*"'
    one = aliases('"big-*" = "house/larg-*"', providers=HOUSE + "[providers.house.models.a]\n")
    assert only(one).label == "it lists model `a`"


@pytest.mark.parametrize(
    ("line", "providers"),
    [
        ('"big-*" = "house/large-*"', LISTED),
        ('"big-*" = "house/*"', LISTED),
        ('"big-*" = "house/larg-*"', HOUSE),
        ('"big-*" = "house/unlisted"', LISTED),
        ('"big-*" = "*"', LISTED),
    ],
)
def test_what_may_select_something_is_no_finding(line: str, providers: str) -> None:
    assert codes(aliases(line, providers=providers)) == []
