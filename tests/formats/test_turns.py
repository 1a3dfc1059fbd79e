"""The parts of a stream come out one behind the other, whatever order their events came in."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.turns import Turns
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Sign, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.names import Format
from tests.support.ir_values import grammatical

SIGNATURE = Signature(Format.GEMINI, "s")


def taken(events: Iterable[Event]) -> list[Event]:
    turns = Turns()
    return [said for event in events for said in turns.take(event)]


def test_the_part_whose_turn_it_is_is_said_at_once() -> None:
    turns = Turns()
    for event in (Begin(), PartStart(0, Text()), Delta(0, "a"), Sign(0, SIGNATURE), PartStop(0), PartStart(1, Text())):
        assert list(turns.take(event)) == [event]


def test_a_later_part_waits_until_those_before_it_are_complete() -> None:
    first, second, third = PartStart(0, ToolCall("a", "f")), PartStart(1, ToolCall("b", "g")), PartStart(2, Thought())
    turns = Turns()
    assert list(turns.take(first)) == [first]
    held = [second, Delta(1, "{}"), PartStop(1), third, Delta(2, "hm")]
    assert [said for event in held for said in turns.take(event)] == []
    assert list(turns.take(Delta(0, "{}"))) == [Delta(0, "{}")]
    assert list(turns.take(PartStop(0))) == [PartStop(0), *held]
    assert list(turns.take(Delta(2, "m"))) == [Delta(2, "m")]


def test_what_belongs_to_no_part_never_waits() -> None:
    turns = Turns()
    turns.take(PartStart(0, Text()))
    turns.take(PartStart(1, Text()))
    assert list(turns.take(Finished(Finish.STOP))) == [Finished(Finish.STOP)]


def _places(events: Sequence[Event]) -> list[int]:
    return [event.at for event in events if isinstance(event, PartStart | Delta | Sign | PartStop)]


@given(grammatical)
@settings(max_examples=100, deadline=None)
def test_nothing_is_lost_and_no_part_is_among_anothers(events: tuple[Event, ...]) -> None:
    said = taken(events)
    grammar = Grammar()
    assert [wrong for event in said if (wrong := grammar.wrong(event))] == []
    assert _places(said) == sorted(_places(events))
    assert fold(Format.OLLAMA, said) == fold(Format.OLLAMA, events)
    assert isinstance(said[-1], End)


@given(grammatical, st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_what_was_said_is_a_beginning_of_what_will_be_said(events: tuple[Event, ...], place: int) -> None:
    early, whole = taken(events[:place]), taken(events)
    assert [each for each in early if _places([each])] == [each for each in whole if _places([each])][
        : len(_places(early))
    ]
