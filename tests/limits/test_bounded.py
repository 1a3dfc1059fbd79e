from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from omniroute.limits.bounded import keep


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 6))
def test_the_entries_that_were_kept_last_are_held_in_that_order(names: list[int], most: int) -> None:
    mapping: OrderedDict[str, int] = OrderedDict()
    for each, name in enumerate(names):
        keep(mapping, str(name), each, most)
        assert len(mapping) <= most
    last = sorted({str(name): each for each, name in enumerate(names)}.items(), key=lambda pair: pair[1])
    assert list(mapping.items()) == last[-most:]
