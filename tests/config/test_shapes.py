import pytest

from tests.support.written import HOUSE, only, text_at


@pytest.mark.parametrize(
    ("text", "hint", "note"),
    [
        (
            "auth = { cookie = 'x' }",
            "",
            'it takes "bearer", or "x-api-key", or "none", or { header = … }, or { query = … }',
        ),
        ("auth = { headers = 'x' }", "did you mean `header`?", "it takes"),
        ("auth = 1", "", 'it takes "bearer"'),
    ],
)
def test_where_no_shape_fits_those_that_act_are_listed(text: str, hint: str, note: str) -> None:
    finding = only(f'[providers.acme]\napi_key = "env:A"\n{text}\n')
    assert (finding.code, finding.hint) == ("OR2007", hint)
    assert finding.note.startswith(note)


def test_a_target_of_another_kind_is_told_both_shapes() -> None:
    finding = only(f"[combos.c]\ntargets = [1]\n{HOUSE}")
    assert finding.summary == "target 1 of combo `c` is a whole number that is not understood"
    assert finding.note == "it takes a name without spaces, or { model = … }"
    assert text_at(finding) == "1"


def test_a_target_that_is_a_table_is_explained_as_a_table() -> None:
    finding = only(f"[combos.c]\ntargets = [{{ modl = 'house/m' }}]\n{HOUSE}")
    assert (finding.code, finding.summary) == ("OR2003", "unknown key `modl` in target 1 of combo `c`")
    assert only(f"[combos.c]\ntargets = [{{}}]\n{HOUSE}").code == "OR2002"


def test_a_target_that_is_a_string_is_explained_as_a_string() -> None:
    assert only(f"[combos.c]\ntargets = ['a b']\n{HOUSE}").label == "expected a name without spaces"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ('"2027-01-01"', "without quotes: expires = 2027-01-01"),
        ('"2027-01-01T00:00:00Z"', "without quotes: expires = 2027-01-01T00:00:00Z"),
        ('"soon"', ""),
        ("2027-01-01T00:00:00", ""),
    ],
)
def test_a_date_in_quotes_is_shown_without_them(value: str, hint: str) -> None:
    assert only(f'[keys.a]\nsha256 = "{"0" * 64}"\nexpires = {value}\n{HOUSE}').hint == hint


@pytest.mark.parametrize("value", ['"2027-01-01"', "2027-01-01T00:00:00", "07:32:00", "5"])
def test_a_date_is_written_without_quotes_and_a_time_with_its_offset(value: str) -> None:
    finding = only(f'[keys.a]\nsha256 = "{"0" * 64}"\nexpires = {value}\n{HOUSE}')
    assert finding.code == "OR2007"
    assert "without quotes: 2027-01-01" in finding.note
