import pytest

from tests.support.written import HOUSE, codes, found, mended, only, text_at


def aliases(*lines: str) -> str:
    return HOUSE + "[aliases]\n" + "".join(f"{line}\n" for line in lines)


def combo(*targets: str) -> str:
    return f"{HOUSE}[combos.c]\ntargets = [{', '.join(targets)}]\n"


def test_names_that_lead_somewhere_have_no_fault() -> None:
    text = aliases('a = "house/m"', 'b = "c"', '"x-*" = "house/*"', 'd = "x-1"', '"any-*" = "*"') + (
        '[combos.c]\ntargets = ["a", "house/org/model", { model = "d" }, "x-2"]\n'
    )
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (aliases('a = "huose/m"'), "alias `a`"),
        (aliases('"x-*" = "huose/*"'), "alias `x-*`"),
        (aliases('"*" = "huose/*"'), "alias `*`"),
        (combo('"huose/m"'), "target 1 of combo `c`"),
        (combo('{ model = "huose/m" }'), "target 1 of combo `c`"),
    ],
)
def test_an_unknown_provider_is_found_where_it_is_named(text: str, where: str) -> None:
    finding = only(text)
    assert finding.code == "OR3001"
    assert finding.summary == f"{where} names provider `huose`, which does not exist"
    assert text_at(finding).startswith('"huose/')
    assert finding.hint == "did you mean `house`?"
    assert [each.message for each in finding.related] == ["a provider with a similar name"]
    assert codes(mended(text, finding)) == []


def test_a_provider_of_the_catalogue_only_needs_to_be_added() -> None:
    finding = only(combo('"acme/large"'))
    assert finding.code == "OR3001"
    assert finding.hint == "add [providers.acme]: the catalogue knows it, and its credential is all it needs"
    assert finding.fix == ()


def test_an_unknown_provider_like_no_other_is_to_be_added_or_corrected() -> None:
    finding = only(combo('"zzz/large"'))
    assert (finding.fix, finding.related) == ((), ())
    assert finding.hint == "add [providers.zzz], or correct the name"


@pytest.mark.parametrize("name", ["coding", "house/"])
def test_an_unknown_target_is_found(name: str) -> None:
    finding = only(aliases(f'a = "{name}"'))
    assert finding.code == "OR3002"
    assert finding.hint == "a model is written as provider/model"


@pytest.mark.parametrize(
    ("target", "code", "named"),
    [
        ("x-nobody", "OR3002", "`nobody`"),
        ("x-huose/m", "OR3001", "provider `huose`"),
        ("x-house/", "OR3002", "`house/`"),
    ],
)
def test_what_a_star_gives_is_judged_where_it_is_known_what_it_stands_for(target: str, code: str, named: str) -> None:
    finding = only(aliases('"x-*" = "*"') + f'[combos.c]\ntargets = ["{target}"]\n')
    assert (finding.code, finding.fix) == (code, ())
    assert finding.summary == f"target 1 of combo `c` names {named}, which does not exist"
    assert codes(aliases('"x-*" = "*"') + '[combos.c]\ntargets = ["x-house/m"]\n') == []


def test_an_unknown_name_behind_an_alias_is_told_once() -> None:
    assert codes(aliases('a = "nobody"', '"x*" = "nobody/*"') + '[combos.c]\ntargets = ["a", "x1"]\n') == [
        *("OR3002", "OR3001")
    ]


def test_an_unknown_target_may_be_near_to_a_known_one() -> None:
    text = aliases('a = "codign"') + '[combos.coding]\ntargets = ["house/m"]\n'
    finding = only(text)
    assert (finding.code, finding.hint) == ("OR3002", "did you mean `coding`?")
    assert codes(mended(text, finding)) == []


def test_what_is_broken_elsewhere_is_not_called_unknown() -> None:
    text = '[providers.own]\nbase_ulr = 1\n[combos.c]\ntargets = []\n[aliases]\na = "own/m"\nb = "c"\nd = "own/m"\n'
    assert codes(text) == ["OR2003", "OR2004"]


def test_what_may_be_in_a_file_that_cannot_be_read_is_not_called_unknown() -> None:
    assert codes('[aliases]\na = "own/m"\nb = "c"\n', "[providers.own\n") == ["OR1001"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (aliases('a = "house/*"'), "no star here"),
        (aliases('"a*" = "house/**"'), "at most one star here"),
        (combo('"house/*"'), "no star here"),
    ],
)
def test_a_star_that_stands_for_nothing_is_found(text: str, label: str) -> None:
    finding = only(text)
    assert (finding.code, finding.label) == ("OR2004", label)


def test_an_alias_and_a_combo_of_the_same_name_are_both_shown() -> None:
    finding = only(aliases('c = "house/m"') + '[combos.c]\ntargets = ["house/n"]\n')
    assert (finding.code, finding.summary) == ("OR3006", "`c` is both an alias and a combo")
    assert text_at(finding) == "c"
    assert [each.message for each in finding.related] == ["this combo"]


def test_a_loop_shows_each_step() -> None:
    finding = only(aliases('a = "b"', 'b = "c"') + '[combos.c]\ntargets = ["house/m", { model = "a" }]\n')
    assert (finding.code, finding.summary) == ("OR3010", "combo `c` leads back to itself")
    assert finding.label == "1. c → a"
    assert [each.message for each in finding.related] == ["2. a → b", "3. b → c"]
    assert text_at(finding) == '"a"'


def test_a_star_alone_may_stand_for_a_providers_models() -> None:
    assert codes(aliases('"*" = "house/*"')) == []


def test_a_row_of_aliases_that_is_too_long_is_shown_as_it_is_written() -> None:
    row = [f'a{n} = "a{n + 1}"' for n in range(15)]
    assert codes(aliases(*row, 'a15 = "house/m"')) == []
    finding = only(aliases(*row, 'a15 = "house/m"', '"x-*" = "a0"'))
    assert (finding.code, finding.summary) == ("OR3010", "alias `x-*` leads on and on")
    assert (finding.label, finding.related[0].message) == ("1. x-* → a0", "2. a0 → a1")


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (combo('"house/m"', '"house/n"', '"house/m"'), "target 3 of combo `c` adds nothing to those before it"),
        (
            aliases('a = "house/m"') + '[combos.c]\ntargets = ["house/m", "a"]\n',
            "target 2 of combo `c` adds nothing to those before it",
        ),
        (
            HOUSE + '[combos.c]\ntargets = ["house/m", "house/n", "d"]\n[combos.d]\ntargets = ["house/n", "house/m"]\n',
            "target 3 of combo `c` adds nothing to those before it",
        ),
    ],
)
def test_a_target_that_was_tried_before_is_found(text: str, summary: str) -> None:
    finding = only(text)
    assert (finding.code, finding.summary) == ("OR5004", summary)
    assert len(finding.related) == 1


def test_a_combo_that_adds_one_target_is_no_repetition() -> None:
    text = HOUSE + '[combos.c]\ntargets = ["house/m", "d"]\n[combos.d]\ntargets = ["house/m", "house/n"]\n'
    assert codes(text) == []


def test_every_place_that_names_something_unknown_is_told() -> None:
    assert [each.code for each in found(combo('"x/m"', '"y"', '"house/m"'))] == ["OR3001", "OR3002"]


KNOWN = '[providers.acme]\napi_key = "env:ACME_KEY"\n'


def test_a_providers_other_prefix_is_for_clients_and_files_write_its_name() -> None:
    text = KNOWN + '[combos.c]\ntargets = ["ac/large"]\n'
    finding = only(text)
    assert finding.code == "OR3001"
    assert finding.summary == "target 1 of combo `c` names provider `ac`, which is called `acme` in files"
    assert (text_at(finding), finding.hint) == ('"ac/large"', "write `acme/` instead")
    assert codes(mended(text, finding)) == []


def test_what_a_pattern_makes_of_a_prefix_is_not_mended_by_itself() -> None:
    [finding] = found(KNOWN + '[aliases]\nsmart = "x-large"\n"x-*" = "ac/*"\n')
    assert (finding.code, text_at(finding)) == ("OR3001", '"ac/*"')
