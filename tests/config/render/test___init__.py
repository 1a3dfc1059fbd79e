import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.render import STYLES, RenderContext, render
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.config.render.places import at, between

PLAIN = RenderContext(version="1")


def test_a_style_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        render([], "interpretive-dance", PLAIN)


@pytest.mark.parametrize("style", STYLES)
def test_without_hints_no_style_has_findings_that_are_hints(style: str) -> None:
    hint = Diagnostic("OR5001", Severity.HINT, "by the way")
    assert "by the way" in render([hint], style, PLAIN)
    assert "by the way" not in render([hint], style, RenderContext(version="1", hints=False))


@pytest.mark.parametrize("style", STYLES)
def test_a_finding_that_is_left_out_masks_all_the_same(style: str) -> None:
    source = Source("a.toml", "x = 'hunter2', y = 1")
    hint = Diagnostic("OR5001", Severity.HINT, "no", at(source, "'hunter2'"), masked=True)
    error = Diagnostic("OR2003", Severity.ERROR, "no", at(source, "y"))
    assert "hunter2" not in render([hint, error], style, RenderContext(version="1", hints=False))


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None, max_examples=40)
@given(
    before=st.text(alphabet="ab=[]'\"\t\r\n大🎉", max_size=40),
    after=st.text(alphabet="ab=[]'\"\t\r\n大🎉", max_size=200),
    hidden=st.text(alphabet="жщю\r\n", min_size=1, max_size=80),
    data=st.data(),
)
def test_no_style_shows_a_secret_wherever_the_findings_are(
    style: str, before: str, after: str, hidden: str, data: st.DataObject
) -> None:
    source = Source("a.toml", f"{before}{hidden}{after}")
    secret = Diagnostic(
        "OR4001",
        Severity.ERROR,
        "no",
        between(source, len(before), len(before) + len(hidden)),
        masked=True,
    )
    offsets = st.tuples(st.integers(0, len(source.text)), st.integers(0, len(source.text))).map(sorted)
    places = [between(source, *data.draw(offsets)) for _ in range(4)]
    other = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "no",
        places[0],
        related=(Related(places[1], "no"), Related(places[2], "no")),
        fix=(Edit(places[3], "no"),),
    )
    assert not set("жщю") & set(render([secret, other], style, PLAIN))
