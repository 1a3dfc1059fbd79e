import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.listing import PER_FILE, arrange, counted, groups, number, rest, tally
from omniroute.config.source import Place, Position, Source, Span
from omniroute.names import Severity


def finding(code: str, file: str = "", line: int = 1, column: int = 1, severity: str = "error") -> Diagnostic:
    point = Position(line, column, 0)
    place = Place(Source(file, ""), Span(point, point)) if file else None
    return Diagnostic(code, Severity(severity), code, place)


def test_findings_are_sorted_by_file_line_column_and_code_and_those_in_no_file_come_first() -> None:
    wanted = (
        finding("OR9001"),
        finding("OR2003", "a.toml", 2, 9),
        finding("OR2001", "a.toml", 10, 1),
        finding("OR2002", "a.toml", 10, 1),
        finding("OR2001", "a.toml", 10, 2),
        finding("OR1001", "b.toml", 1, 1),
    )
    assert arrange(reversed(wanted)) == wanted


def test_of_a_long_list_the_worst_are_shown_in_order() -> None:
    hints = [finding("OR5001", "a.toml", line, severity="hint") for line in range(1, 4)]
    warnings = [finding("OR5003", "a.toml", line, severity="warning") for line in range(4, 24)]
    errors = [finding("OR2003", "a.toml", line) for line in range(24, 26)]
    other = finding("OR2003", "b.toml")
    first, second = groups(arrange([*hints, *warnings, *errors, other]))
    assert first.file == "a.toml"
    assert first.shown == (*warnings[: PER_FILE - 2], *errors)
    assert first.hidden == (*hints, *warnings[PER_FILE - 2 :])
    assert rest(first) == "and 5 more in a.toml, not shown: 2 warnings, 3 hints"
    assert (second.file, second.shown, second.hidden) == ("b.toml", (other,), ())


def test_findings_in_no_file_are_limited_as_well() -> None:
    (group,) = groups([finding("OR9001") for _ in range(PER_FILE + 1)])
    assert rest(group) == "and 1 more, not shown: 1 error"


def test_a_tally_says_what_there_is_of_each_severity() -> None:
    found = [finding("OR5001", severity="hint"), *[finding("OR2003")] * 1200, finding("OR5003", severity="warning")]
    assert tally(found) == "1,200 errors, 1 warning, 1 hint"
    assert number(found, Severity.ERROR) == 1200
    assert tally([]) == ""


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("providers", "1 provider"),
        ("aliases", "1 alias"),
        ("policies", "1 policy"),
        ("files", "1 file"),
        ("cache", "1 cache"),
    ],
)
def test_one_thing_is_said_in_the_singular(plural: str, one: str) -> None:
    assert counted(1, plural) == one
    assert counted(2, plural) == f"2 {plural}"
