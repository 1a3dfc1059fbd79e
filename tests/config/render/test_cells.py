import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.render.cells import clean, glyph, width, widths


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("plain", 5),
        ("café", 4),
        ("cafe\u0301", 4),
        ("大模型", 6),
        ("ﾊﾝｶｸ", 4),
        ("ｆｕｌｌ", 8),
        ("한국", 4),
        ("\u1112\u1161\u11ab", 2),
        ("🎉", 2),
        ("👍🏽", 2),
        ("🏽", 2),
        ("a🏽", 3),
        ("❤", 1),
        ("❤\ufe0f", 2),
        ("🎉\ufe0f", 2),
        ("\ufe0f", 0),
        ("👩\u200d👩\u200d👧", 2),
        ("🇩🇪", 2),
        ("1\ufe0f\u20e3", 2),
        ("a\tb", 6),
        ("", 0),
    ],
)
def test_a_text_is_as_wide_as_terminals_draw_it(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("character", "drawn"),
    [
        ("a", "a"),
        ("\t", "    "),
        ("\x1b", "␛"),
        ("\n", "␊"),
        ("\x00", "␀"),
        ("\x7f", "␡"),
        ("\x9b", "�"),
        ("\u2028", "�"),
        ("\u202e", "�"),
        ("\u200b", "�"),
        ("\ufeff", "�"),
        ("\ud800", "�"),
        ("\u200d", "\u200d"),
        ("é", "é"),
    ],
)
def test_what_cannot_be_shown_is_drawn_as_a_picture(character: str, drawn: str) -> None:
    assert glyph(character) == drawn


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x9b\u202e\u2066\u200d\ufe0f🏽👍\r\n"))))
def test_nothing_that_moves_the_cursor_or_turns_the_line_is_drawn(text: str) -> None:
    drawn = clean(text)
    assert not any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in drawn)
    assert not set(drawn) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068")
    assert len(widths(text)) == len(text)
    assert all(0 <= each <= 4 for each in widths(text))
