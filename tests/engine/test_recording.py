"""An answer that is taken down: its bytes are held once, in bounds, and let go when nobody needs them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from omniroute.engine.patience import Patience, Why
from omniroute.engine.record import Record
from omniroute.engine.recording import Recording, Tee, follow
from omniroute.formats.openai_chat import CODEC
from omniroute.names import Outcome
from omniroute.routing.failure import AllFailed
from tests.support.gateway import live
from tests.support.repeats import Listener
from tests.support.snapshots import snapshot
from tests.support.waiting import eventually, within


def record() -> Record:
    return Record("req_1", CODEC.format, live(snapshot(), {}), 1, 0.0)


@pytest.fixture
async def patience() -> AsyncIterator[Patience]:
    """The patience of a task that nothing interrupts but what a test says."""
    made: asyncio.Future[Patience] = asyncio.get_running_loop().create_future()

    async def guarded() -> None:
        made.set_result(Patience())
        await asyncio.sleep(60)

    task = asyncio.create_task(guarded())
    yield await made
    task.cancel()
    await asyncio.wait([task])


async def following(recording: Recording, client: Listener) -> "asyncio.Task[object]":
    task: asyncio.Task[object] = asyncio.create_task(follow(recording, client, (), record(), bool))  # type: ignore[arg-type]  # a Listener has what is used of a Client
    await asyncio.sleep(0)
    return task


async def test_an_answer_that_grows_too_long_is_let_go_and_cannot_be_joined(patience: Patience) -> None:
    recording = Recording(patience, record(), limit=10)
    recording.begin(200, ())
    for _ in range(5):
        recording.add(b"abcd")
    recording.end()
    recording.close()
    assert not recording.open
    assert recording.kept(1.0) is None
    assert recording._size == 0


async def test_who_keeps_up_gets_an_answer_of_any_length_in_little_memory(patience: Patience) -> None:
    recording, client = Recording(patience, record(), limit=10), Listener()
    task = await following(recording, client)
    recording.begin(200, ())
    for number in range(100):
        recording.add(b"%04d" % number)
        await eventually(lambda wanted=number: len(client.parts) > wanted)  # type: ignore[misc]  # mypy cannot tell what a lambda's default is
        assert recording._size <= 10
    recording.end()
    await within(task)
    assert client.body == b"".join(b"%04d" % number for number in range(100))


async def test_who_falls_behind_is_told_so_and_holds_no_memory(patience: Patience) -> None:
    recording, slow = Recording(patience, record(), limit=10), Listener()
    slow.reading.clear()
    task = await following(recording, slow)
    recording.begin(200, (("x-omniroute-target", "p/m"),))
    await eventually(lambda: slow.started)
    for _ in range(100):
        recording.add(b"abcd")
    recording.end()
    assert recording._size <= 10
    slow.reading.set()
    with pytest.raises(AllFailed, match="so slowly") as caught:
        await within(task)
    assert caught.value.failures[0].started
    assert (caught.value.failures[0].target, caught.value.failures[0].blameless) == ("p/m", True)
    assert not slow.ended


async def test_one_part_that_is_longer_than_the_limit_still_reaches_who_waits(patience: Patience) -> None:
    recording, client = Recording(patience, record(), limit=10), Listener()
    task = await following(recording, client)
    tee = Tee(Listener())  # type: ignore[arg-type]  # a Listener has what is used of a Client
    tee.recording = recording
    await tee.whole(200, (), b"x" * 50)
    await within(task)
    assert (client.body, client.whole_answer) == (b"x" * 50, True)


async def test_what_is_sent_after_an_error_is_known_as_one(patience: Patience) -> None:
    notes = record()
    recording = Recording(patience, notes)
    recording.begin(200, ())
    notes.ended(Outcome.CUT, 200, "upstream_cut")
    recording.end()
    recording.close()
    kept = recording.kept(1.0)
    assert kept is not None
    assert (kept.outcome, kept.code) == ("cut", "upstream_cut")


async def test_a_leaving_client_interrupts_unless_somebody_follows(patience: Patience) -> None:
    recording = Recording(patience, record())
    place = recording.join()
    patience.interrupt(Why.GONE)
    assert patience.why is None
    assert recording.open
    recording.leave(place)
    assert patience.why is Why.GONE


async def test_a_leaving_client_that_nobody_follows_interrupts_and_closes_the_door(patience: Patience) -> None:
    recording = Recording(patience, record())
    patience.interrupt(Why.GONE)
    assert patience.why is Why.GONE
    assert not recording.open


async def test_a_stopping_server_interrupts_whoever_follows(patience: Patience) -> None:
    recording = Recording(patience, record())
    recording.join()
    patience.interrupt(Why.STOPPING)
    assert patience.why is Why.STOPPING


async def test_when_it_is_over_it_holds_nothing_of_the_request(patience: Patience) -> None:
    recording = Recording(patience, record())
    place = recording.join()
    recording.close()
    assert patience.needed is None
    recording.leave(place)
    assert patience.why is None


async def test_a_tee_without_a_recording_only_passes_on() -> None:
    client = Listener()
    tee = Tee(client)  # type: ignore[arg-type]  # a Listener has what is used of a Client
    tee.told = (("x-omniroute-cache", "MISS"),)
    await tee.start(200, ())
    await tee.send(b"1")
    assert (tee.started, tee.ended) == (True, False)
    await tee.end(b"2")
    assert (client.body, tee.ended, client.headers) == (b"12", True, {"x-omniroute-cache": "MISS"})


async def test_an_error_behind_the_end_of_an_answer_is_no_part_of_what_others_get(patience: Patience) -> None:
    leader, follower = Listener(), Listener()
    tee = Tee(leader)
    tee.recording = recording = Recording(patience, record())
    task = await following(recording, follower)
    await tee.start(200, ())
    leader.reading.clear()
    follower.reading.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await tee.end(b"all of it")
    leader.reading.set()
    await tee.end(b"an error")
    follower.reading.set()
    await within(task)
    assert leader.body == b"an error"
    assert follower.body == b"all of it"
    kept = recording.kept(1.0)
    assert kept is not None
    assert (kept.body, kept.outcome) == (b"all of it", "ok")
