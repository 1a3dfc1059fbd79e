import asyncio

import pytest

from omniroute.engine.patience import Patience, Why


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
