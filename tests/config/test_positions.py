"""The scanner on its own: what it makes of text that nobody has judged."""

import pytest

from omniroute.config.positions import Scan
from omniroute.config.source import Path


def test_a_whole_text_is_scanned_to_its_end() -> None:
    scan = Scan("a = 1\n[b]\nc = [{ d = 2 }]\n")
    assert scan.at == 26
    assert scan.holders == []
    assert scan.conflict is None
    assert list(scan.spans) == [("a",), ("b",), ("b", "c"), ("b", "c", 0), ("b", "c", 0, "d")]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a = 1\nb ! 2\nc = 3", 8),
        ("a = 1\n! = 2", 6),
        ("a = ]", 4),
        ('a = "never closed\n', 4),
        ('a = """never closed "" ', 4),
        ("a = '''never closed '' ", 4),
        ("[a !]", 3),
        ("[a. ]", 4),
        ("[[a] ]", 3),
        (r'"\q" = 1', 0),
        ("a = [1, {b 2}]", 11),
    ],
)
def test_a_scan_ends_where_the_text_makes_no_sense(text: str, at: int) -> None:
    scan = Scan(text)
    assert scan.at == at
    assert not scan.too_deep


def test_what_was_found_before_the_end_of_the_sense_is_kept() -> None:
    scan = Scan("# top\na = 1\nb = [ [ 2, { c = = ")
    assert scan.spans["a",] == (10, 11)
    assert scan.comments == [(0, 5)]
    assert [(holder.path, holder.start) for holder in scan.holders] == [(("b",), 16), (("b", 0), 18), (("b", 0, 1), 23)]


def test_the_content_of_a_second_definition_meets_nothing() -> None:
    scan = Scan("a = { b = 1 }\na = { b = 1 }\n")
    assert scan.conflict is not None
    assert scan.conflict.path == ("a",)
    assert scan.at == 28
    assert scan.spans["a", "b"] == (10, 11)
    assert scan.spans["a", -1, "b"] == (24, 25)


@pytest.mark.parametrize(
    ("text", "noun", "written", "path"),
    [
        ("a = 1\na = 2", "key", "a", ("a",)),
        ("a.b = 1\na.b = 2", "key", "a.b", ("a", "b")),
        ("[a]\n[a]", "table", "a", ("a",)),
        ("a = 1\n[a]", "key", "a", ("a",)),
        ("[[a]]\n[[a.b]]\n[a.b]", "table", "a.b", ("a", 0, "b")),
        ("a = 1\n[a.b]", "", "a", ("a",)),
        ("[a.b]\n[a]\nb.c = 1", "", "b", ("a", "b")),
    ],
)
def test_a_conflict_says_what_wanted_which_name(text: str, noun: str, written: str, path: Path) -> None:
    scan = Scan(text)
    assert scan.conflict is not None
    assert (scan.conflict.noun, scan.conflict.written, scan.conflict.path) == (noun, written, path)
    assert scan.conflict.first < scan.conflict.second


@pytest.mark.parametrize(
    "text",
    [
        "a.b = 1\na.c = 2\n[a.d]",
        "[a.b.c]\n[a.b]\n[a]",
        "[a.b.c]\n[a]\nb.d = 1",
        "[[a]]\n[a.b]\n[[a]]\n[a.b]",
        "x = [{ a = 1 }, { a = 1 }]",
        "'a' = 1\n\"\\u0062\" = 2\nc = 2",
    ],
)
def test_what_may_be_added_to_gives_no_conflict(text: str) -> None:
    scan = Scan(text)
    assert scan.conflict is None
    assert scan.at == len(text)


def test_the_last_conflict_counts() -> None:
    scan = Scan("a = 1\na = { c = 1, c = 2 }\n")
    assert scan.conflict is not None
    assert scan.conflict.path == ("a", -1, "c")


@pytest.mark.parametrize(
    "text", ["a." * 2000 + "b = 1", "a = " + "[" * 2000, "[[" + "a." * 999 + "a]]", "[" + "a." * 1000 + "a]"]
)
def test_a_scan_ends_where_the_nesting_is_too_deep(text: str) -> None:
    scan = Scan(text)
    assert scan.too_deep
    assert max(map(len, scan.spans)) == 1000


def test_a_thousand_levels_are_not_too_deep() -> None:
    scan = Scan("a." * 999 + "b = 1")
    assert not scan.too_deep
    assert max(map(len, scan.spans)) == 1000
