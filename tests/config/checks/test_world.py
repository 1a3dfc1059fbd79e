from datetime import date

from omniroute.config.checks.world import World
from omniroute.config.document import Document
from omniroute.config.layers import Catalogue, Merged
from omniroute.config.references import names_of


def world(values: dict[str, object]) -> World:
    document = Document.model_validate({"combos": {"c": {"targets": ["p/m", {"model": "p/n"}]}}, "aliases": {"a": "c"}})
    return World(document, Merged(values), Catalogue(()), names_of(document), date(2026, 1, 1))


def test_what_is_written_is_known_even_where_it_is_broken() -> None:
    one = world({"providers": {"p": 1}, "combos": {"d": None}, "aliases": {"b": 3}})
    assert [name for name in ("p/m", "p/", "p", "q/m", "d", "b", "c") if one.known(name)] == ["p/m", "d", "b"]


def test_a_table_that_is_none_has_no_names() -> None:
    assert world({"providers": 3}).written("providers") == {}
    assert world({}).written("providers") == {}


def test_a_name_in_a_target_is_found_within_its_table() -> None:
    one = world({})
    spots = [one.spot(step) for step in one.names.targets("c")]
    assert [spot.path for spot in spots] == [("combos", "c", "targets", 0), ("combos", "c", "targets", 1, "model")]
    assert one.spot(one.names.chain("a").steps[0]).path == ("aliases", "a")
