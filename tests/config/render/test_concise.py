from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import RenderContext, render
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.config.render.places import at

SOURCE = Source("a\nb.toml", "x = 1\n" * 30)
CONTEXT = RenderContext(version="1")


def test_a_finding_is_one_line_whatever_it_says() -> None:
    finding = Diagnostic("OR2003", Severity.ERROR, "unknown key `a\nb\x1b[2J`", at(SOURCE, "x"), label="no", hint="no")
    assert render([finding], "concise", CONTEXT) == "a␊b.toml:1:1: error OR2003 unknown key `a␊b␛[2J`\n"


def test_the_severity_is_painted() -> None:
    finding = Diagnostic("OR9001", Severity.ERROR, "missing")
    text = render([finding], "concise", RenderContext(version="1", colour=True))
    assert text == "\x1b[1;31merror\x1b[0m OR9001 missing\n"


def test_too_many_findings_end_in_a_count() -> None:
    findings = [Diagnostic("OR2003", Severity.ERROR, "unknown", at(SOURCE, "x")) for _ in range(22)]
    lines = render(findings, "concise", CONTEXT).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 2 more in a␊b.toml, not shown: 2 errors"
