"""``omniroute graph``: the same text each time, in which every name stays within its quotes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.cli.graph import data, dot, mermaid
from omniroute.config.graph import KINDS, Edge, Graph, Node
from tests.cli.command import run, written
from tests.house.tree import ROOT

SCHEMA = json.loads((ROOT / "schemas" / "graph.schema.json").read_text("utf-8"))
TEXT = """\
#:schema ./omniroute.schema.json
[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"

[aliases]
smart = "coding"
"gpt-*" = "house/gpt-*"

[combos.coding]
strategy = "weighted"
targets = [{ model = "gpt-5", weight = 2 }, "spare"]

[combos.spare]
targets = ["house/tiny"]
"""
MERMAID = """\
flowchart LR
  n0(["smart"])
  n1(["gpt-#42;"])
  n2{{"coding<br/>weighted"}}
  n3{{"spare<br/>priority"}}
  n4["house/gpt-#42;"]
  n5["house/gpt-5"]
  n6["house/tiny"]
  n7[("house")]
  n0 --> n2
  n1 --> n4
  n2 -->|"weight 2, 66.7 %, by gpt-#42;"| n5
  n2 -->|"weight 1, 33.3 %"| n3
  n3 -->|"1"| n6
  n4 --> n7
  n5 --> n7
  n6 --> n7
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path / "config", TEXT)


def test_mermaid_is_what_is_drawn_unless_something_else_is_asked_for(config: Path) -> None:
    done = run("graph", config)
    assert (done.exit_code, done.stdout) == (0, MERMAID)
    assert run("graph", "-c", config, "--format", "mermaid").stdout == MERMAID


def test_dot_names_nodes_by_kind_and_name(config: Path) -> None:
    lines = run("graph", config, "--format", "dot").stdout.splitlines()
    assert lines[:2] == ["digraph omniroute {", "  rankdir=LR;"]
    assert '  "alias:gpt-*" [label="gpt-*", shape=oval];' in lines
    assert '  "combo:coding" [label="coding\\nweighted", shape=hexagon];' in lines
    assert '  "combo:coding" -> "target:house/gpt-5" [label="weight 2, 66.7 %, by gpt-*"];' in lines
    assert '  "target:house/tiny" -> "provider:house";' in lines
    assert lines[-1] == "}"


def test_json_is_what_its_schema_says(config: Path) -> None:
    document = json.loads(run("graph", config, "--format", "json").stdout)
    jsonschema.validate(document, SCHEMA)
    assert {key: document["edges"][0][key] for key in ("start", "end", "order")} == {
        "start": "alias:smart",
        "end": "combo:coding",
        "order": None,
    }


def test_a_focus_leaves_out_what_has_nothing_to_do_with_a_name(config: Path) -> None:
    document = json.loads(run("graph", config, "--format", "json", "--focus", "spare").stdout)
    assert [each["id"] for each in document["nodes"]] == [
        "alias:smart",
        "combo:coding",
        "combo:spare",
        "target:house/tiny",
        "provider:house",
    ]


def test_a_focus_on_nothing_is_wrong_usage(config: Path) -> None:
    done = run("graph", config, "--focus", "smrt")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nothing in the configuration is named 'smrt'; did you mean `smart`?" in " ".join(done.stderr.split())
    done = run("graph", config, "--focus", "0", "--format", "json")
    assert json.loads(done.stdout)["error"]["message"].endswith("is named '0'")


def test_faults_are_shown_instead_of_a_graph(tmp_path: Path) -> None:
    path = written(tmp_path, "[combos.x]\n")
    done = run("graph", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[OR2002]" in done.stderr
    assert json.loads(run("graph", path, "--format", "json").stdout)["valid"] is False
    assert run("graph", tmp_path / "nowhere").exit_code == 2


def test_a_configuration_without_names_is_a_graph_of_its_providers(tmp_path: Path) -> None:
    path = written(tmp_path, "[providers.echo]\n")
    assert run("graph", path).stdout == 'flowchart LR\n  n0[("echo")]\n'


NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(
    ['"', "\\", '\\"', "a\nb", "`x`", "#quot;", "]", "end", "<b>", "\\N", "|", "-->", "%%", "{{", "a;b", "&amp;"]
)


def of(name: str) -> Graph:
    """Names of aliases and models reach this as they are written: printable ASCII. What is drawn holds for any text."""
    first, second = Node(f"alias:{name}", "alias", name), Node(f"combo:{name}", "combo", name, "priority")
    return Graph((first, second), (Edge(first.id, second.id, pattern=name),))


@settings(max_examples=200, deadline=None)
@given(NAMES)
def test_whatever_a_name_holds_mermaid_reads_it_as_that_name(name: str) -> None:
    lines = mermaid(of(name)).splitlines()
    assert len(lines) == 4
    labels = [re.fullmatch(r'  n0\(\["(.*)"\]\)', lines[1]), re.fullmatch(r'  n1\{\{"(.*)<br/>priority"\}\}', lines[2])]
    edge = re.fullmatch(r'  n0 -->\|"by (.*)"\| n1', lines[3])
    for found in (*labels, edge):
        assert found is not None
        assert not set(found[1]) & set('"<>`|{}[]()\\&\n')
        assert re.sub(r"#(\d+);", lambda number: chr(int(number[1])), found[1]) == name


@settings(max_examples=200, deadline=None)
@given(NAMES)
def test_whatever_a_name_holds_graphviz_reads_it_as_that_name(name: str) -> None:
    drawn = dot(of(name))
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', drawn, re.DOTALL)
    rest = re.sub(r'"(?:[^"\\]|\\.)*"', "S", drawn, flags=re.DOTALL)
    assert rest == (
        "digraph omniroute {\n  rankdir=LR;\n  S [label=S, shape=oval];\n  S [label=S, shape=hexagon];\n"
        "  S -> S [label=S];\n}\n"
    )
    plain = [re.sub(r"\\(.)", lambda each: "\n" if each[1] == "n" else each[1], each) for each in strings]
    alias, combo = f"alias:{name}", f"combo:{name}"
    assert plain == [alias, name, combo, f"{name}\npriority", alias, combo, f"by {name}"]


def test_every_kind_has_a_shape_of_its_own() -> None:
    drawn = Graph(tuple(Node(f"{kind}:x", kind, "x") for kind in KINDS), ())
    assert len({line.replace("x", "").lstrip(" n0123456789") for line in mermaid(drawn).splitlines()[1:]}) == len(KINDS)
    assert len(set(re.findall("shape=(.*)]", dot(drawn)))) == len(KINDS)
    assert len(json.loads(data(drawn))["nodes"]) == len(KINDS)
