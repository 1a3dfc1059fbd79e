"""A client that asked for a stream and never reads it cannot hold the gateway."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

from omniroute.config.snapshot import Server, Timeouts
from omniroute.names import Outcome
from tests.support.client import chat, request_bytes
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import Chunk, Head, ScriptedUpstream, Stall, chat_events
from tests.support.waiting import eventually

ROLE, WORD, _ = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["x" * 65_536]))
FLOOD = [Head(), Chunk(ROLE), *[Chunk(WORD)] * 500, Stall()]


async def stuck(gateway: RunningGateway) -> socket.socket:
    parts = urlsplit(gateway.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (parts.hostname, parts.port))
    body = request_bytes(f"{gateway.url}/v1/chat/completions", chat("p/m", stream=True))
    await loop.sock_sendall(connection, body)
    return connection


async def test_when_its_time_is_up_its_request_ends_though_it_cannot_be_told() -> None:
    async with ScriptedUpstream(default=FLOOD, send_buffer=65_536) as upstream:
        made = provider("p", f"{upstream.url}/v1", timeouts=Timeouts(total=1.0))
        async with running(snapshot(made)) as gateway:
            with await stuck(gateway):
                await eventually(lambda: upstream.disconnects)
                [row] = await gateway.ended()
                assert gateway.rt.active == set()
    assert (row.outcome, row.status, row.code) == (Outcome.CUT, 200, "upstream_timeout")


async def test_a_server_that_stops_does_not_wait_for_it_and_its_row_is_there() -> None:
    async with ScriptedUpstream(default=FLOOD, send_buffer=65_536) as upstream:
        made = provider("p", f"{upstream.url}/v1")
        async with running(snapshot(made, server=Server(grace=0.5))) as gateway:
            with await stuck(gateway):
                await eventually(lambda: upstream.sent > 1024 * 1024)
                gateway.server.stop()
                [row] = await gateway.ended()
                await eventually(lambda: upstream.disconnects)
    assert (row.outcome, row.status, row.code) == (Outcome.CUT, 200, "shutting_down")
