import pytest

from omniroute.config.snapshot import Alias, SecretRef
from tests.support.snapshots import provider, snapshot


def test_a_secret_reference_shows_itself_as_it_is_written() -> None:
    assert str(SecretRef("env", "OPENAI_API_KEY")) == "env:OPENAI_API_KEY"


@pytest.mark.parametrize(("name", "pattern"), [("fast", False), ("gpt-*", True), ("*", True)])
def test_an_alias_with_a_star_is_a_pattern(name: str, *, pattern: bool) -> None:
    assert Alias(name, "x").pattern is pattern


def test_patterns_are_ranked_by_what_stands_before_the_star_and_then_by_what_stands_after_it() -> None:
    names = ["*", "*-mini", "gpt-*", "gpt-*-mini", "gpt-5*"]
    ranked = sorted((Alias(name, "x") for name in names), key=lambda alias: alias.rank)
    assert [alias.name for alias in ranked] == ["gpt-5*", "gpt-*-mini", "gpt-*", "*-mini", "*"]


def test_an_upstream_inside_this_process_is_known_by_its_address() -> None:
    assert provider("p", "embedded:echo").embedded
    assert not provider("p", "http://127.0.0.1/v1").embedded


def test_twelve_characters_of_its_id_name_a_snapshot() -> None:
    assert snapshot(identity="0123456789abcdef").short_id == "0123456789ab"
