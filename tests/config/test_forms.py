from datetime import date

import pytest

from omniroute.config.forms import FORMS, form, kind, kind_of, slug
from omniroute.config.keywords import as_json, inlined
from omniroute.config.schema import document_schema
from tests.config.test_schema import nodes

SCHEMA = inlined(document_schema())


def test_every_pattern_and_format_of_the_schema_has_words_and_nothing_else_has() -> None:
    used = set()
    for _, node in nodes(SCHEMA):
        used |= {node[key] for key in ("pattern", "format") if key in node}
        used |= {node["propertyNames"]["pattern"]} if "propertyNames" in node else set()
    assert used == FORMS.keys()
    assert all(form(each) for each in used)


def test_every_type_of_the_schema_has_words() -> None:
    assert all(kind(node["type"]) for _, node in nodes(SCHEMA) if "type" in node)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "a boolean"),
        (1, "a whole number"),
        (1.5, "a number"),
        ("x", "a string"),
        ([], "an array"),
        ({}, "a table"),
        (as_json(date(2027, 1, 1)), "a date or a time"),
    ],
)
def test_values_are_called_what_they_are(value: object, words: str) -> None:
    assert kind_of(value) == words


def test_a_name_is_made_of_one_that_is_not_allowed() -> None:
    assert slug("My Combo!") == "my-combo"
    assert slug("_x.Y_") == "x.y"
    assert slug("§") == ""
