from omniroute.config.diagnostics import Diagnostic, Related
from omniroute.config.render import RenderContext, render
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.config.render.places import at

PLAIN = RenderContext(version="1")


def test_a_finding_is_one_line_and_what_would_end_a_part_of_it_is_escaped() -> None:
    source = Source("a,b:50%\r\n.toml", "x = 1\n")
    finding = Diagnostic(
        "OR2004", Severity.WARNING, "100%: a, b\r\nc", at(source, "1"), label="no", hint="one\ntwo", note="three"
    )
    assert render([finding], "github", PLAIN) == (
        "::warning file=a%2Cb%3A50%25%0D%0A.toml,line=1,endLine=1,col=5,endColumn=6,title=OR2004 bad-value"
        "::100%25: a, b%0D%0Ac%0Ano%0Ahelp: one%0Atwo%0Anote: three\n"
    )


def test_columns_are_only_given_within_one_line() -> None:
    source = Source("a.toml", "x = [\n1]\n")
    finding = Diagnostic("OR2001", Severity.ERROR, "no", at(source, "[\n1]"))
    text = render([finding], "github", PLAIN)
    assert text == "::error file=a.toml,line=1,endLine=2,title=OR2001 wrong-type::no\n"


def test_a_hint_is_a_notice_and_needs_no_file() -> None:
    finding = Diagnostic("OR5001", Severity.HINT, "no schema")
    assert render([finding], "github", PLAIN) == "::notice title=OR5001 schema-line-missing::no schema\n"


def test_other_places_are_named_in_the_message() -> None:
    source = Source("b.toml", "x = 1\n")
    finding = Diagnostic("OR1004", Severity.ERROR, "twice", related=(Related(at(source, "1"), "first here"),))
    assert render([finding], "github", PLAIN).endswith("::twice%0Ab.toml:1:5: first here\n")
