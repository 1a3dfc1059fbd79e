"""Every field of an explanation is in the schema of the JSON that is made of it."""

import json
from typing import Any

import pytest
from msgspec import Struct

from omniroute.config.origins import Hop, Origin
from omniroute.ir.loss import Loss
from omniroute.routing import explanation
from omniroute.routing.ruling import Clause, Ruling
from tests.house.tree import ROOT

DEFINED: dict[str, Any] = json.loads((ROOT / "schemas" / "explanation.schema.json").read_text("utf-8"))["$defs"]
TOLD = DEFINED["explanation"]["properties"]


def items(field: str) -> dict[str, Any]:
    found: dict[str, Any] = TOLD[field]["items"]
    return found


@pytest.mark.parametrize(
    ("value", "schema", "besides"),
    [
        (explanation.Explanation, DEFINED["explanation"], {"notes"}),
        (explanation.Question, TOLD["question"], set()),
        (explanation.Arrival, items("arrivals"), set()),
        (explanation.Shape, items("shapes"), set()),
        (explanation.Choice, items("combos"), set()),
        (explanation.Listed, items("combos")["properties"]["steps"]["items"], set()),
        (explanation.Tried, items("candidates"), set()),
        (Loss, items("candidates")["properties"]["losses"]["items"], set()),
        (explanation.LeftOut, items("rejected"), set()),
        (explanation.Unusable, items("unusable"), set()),
        (explanation.Limit, items("limits"), set()),
        (Ruling, TOLD["ruling"]["oneOf"][1], set()),
        (Clause, TOLD["ruling"]["oneOf"][1]["properties"]["clauses"]["items"], set()),
        (Hop, DEFINED["hop"], set()),
        (Origin, DEFINED["origin"]["oneOf"][1], set()),
    ],
)
def test_every_field_is_in_the_schema_and_required(
    value: type[Struct], schema: dict[str, Any], besides: set[str]
) -> None:
    assert set(schema["properties"]) == set(schema["required"]) == {*value.__struct_fields__, *besides}
