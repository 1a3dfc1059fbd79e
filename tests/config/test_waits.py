from omniroute.config.snapshot import Timeouts
from omniroute.config.waits import longest, streamed, whole


def test_a_connection_is_waited_for_before_what_comes_over_it() -> None:
    limits = Timeouts(connect=1, first_byte=4, first_token=2, answer=8)
    assert streamed(limits) == 5
    assert whole(limits) == 9


def test_a_connection_is_waited_for_no_longer_than_what_comes_over_it() -> None:
    limits = Timeouts(connect=100, first_byte=4, first_token=2, answer=8)
    assert streamed(limits) == 8
    assert whole(limits) == 16


def test_the_first_event_of_a_stream_is_waited_for_from_the_beginning() -> None:
    assert streamed(Timeouts(connect=1, first_byte=4, first_token=7)) == 7


def test_the_longest_attempt_is_of_the_kind_that_may_take_longer() -> None:
    assert longest(Timeouts(connect=1, first_byte=2, first_token=7, answer=3)) == 7
    assert longest(Timeouts(connect=1, first_byte=2, first_token=4, answer=8)) == 9
