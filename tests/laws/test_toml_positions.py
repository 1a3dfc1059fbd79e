"""What must hold for the places of any TOML text.

1. An accepted document has a span for each of its tables, keys and items, and for nothing else.
2. A value that is written as one can be read back from the text of its span.
3. Nothing raises on any text, and a name that ``tomllib`` refuses as taken is shown in both places.
"""

import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.source import Path, Source, Span
from omniroute.config.toml import Parsed, parse, place
from tests.support.laws import often
from tests.support.toml_documents import documents, same

REPOSITORY = File(__file__).parents[2]
TWICE = ("Cannot ", "Duplicate ")


def everything(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every path in a value, and what stands there."""
    if path:
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for component, item in inner:
        yield from everything(item, (*path, component))


def cut(parsed: Parsed, span: Span) -> str:
    return parsed.source.text[span.start.offset : span.end.offset]


def mark_behind_key(parsed: Parsed, path: Path) -> str:
    """What follows a value's key: ``=`` before its text, ``]`` at a header's end, ``.`` on the way deeper."""
    while isinstance(path[-1], int):
        path = path[:-1]
    return parsed.source.text[parsed.keys[path].end.offset :].lstrip(" \t")[:1]


def names(key: str) -> tuple[str, ...]:
    """The names in a key as it is written."""
    value: Any = tomllib.loads(f"{key} = 0")
    found: list[str] = []
    while isinstance(value, dict):
        ((name, value),) = value.items()
        found.append(name)
    return tuple(found)


def check(parsed: Parsed) -> None:
    """Laws 1 and 2, and what is said of keys, headers, comments, lines and columns."""
    found = dict(everything(parsed.values))
    assert parsed.spans.keys() == found.keys()
    assert parsed.keys.keys() == {path for path in found if isinstance(path[-1], str)}
    for path, span in parsed.keys.items():
        assert names(cut(parsed, span)) == (path[-1],)
    for path, value in found.items():
        written, mark = cut(parsed, parsed.spans[path]), mark_behind_key(parsed, path)
        if mark == "=":
            assert same(tomllib.loads(f"x = {written}")["x"], value), path
        elif mark == "]":
            assert names(written) == tuple(component for component in path if isinstance(component, str))
        else:
            assert (mark, written) == (".", cut(parsed, parsed.keys[path]))
    for comment in parsed.comments:
        assert cut(parsed, comment.span) == comment.text
        assert comment.text.startswith("#")
        assert parsed.source.text[comment.span.end.offset :].removeprefix("\r")[:1] in {"", "\n"}
    for span in (*parsed.keys.values(), *parsed.spans.values(), *(each.span for each in parsed.comments)):
        check_lines(parsed.source.text, span)


def check_lines(text: str, span: Span) -> None:
    for position in (span.start, span.end):
        before = text[: position.offset].split("\n")
        assert (position.line, position.column) == (len(before), len(before[-1]) + 1)


def check_fault(source: Source, found: tuple[Diagnostic, ...]) -> None:
    """What is said of a refused text lies within it, and names both places of what is defined twice."""
    assert len(found) == 1
    assert found[0].place is not None
    for where in (found[0].place, *(each.place for each in found[0].related)):
        assert 0 <= where.span.start.offset <= where.span.end.offset <= len(source.text)
        check_lines(source.text, where.span)
    try:
        tomllib.loads(source.text)
    except (RecursionError, ValueError) as error:
        twice = isinstance(error, tomllib.TOMLDecodeError) and str(error).startswith(TWICE)
        assert found[0].code == ("OR1002" if twice else "OR1001")
    if found[0].code == "OR1002":
        (first,) = found[0].related
        assert first.place.span.start < found[0].place.span.start
        for each in (first.place, found[0].place):
            assert names(source.text[each.span.start.offset : each.span.end.offset])[-1] == found[0].path[-1]


def judge(source: Source) -> None:
    parsed, found = parse(source)
    if parsed is None:
        check_fault(source, found)
    else:
        assert found == ()
        check(parsed)


@settings(max_examples=often(200), deadline=None)
@given(documents())
def test_a_document_s_paths_are_those_of_tomllib_and_its_spans_hold_its_values(
    document: tuple[dict[str, Any], str],
) -> None:
    values, text = document
    parsed, found = parse(Source("any.toml", text))
    assert found == ()
    assert parsed is not None
    assert same(parsed.values, values)
    check(parsed)


@settings(max_examples=often(200), deadline=None)
@given(documents(), st.data())
def test_a_document_with_a_line_lost_repeated_or_moved_is_read_or_refused_in_place(
    document: tuple[dict[str, Any], str], data: st.DataObject
) -> None:
    lines = document[1].splitlines(keepends=True) or ["\n"]
    for _ in range(data.draw(st.integers(1, 3))):
        taken = data.draw(st.integers(0, len(lines) - 1))
        put = data.draw(st.integers(0, len(lines)))
        change = data.draw(st.sampled_from(["lose", "repeat", "cut"]))
        if change == "repeat":
            lines.insert(put, lines[taken])
        elif change == "cut":
            lines[taken] = lines[taken][: data.draw(st.integers(0, len(lines[taken])))]
        elif len(lines) > 1:
            del lines[taken]
    judge(Source("any.toml", "".join(lines)))


_PIECES = [
    "a",
    "b",
    ".",
    "=",
    " ",
    "\n",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    "1",
    '"',
    '"""',
    "'",
    "'''",
    "\\",
    "#",
    "\r\n",
]


@settings(max_examples=often(400), deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_PIECES), max_size=24).map("".join)))
def test_any_text_is_read_or_refused_in_place(text: str) -> None:
    judge(Source("any.toml", text))


_HEADS = ["[{}]", "[[{}]]", "{} = 1", "{} = {{}}", "{} = []", "{} = [{{}}]", "{} = {{ b = 1 }}"]
_KEYS = ["a", "b", "a.b", "b.a", "a.b.c", "c", "b.c"]


@settings(max_examples=often(400), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_HEADS), st.sampled_from(_KEYS)), min_size=2, max_size=7))
def test_the_rules_of_what_may_be_added_to_are_those_of_tomllib(statements: list[tuple[str, str]]) -> None:
    judge(Source("any.toml", "\n".join(form.format(key) for form, key in statements)))


@settings(max_examples=often(400), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_HEADS[2:]), st.sampled_from(_KEYS)), min_size=2, max_size=4))
def test_the_same_rules_hold_in_inline_tables(pairs: list[tuple[str, str]]) -> None:
    judge(Source("any.toml", "x = { " + ", ".join(form.format(key) for form, key in pairs) + " }"))


@settings(max_examples=often(100), deadline=None)
@given(documents(), st.lists(st.one_of(st.sampled_from(["a", "b", "1"]), st.integers(-1, 3)), max_size=5))
def test_any_path_has_a_place(document: tuple[dict[str, Any], str], path: list[str | int]) -> None:
    parsed, _ = parse(Source("any.toml", document[1]))
    assert parsed is not None
    for key in (False, True):
        where = place(parsed, tuple(path), key=key)
        assert where.source is parsed.source
        check_lines(parsed.source.text, where.span)


def installed_files() -> list[File]:
    """The TOML files of the installed packages, of Python's own tests where they are installed, and of the project."""
    roots = [File(sysconfig.get_path("purelib")), File(sysconfig.get_path("stdlib")) / "test"]
    return [file for root in roots for file in root.rglob("*.toml")]


def project_files() -> list[File]:
    folders = ("omniroute", "examples", "tests")
    return [*REPOSITORY.glob("*.toml"), *(file for folder in folders for file in (REPOSITORY / folder).rglob("*.toml"))]


def accepted(files: list[File]) -> Iterator[tuple[File, Parsed]]:
    for file in files:
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        source = Source(str(file), text)
        parsed, found = parse(source)
        if parsed is None:
            check_fault(source, found)
        else:
            yield file, parsed


def test_the_laws_hold_for_the_project_s_own_files() -> None:
    read = list(accepted(project_files()))
    for _, parsed in read:
        check(parsed)
    assert REPOSITORY / "pyproject.toml" in {file for file, _ in read}


def test_the_laws_hold_for_every_toml_file_that_is_installed() -> None:
    files = installed_files()
    if len(files) < 5:
        pytest.skip(f"only {len(files)} TOML files are installed below {sys.prefix} and with Python's own tests")
    read = list(accepted(files))
    for _, parsed in read:
        check(parsed)
    assert len(read) >= 5
