"""The form of an answer."""

from typing import Any

import pytest

from omniroute.ir.request import OutputSpec
from tests.formats.openai_chat.passage import foreign, read, returned, user

SCHEMA = {"type": "object", "default": None}


@pytest.mark.parametrize(
    ("form", "output"),
    [
        ({"type": "text"}, None),
        ({"type": "grammar", "value": "x"}, None),
        ("json", None),
        ({"type": "json_schema", "json_schema": "odd"}, None),
        ({"type": "json_object"}, OutputSpec()),
        ({"type": "json_object", "new": 1}, OutputSpec(extras={"new": 1})),
        ({"type": "json_object", "schema": SCHEMA}, OutputSpec(SCHEMA, extras={"=type": "json_object"})),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, OutputSpec(name="n")),
        ({"type": "json_schema", "json_schema": {}}, OutputSpec(extras={"=type": "json_schema"})),
        (
            {
                "type": "json_schema",
                "new": 1,
                "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": True, "more": 2},
            },
            OutputSpec(SCHEMA, "n", "d", True, extras={"new": 1, "json_schema": {"more": 2}}),
        ),
    ],
)
def test_a_form_is_read_and_put_back(form: Any, output: OutputSpec | None) -> None:
    assert read(response_format=form).output == output
    assert returned(response_format=form)["response_format"] == form


@pytest.mark.parametrize(
    ("output", "form"),
    [
        (OutputSpec(), {"type": "json_object"}),
        (OutputSpec(SCHEMA), {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}),
        (
            OutputSpec({}, "n", strict=False),
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": False}},
        ),
    ],
)
def test_a_form_of_another_format_gets_the_name_that_this_one_wants(output: OutputSpec, form: Any) -> None:
    body, losses = foreign(user(), output=output)
    assert body["response_format"] == form
    assert losses == []
