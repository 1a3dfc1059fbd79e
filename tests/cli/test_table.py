"""Tables: aligned, whole, and within the terminal."""

from omniroute.cli.table import Column, table

SUMS = (Column("model", words=True), Column("requests"), Column("cost"))
ROWS = [("small", "7", "$0.10"), ("a-model-with-a-long-name", "12", "$12.00")]
LOG = (Column("at", words=True), Column("took"), Column("asked", words=True))


def test_words_stand_at_the_left_and_figures_at_the_right() -> None:
    assert table(SUMS, ROWS, None).splitlines() == [
        "model                     requests    cost",
        "small                            7   $0.10",
        "a-model-with-a-long-name        12  $12.00",
    ]


def test_a_table_that_fits_is_drawn_whole() -> None:
    assert table(SUMS, ROWS, 42) == table(SUMS, ROWS, None)


def test_a_name_that_does_not_fit_stands_above_its_figures() -> None:
    assert table(SUMS, ROWS, 41).splitlines() == [
        "model                    requests    cost",
        "small                           7   $0.10",
        "a-model-with-a-long-name",
        "                               12  $12.00",
    ]


def test_on_a_terminal_that_is_too_narrow_nothing_is_cut() -> None:
    drawn = table(SUMS, ROWS, 10)
    assert "a-model-with-a-long-name\n" in drawn
    assert drawn.endswith("$12.00")


def test_a_name_at_the_end_stands_below_its_figures() -> None:
    rows = [("12:00", "1 s", "smart → openai/gpt-5")]
    assert table(LOG, rows, None, named_last=True).splitlines() == [
        "at     took  asked",
        "12:00   1 s  smart → openai/gpt-5",
    ]
    assert table(LOG, rows, 20, named_last=True).splitlines() == [
        "at     took",
        "    asked",
        "12:00   1 s",
        "    smart → openai/gpt-5",
    ]


def test_wide_characters_take_two_cells() -> None:
    assert table(SUMS[:2], [("模型", "1"), ("abcd", "2")], None).splitlines()[1:] == [
        "模型          1",
        "abcd          2",
    ]


def test_control_characters_are_drawn_and_not_obeyed() -> None:
    assert "\x1b" not in table(SUMS, [("\x1b[2J", "1", "2")], None)
