"""The graph of names: everything once, every edge between nodes that are there."""

from omniroute.config.graph import KINDS, Edge, Graph, focus, graph
from omniroute.config.references import names_of
from tests.support.loaded import loaded

TEXT = """\
[providers.openai]
api_key = "env:OPENAI_API_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"

[aliases]
smart = "coding"
five = "gpt-5"
small = "smart"
"gpt-*" = "openai/gpt-*"
"x-*" = "coding"

[combos.coding]
strategy = "weighted"
targets = [{ model = "gpt-5", weight = 3 }, "spare"]

[combos.spare]
targets = ["house/tiny", "openai/gpt-5"]

[combos.any]
strategy = "random"
targets = ["house/tiny"]
"""


def drawn(text: str = TEXT) -> Graph:
    found = loaded(text)
    return graph(found.snapshot, names_of(found.document))


def test_every_name_is_a_node_and_those_of_a_kind_stand_together() -> None:
    found = drawn()
    assert [each.id for each in found.nodes] == [
        "alias:smart",
        "alias:five",
        "alias:small",
        "alias:gpt-*",
        "alias:x-*",
        "combo:coding",
        "combo:spare",
        "combo:any",
        "target:openai/gpt-5",
        "target:openai/gpt-*",
        "target:house/tiny",
        "provider:openai",
        "provider:house",
    ]
    kinds = [KINDS.index(each.kind) for each in found.nodes]
    assert kinds == sorted(kinds)
    assert {each.name: each.strategy for each in found.nodes if each.kind == "combo"} == {
        "coding": "weighted",
        "spare": "priority",
        "any": "random",
    }


def test_edges_lead_from_names_to_what_they_mean() -> None:
    found = drawn().edges
    assert found[:5] == (
        Edge("alias:smart", "combo:coding"),
        Edge("alias:five", "target:openai/gpt-5", pattern="gpt-*"),
        Edge("alias:small", "alias:smart"),
        Edge("alias:gpt-*", "target:openai/gpt-*"),
        Edge("alias:x-*", "combo:coding"),
    )
    assert Edge("target:openai/gpt-5", "provider:openai") in found
    assert Edge("target:openai/gpt-*", "provider:openai") in found


def test_edges_of_a_combo_bear_what_its_strategy_goes_by() -> None:
    found = [each for each in drawn().edges if each.start.startswith("combo:")]
    assert found == [
        Edge("combo:coding", "target:openai/gpt-5", weight=3, share=0.75, pattern="gpt-*"),
        Edge("combo:coding", "combo:spare", weight=1, share=0.25),
        Edge("combo:spare", "target:house/tiny", order=1),
        Edge("combo:spare", "target:openai/gpt-5", order=2),
        Edge("combo:any", "target:house/tiny"),
    ]


def test_every_edge_ends_at_nodes() -> None:
    found = drawn()
    ids = {each.id for each in found.nodes}
    assert {end for each in found.edges for end in (each.start, each.end)} <= ids
    assert len(ids) == len(found.nodes)


def test_a_star_in_the_place_of_a_provider_leads_to_none() -> None:
    found = drawn('[providers.echo]\n\n[aliases]\n"via/*" = "*"\n')
    assert [each.id for each in found.nodes] == ["alias:via/*", "target:*", "provider:echo"]
    assert found.edges == (Edge("alias:via/*", "target:*"),)


def test_a_focus_keeps_what_leads_to_a_name_and_what_it_leads_to() -> None:
    found = focus(drawn(), "spare")
    assert found is not None
    assert [each.id for each in found.nodes] == [
        "alias:smart",
        "alias:small",
        "alias:x-*",
        "combo:coding",
        "combo:spare",
        "target:openai/gpt-5",
        "target:house/tiny",
        "provider:openai",
        "provider:house",
    ]
    assert all(each.start != "combo:any" for each in found.edges)


def test_a_focus_on_a_provider_shows_who_comes_to_it() -> None:
    found = focus(drawn(), "provider:house")
    assert found is not None
    assert "alias:five" not in {each.id for each in found.nodes}
    assert "combo:any" in {each.id for each in found.nodes}


def test_what_is_reached_on_two_ways_is_kept_once() -> None:
    found = focus(drawn(), "provider:openai")
    assert found is not None
    ids = [each.id for each in found.nodes]
    assert {"combo:coding", "combo:spare", "alias:five", "target:openai/gpt-5"} < set(ids)
    assert len(ids) == len(set(ids))
    assert "combo:any" not in ids


def test_a_focus_on_nothing_is_nothing() -> None:
    assert focus(drawn(), "nothing") is None
