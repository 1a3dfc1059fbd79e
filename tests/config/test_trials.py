"""What is wrong with a test itself, and at which of its keys."""

import tomllib

import pytest

from omniroute.config.document.behaviour import ConfigTest
from omniroute.config.source import Path
from omniroute.config.trials import Known, Mistake, mistakes

KNOWN = Known({"house": ("main", "spare"), "broken": None}, ("alice",), ("team",))


def of(text: str) -> list[Mistake]:
    return list(mistakes(ConfigTest.model_validate(tomllib.loads(f'name = "x"\n{text}')), KNOWN))


def given(upstream: str) -> str:
    return f'request = {{ model = "m" }}\ngiven = {{ upstream = [{upstream}] }}\nexpect = {{ status = 200 }}'


def test_what_is_there_is_no_mistake() -> None:
    text = (
        'request = { model = "m", key = "alice" }\n'
        'given.spent.team = "1 USD"\ngiven.upstream = [{ target = "house/m", credential = "main", status = 500 }]\n'
        'expect = { attempts = ["house/m"], server = "house/n", shares = { "house/m" = 1 } }'
    )
    assert of(text) == []
    assert of(given('{ provider = "broken", credential = "any", failure = "down" }')) == []


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ('request = { model = "m", key = "bob" }\nexpect = { status = 200 }', ("request", "key"), "bob"),
        (
            'request = { model = "m" }\ngiven = { spent = { tema = "1 USD" } }\nexpect = { status = 200 }',
            ("given", "spent", "tema"),
            "tema",
        ),
        ('request = { model = "m" }\nexpect = {}', ("expect",), ""),
        ('request = { model = "m" }\nexpect = { attempts = ["house/m", "hose/m"] }', ("expect", "attempts", 1), "hose"),
        ('request = { model = "m" }\nexpect = { server = "house" }', ("expect", "server"), ""),
        ('request = { model = "m" }\nexpect = { shares = { "house/" = 1 } }', ("expect", "shares", "house/"), "house"),
        (given('{ provider = "hose", status = 500 }'), ("given", "upstream", 0, "provider"), "hose"),
        (given('{ status = 1_00 }, { target = "m", status = 500 }'), ("given", "upstream", 1, "target"), ""),
        (given('{ provider = "house" }'), ("given", "upstream", 0), ""),
        (given('{ credential = "main", status = 500 }'), ("given", "upstream", 0, "credential"), ""),
        (
            given('{ provider = "house", credential = "third", status = 500 }'),
            ("given", "upstream", 0, "credential"),
            "third",
        ),
        (given('{ provider = "house", target = "house/m", status = 500 }'), ("given", "upstream", 0, "target"), ""),
    ],
)
def test_a_mistake_says_where_it_is_and_which_name_there_is_not(text: str, path: Path, name: str) -> None:
    [found] = of(text)
    assert (found.path, found.name) == (path, name)


def test_a_mistake_is_told_with_its_key() -> None:
    assert str(Mistake(("request", "key"), "no")) == "request.key: no"
    assert str(Mistake(("expect", "attempts", 3), "no")) == "expect.attempts: no"
    assert str(Mistake(("given", "upstream", 3, "provider"), "no")) == "given.upstream, answer 4: no"
