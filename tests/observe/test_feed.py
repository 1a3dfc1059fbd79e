"""The feed: readers cannot harm a request, nor each other."""

import pytest

from omniroute.observe.events import Admitted, Event, Exchanged, Faulted
from omniroute.observe.feed import Feed, requests_only
from tests.support.events import NOON, admitted, exchanged, reloaded

SECRET = "sk-planted-0123456789abcdef"


def broken(_: Event) -> None:
    message = f"the key is {SECRET}"
    raise KeyError(message)


def test_every_reader_is_told_in_order() -> None:
    told: list[tuple[str, Event]] = []
    feed = Feed((lambda event: told.append(("first", event)), lambda event: told.append(("second", event))))
    event = exchanged()
    feed.report(event)
    assert told == [("first", event), ("second", event)]
    assert feed.failures == 0


def test_whom_requests_do_not_concern_is_told_of_all_else_after_those_whom_they_do() -> None:
    told: list[tuple[str, Event]] = []
    feed = Feed((lambda event: told.append(("of all", event)),), (lambda event: told.append(("other", event)),))
    for event in (exchanged(), reloaded()):
        feed.report(event)
    assert told == [("of all", exchanged()), ("of all", reloaded()), ("other", reloaded())]


def test_a_reader_that_fails_is_counted_and_told_to_the_others() -> None:
    before: list[Event] = []
    after: list[Event] = []
    feed = Feed((before.append, broken, after.append))
    event = exchanged()
    feed.report(event)
    (fault,) = before[1:]
    assert isinstance(fault, Faulted)
    assert (fault.at, fault.request_id, fault.what) == (NOON, event.request_id, "KeyError")
    assert fault.where.startswith("test_feed.py:")
    assert before == [event, fault]
    assert after == [fault, event]
    assert feed.failures == 1
    assert SECRET not in repr(before)


def test_readers_that_all_fail_are_only_counted() -> None:
    def broken_too(event: Event) -> None:
        broken(event)

    feed = Feed((broken, broken_too))
    feed.report(exchanged())
    # Each over the event, and over what is told of the other.
    assert feed.failures == 4


def test_a_fault_outside_a_request_names_none() -> None:
    told: list[Event] = []
    Feed((broken, told.append)).report(reloaded())
    (fault, _) = told
    assert isinstance(fault, Faulted)
    assert fault.request_id == ""


def test_an_interrupt_is_no_failure_of_a_reader() -> None:
    def interrupted(_: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Feed((interrupted,)).report(exchanged())


def test_the_ledger_is_told_of_both_ends_of_a_request_and_of_nothing_else() -> None:
    begun: list[Admitted] = []
    ended: list[Exchanged] = []
    read = requests_only(begun.append, ended.append)
    for event in (reloaded(), admitted(), exchanged()):
        read(event)
    assert (begun, ended) == ([admitted()], [exchanged()])


def test_a_fault_over_an_admission_names_its_request() -> None:
    told: list[Event] = []
    Feed((broken, told.append)).report(admitted(7))
    assert isinstance(told[0], Faulted)
    assert told[0].request_id == "req_00000007"
