"""TOML with places: every construct of the language, every fault, and both line ends."""

import tomllib
from datetime import date
from typing import Any

import pytest

from omniroute.config.diagnostics import Diagnostic, Edit
from omniroute.config.source import Path, Place, Position, Source, Span
from omniroute.config.toml import Parsed, parse, place
from omniroute.names import Severity


def read(text: str) -> Parsed:
    parsed, found = parse(Source("some.toml", text))
    assert found == ()
    assert parsed is not None
    return parsed


def refused(text: str) -> Diagnostic:
    parsed, found = parse(Source("some.toml", text))
    assert parsed is None
    assert len(found) == 1
    assert found[0].severity is Severity.ERROR
    return found[0]


def words(where: Place | None) -> str:
    assert where is not None
    return where.source.text[where.span.start.offset : where.span.end.offset]


def line_and_column(where: Place | None) -> tuple[int, int]:
    assert where is not None
    return where.span.start.line, where.span.start.column


def value_texts(text: str) -> dict[Path, str]:
    parsed = read(text)
    return {path: words(Place(parsed.source, span)) for path, span in parsed.spans.items()}


def key_texts(text: str) -> dict[Path, str]:
    parsed = read(text)
    return {path: words(Place(parsed.source, span)) for path, span in parsed.keys.items()}


@pytest.mark.parametrize(
    "written",
    [
        '"plain"',
        '""',
        r'"quotes \" and \\ and é and \U0001F600"',
        '"# is no comment, nor [this] = a table"',
        "'literal \\ with \" in it'",
        "''",
        '"""one line"""',
        '""""two"" quotes" and three \\""" inside"""',
        '"""ends with two quotes"""""',
        '""""""',
        '"""\nover\n# lines \\\n   trimmed"""',
        "'''it's ''quoted'' \\ '''",
        "'''ends with two'''''",
        "'''\n# literal\n[lines]\n'''",
        '"tab\tinside"',
        '"😀é"',
        "0",
        "-17",
        "+1_000",
        "0xDEAD_beef",
        "0o755",
        "0b1101",
        "3.14",
        "-0.01",
        "5e+22",
        "6.626e-34",
        "9_224.5",
        "inf",
        "-inf",
        "true",
        "false",
        "1979-05-27",
        "07:32:00",
        "00:32:00.999999",
        "1979-05-27T07:32:00",
        "1979-05-27 07:32:00",
        "1979-05-27 00:32:00.5-07:00",
        "1979-05-27t07:32:00Z",
        "[]",
        "[ 1, 2 ]",
        "[ [1, 2,], ['a', \"]\"] , ]",
        "[ # one\n  1, # two ]\n\n  2\n]",
        "{}",
        "{ }",
        "{ a = 1, b = '}' }",
        "{ a = { b = [ { c = 1 } ] }, d.e.f = 2 }",
    ],
)
@pytest.mark.parametrize(
    "around", ["x = {}", "x={} # comment\n", "\tx\t=\t{}\t\n", "\n  x = {}  \ny = 0", "x = {}\r\n"]
)
def test_a_value_s_span_is_exactly_its_text(written: str, around: str) -> None:
    assert value_texts(around.replace("{}", written))["x",] == written


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("bare", "bare"),
        ("bare-key_1", "bare-key_1"),
        ("1234", "1234"),
        ("1979-05-27", "1979-05-27"),
        ("true", "true"),
        ('"quoted key"', "quoted key"),
        ('"a.b"', "a.b"),
        ('"# = [x]"', "# = [x]"),
        (r'"tab\tand \u00e9 \"q\""', 'tab\tand é "q"'),
        ("'literal \\ \"q\"'", 'literal \\ "q"'),
        ('""', ""),
        ("''", ""),
        ('"😀"', "😀"),
    ],
)
def test_a_key_of_any_kind_is_found_under_its_name(written: str, name: str) -> None:
    assert key_texts(f"{written} = 1") == {(name,): written}
    assert key_texts(f"[ {written} ]") == {(name,): written}
    assert key_texts(f"x = {{ {written} = 1 }}")["x", name] == written


def test_dotted_keys_make_tables_at_their_first_mention() -> None:
    text = 'a . "b c" .\'d\' = 1\na."b c".e = 2\n3.14 = 0'
    assert value_texts(text) == {
        ("a",): "a",
        ("a", "b c"): '"b c"',
        ("a", "b c", "d"): "1",
        ("a", "b c", "e"): "2",
        ("3",): "3",
        ("3", "14"): "0",
    }
    assert read(text).spans["a",].start.line == 1
    assert key_texts(text)["a", "b c", "e"] == "e"


def test_dotted_keys_in_inline_tables_make_tables_too() -> None:
    assert value_texts("x = { a.b = 1, a . c = { d.e = [2] } }") == {
        ("x",): "{ a.b = 1, a . c = { d.e = [2] } }",
        ("x", "a"): "a",
        ("x", "a", "b"): "1",
        ("x", "a", "c"): "{ d.e = [2] }",
        ("x", "a", "c", "d"): "d",
        ("x", "a", "c", "d", "e"): "[2]",
        ("x", "a", "c", "d", "e", 0): "2",
    }


def test_a_header_s_table_stands_between_its_brackets() -> None:
    text = '[ a . "b c" ]\nx = 1\n[providers.openai] # ours\n'
    assert value_texts(text) == {
        ("a",): "a",
        ("a", "b c"): 'a . "b c"',
        ("a", "b c", "x"): "1",
        ("providers",): "providers",
        ("providers", "openai"): "providers.openai",
    }
    assert key_texts(text)["providers", "openai"] == "openai"
    assert key_texts(text)["a", "b c"] == '"b c"'


def test_a_header_of_its_own_goes_before_a_mention_in_another() -> None:
    text = "[a.b]\n[a]\nx = 1\n"
    parsed = read(text)
    assert parsed.spans["a",].start.line == 2
    assert parsed.keys["a",].start.line == 2


def test_a_dotted_key_may_add_to_a_table_that_only_headers_below_it_made() -> None:
    parsed = read("[a.b.c]\nx = 1\n[a]\nb.y = 2\n")
    assert parsed.spans["a", "b"].start.line == 1
    assert parsed.spans["a", "b", "y"].start.line == 4


def test_a_header_may_go_through_a_table_made_by_dotted_keys() -> None:
    assert value_texts("[a]\nb.c = 1\n[a.b.d]\n")["a", "b", "d"] == "a.b.d"


def test_each_header_of_an_array_of_tables_is_an_item() -> None:
    text = "[[a.b]]\nx = 1\n[a.b.c]\ny = 2\n[[ a.b ]]\n[[a.b.d]]\n[[a.b.d]]\nz = 3\n[a.b.c]\n"
    parsed = read(text)
    texts = value_texts(text)
    assert texts["a", "b"] == texts["a", "b", 0] == texts["a", "b", 1] == "a.b"
    assert [parsed.spans[path].start.line for path in (("a", "b"), ("a", "b", 0), ("a", "b", 1))] == [1, 1, 5]
    assert parsed.spans["a", "b", 0, "c"].start.line == 3
    assert parsed.spans["a", "b", 1, "c"].start.line == 9
    assert parsed.spans["a", "b", 1, "d"].start.line == 6
    assert parsed.spans["a", "b", 1, "d", 1].start.line == 7
    assert texts["a", "b", 1, "d", 1, "z"] == "3"
    assert ("a", "b", 0) not in parsed.keys
    assert parsed.keys["a", "b"] == Span(Position(1, 5, 4), Position(1, 6, 5))


def test_the_items_of_arrays_have_their_own_spans() -> None:
    assert value_texts("x = [ [1, 2], { a = [ '3' ] }, # 4\n 5 ]") == {
        ("x",): "[ [1, 2], { a = [ '3' ] }, # 4\n 5 ]",
        ("x", 0): "[1, 2]",
        ("x", 0, 0): "1",
        ("x", 0, 1): "2",
        ("x", 1): "{ a = [ '3' ] }",
        ("x", 1, "a"): "[ '3' ]",
        ("x", 1, "a", 0): "'3'",
        ("x", 2): "5",
    }


def test_columns_count_code_points_and_lines_end_with_or_without_a_carriage_return() -> None:
    parsed = read('# é\r\n"😀é" = "x"\r\n\r\ny = """\r\n"""\nz = 1')
    assert parsed.spans["😀é",] == Span(Position(2, 8, 12), Position(2, 11, 15))
    assert parsed.spans["y",] == Span(Position(4, 5, 23), Position(5, 4, 31))
    assert parsed.spans["z",].start == Position(6, 5, 36)


def test_nothing_but_a_line_feed_ends_a_line() -> None:
    assert read("a = '\u2028\x85' # \u2029\nb = 1").spans["b",].start == Position(2, 5, 17)


def test_spans_can_be_counted_and_asked_for() -> None:
    parsed = read("[a]\nb = [1]\n")
    assert len(parsed.spans) == 3
    assert len(parsed.keys) == 2
    assert ("a", "b", 0) in parsed.spans
    assert ("a", "b", 0) not in parsed.keys
    assert parsed.keys.get(("c",)) is None


def test_comments_are_found_wherever_they_may_stand() -> None:
    text = "#:schema x.json\r\na = 1 # one\r\n  # alone 😀\n[b] # header\n"
    text += "c = [ # in\n 1, # item # still\n # last\n]\n#\nd = '# no' # end"
    parsed = read(text)
    assert [comment.text for comment in parsed.comments] == [
        "#:schema x.json",
        "# one",
        "# alone 😀",
        "# header",
        "# in",
        "# item # still",
        "# last",
        "#",
        "# end",
    ]
    assert parsed.comments[2].span == Span(Position(3, 3, 32), Position(3, 12, 41))


def test_values_are_those_of_tomllib() -> None:
    text = "d = 2027-01-01\n[a]\nb = { c = [1.5, true] }\n"
    assert read(text).values == tomllib.loads(text) == {"d": date(2027, 1, 1), "a": {"b": {"c": [1.5, True]}}}


@pytest.mark.parametrize("text", ["", "\n", "\r\n", "  \t", "# only a comment", "\n\n# one\n"])
def test_a_document_without_keys_is_empty(text: str) -> None:
    parsed = read(text)
    assert (parsed.values, dict(parsed.keys), dict(parsed.spans)) == ({}, {}, {})


def test_a_place_is_that_of_the_value_or_of_the_key() -> None:
    parsed = read("[server]\nport = 1\n")
    assert line_and_column(place(parsed, ("server", "port"))) == (2, 8)
    assert line_and_column(place(parsed, ("server", "port"), key=True)) == (2, 1)
    assert place(parsed, ("server", "port")).source is parsed.source


def test_what_has_no_place_is_at_its_nearest_ancestor() -> None:
    parsed = read("[[combos]]\n[[combos]]\ntargets = ['a', 'b']\n")
    assert words(place(parsed, ("combos", 1, "targets", 1, "x"))) == "'b'"
    assert words(place(parsed, ("combos", 1, "targets", 1), key=True)) == "'b'"
    assert line_and_column(place(parsed, ("combos", 1, "name"), key=True)) == (2, 3)
    assert line_and_column(place(parsed, ("combos", 1))) == (2, 3)
    assert place(parsed, ("elsewhere", "x")).span == Span(Position(1, 1, 0), Position(1, 1, 0))
    assert place(parsed, ()).span.end == Position(1, 1, 0)


def test_a_table_that_only_a_header_below_it_made_has_a_key_too() -> None:
    parsed = read("x = 1\n[providrs.openai]\n")
    assert words(place(parsed, ("providrs",), key=True)) == "providrs"


STRING = "this string is not closed"
ARRAY = "expected ',' or ']' in an array"
INLINE = "expected ',' or '}' in an inline table"
ESCAPE = "unknown escape in a string"
CONTROL = "a control character cannot stand here"


@pytest.mark.parametrize(
    ("text", "label", "at", "marked"),
    [
        ("port 1", "expected '=' after a key", (1, 6), "1"),
        ("port\n", "expected '=' after a key", (1, 5), ""),
        ("a = 1\nport\r\nb = 2", "expected '=' after a key", (2, 5), ""),
        ("port: 1", "expected '=' after a key", (1, 5), ":"),
        ("= 1", "expected a key, a [table] or a comment", (1, 1), "="),
        ("é = 1", "expected a key, a [table] or a comment", (1, 1), "é"),
        ("a. = 1", "expected a key", (1, 4), "="),
        ("[]", "expected a key", (1, 2), "]"),
        ("x = { a = 1, }", "expected a key", (1, 14), "}"),
        ("x = {\n a = 1 }", "expected a key", (1, 6), ""),
        ("x = { a = 1\n}", INLINE, (1, 12), ""),
        ("x = { a = 1 b = 2 }", INLINE, (1, 13), "b"),
        ("[a", "expected ']' after the table's name", (1, 3), ""),
        ("[a b]", "expected ']' after the table's name", (1, 4), "b"),
        ("[[a]", "expected ']]' after the table's name", (1, 4), "]"),
        ("[a]]", "expected the end of the line", (1, 4), "]"),
        ("a = 1 2", "expected the end of the line", (1, 7), "2"),
        ('a = "x"y', "expected the end of the line", (1, 8), "y"),
        ("a = ", "expected a value", (1, 4), ""),
        ("a = \nb = 1", "expected a value", (1, 5), ""),
        ("a = yes # or no", "expected a value", (1, 5), "yes"),
        ("a = True", "expected a value", (1, 5), "True"),
        ("a = 30s\n", "expected a value", (1, 5), "30s"),
        ("a = 10.0.0.1, 2", "expected a value", (1, 5), "10.0.0.1"),
        ("a = 2027-13-01", "expected a value", (1, 5), "2027-13-01"),
        ("a = [1s]", "expected a value", (1, 6), "1s"),
        ("a = 2027-02-30", "no such date or time", (1, 5), "2027-02-30"),
        ("a = [1 2]", ARRAY, (1, 8), "2"),
        ("a = [1,\n", "expected a value", (1, 8), ""),
        ("a = [[1]\n\n", ARRAY, (1, 9), ""),
        ('a = "x\nb = 1', STRING, (1, 5), '"x'),
        ('a = "x\r\nb = 1', STRING, (1, 5), '"x'),
        ('a = "x', STRING, (1, 5), '"x'),
        ("a = 'x\n", STRING, (1, 5), "'x"),
        ("a = 'x\nb = 'y'", STRING, (1, 5), "'x"),
        ('a = 1\nb = """x\r\n\ny = 2\n', STRING, (2, 5), '"""x'),
        ("b = '''x\n\ny = 2\n", STRING, (1, 5), "'''x"),
        ('"a = 1', STRING, (1, 1), '"a = 1'),
        (r'a = "C:\data"', ESCAPE, (1, 8), r"\d"),
        (r'a = """\q"""', ESCAPE, (1, 8), r"\q"),
        ('a = "x\\\nb"', ESCAPE, (1, 7), "\\"),
        (r'"a\q" = 1', ESCAPE, (1, 3), r"\q"),
        ('a = "x\\', ESCAPE, (1, 7), "\\"),
        (r'a = "\u12"', "incomplete escape in a string", (1, 6), r"\u"),
        (r'a = "\ud800"', "this escape is not a Unicode character", (1, 6), r"\ud800"),
        ('a = "\x01b"', CONTROL, (1, 6), "\x01"),
        ("# é\x7f", CONTROL, (1, 4), "\x7f"),
        ("a = 1 # x\ry", CONTROL, (1, 10), ""),
    ],
)
def test_a_syntax_error_is_shown_at_what_is_wrong(text: str, label: str, at: tuple[int, int], marked: str) -> None:
    found = refused(text)
    assert (found.code, found.summary, found.label) == ("OR1001", f"syntax error: {label}", label)
    assert line_and_column(found.place) == at
    assert words(found.place) == marked


def test_a_fault_that_may_come_from_an_earlier_line_shows_what_is_still_open() -> None:
    found = refused('targets = [\n  "a", { b = 1 },\n\n[server]\nport = 1\n')
    assert line_and_column(found.place) == (4, 2)
    assert [(words(each.place), line_and_column(each.place)) for each in found.related] == [("[", (1, 11))]
    assert refused("targets = [ 1, x ]").related == ()


def test_every_fault_says_what_to_do_where_that_can_be_known() -> None:
    assert "quotes" in refused("ttl = 30s").hint
    assert "one line" in refused("x = {\n").hint


SECOND, PASSED = "defined a second time", "defined before, and not to be added to here"


@pytest.mark.parametrize(
    ("text", "summary", "label", "second", "first", "path"),
    [
        ("port = 1\nport = 2", "key `port`", SECOND, (2, 1), (1, 1), ("port",)),
        ("[s]\nport = 1\n'port' = 2", "key `'port'`", SECOND, (3, 1), (2, 1), ("s", "port")),
        ("a.b = 1\na . b = 2", "key `a . b`", SECOND, (2, 5), (1, 3), ("a", "b")),
        ("a.b = 1\na = 2", "key `a`", SECOND, (2, 1), (1, 1), ("a",)),
        ("[b.t-a]\n[c]\n[ b.t-a ]", "table `b.t-a`", SECOND, (3, 3), (1, 2), ("b", "t-a")),
        ("[[a]]\n[[a]]\n[a]", "table `a`", SECOND, (3, 2), (1, 3), ("a",)),
        ("[a]\n[[a]]", "table `a`", SECOND, (2, 3), (1, 2), ("a",)),
        ("[a.b]\n[[a]]", "table `a`", SECOND, (2, 3), (1, 2), ("a",)),
        ("a.b = 1\n[a]", "table `a`", SECOND, (2, 2), (1, 1), ("a",)),
        ("[a.b.c]\n[a]\nb.d = 1\n[a.b]", "table `a.b`", SECOND, (4, 2), (1, 4), ("a", "b")),
        ("a = 1\n[a]", "key `a`", SECOND, (2, 2), (1, 1), ("a",)),
        ("a = []\n[[a]]", "key `a`", SECOND, (2, 3), (1, 1), ("a",)),
        ("a = 1\n[a.b]", "key `a`", PASSED, (2, 2), (1, 1), ("a",)),
        ("a = 1\na.b = 2", "key `a`", PASSED, (2, 1), (1, 1), ("a",)),
        ("a = {}\na.b = 2", "key `a`", PASSED, (2, 1), (1, 1), ("a",)),
        ("a = [{}]\n[a.b]", "key `a`", PASSED, (2, 2), (1, 1), ("a",)),
        ("[a.b]\n[a]\nb.c = 1", "key `b`", PASSED, (3, 1), (1, 2), ("a", "b")),
        ("[[a.b]]\n[a]\nb.c = 1", "key `b`", PASSED, (3, 1), (1, 3), ("a", "b")),
        ("[[a]]\n[[a]]\nb = 1\nb = 2", "key `b`", SECOND, (4, 1), (3, 1), ("a", 1, "b")),
        ("x = { a = 1, a = 2 }", "key `a`", SECOND, (1, 14), (1, 7), ("x", "a")),
        ("x = { a.b = 1, a.b = 2 }", "key `a.b`", SECOND, (1, 18), (1, 9), ("x", "a", "b")),
        ("x = { a = {}, a.b = 2 }", "key `a`", PASSED, (1, 15), (1, 7), ("x", "a")),
        ("x = [{ a = 1 }, { a = 1, a = 2 }]", "key `a`", SECOND, (1, 26), (1, 19), ("x", 1, "a")),
        ("a = { b = 1 }\na = { b = 1 }", "key `a`", SECOND, (2, 1), (1, 1), ("a",)),
        ("a = 1\r\n\r\na = '''\r\n'''\r\nb = [", "key `a`", SECOND, (3, 1), (1, 1), ("a",)),
    ],
)
def test_what_is_defined_twice_is_shown_in_both_places(
    text: str, summary: str, label: str, second: tuple[int, int], first: tuple[int, int], path: Path
) -> None:
    found = refused(text)
    assert (found.code, found.summary, found.label, found.path) == ("OR1002", f"duplicate {summary}", label, path)
    assert line_and_column(found.place) == second
    assert [(line_and_column(each.place), each.message) for each in found.related] == [(first, "first defined here")]
    assert found.hint


def test_a_table_that_is_defined_twice_is_marked_as_it_is_written() -> None:
    found = refused("[budgets.team-a]\n\n[budgets.team-a]\n")
    assert words(found.place) == words(found.related[0].place) == "budgets.team-a"


def test_a_syntax_error_within_a_second_definition_comes_first() -> None:
    assert refused("a = 1\na = [yes]").summary == "syntax error: expected a value"


@pytest.mark.parametrize("text", ["\ufeff", "\ufeffa = 1\n", "\ufeff]"])
def test_a_byte_order_mark_is_named_and_can_be_removed(text: str) -> None:
    found = refused(text)
    assert found.code == "OR1001"
    assert found.summary == "syntax error: the file begins with a byte order mark"
    assert "without" in found.hint
    assert found.place is not None
    assert found.place.span == Span(Position(1, 1, 0), Position(1, 2, 1))
    assert found.fix == (Edit(found.place, ""),)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000,
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{ b = " * 5000,
        ("a." * 1500) + "b = 1",
        "[" + ("a." * 1500) + "b]",
        "x = 1\n[[" + ("b." * 999) + "b]]",
    ],
)
def test_nesting_without_end_is_a_fault_and_not_a_crash(text: str) -> None:
    found = refused(text)
    assert (found.code, found.summary) == ("OR1001", "syntax error: nested too deeply")
    assert found.place is not None
    assert found.place.span.end.offset > 1000


def test_a_syntax_error_behind_nesting_too_deep_is_still_shown() -> None:
    assert line_and_column(refused("a." * 1500 + 'b = "x').place) == (1, 3007)


def test_a_number_too_long_for_python_is_a_fault_and_not_a_crash() -> None:
    found = refused('[a]\nshort = 1\nx = [ "' + "1" * 5000 + '", ' + "1" * 5000 + " ]")
    assert found.summary == "syntax error: a number has too many digits"
    assert line_and_column(found.place) == (3, 5011)


def test_no_value_is_repeated_in_words() -> None:
    for text in (
        "api_key = sk-canary",
        'api_key = "sk-canary',
        "api_key sk-canary",
        'k = "sk-canary"\nk = "sk-canary"',
    ):
        found = refused(text)
        assert "canary" not in repr([found.summary, found.label, found.hint, found.note, found.path])


def test_reading_takes_any_value_that_tomllib_gives() -> None:
    everything: dict[str, Any] = read("a = [nan, 07:32:00, 1979-05-27 07:32:00]").values
    assert [type(item).__name__ for item in everything["a"]] == ["float", "time", "datetime"]
