"""Tests of a configuration that could never pass, or never fail."""

import pytest

from tests.support.written import HOUSE, codes, found, only, text_at

TEXT = f"""\
{HOUSE}
[providers.many]
base_url = "http://10.0.0.8:8000/v1"
credentials = [{{ name = "main", api_key = "env:A" }}, {{ name = "spare", api_key = "env:B" }}]

[aliases]
fast = "house/small"
"gpt-*" = "many/*"

[[tests]]
name = "x"
"""
FAST = 'request = { model = "fast" }'
ANSWERED = "expect = { status = 200 }"


def one(text: str) -> tuple[str, str, str]:
    finding = only(TEXT + text)
    assert (finding.code, finding.severity) == ("OR3013", "warning")
    return finding.summary, text_at(finding), finding.hint


@pytest.mark.parametrize(
    ("text", "words", "place", "hint"),
    [
        (
            'request = { model = "fst" }\nexpect = { status = 200 }',
            "test `x`: it expects an answer of `fst`, and nothing has such a name",
            '"fst"',
            "did you mean `fast`?",
        ),
        (
            f'{FAST}\ngiven = {{ upstream = [{{ provider = "hose", status = 500 }}] }}\n{ANSWERED}',
            "test `x`: there is no provider `hose`",
            '"hose"',
            "did you mean `house`?",
        ),
        (
            'request = { model = "fast" }\nexpect = { attempts = ["house/small", "hous/small"] }',
            "test `x`: `hous/small` is no target of this configuration; a target is provider/model",
            '"hous/small"',
            "did you mean `house`?",
        ),
        (
            'request = { model = "fast" }\nexpect = { shares = { "fast" = 1 } }',
            "test `x`: `fast` is no target of this configuration; a target is provider/model",
            '"fast"',
            "",
        ),
        (
            f'{FAST}\ngiven = {{ spent = {{ team = "1 USD" }} }}\n{ANSWERED}',
            "test `x`: there is no budget `team`",
            "team",
            "",
        ),
        (
            'request = { model = "fast" }\nexpect = {}',
            "test `x`: it expects nothing; write `attempts`, `status`, `server` or `shares`",
            "{}",
            "",
        ),
    ],
)
def test_what_a_test_names_and_expects_has_to_be_there(text: str, words: str, place: str, hint: str) -> None:
    assert one(text) == (words, place, hint)


def test_a_client_key_that_is_misspelt_is_found() -> None:
    hash_ = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    text = f'{TEXT}request = {{ model = "fast", key = "alic" }}\n{ANSWERED}\n[keys.alice]\nsha256 = "{hash_}"\n'
    assert [each.hint for each in found(text) if each.code == "OR3013"] == ["did you mean `alice`?"]


@pytest.mark.parametrize(
    "given",
    [
        '{ provider = "house", target = "house/small", status = 500 }',
        '{ provider = "house" }',
        '{ provider = "house", credential = "main", status = 500 }',
        '{ provider = "many", credential = "default", status = 500 }',
        '{ target = "many/x", credential = "third", status = 500 }',
        '{ credential = "main", status = 500 }',
    ],
)
def test_what_could_never_happen_is_found(given: str) -> None:
    assert codes(f"{TEXT}{FAST}\ngiven = {{ upstream = [{given}] }}\n{ANSWERED}") == ["OR3013"]


@pytest.mark.parametrize(
    "text",
    [
        'request = { model = "fast" }\nexpect = { status = 200, server = "house/small" }',
        'request = { model = "gpt-5" }\nexpect = { attempts = ["many/5"] }',
        'request = { model = "nobody" }\nexpect = { status = 404, attempts = [] }',
        f'{FAST}\ngiven = {{ upstream = [{{ provider = "house", credential = "default", status = 500 }}] }}\n'
        f"{ANSWERED}",
        f'{FAST}\ngiven = {{ upstream = [{{ target = "many/x", credential = "spare", status = 429 }}] }}\n{ANSWERED}',
        f"{FAST}\ngiven = {{ upstream = [{{ status = 500 }}] }}\n{ANSWERED}",
    ],
)
def test_what_can_come_and_can_fail_is_a_test(text: str) -> None:
    assert codes(TEXT + text) == []


def test_of_a_provider_that_cannot_be_read_any_credential_may_be_named() -> None:
    given = 'given = { upstream = [{ provider = "bad", credential = "c", status = 100 }] }'
    text = f"{TEXT}{FAST}\n{given}\n{ANSWERED}\n[providers.bad]\nbase_url = 1\n"
    assert "OR3013" not in codes(text)


def test_what_is_missing_may_be_in_a_file_that_could_not_be_read() -> None:
    assert "OR3013" not in codes(f'{TEXT}request = {{ model = "fst" }}\n{ANSWERED}', "[broken")
