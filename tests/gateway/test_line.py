"""The connection itself: what is sent is the same as over plain ASGI, and who leaves is noticed, pipelined or not."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn

from omniroute.gateway.line import LARGE
from omniroute.names import Outcome
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream, Stall, chat_answer, chat_stream
from tests.support.waiting import eventually, within

PATH = "/v1/chat/completions"


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture
async def gateway(upstream: ScriptedUpstream) -> AsyncIterator[RunningGateway]:
    async with running(snapshot(provider("p", f"{upstream.url}/v1"))) as served:
        yield served


def asking(*, stream: bool = False, headers: str = "", version: str = "1.1") -> bytes:
    body = json.dumps({"model": "p/m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    return f"POST {PATH} HTTP/{version}\r\nhost: x\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


async def opened(gateway: RunningGateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))


async def answer_of(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    """Read one response: its head's lines and its body, chunks and all."""
    head = (await within(reader.readuntil(b"\r\n\r\n"))).decode().lower().split("\r\n")
    length = next((int(line[15:]) for line in head if line.startswith("content-length:")), None)
    body = await within(reader.readuntil(b"0\r\n\r\n") if length is None else reader.readexactly(length))
    return head, body


def without_dates(head: list[str]) -> list[str]:
    return sorted(line for line in head if not line.startswith(("date:", "x-request-id:")))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("headers", ["", "connection: close\r\n"])
async def test_a_response_is_the_one_that_plain_asgi_gives(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool, headers: str
) -> None:
    upstream.default = chat_stream(["Hal", "lo"]) if stream else chat_answer("Hallo")
    plain = uvicorn.Config(gateway.server.config.app, http="httptools", log_config=None, lifespan="off")
    plain.server_header = False
    server = uvicorn.Server(plain)
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    await eventually(lambda: server.started)
    found = []
    for port in (int(gateway.url.rpartition(":")[2]), listening.getsockname()[1]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asking(stream=stream, headers=headers))
        head, body = await answer_of(reader)
        if headers:
            assert await within(reader.read()) == b""
        writer.close()
        found.append((without_dates(head), body))
    server.should_exit = True
    await serving
    assert found[0] == found[1]


async def test_a_connection_is_kept_for_the_next_request(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.default = chat_answer("Hallo")
    reader, writer = await opened(gateway)
    for _ in range(3):
        writer.write(asking())
        head, body = await answer_of(reader)
        assert head[0] == "http/1.1 200 ok"
        assert b"Hallo" in body
    writer.close()


async def test_an_answer_longer_than_a_copy_is_worth_comes_whole(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.default = chat_answer("x" * (40 * LARGE))
    reader, writer = await opened(gateway)
    writer.write(asking())
    _, body = await answer_of(reader)
    assert json.loads(body)["choices"][0]["message"]["content"] == "x" * (40 * LARGE)
    writer.close()


async def test_pipelined_requests_are_answered_in_their_order(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.default = chat_answer("Hallo")
    reader, writer = await opened(gateway)
    writer.write(asking() * 3)
    ids = [next(line for line in (await answer_of(reader))[0] if line.startswith("x-request-id")) for _ in range(3)]
    assert len(set(ids)) == 3
    assert [f"x-request-id: {each.request_id}" for each in await gateway.ended(3)] == ids
    writer.close()


@pytest.mark.parametrize("requests", [1, 3])
async def test_who_leaves_interrupts_the_request_that_is_answered(
    gateway: RunningGateway, upstream: ScriptedUpstream, requests: int
) -> None:
    upstream.default = (Stall(),)
    _, writer = await opened(gateway)
    writer.write(asking() * requests)
    await eventually(lambda: len(gateway.rt.active) == 1)
    writer.transport.abort()
    (first, *_) = await gateway.ended()
    assert first.outcome is Outcome.CANCELLED
    await eventually(lambda: not gateway.rt.active)


async def test_who_leaves_after_a_long_body_is_noticed_too(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.default = (Stall(),)
    _, writer = await opened(gateway)
    body = json.dumps({"model": "p/m", "messages": [{"role": "user", "content": "x" * 2_000_000}]}).encode()
    writer.write(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    await eventually(lambda: len(upstream.requests) == 1)
    writer.transport.abort()
    assert (await gateway.ended())[0].outcome is Outcome.CANCELLED


async def test_a_body_that_waits_to_be_asked_for_is_asked_for(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.default = chat_answer("Hallo")
    reader, writer = await opened(gateway)
    head, body = asking(headers="expect: 100-continue\r\n").split(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await within(reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await answer_of(reader))[0][0] == "http/1.1 200 ok"
    with suppress(ConnectionError):
        writer.close()


async def test_a_client_that_reads_late_holds_the_upstream_back_and_gets_every_event(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    parts = [f"{number:05}" + "x" * 20_000 for number in range(1500)]
    upstream.default = chat_stream(parts)
    reader, writer = await opened(gateway)
    writer.write(asking(stream=True))
    await eventually(lambda: upstream.sent)
    sent = -1
    while sent < upstream.sent:  # until nothing moves any more
        sent = upstream.sent
        await asyncio.sleep(0.2)
    assert sent < 20_000_000
    await within(reader.readuntil(b"\r\n\r\n"))
    seen = 0
    while b"[DONE]" not in (line := await within(reader.readline())):
        seen += line.count(b'"content": "%05dx' % seen)
    assert seen == len(parts)
    writer.close()
