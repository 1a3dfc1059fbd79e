import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.rules import RULES
from omniroute.config.source import Place, Source
from omniroute.config.suppress import apply
from omniroute.config.toml import Comment, parse
from omniroute.names import Severity
from tests.config.render.places import at


def suppressed(text: str, *found: tuple[str, str], name: str = "a.toml") -> tuple[Diagnostic, ...]:
    """Apply the comments of a text to findings, each given by its code and the text that it is about."""
    source = Source(name, text)
    diagnostics = [finding(code, at(source, needle)) for code, needle in found]
    return apply(diagnostics, [(source, comments(source))])


def comments(source: Source) -> tuple[Comment, ...]:
    parsed, faults = parse(source)
    assert parsed is not None, faults
    return parsed.comments


def finding(code: str, place: Place | None) -> Diagnostic:
    return Diagnostic(code, RULES[code].severity, f"{code} found", place)


def codes(found: tuple[Diagnostic, ...]) -> list[str]:
    return [each.code for each in found]


def written_at(diagnostic: Diagnostic) -> str:
    assert diagnostic.place is not None
    span = diagnostic.place.span
    start = diagnostic.place.source.text.split("\n")[span.start.line - 1]
    text = diagnostic.place.source.text[span.start.offset : span.end.offset]
    assert start[span.start.column - 1 : span.end.column - 1] == text
    return text


def test_a_comment_behind_something_acts_on_its_line() -> None:
    assert suppressed("x = 1 # omniroute: allow(OR5003) soon gone\n", ("OR5003", "x")) == ()


@pytest.mark.parametrize("between", ["", "\n", "# why\n", "\n  # why\n\n", "\r\n"])
def test_a_comment_that_stands_alone_acts_on_the_next_line_with_something_on_it(between: str) -> None:
    text = f"a = 0\n  # omniroute: allow(OR5003)\n{between}x = 1\ny = 2\n"
    assert suppressed(text, ("OR5003", "x")) == ()
    assert codes(suppressed(text, ("OR5003", "y"))) == ["OR5003", "OR5002"]
    assert codes(suppressed(text, ("OR5003", "a"))) == ["OR5003", "OR5002"]


def test_a_comment_behind_a_value_of_several_lines_acts_on_it() -> None:
    text = "x = [\n  1,\n] # omniroute: allow(OR5004)\n"
    assert suppressed(text, ("OR5004", "[\n  1,\n]")) == ()


def test_a_comment_may_allow_what_is_looked_for_on_request_only() -> None:
    text = "x = 1 # omniroute: allow(OR5013) one vendor has it\n"
    assert suppressed(text, ("OR5013", "x")) == ()
    assert suppressed(text) == ()


def test_a_comment_acts_inside_an_array() -> None:
    text = "x = [\n  # omniroute: allow(OR5004)\n  1,\n  2,\n]\n"
    assert suppressed(text, ("OR5004", "1")) == ()


def test_hints_can_be_allowed_and_one_comment_takes_all_findings_of_its_code() -> None:
    text = "x = 1 # omniroute: allow(OR5001)\n"
    assert suppressed(text, ("OR5001", "x"), ("OR5001", "1")) == ()


def test_several_codes_may_stand_in_one_comment() -> None:
    text = "x = 1 #omniroute:allow( OR5003 ,OR5004, OR5001 ) three reasons\n"
    assert suppressed(text, ("OR5003", "x"), ("OR5004", "x"), ("OR5001", "x")) == ()
    (unused,) = suppressed(text, ("OR5003", "x"), ("OR5001", "x"))
    assert (unused.code, unused.severity, written_at(unused)) == ("OR5002", Severity.WARNING, "OR5004")
    assert unused.summary == "the comment allows OR5004, and there is no such finding"
    assert unused.label == "nothing to allow on line 1"


def test_a_comment_of_another_file_or_code_does_not_act() -> None:
    source, other = Source("a.toml", "x = 1 # omniroute: allow(OR5003)\n"), Source("b.toml", "x = 1\n")
    shipped = Source("a.toml", "x = 1\n", shipped=True)
    for elsewhere in (other, shipped):
        found = apply([finding("OR5003", at(elsewhere, "x"))], [(source, comments(source))])
        assert codes(found) == ["OR5003", "OR5002"]
    assert codes(suppressed(source.text, ("OR5004", "x"))) == ["OR5004", "OR5002"]


def test_a_finding_without_a_place_cannot_be_allowed() -> None:
    source = Source("a.toml", "x = 1 # omniroute: allow(OR9003)\n")
    assert codes(apply([finding("OR9003", None)], [(source, comments(source))])) == ["OR9003", "OR5002"]


def test_a_comment_at_the_end_of_the_file_acts_on_nothing() -> None:
    (unused,) = suppressed("x = 1\n# omniroute: allow(OR5003)\n\n# end\n")
    assert unused.label == "no line follows"


def test_an_error_stays_and_the_comment_is_told_so_once() -> None:
    found = suppressed("x = 1 # omniroute: allow(OR2003) because\n", ("OR2003", "x"), ("OR2003", "1"))
    assert codes(found) == ["OR2003", "OR5002", "OR2003"]
    assert found[1].summary == "OR2003 is an error and cannot be allowed by a comment"
    assert written_at(found[1]) == "OR2003"


def test_a_security_finding_is_allowed_with_a_reason() -> None:
    text = "x = 1 # omniroute: allow(OR4001, OR4003) a mock takes anything\n"
    assert suppressed(text, ("OR4001", "x"), ("OR4003", "x")) == ()


@pytest.mark.parametrize("code", ["OR4001", "OR4003"])
def test_a_security_finding_stays_without_a_reason_and_says_why(code: str) -> None:
    (stays,) = suppressed(f"x = 1\n# omniroute: allow({code}) \ny = 2\n", (code, "y"))
    assert (stays.code, stays.severity) == (code, RULES[code].severity)
    assert stays.note == (
        "the comment at a.toml:2:20 does not allow this: "
        "a finding of the OR4 family needs a reason, written behind the bracket"
    )


def test_a_note_that_was_there_is_kept() -> None:
    source = Source("a.toml", "x = 1 # omniroute: allow(OR4001)\n")
    noted = Diagnostic("OR4001", Severity.ERROR, "secret", at(source, "1"), note="replace it", masked=True)
    (stays,) = apply([noted], [(source, comments(source))])
    assert stays.note.startswith("replace it\nthe comment at ")
    assert stays.masked


@pytest.mark.parametrize(
    "comment",
    [
        "# omniroute: allow OR5003",
        "# omniroute: allow(OR5003",
        "# omniroute: allow()",
        "# omniroute: allow(OR5003 OR5004)",
        "# omniroute: allow(expired-key)",
        "# omniroute: permit(OR5003)",
        "# omniroute: ignore OR5003 please",
        "# OmniRoute: allow(OR5003)",
    ],
)
def test_a_comment_that_was_meant_for_us_and_is_not_understood_is_reported(comment: str) -> None:
    found = suppressed(f"x = 1 {comment}\n", ("OR5003", "x"))
    assert codes(found) == ["OR5003", "OR5002"]
    assert written_at(found[1]) == comment
    assert found[1].summary == "the comment seems to allow a finding, and is not understood"


@pytest.mark.parametrize("comment", ["# omniroute: what this file is for", "# see OR5003", "# allow(OR5003)", "#"])
def test_a_comment_that_is_not_meant_for_us_is_let_be(comment: str) -> None:
    assert suppressed(f"x = 1 {comment}\n") == ()


def test_a_code_that_does_not_exist_is_reported_at_the_code() -> None:
    (found,) = suppressed("x = 1 # omniroute: allow(OR5003, OR0001) \n", ("OR5003", "x"))
    assert found.summary == "the comment allows OR0001, and there is no such code"
    assert written_at(found) == "OR0001"


def test_the_same_code_twice_on_a_line_is_once_too_often() -> None:
    (found,) = suppressed("x = 1 # omniroute: allow(OR5003, OR5003)\n", ("OR5003", "x"))
    assert (found.code, written_at(found)) == ("OR5002", "OR5003")
    assert found.place is not None
    assert found.place.span.start.column == 34


def test_while_errors_are_left_nothing_is_called_unused() -> None:
    text = "x = 1 # omniroute: allow(OR5003)\ny = 2\n"
    assert codes(suppressed(text, ("OR2003", "y"))) == ["OR2003"]
    assert codes(suppressed(f"{text}z = 3 # omniroute: allow(OR4001) a mock\n", ("OR4001", "z"))) == ["OR5002"]
