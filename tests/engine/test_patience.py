import asyncio
from collections.abc import Callable
from math import inf
from typing import cast

import pytest

from omniroute.engine.patience import Alarm, Patience, Why


async def interrupted(patience: Patience) -> Why | None:
    """Wait for ever, until the patience ends; give the reason, with everything taken back."""
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    why = patience.why
    patience.settle()
    return why


async def test_what_does_not_come_in_time_interrupts_the_task_and_says_what_was_waited_for() -> None:
    patience = Patience()
    patience.expect(patience.now() + 0.01, "the first event")
    assert await interrupted(patience) is Why.LATE
    assert patience.waited_for == "the first event"
    patience.close()


async def test_after_settling_the_task_goes_on_and_is_not_cancelled() -> None:
    patience = Patience()
    patience.expect(patience.now(), "x")
    await interrupted(patience)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0.01)
    patience.close()


async def test_a_deadline_that_moved_on_does_not_interrupt() -> None:
    patience = Patience()
    patience.expect(patience.now() + 0.02, "x")
    for _ in range(10):
        await asyncio.sleep(0.005)
        patience.expect(patience.now() + 0.02, "x")
    assert patience.why is None
    assert await interrupted(patience) is Why.LATE
    patience.close()


async def test_a_nearer_deadline_is_kept_though_the_timer_was_set_for_a_later_one() -> None:
    patience = Patience()
    patience.expect(patience.now() + 60, "later")
    patience.expect(patience.now() + 0.01, "sooner")
    assert await interrupted(patience) is Why.LATE
    patience.close()


async def test_nothing_interrupts_while_nothing_is_expected() -> None:
    patience = Patience()
    patience.expect(patience.now() + 0.01, "x")
    patience.rest()
    await asyncio.sleep(0.05)
    assert patience.why is None
    patience.expect(patience.now() + 0.01, "x")
    assert await interrupted(patience) is Why.LATE
    patience.close()


async def test_a_client_that_leaves_interrupts_once_and_the_first_reason_stands() -> None:
    patience = Patience()
    patience.interrupt(Why.GONE)
    patience.interrupt(Why.STOPPING)
    assert await interrupted(patience) is Why.GONE
    patience.close()


async def test_a_closed_patience_leaves_no_timer_behind() -> None:
    patience = Patience()
    patience.expect(patience.now() + 0.01, "x")
    patience.close()
    await asyncio.sleep(0.03)
    assert patience.why is None


async def test_a_cancellation_that_is_not_ours_has_no_reason() -> None:
    seen: list[Why | None] = []

    async def request() -> None:
        patience = Patience()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(patience.why)
            raise

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [None]


class Timers:
    """A loop that counts the timers that are set on it."""

    def __init__(self) -> None:
        self.handles: list[asyncio.TimerHandle] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.handles.append(asyncio.get_running_loop().call_later(delay, callback))
        return self.handles[-1]


def alarm_on(timers: Timers) -> Alarm:
    return Alarm(cast("asyncio.AbstractEventLoop", timers), kept=True)


async def test_those_who_wait_one_after_the_other_share_one_timer() -> None:
    timers = Timers()
    alarm = alarm_on(timers)
    for _ in range(3):
        patience = Patience(alarm)
        patience.expect(patience.now() + 60, "x")
        patience.close()
    assert len(timers.handles) == 1
    alarm.drop()
    assert timers.handles[0].cancelled()


async def test_the_timer_that_another_left_behind_interrupts_nobody_too_early_and_nobody_too_late() -> None:
    alarm = alarm_on(Timers())
    before = Patience(alarm)
    before.expect(before.now() + 0.01, "x")
    before.close()
    patience = Patience(alarm)
    patience.expect(patience.now() + 0.05, "y")
    began = patience.now()
    assert await interrupted(patience) is Why.LATE
    assert patience.now() - began >= 0.04
    patience.close()
    alarm.drop()


async def test_an_alarm_that_somebody_waits_by_is_not_given_to_another() -> None:
    timers = Timers()
    alarm = alarm_on(timers)
    first, second = Patience(alarm), Patience(alarm)
    first.expect(first.now() + 60, "x")
    second.expect(second.now() + 0.01, "y")
    assert await interrupted(second) is Why.LATE
    assert first.why is None
    second.close()
    first.close()
    alarm.drop()


async def test_an_alarm_that_is_dropped_rings_for_who_still_waits_by_it_and_is_stopped_then() -> None:
    timers = Timers()
    alarm = alarm_on(timers)
    patience = Patience(alarm)
    patience.expect(patience.now() + 0.01, "x")
    alarm.drop()
    assert await interrupted(patience) is Why.LATE
    patience.expect(patience.now() + 60, "y")
    patience.close()
    assert timers.handles[-1].cancelled()


async def test_an_alarm_that_rings_for_nobody_is_silent() -> None:
    timers = Timers()
    alarm = alarm_on(timers)
    patience = Patience(alarm)
    patience.expect(patience.now() + 0.01, "x")
    patience.close()
    await asyncio.sleep(0.03)
    assert patience.why is None
    assert alarm.fires == inf
