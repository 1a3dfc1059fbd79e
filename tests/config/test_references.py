import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.document import Document
from omniroute.config.naming import LONGEST_CHAIN
from omniroute.config.references import Names, Step, names_of, replacements, successors, target_name
from omniroute.errors import UnknownModel
from omniroute.ir.facts import Facts
from omniroute.names import Format
from omniroute.routing import resolve as routing
from tests.support.snapshots import provider, snapshot


def names(aliases: dict[str, str], **combos: list[str]) -> Names:
    return names_of(
        Document.model_validate(
            {"aliases": aliases, "combos": {name: {"targets": each} for name, each in combos.items()}}
        )
    )


def leaves(of: Names, name: str) -> list[str]:
    return [leaf for leaf, _ in of.leaves(Step("", name, ()))]


def circles(of: Names) -> list[list[tuple[object, ...]]]:
    return [[step.path[1:] for step in circle] for circle in of.circles()]


def test_a_target_is_named_the_same_however_it_is_written() -> None:
    one = names({}, c=["a/b"])
    document = Document.model_validate({"combos": {"c": {"targets": ["a/b", {"model": "a/c"}]}}})
    assert one.combos == {"c": ("a/b",)}
    assert [target_name(each) for each in document.combos["c"].targets] == ["a/b", "a/c"]


def test_an_alias_is_followed_to_its_end() -> None:
    chain = names({"a": "b", "b": "x-1", "x-*": "p/*"}, c=["a"]).chain("a")
    assert [step.path for step in chain.steps] == [("aliases", "a"), ("aliases", "b"), ("aliases", "x-*")]
    assert (chain.end, chain.circle) == ("p/1", ())


def test_an_exact_alias_beats_a_combo_a_combo_a_pattern_and_the_most_specific_pattern_the_others() -> None:
    one = names({"exact": "p/exact", "c*": "p/short", "com*": "p/long", "e*": "p/e"}, combo=["p/m"], exact=["p/n"])
    assert one.chain("exact").end == "p/exact"
    assert one.chain("combo").end == "combo"
    assert one.chain("come").end == "p/long"
    assert one.chain("cat").end == "p/short"


def test_a_combo_leads_to_models_in_order_and_each_once() -> None:
    one = names({"fast": "p/1"}, inner=["p/2", "fast"], outer=["fast", "inner", "p/3", "p/2"])
    assert leaves(one, "outer") == ["p/1", "p/2", "p/3"]
    assert leaves(one, "p/9") == ["p/9"]


def test_the_way_to_a_model_names_every_step() -> None:
    one = names({"fast": "inner"}, inner=["p/2"], outer=["fast"])
    ((_, way),) = one.leaves(Step("", "outer", ()))
    assert [step.path for step in way[1:]] == [
        ("combos", "outer", "targets", 0),
        ("aliases", "fast"),
        ("combos", "inner", "targets", 0),
    ]


def test_many_nested_combos_are_expanded_at_once() -> None:
    nested = {"c0": ["p/1", "p/2"]} | {f"c{n}": [f"c{n - 1}", f"c{n - 1}"] for n in range(1, 3000)}
    assert leaves(names({}, **nested), "c2999") == ["p/1", "p/2"]
    assert circles(names({}, **nested)) == []


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (names({"a": "a"}), [[("a",)]]),
        (names({"a": "b", "b": "a", "c": "a"}), [[("a",), ("b",)]]),
        (names({"a*": "aa*"}, c=["ab"]), []),
        (names({"a": "house/a", "house/*": "a"}), []),
        (names({"a": "b", "b": "a", "x*": "a"}, c=["xy"]), [[("a",), ("b",)]]),
        (names({}, c=["p/1", "c"]), [[("c", "targets", 1)]]),
        (names({"x": "c"}, c=["d"], d=["p/1", "x"]), [[("c", "targets", 0), ("d", "targets", 1), ("x",)]]),
        (
            names({}, a=["b", "d"], b=["a"], d=["a"]),
            [[("a", "targets", 0), ("b", "targets", 0)], [("a", "targets", 1), ("d", "targets", 0)]],
        ),
        (names({"x": "p/1", "x-*": "p/*"}, c=["x", "x-1"], d=["c", "c"]), []),
    ],
)
def test_circles_are_found_once_with_every_step(one: Names, expected: list[object]) -> None:
    assert circles(one) == expected


def row(length: int) -> dict[str, str]:
    """So many aliases, each of which names the next."""
    return {f"a{n}": f"a{n + 1}" for n in range(length - 1)} | {f"a{length - 1}": "p/m"}


def test_a_row_of_aliases_that_is_longer_than_is_followed_counts_as_a_circle() -> None:
    assert circles(names(row(LONGEST_CHAIN))) == []
    assert circles(names(row(LONGEST_CHAIN + 1))) == [[(f"a{n}",) for n in range(LONGEST_CHAIN)]]
    assert len(circles(names(row(LONGEST_CHAIN) | {"x*": "a0"}))) == 1


def test_a_circle_leads_to_no_model() -> None:
    assert leaves(names({"a": "b", "b": "a"}, c=["a", "p/1"], d=["d", "p/2"]), "c") == ["p/1"]
    assert leaves(names({}, d=["d", "p/2"]), "d") == ["p/2"]


WORDS = st.sampled_from(["a", "b", "ab", "house/m", "house/n", "a*", "*b", "house/*", "*", "c", "d"])
NAMES = st.sampled_from(["a", "b", "ab", "c", "a*", "*b", "ab*", "house/m", "house/*"])


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(NAMES, WORDS, max_size=4),
    st.sampled_from(["a", "b", "ab", "c", "aab", "house/m", "house/x"]),
)
def test_names_are_followed_as_they_are_for_a_client(aliases: dict[str, str], asked: str) -> None:
    chain = names(aliases).chain(asked)
    facts = Facts(asked=asked, format=Format.OPENAI_CHAT, stream=False)
    try:
        (target,) = routing.resolve(snapshot(provider("house"), aliases=aliases), facts).targets
    except UnknownModel:
        assert chain.circle or not chain.end.startswith("house/") or chain.end == "house/"
    else:
        assert (target.id, chain.circle) == (chain.end, ())


def test_a_chain_ends_at_the_model_that_is_asked_in_another_ones_place() -> None:
    models = {"old": {"replaced_by": "mid"}, "mid": {"replaced_by": "new"}, "kept": {"replaced_by": "kept"}}
    document = Document.model_validate(
        {
            "providers": {"p": {"models": models}},
            "aliases": {"a": "p/old"},
            "combos": {"c": {"targets": ["a", "p/mid", "p/kept"]}},
        }
    )
    one = names_of(document)
    assert one.chain("a").end == "p/new"
    assert [step.following for step in one.chain("a").steps] == ["p/old"]
    assert leaves(one, "c") == ["p/new", "p/kept"]
    assert successors(document.providers["p"]) == {"old": "mid", "mid": "new"}
    assert replacements(document.providers["p"]) == {"old": "new", "mid": "new"}
