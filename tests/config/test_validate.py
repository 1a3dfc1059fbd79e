from typing import Any

import pytest

from omniroute.config.keywords import inlined
from omniroute.config.layers import Catalogue
from omniroute.config.validate import _EXPLAINED, validate
from tests.config.test_schema import nodes
from tests.support.written import HOUSE, SCHEMA, SHIPPED, codes, found, line_of, mended, only, text_at

QUIET = {
    "type",
    "description",
    "markdownDescription",
    "default",
    "examples",
    "items",
    "properties",
    "additionalProperties",
}
"""Keywords that say nothing by themselves, or are explained together with others."""
OTHERS = {"required", "oneOf", "x-omniroute-reload", "x-omniroute-secret"}


def test_every_keyword_of_the_schema_has_its_words() -> None:
    used = {key for path, node in nodes(inlined(SCHEMA)) if path != "#" for key in node}
    assert used - QUIET - OTHERS == _EXPLAINED.keys() - {"type"}


def test_a_sound_document_has_no_fault() -> None:
    assert validate({"providers": {"acme": {"api_key": "env:A"}}}, SCHEMA, Catalogue(SHIPPED)) == ()


def test_every_fault_is_found_in_one_run_and_in_the_order_of_the_text() -> None:
    text = '[server]\nport = "1"\nhst = "x"\n[reload]\npoll = "15"\n[combos.c]\nstrategy = "priority"\n' + HOUSE
    assert codes(text) == ["OR2001", "OR2003", "OR2004", "OR2002"]


def test_an_unknown_key_says_where_it_is_and_what_was_meant() -> None:
    text = '[providers.acme]\nbase_ulr = "https://a.example"\napi_key = "env:A"\n'
    finding = only(text)
    assert finding.code == "OR2003"
    assert finding.summary == "unknown key `base_ulr` in provider `acme`"
    assert text_at(finding) == "base_ulr"
    assert finding.path == ("providers", "acme", "base_ulr")
    assert finding.hint == "did you mean `base_url`?"
    assert mended(text, finding) == text.replace("base_ulr", "base_url")


def test_an_unknown_key_that_is_like_nothing_lists_what_acts() -> None:
    finding = only("[reload]\nzzz = 1\n" + HOUSE)
    assert finding.hint == "its keys are `watch`, `poll` and `max_removed_percent`"
    assert finding.fix == ()


@pytest.mark.parametrize(
    ("text", "summary", "hint"),
    [
        ("[sever]\nport = 1\n", "unknown table `[sever]`", "did you mean `server`?"),
        ("Version = 1\n", "unknown key `Version`", "did you mean `version`?"),
        ("zz = 1\n", "unknown key `zz`", "it may have `version`, `server`, "),
    ],
)
def test_what_is_unknown_at_the_top_is_called_what_it_is(text: str, summary: str, hint: str) -> None:
    finding = only(text + HOUSE)
    assert (finding.code, finding.summary) == ("OR2003", summary)
    assert finding.hint.startswith(hint)


def test_a_missing_key_without_an_example_is_explained() -> None:
    finding = only(HOUSE + "[keys.a]\n")
    assert (finding.code, finding.hint.partition(",")[0]) == ("OR2002", "The SHA-256 of the key")


def test_a_database_in_memory_is_refused_since_nobody_could_read_it() -> None:
    finding = only(HOUSE + '[runtime]\ndatabase = "sqlite::memory:"\n')
    assert (finding.code, "in memory" in finding.label) == ("OR2004", True)
    assert finding.hint == 'for example: database = "sqlite:omniroute.db"'


def test_an_unknown_key_and_the_missing_one_that_it_was_meant_for_are_one_finding() -> None:
    text = '[combos.c]\ntarget = ["house/m"]\n' + HOUSE
    finding = only(text)
    assert (finding.code, finding.summary) == ("OR2003", "unknown key `target` in combo `c`")
    assert finding.note == "`targets` is required here; with the right name, both are mended"
    assert codes(mended(text, finding)) == []


def test_an_unknown_key_that_is_unlike_the_missing_one_leaves_two_findings() -> None:
    assert codes('[combos.c]\nnote = "x"\n' + HOUSE) == ["OR2002", "OR2003"]


def test_a_missing_key_is_found_at_its_table_with_an_example() -> None:
    finding = only('[combos.c]\nstrategy = "priority"\n' + HOUSE)
    assert (finding.code, finding.summary) == ("OR2002", "combo `c` lacks the key `targets`")
    assert text_at(finding) == "combos.c"
    assert finding.hint.startswith('for example: targets = ["')


def test_several_missing_keys_are_several_findings() -> None:
    text = "[[providers.acme.credentials]]\npriority = 1\n"
    assert [each.summary for each in found(text)] == [
        "credential 1 of provider `acme` lacks the key `name`",
        "credential 1 of provider `acme` lacks the key `api_key`",
    ]


@pytest.mark.parametrize(
    ("text", "summary", "mended_text"),
    [
        ('[server]\nport = "80"', "`port` of `[server]` must be a whole number, and is a string", "port = 80"),
        ('[reload]\nwatch = "false"', "`watch` of `[reload]` must be true or false, and is a string", "watch = false"),
        (
            '[combos.c]\ntargets = "house/m"',
            "`targets` of combo `c` must be an array, and is a string",
            'targets = ["house/m"]',
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_mended_where_there_is_no_doubt(text: str, summary: str, mended_text: str) -> None:
    whole = f"{text}\n{HOUSE}"
    finding = only(whole)
    assert (finding.code, finding.summary) == ("OR2001", summary)
    assert finding.hint == f"write {mended_text}"
    assert codes(mended(whole, finding)) == []
    assert mended_text in mended(whole, finding)


PORT = "`port` of `[server]` must be a whole number, and is"
SERVER = 'for example: server = { host = "127.0.0.1", port = 20128 }'


@pytest.mark.parametrize(
    ("text", "summary", "hint"),
    [
        (
            f"[reload]\npoll = 15\n{HOUSE}",
            "`poll` of `[reload]` must be a string, and is a whole number",
            'for example: poll = "30s"',
        ),
        (f"[server]\nport = 8.0\n{HOUSE}", f"{PORT} a number", "for example: port = 20128"),
        (f"[server]\nport = true\n{HOUSE}", f"{PORT} a boolean", "for example: port = 20128"),
        (f"server = 1\n{HOUSE}", "`server` must be a table, and is a whole number", SERVER),
        (
            f"[server]\nhost = 2027-01-01\n{HOUSE}",
            "`host` of `[server]` must be a string, and is a date or a time",
            'for example: host = "127.0.0.1"',
        ),
        ("[providers]\nx = []\n", "provider `x` must be a table, and is an array", ""),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_an_example(text: str, summary: str, hint: str) -> None:
    finding = only(text)
    assert (finding.code, finding.summary, finding.hint) == ("OR2001", summary, hint)


def test_a_value_in_an_array_is_named_by_its_place() -> None:
    finding = only(HOUSE + "formats = [3]\n")
    assert finding.summary == "item 1 of `formats` of provider `house` must be a string, and is a whole number"
    assert finding.hint == ""
    assert text_at(finding) == "3"


def test_a_word_that_is_not_in_the_list_is_answered_with_the_nearest() -> None:
    text = HOUSE + 'formats = ["openai-caht"]\n'
    finding = only(text)
    assert (finding.code, finding.hint) == ("OR2004", "did you mean `openai-chat`?")
    assert finding.summary == '`"openai-caht"` is not allowed as item 1 of `formats` of provider `house`'
    assert codes(mended(text, finding)) == []


def test_a_word_that_is_like_nothing_is_answered_with_the_list() -> None:
    finding = only('[keys.a]\nsha256 = "' + "0" * 64 + '"\nscopes = ["x"]\n' + HOUSE)
    assert finding.hint == "it takes `inference`, `status` or `operate`"


@pytest.mark.parametrize(
    ("text", "label", "hint"),
    [
        ('[reload]\npoll = "15"', "expected a duration", 'for example: poll = "30s"'),
        ('[server]\nmax_body = "10"', "expected a size", 'for example: max_body = "10MiB"'),
        ('[providers.house.models.m.price]\ninput = "1 USD"', "expected an amount of US dollars", 'input = "0.10"'),
        ("[server]\nport = 70000", "must be at most 65535", ""),
        ("[server]\nport = -1", "must be at least 0", ""),
        ("version = 2", "must be at most 1", ""),
        ("[combos.c]\ntargets = []", "must not be empty", "for example: targets = ["),
        ('[providers.house.headers]\nx-a = " b"', "expected printable ASCII", ""),
        ('[keys.a]\nsha256 = "abc"', "expected 64 hexadecimal digits", ""),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(text: str, label: str, hint: str) -> None:
    finding = only(f"{HOUSE}\n{text}\n" if "[" in text else f"{text}\n{HOUSE}")
    assert finding.code == "OR2004"
    assert finding.label.startswith(label)
    assert hint in finding.hint


def test_a_value_is_quoted_only_where_it_is_short() -> None:
    assert only('[reload]\npoll = "15"\n' + HOUSE).summary == '`"15"` is not allowed as `poll` of `[reload]`'
    assert "this value" in only(f'[reload]\npoll = "{"x " * 30}"\n' + HOUSE).summary


def test_a_number_without_end_is_not_quoted() -> None:
    assert (
        only(f"[server]\nport = 0x{'f' * 5000}\n{HOUSE}").summary == "this value is not allowed as `port` of `[server]`"
    )
    assert only(f'[server]\nport = "{"9" * 5000}"\n{HOUSE}').fix == ()


def test_no_number_is_too_large_for_those_who_read_it() -> None:
    text = f"{HOUSE}[providers.house.models.m]\ncontext = 0x{'f' * 16}\n"
    assert only(text).label == "must be at most 1000000000"


def test_a_key_that_is_there_already_is_not_what_was_meant() -> None:
    finding = only(HOUSE + 'base_url2 = "x"\n')
    assert finding.fix == ()
    assert finding.hint.startswith("its keys are")


def test_a_value_that_may_be_a_secret_is_quoted_nowhere() -> None:
    secret = "a8f3Kd93jD83hd72Hs9d"
    for finding in found(f'[reload]\npoll = "{secret}"\n[combos.c]\ntargets = "{secret}"\n' + HOUSE):
        assert secret not in repr((finding.summary, finding.label, finding.hint, finding.note, finding.fix))


@pytest.mark.parametrize(
    ("text", "name", "kind", "better"),
    [
        ('[providers.Acme_EU]\nauth = "none"', "Acme_EU", "provider", "acme_eu"),
        ('[combos."my combo"]\ntargets = ["house/m"]', "my combo", "combo", "my-combo"),
        ('[aliases]\n"a b" = "house/m"', "a b", "alias", "a-b"),
        ('[providers.house.headers]\n"x y" = "1"', "x y", "header", "x-y"),
        ('[combos."§"]\ntargets = ["house/m"]', "§", "combo", ""),
    ],
)
def test_a_name_that_is_not_allowed_is_found_where_it_is_written(text: str, name: str, kind: str, better: str) -> None:
    finding = only(f"{HOUSE}\n{text}\n")
    assert (finding.code, finding.summary) == ("OR2005", f"{kind} name `{name}` is not allowed")
    assert text_at(finding).strip('"') == name
    assert finding.hint == (f"for example `{better}`" if better else "")


@pytest.mark.parametrize(
    "text",
    [
        "[policies.p]\nlog_content = false",
        '[server]\nproxy = "http://127.0.0.1:3128"',
        '[providers.house]\nproxy = "http://127.0.0.1:3128"',
        '[providers.house]\nauth = { sigv4 = { region = "eu-1", service = "x" } }',
        '[combos.c]\ntargets = ["house/m"]\nproxy = "http://10.0.0.9:3128"',
        f'[keys.a]\nsha256 = "{"0" * 64}"\nproxy = "http://10.0.0.9:3128"',
    ],
)
def test_what_does_not_act_yet_is_refused(text: str) -> None:
    finding = only(text if "providers" in text else f"{text}\n{HOUSE}")
    assert finding.code == "OR2006"
    assert "is not supported yet" in finding.summary


def test_what_is_wrong_inside_something_planned_is_not_told_as_well() -> None:
    assert codes("[providers.house]\nauth = { sigv4 = { region = 3, servce = 1 } }\n") == ["OR2006"]
    assert codes("[server]\nproxy = 3\n" + HOUSE) == ["OR2006"]


def test_a_secret_inside_something_planned_is_told_all_the_same() -> None:
    oauth2 = '{ token_url = "https://a.example", client_id = "x", client_secret = "y" }'
    text = f"[providers.house]\nauth = {{ oauth2 = {oauth2} }}\n"
    findings = found(text)
    assert [each.code for each in findings] == ["OR2006", "OR4001"]
    assert findings[1].masked


@pytest.mark.parametrize(
    ("auth", "code", "summary"),
    [
        ('"barer"', "OR2004", '`"barer"` is not allowed as `auth` of provider `acme`'),
        ("{ headr = 'x' }", "OR2007", "`auth` of provider `acme` is a table that is not understood"),
        ("{ header = 1 }", "OR2001", "`header` of `auth` of provider `acme` must be a string, and is a whole number"),
        ("{ header = 'x', b = 1 }", "OR2003", "unknown key `b` in `auth` of provider `acme`"),
        ("3", "OR2007", "`auth` of provider `acme` is a whole number that is not understood"),
    ],
)
def test_a_union_is_explained_by_the_alternative_that_was_meant(auth: str, code: str, summary: str) -> None:
    finding = only(f'[providers.acme]\napi_key = "env:A"\nauth = {auth}\n')
    assert (finding.code, finding.summary) == (code, summary)


def test_no_message_is_that_of_the_library() -> None:
    broken: dict[str, Any] = {
        "server": {"port": [], "x": 1},
        "providers": {"A": {"auth": {"x": 1}, "models": 3}},
        "combos": {"c": {"targets": [1, {}, {"model": 1}]}},
        "keys": {"k": {"expires": "soon"}},
    }
    for fault in validate(broken, SCHEMA, Catalogue(())):
        words = " ".join((fault.summary, fault.label, fault.hint, fault.note))
        assert "valid under" not in words
        assert "is not of type" not in words
        assert "required property" not in words


def test_lines_are_those_of_the_text() -> None:
    assert [line_of(each) for each in found("[server]\nport = 'x'\nhost = 1\n" + HOUSE)] == [3, 4]
