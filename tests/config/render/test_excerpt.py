from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.render.excerpt import Drawn, Line, cut, draw, lead, line_at
from omniroute.config.render.mask import Masks
from omniroute.config.source import Source
from tests.config.render.places import at, between

NONE = Masks(())


def test_a_line_is_cut_at_line_feeds_only() -> None:
    source = Source("a.toml", "one\r\n\u2028two\rtwo\nthree")
    assert line_at(at(source, "ne"), NONE) == Line(1, "one", 1, 3)
    assert line_at(at(source, "two"), NONE) == Line(2, "\u2028two\rtwo", 1, 4)
    assert line_at(at(source, "three"), NONE) == Line(3, "three", 0, 5)


def test_a_place_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    source = Source("a.toml", "a = [\r\n1]\n")
    assert line_at(at(source, "[\r\n1]"), NONE) == Line(1, "a = [", 4, 5)


def test_a_place_behind_the_last_character_is_marked_there() -> None:
    source = Source("a.toml", "a =\r\n")
    for start in (3, 4):
        assert line_at(between(source, start, start), NONE) == Line(1, "a =", 3, 3)
    assert line_at(between(source, 5, 5), NONE) == Line(2, "", 0, 0)
    assert draw(Line(2, "", 0, 0), 100) == Drawn("", 0, 1)


def test_a_header_nearby_leads_and_one_far_away_does_not() -> None:
    source = Source("a.toml", "x = 0\n[one]\na = 1\nb = 2\nc = 3\n")
    assert lead(at(source, "a"), NONE) == (Line(2, "[one]", 0, 0),)
    assert lead(at(source, "b"), NONE) == (Line(2, "[one]", 0, 0), Line(3, "a = 1", 0, 0))
    assert lead(at(source, "c"), NONE) == ()
    assert lead(at(source, "one"), NONE) == ()
    assert lead(at(source, "x"), NONE) == ()


def test_lines_that_lead_are_masked() -> None:
    source = Source("a.toml", "[one] # sk-4f9a7c21d8e35b60af\r\na = 1\n")
    assert lead(at(source, "a ="), NONE) == (Line(1, "[one] # sk-••••••••••••", 0, 0),)


def test_tabs_and_wide_characters_are_counted_in_cells() -> None:
    assert draw(Line(1, "\t大 = x", 3, 4), 100) == Drawn("    大 = x", 7, 1)
    assert draw(Line(1, "a大b", 1, 2), 100) == Drawn("a大b", 1, 2)


def test_a_long_line_is_shown_around_its_mark() -> None:
    line = Line(1, "".join(map(str, range(100))), 90, 94)
    assert cut(line, 30) == Line(1, "…5464748495051525354555657585…", 10, 14)
    assert draw(line, 30) == Drawn("…5464748495051525354555657585…", 10, 4)


def test_the_room_that_one_side_does_not_need_goes_to_the_other() -> None:
    text = "0123456789" * 3
    assert cut(Line(1, text, 0, 2), 12) == Line(1, "0123456789…", 0, 2)
    assert cut(Line(1, text, 28, 30), 12) == Line(1, "…0123456789", 9, 11)


def test_a_mark_that_is_longer_than_the_room_ends_with_it() -> None:
    text = "0123456789" * 3
    assert cut(Line(1, text, 5, 30), 12) == Line(1, "…2345678901…", 4, 11)
    assert draw(Line(1, text, 5, 30), 12) == Drawn("…2345678901…", 4, 7)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60), st.integers(10, 40))
def test_what_is_drawn_fits_and_holds_its_mark(text: str, first: int, second: int, limit: int) -> None:
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    line = Line(1, text, start, end)
    short = cut(line, limit)
    assert len(short.text) <= limit
    assert 0 <= short.start <= short.end <= len(short.text)
    assert short.text[short.start : short.end] == text[start : start + short.end - short.start]
    drawn = draw(line, limit)
    assert drawn.width >= 1
    assert drawn.indent + drawn.width <= limit + 1


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="a\r\n[\t大", max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_any_place_in_any_text_has_a_line(text: str, first: int, second: int) -> None:
    source = Source("a.toml", text)
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    place = between(source, start, end)
    line = line_at(place, NONE)
    assert line.text == text.split("\n")[place.span.start.line - 1].removesuffix("\r")
    assert 0 <= line.start <= line.end <= len(line.text)
    assert all(each.number < line.number for each in lead(place, NONE))
