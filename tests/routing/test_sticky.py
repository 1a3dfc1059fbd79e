"""Which models a conversation comes back to."""

import pytest

from omniroute.config.snapshot import Model, Price
from omniroute.names import Capability
from omniroute.routing.sticky import keeps_prompts


@pytest.mark.parametrize(
    ("model", "keeps"),
    [
        (Model("m"), False),
        (Model("m", capabilities=frozenset({Capability.TOOLS})), False),
        (Model("m", capabilities=frozenset({Capability.CACHE_HINTS})), True),
        (Model("m", price=Price(input=100, cache_read=100)), False),
        (Model("m", price=Price(input=100, cache_read=10)), True),
        (Model("m", price=Price(input=100)), False),
        (Model("m", price=Price(cache_read=10)), False),
    ],
)
def test_a_model_keeps_prompts_where_it_can_be_told_to_or_is_cheaper_for_it(model: Model, keeps: bool) -> None:
    assert keeps_prompts(model) is keeps
