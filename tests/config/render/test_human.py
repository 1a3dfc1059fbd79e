import re

import msgspec
import pytest

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.render import RenderContext, render
from omniroute.config.render.human import summary
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.config.render.cases import CASES, sources_of
from tests.config.render.places import at

SOURCE = Source("a.toml", "[one]\nx = 1\n\ny = 2\n")
PLAIN = RenderContext(version="1")
FINDING = Diagnostic(
    "OR2003", Severity.WARNING, "unknown key", at(SOURCE, "x"), label="what", hint="do\nthis", note="know this"
)


def test_a_finding_is_drawn_with_its_line_and_its_remarks() -> None:
    assert render([FINDING], "human", PLAIN) == (
        "warning[OR2003]: unknown key\n"
        " --> a.toml:2:1\n"
        "  |\n"
        "1 | [one]\n"
        "2 | x = 1\n"
        "  | ^ what\n"
        "  = help: do\n"
        "          this\n"
        "  = note: know this\n"
        "\n"
        "checked 0 files\n"
        "1 warning\n"
    )


def test_an_empty_line_has_no_trailing_blank() -> None:
    finding = Diagnostic("OR1001", Severity.ERROR, "nothing here", at(SOURCE, "", after="x = 1\n"))
    assert "\n3 |\n  | ^\n" in render([finding], "human", PLAIN)


def test_places_in_other_files_are_drawn_without_a_place_of_its_own() -> None:
    finding = Diagnostic("OR8001", Severity.ERROR, "gone", related=(Related(at(SOURCE, "y"), "was here"),))
    assert render([finding], "human", PLAIN).startswith(
        "error[OR8001]: gone\n  |\n ::: a.toml:4:1\n4 | y = 2\n  | - was here\n"
    )


@pytest.mark.parametrize("case", CASES)
def test_without_its_colours_a_coloured_text_is_the_plain_one(case: str) -> None:
    made = CASES[case](sources_of(case))
    coloured = render(made.findings, "human", msgspec.structs.replace(made.context, colour=True))
    plain = render(made.findings, "human", made.context)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_errors_are_red_and_gutters_blue() -> None:
    text = render([FINDING], "human", msgspec.structs.replace(PLAIN, colour=True))
    assert "\x1b[1;33mwarning[OR2003]\x1b[0m: unknown key" in text
    assert "\x1b[1;34m2 |\x1b[0m x = 1" in text
    assert "\x1b[1;33m^ what\x1b[0m" in text


def test_without_hints_help_and_findings_that_are_hints_are_left_out() -> None:
    hint = msgspec.structs.replace(FINDING, severity=Severity.HINT, summary="by the way")
    text = render([FINDING, hint], "human", msgspec.structs.replace(PLAIN, hints=False))
    assert "= help" not in text
    assert "= note: know this" in text
    assert "by the way" not in text
    assert text.endswith("\n1 warning\n")


def test_what_can_be_mended_by_a_program_says_so_where_there_is_a_program() -> None:
    fixable = msgspec.structs.replace(FINDING, hint="did you mean `y`?", fix=(Edit(at(SOURCE, "x"), "y"),))
    able = msgspec.structs.replace(PLAIN, fix_command="omniroute check --fix")
    assert "= help: did you mean `y`?   (omniroute check --fix)\n" in render([fixable], "human", able)
    assert "= help: did you mean `y`?\n" in render([fixable], "human", PLAIN)
    assert "(omniroute" not in render([FINDING], "human", able)


def test_no_configuration_can_write_control_characters() -> None:
    source = Source("\x1b[2J.toml", "x = '\x1b[2J'\n")
    place = at(source, "x")
    finding = Diagnostic(
        "OR1001", Severity.ERROR, "\x1b[2J", place, (), "\x1b[2J", (Related(place, "\x1b[2J"),), "\x1b[2J", "\x1b[2J"
    )
    text = render([finding], "human", PLAIN)
    assert "\x1b" not in text
    assert text.count("␛") == 9


def test_the_summary_says_what_was_checked_and_what_came_of_it() -> None:
    counts = {"providers": 1500, "aliases": 1, "combos": 0}
    context = RenderContext("1", "9f3ac1d27e04" + "0" * 52, 4, counts, 0.2149)
    assert summary([], context) == (
        "checked 4 files, 1,500 providers, 1 alias in 0.21 s\nno problems found   config hash 9f3ac1d27e04"
    )
