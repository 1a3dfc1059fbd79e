import pytest

from omniroute.config.faults import Fault, Spot, diagnose
from omniroute.config.layers import Merged, merge
from omniroute.config.rules import RULES
from omniroute.config.source import Place, Source
from omniroute.config.toml import parse, place

FILE, _ = parse(Source("a.toml", "[server]\nport = 1\nhost = 'h'\n"))
assert FILE is not None
MERGED, _ = merge([FILE])


def text(at: Place | None) -> str:
    assert at is not None
    return at.source.text[at.span.start.offset : at.span.end.offset]


def test_a_fault_gets_the_places_of_its_spots() -> None:
    fault = Fault(
        "OR2004",
        "summary",
        Spot(("server", "port")),
        label="label",
        related=((Spot(("server", "host"), key=True), "there"),),
        elsewhere=((place(FILE, ("server",)), "elsewhere"),) if FILE is not None else (),
        hint="hint",
        note="note",
        fix=((Spot(("server", "port")), "2"),),
        masked=True,
    )
    made = diagnose(fault, MERGED)
    assert (made.code, made.summary, made.path) == ("OR2004", "summary", ("server", "port"))
    assert (made.label, made.hint, made.note, made.masked) == ("label", "hint", "note", True)
    assert text(made.place) == "1"
    assert [(text(each.place), each.message) for each in made.related] == [("host", "there"), ("server", "elsewhere")]
    assert [(text(each.place), each.text) for each in made.fix] == [("1", "2")]


@pytest.mark.parametrize("code", ["OR2004", "OR4003", "OR5001"])
def test_the_severity_is_that_of_the_rule(code: str) -> None:
    assert diagnose(Fault(code, "x", Spot(())), MERGED).severity is RULES[code].severity


def test_a_spot_may_be_the_beginning_of_a_file() -> None:
    made = diagnose(Fault("OR5001", "x", Spot((), file=0)), MERGED)
    assert made.place is not None
    assert (made.place.span.start.line, made.place.span.start.column) == (1, 1)


def test_what_looks_like_a_secret_is_taken_out_of_every_word() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789"
    spot = Spot(("server", "port"))
    fault = Fault("OR3002", secret, spot, secret, ((spot, secret),), (), secret, secret, ((spot, secret),))
    assert secret not in repr(diagnose(fault, MERGED))


def test_without_files_there_are_no_places() -> None:
    fault = Fault("OR3008", "x", Spot(()), related=((Spot(("a",)), "x"),), fix=((Spot(("a",)), "x"),))
    made = diagnose(fault, Merged({}))
    assert (made.place, made.related, made.fix) == (None, (), ())
