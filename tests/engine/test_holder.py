"""What is in force, and its one change."""

import pytest

from omniroute.engine.holder import Holder, Live, tag_for
from omniroute.names import Trigger
from tests.support.snapshots import provider, snapshot


def live(generation: int, identity: str = "9f3ac1d27e04aabbccdd") -> Live:
    made = snapshot(provider("house"), identity=identity)
    return Live(made, generation, 1, Trigger.START, tag_for(generation, made), {"house": "a secret value"})


def test_a_request_keeps_what_it_read_when_another_is_swapped_in() -> None:
    holder = Holder()
    first, second = live(1), live(2)
    holder.swap(first)
    held = holder.current
    holder.swap(second)
    assert held is first
    assert holder.current is second


def test_to_read_before_the_first_swap_is_a_bug() -> None:
    with pytest.raises(AttributeError):
        _ = Holder().current


def test_the_tag_is_generation_and_short_id() -> None:
    assert live(42).tag == b"42-9f3ac1d27e04"


def test_what_is_in_force_does_not_show_its_secrets() -> None:
    assert repr(live(42)) == "Live(42-9f3ac1d27e04)"
    with pytest.raises(AttributeError):
        live(42).generation = 43  # type: ignore[misc]  # that it is frozen is what is tested
