"""One connection of the lean client: what the contract leaves open."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from omniroute.upstream.lean import LeanUpstream
from omniroute.upstream.lean_connection import HIGH, SLICE, LeanAnswer
from omniroute.upstream.port import Outgoing, Phase, SendError
from tests.support.lean import Recording
from tests.support.upstream import Chunk, Cut, Head, Last, Raw, ScriptedUpstream, Stall, Step, Until, answer
from tests.support.waiting import eventually, within


@pytest.fixture
async def client() -> AsyncIterator[LeanUpstream]:
    client = LeanUpstream()
    yield client
    await client.aclose()


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        yield upstream


def ask(upstream: ScriptedUpstream, body: bytes = b"{}") -> Outgoing:
    return Outgoing(f"{upstream.url}/", (), body, 120.0, 120.0)


async def whole(client: LeanUpstream, request: Outgoing) -> bytes:
    return await within((await within(client.send(request))).read(10**8))


async def test_a_second_answer_is_nobodys(client: LeanUpstream, upstream: ScriptedUpstream) -> None:
    both = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    upstream.then([Raw(both)], answer(b"two"))
    assert await whole(client, ask(upstream)) == b"one"
    assert await whole(client, ask(upstream)) == b"two"
    assert upstream.connections == 2


async def test_a_peer_that_speaks_unasked_is_left(client: LeanUpstream, upstream: ScriptedUpstream) -> None:
    go = asyncio.Event()
    upstream.then([*answer(b"one"), Until(go), *answer(b"evil"), Stall()], answer(b"two"))
    assert await whole(client, ask(upstream)) == b"one"
    go.set()
    await eventually(lambda: upstream.disconnects)
    assert await whole(client, ask(upstream)) == b"two"


async def test_a_connection_is_free_before_its_answer_was_taken(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    upstream.then([Head(), Chunk(b"one"), Last()])
    first = await within(client.send(ask(upstream)))
    await asyncio.sleep(0.02)
    await whole(client, ask(upstream))
    assert await within(first.read(100)) == b"one"
    assert upstream.connections == 1


async def test_a_connection_that_is_free_while_much_waits_to_be_taken_reads_on(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    upstream.then(answer(b"x" * (HIGH + 1)))  # so that its last read is the one that is too much
    first = await within(client.send(ask(upstream)))
    await eventually(lambda: client._idle)
    await whole(client, ask(upstream))
    assert upstream.connections == 1
    assert len(await within(first.read(10**6))) == HIGH + 1


async def test_cancelling_after_the_answer_came_does_not_hurt_who_has_the_connection_now(
    upstream: ScriptedUpstream,
) -> None:
    client = Recording()
    upstream.then([], answer(b"two"))
    task = asyncio.create_task(whole(client, ask(upstream)))
    await eventually(lambda: upstream.requests)
    client.seen[0].data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    task.cancel()
    assert await whole(client, ask(upstream)) == b"two"
    assert upstream.connections == 1
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.aclose()


@asynccontextmanager
async def deaf_peer(client: LeanUpstream) -> AsyncIterator[tuple[asyncio.Task[bytes], socket.socket]]:
    """A peer that reads nothing of the 50 MB it is sent: the task that sends, and the peer's socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        request = Outgoing(f"http://127.0.0.1:{listening.getsockname()[1]}/", (), b"x" * 50_000_000, 120.0, 120.0)
        task = asyncio.create_task(whole(client, request))
        peer, _ = await asyncio.get_running_loop().sock_accept(listening)
        with peer:
            yield task, peer


async def test_what_a_peer_does_not_read_is_not_copied() -> None:
    client = Recording()
    async with deaf_peer(client) as (task, _):
        await eventually(lambda: client.seen and client.seen[0]._full)
        assert client.seen[0]._transport.get_write_buffer_size() < 4 * SLICE
        await client.aclose()
        with pytest.raises(SendError):
            await task


async def test_a_peer_that_says_no_more_and_reads_no_more_is_left(client: LeanUpstream) -> None:
    async with deaf_peer(client) as (task, peer):
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(SendError) as caught:
            await within(task)
        assert caught.value.phase is Phase.SEND
        await eventually(lambda: not client._open)


async def test_an_answer_before_the_body_was_read_ends_the_connection(client: LeanUpstream) -> None:
    refusal = answer(b"too large", 413)
    async with ScriptedUpstream([*refusal, Stall()], early=True) as upstream:
        assert await whole(client, ask(upstream, b"x" * 50_000_000)) == b"too large"
        await eventually(lambda: upstream.disconnects)


async def test_what_waits_to_be_taken_is_bounded(client: LeanUpstream, upstream: ScriptedUpstream) -> None:
    size = 8_000_000
    upstream.then(answer(b"x" * size))
    answered = await within(client.send(ask(upstream)))
    await asyncio.sleep(0.1)
    chunks = answered.chunks()
    waiting = 0
    while waiting < size:  # as long as pieces are there at once, they had been waiting
        task = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)
        if not task.done():
            await task
            break
        waiting += len(task.result())
        if waiting > 2 * HIGH:
            break
    assert waiting <= 2 * HIGH
    await answered.close()


async def test_a_failure_is_told_as_often_as_one_asks(client: LeanUpstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Head(), Chunk(b"one"), Stall()])
    answered = await within(client.send(ask(upstream)))
    await answered.close()
    for _ in range(2):
        with pytest.raises(SendError) as caught:
            await answered.read(100)
        assert caught.value.phase is Phase.CUT


@asynccontextmanager
async def begun(
    client: LeanUpstream, upstream: ScriptedUpstream, *script: Step
) -> AsyncIterator[tuple[LeanAnswer, asyncio.Event]]:
    """An answer that has begun, and whose first piece was taken; what sets the rest of it going."""
    go = asyncio.Event()
    upstream.then([Head(), Chunk(b"first"), Until(go), *script])
    answered = await within(client.send(ask(upstream)))
    assert await within(anext(answered)) == b"first"
    yield answered, go
    await answered.close()


async def test_pieces_are_handed_on_in_order_until_no_more_are_taken_and_the_iterator_gives_the_rest(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    taken: list[bytes] = []

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return len(b"".join(taken)) < 6

    two, three = asyncio.Event(), asyncio.Event()
    parts = (Chunk(b"two"), Until(two), Chunk(b"three"), Until(three), Chunk(b"four"), Last())
    async with begun(client, upstream, *parts) as (answered, go):
        pouring = asyncio.create_task(answered.pour(take))
        go.set()
        await eventually(lambda: taken == [b"two"])
        assert not pouring.done()
        two.set()
        await within(pouring)
        three.set()
        assert taken == [b"two", b"three"]
        assert await within(anext(answered)) == b"four"
        with pytest.raises(StopAsyncIteration):
            await within(anext(answered))


async def test_pouring_ends_with_the_body_and_at_once_where_something_is_there(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    def never(piece: bytes) -> bool:
        raise AssertionError(piece)

    async with begun(client, upstream, Chunk(b"two"), Last()) as (answered, go):
        go.set()
        await eventually(lambda: client._idle)
        await within(answered.pour(never))
        assert await within(anext(answered)) == b"two"
        await within(answered.pour(never))
    async with begun(client, upstream, Last()) as (answered, go):
        pouring = asyncio.create_task(answered.pour(never))
        await asyncio.sleep(0)
        go.set()
        await within(pouring)


async def test_a_connection_that_breaks_while_its_answer_is_poured_fails_the_iterator(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    async with begun(client, upstream, Cut()) as (answered, go):
        pouring = asyncio.create_task(answered.pour(lambda _: True))
        await asyncio.sleep(0)
        go.set()
        await within(pouring)
        with pytest.raises(SendError) as caught:
            await within(anext(answered))
        assert caught.value.phase is Phase.CUT


async def test_what_the_taking_of_a_piece_raises_is_raised_where_it_is_poured(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    def broken(piece: bytes) -> bool:
        raise ValueError(piece)

    async with begun(client, upstream, Chunk(b"two"), Last()) as (answered, go):
        pouring = asyncio.create_task(answered.pour(broken))
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(ValueError, match="two"):
            await within(pouring)
    assert not upstream.disconnects


async def test_who_is_cancelled_while_pouring_is_handed_nothing_more(
    client: LeanUpstream, upstream: ScriptedUpstream
) -> None:
    def never(piece: bytes) -> bool:
        raise AssertionError(piece)

    async with begun(client, upstream, Chunk(b"two"), Last()) as (answered, go):
        pouring = asyncio.create_task(answered.pour(never))
        await asyncio.sleep(0)
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        go.set()
        assert await within(anext(answered)) == b"two"
