"""Stopping in order: new requests refused, streams ended whole or with an error, nothing left behind."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from omniroute.config.snapshot import Server as ServerConfig
from omniroute.gateway.server import address_of, heeding, listen
from omniroute.names import Outcome
from tests.support.client import Connection, again, ask, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import (
    Chunk,
    Head,
    Last,
    Script,
    ScriptedUpstream,
    Stall,
    Until,
    chat_events,
    chat_stream,
)
from tests.support.waiting import eventually, within

ROLE, WORD, FINISH = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo"]))
DONE = b"data: [DONE]\n\n"
SOON, LATE = 0.3, 60.0
"""Grace periods: one that is over at once, and one that no test sees the end of."""

Make = Callable[..., object]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def made(script: Script, grace: float) -> tuple[RunningGateway, ScriptedUpstream]:
            upstream = await stack.enter_async_context(ScriptedUpstream(default=script))
            config = snapshot(provider("p", f"{upstream.url}/v1"), server=ServerConfig(grace=grace))
            return await stack.enter_async_context(running(config)), upstream

        yield made


def where(gateway: RunningGateway) -> str:
    return f"{gateway.url}/v1/chat/completions"


async def streaming(gateway: RunningGateway) -> Connection:
    """A stream of which the client has the first word."""
    connection = await ask(where(gateway), chat("p/m", stream=True))
    await within(connection.headers())
    await within(anext(connection.pieces()))
    return connection


async def ended(gateway: RunningGateway) -> None:
    """Wait until the server is through; its port refuses from then on."""

    async def refused() -> bool:
        try:
            await (await ask(f"{gateway.url}/healthz", b"", method="GET")).close()
        except ConnectionError:
            return True
        return False

    async with asyncio.timeout(20):
        while not await refused():
            await asyncio.sleep(0.02)


async def test_while_it_stops_new_requests_are_refused_and_a_stream_under_way_comes_to_its_end(make: Make) -> None:
    gate = asyncio.Event()
    script: Script = [Head(), Chunk(ROLE), Chunk(WORD), Until(gate), Chunk(FINISH), Chunk(DONE), Last()]
    gateway, upstream = await make(script, LATE)
    kept = await ask(f"{gateway.url}/healthz", b"", method="GET")
    await kept.headers()
    await kept.rest()
    stream = await streaming(gateway)
    gateway.server.stop()
    for connection in (await again(kept, where(gateway), chat("p/m")), await ask(where(gateway), chat("p/m"))):
        answer = await within(connection.headers())
        await within(connection.rest())
        error = answer.json()["error"]
        assert (answer.status, error["code"]) == (503, "shutting_down")
        assert error["omniroute"]["request_id"] == answer.headers["x-request-id"]
        await connection.close()
    assert (await fetch(f"{gateway.url}/readyz", method="GET")).status == 503
    assert len(upstream.requests) == 1
    gate.set()
    answer = await within(stream.rest())
    assert answer.complete
    assert answer.body == ROLE + WORD + FINISH + DONE
    await stream.close()
    await ended(gateway)
    rows = await gateway.ended(3)
    assert [(row.outcome, row.status) for row in rows] == [
        (Outcome.REFUSED, 503),
        (Outcome.REFUSED, 503),
        (Outcome.OK, 200),
    ]
    assert gateway.server.stopped_by is None


async def test_a_stream_that_outlasts_the_grace_period_ends_with_an_error_and_no_terminator(make: Make) -> None:
    gateway, upstream = await make([Head(), Chunk(ROLE), Chunk(WORD), Stall()], SOON)
    stream = await streaming(gateway)
    gateway.server.stop()
    answer = await within(stream.rest())
    assert answer.complete
    assert answer.body.startswith(ROLE + WORD)
    assert DONE not in answer.body
    error = answer.events[-1]["error"]
    assert (error["code"], error["omniroute"]["request_id"]) == ("shutting_down", answer.headers["x-request-id"])
    [row] = await gateway.ended()
    assert (row.outcome, row.status, row.code, row.target) == (Outcome.CUT, 200, "shutting_down", "p/m")
    await eventually(lambda: upstream.disconnects)
    await stream.close()
    await ended(gateway)


async def test_a_request_without_an_answer_by_then_is_refused(make: Make) -> None:
    gateway, upstream = await make([Stall()], SOON)
    connection = await ask(where(gateway), chat("p/m"))
    await eventually(lambda: upstream.requests)
    gateway.server.stop()
    answer = await within(connection.headers())
    await within(connection.rest())
    assert (answer.status, answer.json()["error"]["code"]) == (503, "shutting_down")
    [row] = await gateway.ended()
    assert (row.outcome, row.status) == (Outcome.REFUSED, 503)
    await eventually(lambda: upstream.disconnects)
    await connection.close()


async def test_a_client_that_has_not_sent_its_body_by_then_is_refused(make: Make) -> None:
    gateway, _ = await make(chat_stream(["x"]), SOON)
    connection = await ask(where(gateway), b"{", {"content-length": "99"})
    await eventually(lambda: gateway.rt.active)
    gateway.server.stop()
    assert (await within(connection.headers())).status == 503
    await connection.close()
    [row] = await gateway.ended()
    assert (row.outcome, row.code) == (Outcome.REFUSED, "shutting_down")


async def test_a_stream_whose_client_has_its_end_already_is_not_cut(make: Make) -> None:
    gateway, _ = await make([*chat_stream(["x"])[:-1], Stall()], SOON)
    answer = await fetch(where(gateway), chat("p/m", stream=True))
    gateway.server.stop()
    assert answer.body.endswith(DONE)
    [row] = await gateway.ended()
    assert (row.outcome, row.code) == (Outcome.OK, "")
    await ended(gateway)


async def test_without_requests_it_stops_though_clients_keep_their_connections(make: Make) -> None:
    gateway, _ = await make(chat_stream(["x"]), LATE)
    kept = await ask(f"{gateway.url}/healthz", b"", method="GET")
    await kept.headers()
    await kept.rest()
    gateway.server.stop()
    assert await within(kept.reader.read()) == b""
    await kept.close()
    await ended(gateway)


async def test_a_second_signal_ends_it_at_once_and_the_row_is_there_all_the_same(make: Make) -> None:
    gateway, upstream = await make([Head(), Chunk(ROLE), Chunk(WORD), Stall()], LATE)
    stream = await streaming(gateway)
    gateway.server.handle_exit(signal.SIGTERM, None)
    assert not gateway.server.should_exit
    gateway.server.handle_exit(signal.SIGINT, None)
    answer = await within(stream.rest())
    assert DONE not in answer.body
    assert not answer.complete
    [row] = await gateway.ended()
    assert (row.outcome, row.status) == (Outcome.CANCELLED, 200)
    assert gateway.server.stopped_by is signal.SIGTERM
    await eventually(lambda: upstream.disconnects)
    await stream.close()
    await ended(gateway)


async def test_what_is_no_http_is_refused_and_costs_no_line_of_log(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, _ = await make(chat_stream(["x"]), LATE)
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection(*gateway.url.removeprefix("http://").split(":"))
    writer.write(b"not http at all\r\n\r\n")
    assert (await within(reader.read())).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    assert [each for each in caplog.records if each.name.startswith("uvicorn")] == []


def test_an_address_is_written_as_a_url() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening) == f"http://127.0.0.1:{port}"
        assert port > 0


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with listening:
        assert address_of(listening).startswith("http://[::1]:")


def test_an_address_that_is_in_use_is_refused() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


async def test_a_signal_reaches_a_server_that_is_only_about_to_serve(make: Make) -> None:
    gateway, _ = await make([Head()], SOON)
    before = signal.getsignal(signal.SIGTERM)
    with heeding(gateway.server):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    assert gateway.server.stopped_by is signal.SIGTERM
    assert gateway.rt.draining
