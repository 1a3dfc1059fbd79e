"""Every right order of events is taken, and every wrong one refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.grammar import NEXT, Grammar
from omniroute.ir.parts import Signature, Text
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.support.ir_values import grammatical
from tests.support.laws import often

ONE: dict[type, Event] = {
    Begin: Begin(),
    PartStart: PartStart(1, Text()),
    Delta: Delta(0, "a"),
    Sign: Sign(0, Signature(Format.GEMINI, "a")),
    PartStop: PartStop(0),
    Spent: Spent(Usage()),
    Raw: Raw(Format.GEMINI, 1),
    Finished: Finished(Finish.STOP),
    Fault: Fault(Complaint()),
    End: End(),
}
OPEN: list[Event] = [Begin(), PartStart(0, Text())]
CLOSED = [*OPEN, PartStop(0)]
LEADING: dict[str, list[Event]] = {
    "new": [],
    "saying": OPEN,
    "finished": [*CLOSED, Finished(Finish.STOP)],
    "done": [*CLOSED, Finished(Finish.STOP), End()],
    "broken": [Begin(), Fault(Complaint())],
}
BETWEEN = {kind: event for kind, event in ONE.items() if kind not in {PartStop, Delta, Sign}}


def complaints(events: list[Event]) -> list[str]:
    grammar = Grammar()
    return [wrong for event in events if (wrong := grammar.wrong(event))]


def test_the_table_names_every_event_and_state() -> None:
    assert set(NEXT) == set(LEADING)
    assert set(ONE) == {kind for after in NEXT.values() for kind in after}
    assert {after for row in NEXT.values() for after in row.values()} | {"new"} == set(NEXT)


@pytest.mark.parametrize("state", NEXT)
@pytest.mark.parametrize("kind", ONE, ids=lambda kind: kind.__name__)
def test_what_may_follow_is_what_the_table_says(state: str, kind: type) -> None:
    grammar = Grammar()
    leading = LEADING[state]
    assert [grammar.wrong(event) for event in leading] == [None] * len(leading)
    assert grammar.state == state
    wrong = grammar.wrong(ONE[kind])
    if kind in NEXT[state]:
        assert wrong is None or kind is Finished
        assert grammar.state == NEXT[state][kind]
    else:
        assert wrong == f"{kind.__name__} may not come when the stream is {state}"
        assert grammar.state == state


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([Begin(), Delta(0, "a")], "Delta for part 0, which is not open"),
        ([*OPEN, Delta(1, "a")], "Delta for part 1, which is not open"),
        ([*CLOSED, Delta(0, "a")], "Delta for part 0, which is not open"),
        ([*CLOSED, Sign(0, Signature(Format.GEMINI, "a"))], "Sign for part 0, which is not open"),
        ([Begin(), PartStop(0)], "part 0 stops, which is not open"),
        ([*CLOSED, PartStop(0)], "part 0 stops, which is not open"),
        ([Begin(), PartStart(1, Text())], "part 1 begins where part 0 is next"),
        ([*OPEN, PartStart(0, Text())], "part 0 begins where part 1 is next"),
        ([*OPEN, PartStart(2, Text())], "part 2 begins where part 1 is next"),
        ([*OPEN, PartStart(1, Text()), PartStop(1), Finished(Finish.STOP)], "Finished while part 0 is open"),
    ],
)
def test_parts_are_counted_and_closed(events: list[Event], wrong: str) -> None:
    assert complaints(events) == [wrong]


@given(grammatical)
@settings(max_examples=often(200), deadline=None)
def test_streams_with_parts_that_run_beside_each_other_are_taken(events: tuple[Event, ...]) -> None:
    assert complaints(list(events)) == []


@given(grammatical, st.data())
@settings(max_examples=often(200), deadline=None)
def test_a_stream_is_wrong_without_its_frame_and_with_it_twice(events: tuple[Event, ...], data: st.DataObject) -> None:
    place = data.draw(
        st.sampled_from([at for at, event in enumerate(events) if type(event) not in {Spent, Raw, Delta, Sign}])
    )
    event = events[place]
    assert complaints([*events[:place], event, *events[place:]])
    without = [*events[:place], *events[place + 1 :]]
    assert complaints(without) or isinstance(event, End | PartStart)


@given(grammatical, st.integers(0, 2**10))
@settings(max_examples=often(100), deadline=None)
def test_a_fault_may_come_anywhere_before_the_end_and_nothing_behind_it(events: tuple[Event, ...], place: int) -> None:
    until = list(events[: place % len(events)])
    broken = [*until, Fault(Complaint())]
    assert complaints(broken) == []
    assert all(complaints([*broken, event]) for event in ONE.values())
