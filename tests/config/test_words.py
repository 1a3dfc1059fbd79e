import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.config.source import Path
from omniroute.config.words import did_you_mean, listed, meant, member, owner, toml, toml_key


@pytest.mark.parametrize(
    ("path", "as_value", "as_table"),
    [
        ((), "the configuration", "the configuration"),
        (("server",), "`server`", "`[server]`"),
        (("server", "port"), "`port` of `[server]`", "`port` of `[server]`"),
        (("providers",), "`providers`", "`[providers]`"),
        (("providers", "x"), "provider `x`", "provider `x`"),
        (("providers", "x", "base_url"), "`base_url` of provider `x`", "`base_url` of provider `x`"),
        (("providers", "x", "models", "m", "price"), "`price` of model `m` of provider `x`", None),
        (("policies", "x", "budgets", 0), "item 1 of `budgets` of policy `x`", None),
        (("providers", "x", "credentials", 1), "credential 2 of provider `x`", None),
        (("providers", "x", "formats", 0), "item 1 of `formats` of provider `x`", None),
        (("combos", "c", "targets", 1, "model"), "`model` of target 2 of combo `c`", None),
        (("combos", "c", "targets"), "`targets` of combo `c`", None),
        (("aliases", "fast"), "alias `fast`", "alias `fast`"),
        (("tests", 0, "name"), "`name` of test 1", None),
        (("tests", "x"), "`x` of `[tests]`", None),
    ],
)
def test_places_are_named_as_people_call_them(path: Path, as_value: str, as_table: str | None) -> None:
    assert member(path) == as_value
    assert owner(path) == (as_table or as_value)


def test_a_near_name_is_suggested_whatever_its_case() -> None:
    assert meant("Base_ULR", ["api_key", "base_url"]) == "base_url"
    assert did_you_mean("opnai", ["openai"]) == "did you mean `openai`?"
    assert did_you_mean("something", ["else"]) == ""


def test_names_are_listed() -> None:
    assert listed(["a"]) == "`a`"
    assert listed(["a", "b", "c"]) == "`a`, `b` or `c`"
    assert listed(["a", "b"], "and") == "`a` and `b`"
    assert listed([]) == "nothing"


VALUES = st.recursive(
    st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**60), 2**60), st.booleans()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)),
    max_leaves=8,
)


@given(VALUES)
def test_values_are_written_as_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_keys_are_written_as_toml(key: str) -> None:
    assert tomllib.loads(f"{toml_key(key)} = 1") == {key: 1}
