from omniroute.config.render.colour import BY_SEVERITY, Brush, Colour
from omniroute.names import Severity


def test_a_brush_paints_where_there_are_colours_and_there_is_something_to_paint() -> None:
    assert Brush(colour=True).paint("error", Colour.RED) == "\x1b[1;31merror\x1b[0m"
    assert Brush(colour=True).paint("", Colour.RED) == ""
    assert Brush(colour=False).paint("error", Colour.RED) == "error"


def test_every_severity_has_a_colour_of_its_own() -> None:
    assert set(BY_SEVERITY) == set(Severity)
    assert len(set(BY_SEVERITY.values())) == len(Severity)
