"""The lean client: its pool, its requests' heads, and what it costs; the rest is the contract suite's."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop

from omniroute.upstream.lean import OPENINGS, LeanUpstream, head_opening, request_head
from omniroute.upstream.lean_connection import Connection
from omniroute.upstream.place import locate
from omniroute.upstream.port import Outgoing, Phase, SendError
from tests.support.lean import Recording
from tests.support.upstream import ScriptedUpstream, Stall, Until, answer
from tests.support.waiting import eventually, within


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream(answer(b"ok")) as upstream:
        yield upstream


def ask(upstream: ScriptedUpstream, path: str = "/") -> Outgoing:
    return Outgoing(f"{upstream.url}{path}", (), b"{}", 120.0, 120.0)


async def whole(client: LeanUpstream, request: Outgoing) -> bytes:
    return await within((await within(client.send(request))).read(1000))


async def two_connections(client: LeanUpstream, upstream: ScriptedUpstream) -> None:
    """Make the client hold two idle connections to an upstream."""
    go = asyncio.Event()
    upstream.then([Until(go), *answer(b"ok")], [Until(go), *answer(b"ok")])
    tasks = [asyncio.create_task(whole(client, ask(upstream))) for _ in range(2)]
    await eventually(lambda: len(upstream.requests) == 2)
    go.set()
    await asyncio.gather(*tasks)


async def test_idle_connections_are_closed_after_a_while(upstream: ScriptedUpstream) -> None:
    client = LeanUpstream(idle=0.05)
    await two_connections(client, upstream)
    await eventually(lambda: len(upstream.disconnects) == 2)
    assert await whole(client, ask(upstream)) == b"ok"
    await client.aclose()


async def test_a_connection_in_use_is_not_idle(upstream: ScriptedUpstream) -> None:
    client = LeanUpstream(idle=0.05)
    await two_connections(client, upstream)
    for _ in range(30):
        assert await whole(client, ask(upstream)) == b"ok"
        await asyncio.sleep(0.01)
    assert upstream.connections == 2
    assert len(upstream.disconnects) == 1
    await client.aclose()


async def test_the_connection_used_last_is_used_first(upstream: ScriptedUpstream) -> None:
    client = LeanUpstream()
    await two_connections(client, upstream)
    for _ in range(3):
        await whole(client, ask(upstream))
    assert len({request.connection for request in upstream.requests[2:]}) == 1
    await client.aclose()


async def test_pruning_closes_what_is_idle_elsewhere_and_nothing_else(upstream: ScriptedUpstream) -> None:
    client = LeanUpstream()
    async with ScriptedUpstream(answer(b"ok")) as other:
        await two_connections(client, upstream)
        await two_connections(client, other)
        other.then([Stall()])
        task = asyncio.create_task(whole(client, ask(other)))
        await eventually(lambda: len(other.requests) == 3)
        client.prune(frozenset({locate(upstream.url).origin}))
        await eventually(lambda: len(other.disconnects) == 1)
        assert not task.done()
        assert upstream.disconnects == []
        await client.aclose()
        with pytest.raises(SendError):
            await within(task)


async def test_a_connection_that_is_closing_is_passed_over(upstream: ScriptedUpstream) -> None:
    client = Recording()
    await whole(client, ask(upstream))
    client.seen[0].end(Phase.CUT, "this moment")
    assert await whole(client, ask(upstream)) == b"ok"
    assert len(client.seen) == 2
    await client.aclose()


async def test_a_connection_that_is_lost_as_soon_as_it_is_there_is_none(upstream: ScriptedUpstream) -> None:
    client = Recording(hasty=True)
    with pytest.raises(SendError, match="closed at once") as caught:
        await whole(client, ask(upstream))
    assert caught.value.phase is Phase.CONNECT
    await client.aclose()


async def test_nothing_is_left_when_closing_is_done(upstream: ScriptedUpstream) -> None:
    client = Recording()
    await two_connections(client, upstream)
    assert len(client._open) == 2
    await client.aclose()
    assert not client._open


async def test_a_request_starts_no_task_and_logs_nothing(
    upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = LeanUpstream()
    upstream.then([Stall()])
    before = len(asyncio.all_tasks())
    task = asyncio.create_task(whole(client, ask(upstream, "/?key=sk-secret")))
    await eventually(lambda: upstream.requests)
    assert len(asyncio.all_tasks()) == before + 2  # the one above, and the upstream's
    await client.aclose()
    with pytest.raises(SendError):
        await task
    assert not [record for record in caplog.records if record.name != "asyncio"]


def head_of(request: Outgoing) -> bytes:
    return request_head(request, head_opening(request, locate(request.url)))


def test_a_head_is_written_as_the_standard_says() -> None:
    request = Outgoing("https://api.example.com/v1?a=b", (("X-Key", "ü"), ("x-two", "2")), b"{}", 1.0, 1.0)
    assert head_of(request) == (
        b"POST /v1?a=b HTTP/1.1\r\nhost: api.example.com\r\naccept-encoding: identity\r\n"
        b"X-Key: \xc3\xbc\r\nx-two: 2\r\ncontent-length: 2\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "body", "there"), [("GET", b"", False), ("GET", b"x", True), ("POST", b"", True)])
def test_a_length_is_given_where_there_may_be_a_body(method: str, body: bytes, there: bool) -> None:
    request = Outgoing("http://h/", (), body, 1.0, 1.0, method)
    assert (b"content-length: %d\r\n" % len(body) in head_of(request)) is there


def test_a_header_that_cannot_be_encoded_still_makes_a_head() -> None:
    request = Outgoing("http://h/", (("x", "a\ud800b"),), b"", 1.0, 1.0)
    assert b"x: a?b\r\n" in head_of(request)


@pytest.mark.parametrize("header", [("x", "a\r\nb: c"), ("x\n", "a"), ("x", "\0"), ("x", "a\rb")])
def test_a_head_holds_no_more_lines_than_headers(header: tuple[str, str]) -> None:
    request = Outgoing("http://h/?key=sk-secret", (header,), b"", 1.0, 1.0)
    with pytest.raises(SendError, match="line break or a null") as caught:
        head_of(request)
    assert caught.value.phase is Phase.SEND
    assert "sk-secret" not in caught.value.detail


async def test_what_is_remembered_of_heads_is_bounded_and_forgotten_with_a_configuration(
    upstream: ScriptedUpstream,
) -> None:
    client = LeanUpstream()
    for number in range(OPENINGS + 1):
        client._opening(Outgoing(f"http://h/{number}", (("x-key", "sk-secret"),), b"", 1.0, 1.0))
    assert len(client._openings) == 1
    client.prune(frozenset())
    assert not client._openings


class Impatient(LeanUpstream):
    """Cancels a request at the moment at which its connection is there."""

    def __init__(self) -> None:
        super().__init__()
        self.task: asyncio.Task[object] | None = None

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        if self.task is not None:
            self.task.cancel()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_request_that_is_cancelled_as_its_connection_opens_is_not_waited_for(loop: Callable[[], Any]) -> None:
    async def cancelled() -> None:
        async with ScriptedUpstream(answer(b"ok")) as upstream:
            client = Impatient()
            client.task = asyncio.create_task(client.send(ask(upstream)))
            with pytest.raises(asyncio.CancelledError):
                await client.task
            await eventually(lambda: not client._open)
            client.task = None
            assert await whole(client, ask(upstream)) == b"ok"
            await within(client.aclose())

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(cancelled())
