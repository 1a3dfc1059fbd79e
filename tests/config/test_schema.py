import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from omniroute import __version__
from omniroute.config.document import Document
from omniroute.config.schema import catalogue_schema, document_schema, schema_text
from tests.support.written import ROOT

SCHEMA = document_schema()


def nodes(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every schema within a schema, and where it is."""
    yield path, node
    for key in ("properties", "$defs"):
        for name, each in node.get(key, {}).items():
            yield from nodes(each, f"{path}/{key}/{name}")
    for index, each in enumerate(node.get("oneOf", ())):
        yield from nodes(each, f"{path}/oneOf/{index}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}/{key}")


NODES = dict(nodes(SCHEMA))
TABLES = {path: node for path, node in NODES.items() if node.get("type") == "object"}
KEYS = {path: node for path, node in NODES.items() if path.rpartition("/")[0].endswith("/properties")}


def test_the_committed_schema_is_what_the_models_give() -> None:
    committed = (ROOT / "schemas" / "omniroute.schema.json").read_text("utf-8")
    assert committed == schema_text(), "run: make schemas"


def test_the_text_is_the_schema_and_ends_with_a_line_end() -> None:
    assert json.loads(schema_text()) == SCHEMA
    assert schema_text().endswith("}\n")


@pytest.mark.parametrize("schema", [SCHEMA, catalogue_schema()], ids=["document", "catalogue"])
def test_it_is_a_schema_of_the_dialect_that_it_names(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert f":v{__version__.partition('.')[0]}:" in schema["$id"]
    Draft202012Validator.check_schema(schema)


def test_editors_are_told_that_the_gateway_reads_toml_1_0() -> None:
    assert SCHEMA["x-tombi-toml-version"] == "v1.0.0"


def test_a_file_may_hold_any_tables_and_none() -> None:
    assert "required" not in SCHEMA


@pytest.mark.parametrize("path", TABLES)
def test_every_table_is_closed_or_says_which_names_it_takes(path: str) -> None:
    table = TABLES[path]
    closed = table["additionalProperties"] is False and "properties" in table
    named = isinstance(table["additionalProperties"], dict) and "pattern" in table["propertyNames"]
    assert closed != named


@pytest.mark.parametrize("path", KEYS)
def test_every_key_is_described_in_a_sentence(path: str) -> None:
    description = KEYS[path]["description"]
    assert description[0].isupper() or description[0] == "`"
    assert description.endswith(".")


@pytest.mark.parametrize("path", KEYS)
def test_what_does_not_act_says_so_where_an_editor_shows_it(path: str) -> None:
    key = KEYS[path]
    assert ("x-omniroute-status" in key) == ("Not supported yet." in key["description"])
    assert ("x-omniroute-reload" in key) == ("Takes effect on restart." in key["description"])


def test_keys_with_examples_show_them_as_toml() -> None:
    shown = [key for key in KEYS.values() if "examples" in key]
    assert shown
    assert all("```toml" in key["markdownDescription"] for key in shown)


def test_keys_whose_form_is_not_obvious_have_an_example() -> None:
    without = {path for path, key in KEYS.items() if "pattern" in key and not {"examples", "default"} & key.keys()}
    assert {path.rpartition("/")[2] for path in without} == {
        *("sha256", "key", "model", "provider", "credential", "client_id", "token_url")
    }


def test_every_example_and_default_is_allowed_by_its_own_schema() -> None:
    for node in NODES.values():
        given = [*node.get("examples", ()), *([node["default"]] if "default" in node else [])]
        for value in given:
            whole = node | {"$defs": SCHEMA["$defs"]}
            assert list(Draft202012Validator(whole).iter_errors(value)) == [], value


@pytest.mark.parametrize("path", [path for path, node in NODES.items() if "pattern" in node])
def test_every_pattern_is_anchored_and_plain_enough_for_every_engine(path: str) -> None:
    pattern = NODES[path]["pattern"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert not re.search(r"\(\?|\\[dwsbDWSB]", pattern)


def test_nothing_is_nullable_and_nothing_has_an_automatic_title() -> None:
    text = schema_text()
    assert '"null"' not in text
    assert "anyOf" not in text
    assert text.count('"title"') == 1


def test_the_order_of_keys_is_that_of_the_models() -> None:
    assert list(SCHEMA["properties"]) == list(Document.model_fields)


def test_the_marks_that_others_rely_on_are_there() -> None:
    definitions = SCHEMA["$defs"]
    assert definitions["Server"]["properties"]["port"]["x-omniroute-reload"] == "restart"
    assert definitions["Runtime"]["properties"]["database"]["x-omniroute-reload"] == "restart"
    assert definitions["Provider"]["properties"]["api_key"]["x-omniroute-secret"] is True
    assert definitions["Server"]["properties"]["proxy"]["x-omniroute-status"] == "planned"


def test_unions_are_told_apart_by_kind_or_by_a_key() -> None:
    auth = SCHEMA["$defs"]["Provider"]["properties"]["auth"]
    tables = [SCHEMA["$defs"][each["$ref"].rpartition("/")[2]] for each in auth["oneOf"] if "$ref" in each]
    assert len({table["required"][0] for table in tables}) == len(tables) == 4


def test_the_catalogue_has_keys_of_its_own_and_a_user_has_not() -> None:
    own = {"aliases", "api_key_env", "docs"}
    assert own <= catalogue_schema()["$defs"]["CatalogueProvider"]["properties"].keys()
    assert not own & SCHEMA["$defs"]["Provider"]["properties"].keys()
