import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from omniroute.config.load import load
from omniroute.config.rules import FAMILIES, ON_REQUEST, RULES, Rule, rule, rule_markdown, rules_markdown
from omniroute.config.schema import document_schema
from omniroute.config.source import Source
from omniroute.names import Severity

PACKAGE = Path(__file__).parents[2] / "omniroute"
NOT_TOML = {"OR1001", "OR1002", "OR1004"}
SEEN_IN_ONE_TEXT = (
    *("OR1001", "OR1002", "OR2001", "OR2002", "OR2003", "OR2004", "OR2005", "OR2006", "OR2007", "OR3001", "OR3002"),
    *("OR3003", "OR3004", "OR3005", "OR3006", "OR3007", "OR3008", "OR3010", "OR4001", "OR4002", "OR4003", "OR5001"),
    *("OR5002", "OR5003", "OR5004", "OR5005", "OR5006", "OR5007", "OR5008", "OR5009", "OR5010", "OR5011", "OR5012"),
    *("OR3011", "OR3012", "OR4004", "OR5014", "OR5020", "OR5021", "OR5022", "OR5023", "OR5024", "OR5025", "OR5026"),
)
"""The rules whose wrong example alone shows what is wrong: no second file, no surroundings."""
PROVIDER = '\n[providers.acme]\nbase_url = "https://api.acme.example/v1"\napi_key = "env:ACME_API_KEY"\n'


def checked(example: str, *, whole: bool = False) -> set[str]:
    """Load an example, beside a provider if it has none and is not ``whole``, and give the codes of the findings."""
    text = example if whole or "[providers." in example else example + PROVIDER
    return {each.code for each in load((), [Source("a.toml", text)], document_schema(), date(2026, 1, 1)).diagnostics}


def test_a_rule_is_found_by_its_code() -> None:
    found = rule("OR3001")
    assert found is not None
    assert found.name == "unknown-provider"
    assert rule("OR0000") is None


def test_codes_are_in_order_and_of_a_known_family() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"OR\d{4}", code) and code[:3] in FAMILIES for code in RULES)
    assert {code[:3] for code in RULES} == set(FAMILIES)


def test_every_name_is_kebab_case_and_unique() -> None:
    names = [each.name for each in RULES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("each", RULES.values(), ids=RULES)
def test_every_rule_is_explained(each: Rule) -> None:
    assert each.code in RULES
    assert each.meaning.endswith(".")
    assert "\n" not in each.meaning
    assert len(each.meaning) <= 110
    assert each.explanation.endswith(".")
    assert len(each.explanation) > 80
    assert all(example.endswith("\n") for example in (each.wrong, each.right))
    assert each.wrong != each.right


@pytest.mark.parametrize("each", RULES.values(), ids=RULES)
def test_examples_are_toml_except_where_that_is_what_is_wrong(each: Rule) -> None:
    tomllib.loads(each.right)
    if each.code in NOT_TOML:
        with pytest.raises(tomllib.TOMLDecodeError):
            tomllib.loads(each.wrong)
    else:
        tomllib.loads(each.wrong)


@pytest.mark.parametrize("code", SEEN_IN_ONE_TEXT)
def test_the_wrong_example_has_that_finding(code: str) -> None:
    assert code in checked(RULES[code].wrong, whole=code == "OR3008")


@pytest.mark.parametrize("code", RULES)
def test_the_right_example_loads(code: str) -> None:
    assert checked(RULES[code].right) <= {"OR5001"} - {code}


def test_the_severities_are_what_people_may_rely_on() -> None:
    assert {code for code, each in RULES.items() if each.severity is Severity.HINT} == {
        *("OR5001", "OR5005", "OR5006", "OR5008", "OR5010", "OR5011", "OR5012", "OR5026")
    }
    assert {code for code, each in RULES.items() if each.severity is Severity.WARNING} == {
        *("OR3013", "OR4003", "OR4004", "OR5002", "OR5003", "OR5004", "OR5007", "OR5009", "OR5013", "OR5014", "OR9003"),
        *("OR5020", "OR5021", "OR5022", "OR5023", "OR5024", "OR5025"),
    }


def test_what_is_looked_at_on_request_only_never_stops_a_configuration() -> None:
    assert all(RULES[code].severity is not Severity.ERROR for code in ON_REQUEST)


def test_every_code_in_the_package_is_a_rule() -> None:
    used = {
        code: path.name
        for path in PACKAGE.rglob("*.py")
        for code in re.findall(r"[\"'](OR\d{4})[\"']", path.read_text("utf-8"))
    }
    assert {code: name for code, name in used.items() if code not in RULES} == {}
    assert used


def test_a_rule_is_described_with_both_examples() -> None:
    made = Rule("OR2003", "name", Severity.ERROR, "Meaning.", "Explanation.", "a = 1\n", "b = 1\n")
    assert rule_markdown(made) == (
        "Meaning.\n\nExplanation.\n\nWrong:\n\n```toml\na = 1\n```\n\nRight:\n\n```toml\nb = 1\n```\n"
    )


def test_the_page_has_every_rule_once_below_its_family() -> None:
    page = rules_markdown()
    headings = re.findall(r"^(#+) (\S+)", page, re.MULTILINE)
    assert headings[0] == ("#", "Rules")
    assert [text for level, text in headings if level == "###"] == list(RULES)
    assert [text for level, text in headings if level == "##"] == [f"{family}:" for family in FAMILIES]
    assert page.index("## OR4: Security") < page.index("### OR4001 secret-in-clear (error)")
    assert page.endswith("```\n")
    assert "\n\n\n" not in page
