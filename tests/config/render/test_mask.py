import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.mask import BULLETS, Masked, Masks
from omniroute.config.source import Place, Source
from omniroute.names import Severity
from tests.config.render.places import at, between


def secret(place: Place | None, *, masked: bool = True) -> Diagnostic:
    return Diagnostic("OR4001", Severity.ERROR, "secret", place, masked=masked)


def shown(text: str, *needles: str) -> str:
    """Mask the first line of a text, in which some stretches are secret."""
    source = Source("a.toml", text)
    return Masks(secret(at(source, needle)) for needle in needles).line(source, 0, len(text.partition("\n")[0])).text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"sk-1234567890"', f'"sk-{BULLETS}"'),
        ('"AIza1234567890"', f'"AIz{BULLETS}"'),
        ('"hunter2"', f'"{BULLETS}"'),
        ("'hunter2'", f"'{BULLETS}'"),
        ('"""hunter2"""', f'"""{BULLETS}"""'),
        ("'''hunter2'''", f"'''{BULLETS}'''"),
        ('["hunter2"]', BULLETS),
        ("42", BULLETS),
        ('"', f'"{BULLETS}'),
        ("\"it'", f'"{BULLETS}'),
    ],
)
def test_a_secret_keeps_its_quotes_and_a_beginning_that_everybody_knows(written: str, expected: str) -> None:
    assert shown(f"x = {written} # end", written) == f"x = {expected} # end"


def test_secrets_of_any_length_look_alike() -> None:
    assert shown('x = "a"', '"a"') == shown(f'x = "{"b" * 999}"', f'"{"b" * 999}"')


def test_every_line_of_a_secret_is_masked() -> None:
    source = Source("a.toml", 'x = """one\ntwo\n\nthree"""\ny = 1\n')
    masks = Masks([secret(between(source, 4, 25))])
    lines, begin = [], 0
    for line in source.text.split("\n"):
        lines.append(masks.line(source, begin, begin + len(line)).text)
        begin += len(line) + 1
    assert lines == [f'x = """{BULLETS}', BULLETS, BULLETS, f'{BULLETS}"""', "y = 1", ""]


def test_a_secret_of_one_character_on_its_line_is_masked_and_what_stands_beside_it_is_not() -> None:
    source = Source("a.toml", "a\nb\nc\nd")
    masks = Masks([secret(between(source, 2, 5))])
    assert [masks.line(source, begin, begin + 1).text for begin in (0, 2, 4, 6)] == ["a", BULLETS, BULLETS, "d"]


def test_only_masked_findings_with_a_place_mask_and_only_their_own_source() -> None:
    source, other = Source("a.toml", "x = 'abc'"), Source("a.toml", "x = 'abc'", shipped=True)
    place = at(source, "'abc'")
    assert Masks([secret(place, masked=False), secret(None)]).line(source, 0, 9).text == source.text
    assert Masks([secret(place)]).line(other, 0, 9).text == other.text


def test_overlapping_secrets_are_one_stretch() -> None:
    assert shown("x = 'abcdef' y", "'abcd", "cdef'") == f"x = '{BULLETS}' y"
    assert shown("x = abcdef y", "abcdef", "cd") == f"x = {BULLETS} y"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('api_key = "hunter2"', f'api_key = "{BULLETS}"'),
        ("api_key = 'hunter2", f"api_key = '{BULLETS}"),
        ("api_key = hunter2, b = 1", f"api_key = {BULLETS}, b = 1"),
        ('api_key = """hunter2"""', f'api_key = """{BULLETS}"""'),
        ('api_key = """hunter2', f'api_key = """{BULLETS}'),
        ("api_key = '''hunter2", f"api_key = '''{BULLETS}"),
        (r'api_key = "a\"b" # c', f'api_key = "{BULLETS}" # c'),
        ('{ "x-api-key" = "hunter2" }', f'{{ "x-api-key" = "{BULLETS}" }}'),
        ('{ Authorization = "Bearer hunter2" }', f'{{ Authorization = "{BULLETS}" }}'),
        ('proxy = "http://me:hunter2@10.0.0.7"', f'proxy = "http://me:{BULLETS}@10.0.0.7"'),
        ('# once "sk-live-4f9a7c21d8e35b60"', f'# once "sk-{BULLETS}"'),
        ('api_key = ["hunter2"] # c', f"api_key = {BULLETS} # c"),
        ('api_key = ["hunt]er2", "x"] # c', f"api_key = {BULLETS} # c"),
        ('api_key = ["hunt]er2', f"api_key = {BULLETS}"),
        ('api_key = "env:hunter-2"', f'api_key = "{BULLETS}"'),
        ("client_secret = 'hunter2'", f"client_secret = '{BULLETS}'"),
        ('first_token = "120s"', 'first_token = "120s"'),
        ('api_key = "env:HUNTER"', 'api_key = "env:HUNTER"'),
        ("api_key = 'file:/run/hunter'", "api_key = 'file:/run/hunter'"),
        ("require_api_key = true", "require_api_key = true"),
        ('api_key = { first = ["env:A"] }', 'api_key = { first = ["env:A"] }'),
        ('auth = { header = "x-api-key" }', 'auth = { header = "x-api-key" }'),
        ('base_url = "http://10.0.0.7:8000/v1"', 'base_url = "http://10.0.0.7:8000/v1"'),
        ('model = "acme/a-model-with-a-long-name"', 'model = "acme/a-model-with-a-long-name"'),
    ],
)
def test_what_looks_like_a_secret_is_masked_before_anybody_has_judged_it(line: str, expected: str) -> None:
    assert shown(line) == expected


def test_a_secret_over_several_lines_is_masked_before_anybody_has_judged_it() -> None:
    source = Source("a.toml", 'api_key = """\nhunter2\n\\q"""\nx = 1\n')
    assert Masks([]).line(source, 14, 21).text == BULLETS
    assert Masks([]).line(source, 28, 33).text == "x = 1"


def test_columns_follow_what_was_masked_before_them() -> None:
    masked = Masked("a=•••• b=•• c", ((2, 3, "••••"), (6, 11, "••")))
    assert [masked.start(column) for column in (0, 2, 3, 4, 6, 8, 11, 12)] == [0, 2, 6, 7, 9, 9, 11, 12]
    assert [masked.end(column) for column in (0, 2, 3, 4, 6, 8, 11, 12)] == [0, 2, 6, 7, 9, 11, 11, 12]


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="ab\"' \n", max_size=30), st.text(alphabet="wxyz", min_size=4, max_size=40), st.data())
def test_no_part_of_a_secret_is_in_any_line(rest: str, hidden: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(hidden)))
    source = Source("a.toml", f"{rest}'{hidden[:cut]}\n{hidden[cut:]}'{rest}")
    masks = Masks([secret(between(source, len(rest), len(rest) + len(hidden) + 3))])
    begin = 0
    for line in source.text.split("\n"):
        assert not set("wxyz") & set(masks.line(source, begin, begin + len(line)).text)
        begin += len(line) + 1
