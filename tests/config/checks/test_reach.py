from omniroute.config.checks.reach import as_written, leaves, timeouts
from omniroute.config.checks.world import World
from omniroute.config.document import Document
from omniroute.config.layers import Catalogue, Merged
from omniroute.config.references import names_of
from tests.support.written import TODAY, document, snapshot

NESTED = """
[defaults.timeouts]
connect = "1s"

[providers.here]
timeouts = { connect = "2s", answer = "2s", total = "2s" }

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
auth = "none"

[aliases]
small = "here/small"

[combos.outer]
timeouts = { answer = "3s", total = "3s", first_byte = "3s" }
targets = ["house/m", { model = "inner", timeouts = { total = "4s" } }, "house/last"]

[combos.inner]
strategy = "random"
timeouts = { first_byte = "5s" }
targets = [{ model = "small", timeouts = { first_token = "6s" } }, "house/m", "here/x"]
"""


def world(made: Document) -> World:
    return World(made, Merged({}), Catalogue(()), names_of(made), TODAY)


def test_what_a_combo_comes_to_is_what_it_is_compiled_to() -> None:
    made = world(document(NESTED))
    compiled = snapshot(NESTED)
    for name in ("outer", "inner"):
        reached = leaves(made, name)
        targets = compiled.combos[name].targets
        assert [leaf.name for leaf in reached] == [target.id for target in targets]
        assert [timeouts(made, leaf) for leaf in reached] == [target.timeouts for target in targets]
    assert [leaf.way[0].path[-1] for leaf in leaves(made, "outer")] == [0, 1, 1, 2]


def test_an_order_is_that_of_the_file_where_every_combo_on_the_way_keeps_it() -> None:
    made = world(document(NESTED))
    assert not as_written(made, leaves(made, "outer"), "outer")
    assert as_written(made, leaves(made, "outer")[:1], "outer")
    made = world(document(NESTED.replace('"random"', '"fill-first"')))
    assert as_written(made, leaves(made, "outer"), "outer")


def test_what_leads_nowhere_is_left_out() -> None:
    text = {"combos": {"c": {"targets": ["nobody/m", "here/m", "c"]}}, "providers": {"here": {}}}
    made = world(Document.model_validate(text))
    assert [leaf.name for leaf in leaves(made, "c")] == ["here/m"]
