"""The contract of ``omniroute.upstream.port``: every client that reaches the network passes all of this."""

import asyncio
import gc
import gzip
import shutil
import socket
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from omniroute.upstream.client import Client
from omniroute.upstream.embedded import EmbeddedUpstream
from omniroute.upstream.general import GeneralUpstream
from omniroute.upstream.lean import LeanUpstream
from omniroute.upstream.port import Answer, Outgoing, Phase, SendError, Upstream
from tests.support.upstream import (
    Chunk,
    Cut,
    Flood,
    HalfClose,
    Head,
    Last,
    Pause,
    Raw,
    ReadBody,
    Reset,
    Script,
    ScriptedUpstream,
    Stall,
    Step,
    Until,
    answer,
    chat_stream,
    json_answer,
    refusing_port,
    silent_port,
    sse,
)
from tests.support.waiting import eventually, settled, within

IMPLEMENTATIONS: Mapping[str, Callable[..., Upstream]] = {"lean": LeanUpstream, "general": GeneralUpstream}

MEGABYTE = 1_048_576
LIMIT = 64 * MEGABYTE


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Callable[..., Upstream]:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
async def client(make: Callable[..., Upstream]) -> AsyncIterator[Upstream]:
    client = make()
    yield client
    await client.aclose()


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        yield upstream


def ask(upstream: ScriptedUpstream | str, body: bytes = b"{}", **more: Any) -> Outgoing:
    # Its times are longer than any test waits: what ends, is ended by what the test is about.
    url = upstream if isinstance(upstream, str) else f"{upstream.url}/v1/chat?a=b"
    return Outgoing(**{"url": url, "headers": (), "body": body, "connect": 120.0, "first_byte": 120.0, **more})


async def whole(client: Upstream, request: Outgoing) -> tuple[int, bytes]:
    answered = await within(client.send(request))
    return answered.status, await within(answered.read(LIMIT))


async def pieces(answered: Answer) -> list[bytes]:
    return [piece async for piece in answered.chunks()]


async def failure(client: Upstream, request: Outgoing) -> SendError:
    """Give the error that a request ends with, in its headers or in its body."""
    with pytest.raises(SendError) as caught:
        await whole(client, request)
    return caught.value


# Requests.


async def test_a_request_arrives_as_it_was_written(client: Upstream, upstream: ScriptedUpstream) -> None:
    headers = (("X-Api-Key", "k"), ("content-type", "application/json"), ("x-name", "Jürgen"))
    assert (await whole(client, ask(upstream, b'{"a": 1}', headers=headers)))[0] == 200
    got = upstream.requests[0]
    assert (got.method, got.target, got.body) == ("POST", "/v1/chat?a=b", b'{"a": 1}')
    assert got.header("host") == f"127.0.0.1:{upstream.port}"
    assert got.header("content-length") == "8"
    assert got.header("accept-encoding") == "identity"
    ours = {"host", "content-length", "accept-encoding"}
    assert [(name, value) for name, value in got.headers if name.lower() not in ours] == [
        ("X-Api-Key", "k"),
        ("content-type", "application/json"),
        ("x-name", "Jürgen".encode().decode("latin-1")),
    ]


async def test_a_url_without_a_path_asks_for_the_root(client: Upstream, upstream: ScriptedUpstream) -> None:
    await whole(client, ask(upstream.url, b"", method="GET"))
    assert (upstream.requests[0].method, upstream.requests[0].target) == ("GET", "/")
    assert upstream.requests[0].body == b""


@pytest.mark.parametrize("value", ["a\r\nx-admin: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_that_breaks_out_of_its_line_is_not_sent(
    client: Upstream, upstream: ScriptedUpstream, value: str
) -> None:
    error = await failure(client, ask(upstream, headers=(("x-key", value),)))
    assert error.phase is Phase.SEND
    assert value not in error.detail
    assert upstream.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "http://", "http:///x", "nothing", "http://h:port/", "http://u:p@127.0.0.1/", "http://[::1/"]
)
async def test_what_is_no_url_is_no_connection(client: Upstream, url: str) -> None:
    error = await failure(client, ask(url))
    assert error.phase is Phase.CONNECT


async def test_a_large_request_body_arrives_whole(client: Upstream, upstream: ScriptedUpstream) -> None:
    body = bytes(range(256)) * (10 * MEGABYTE // 256)
    assert (await whole(client, ask(upstream, body)))[0] == 200
    assert upstream.requests[0].body == body


async def test_no_header_is_kept_from_one_request_to_the_next(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(json_answer({}, headers=[("set-cookie", "id=1; Path=/")]))
    for _ in range(2):
        await whole(client, ask(upstream))
    assert upstream.requests[1].header("cookie") is None


async def test_a_redirect_is_an_answer(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(answer(b"there", 307, [("location", f"{upstream.url}/elsewhere")]))
    assert await whole(client, ask(upstream)) == (307, b"there")
    assert len(upstream.requests) == 1


# Answers.


@pytest.mark.parametrize("status", [200, 201, 400, 404, 429, 500, 529])
async def test_every_status_is_an_answer(client: Upstream, upstream: ScriptedUpstream, status: int) -> None:
    upstream.then(answer(b"body", status))
    assert await whole(client, ask(upstream)) == (status, b"body")


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 300_000, 3 * MEGABYTE])
async def test_a_body_with_a_length_is_read_to_its_last_byte(
    client: Upstream, upstream: ScriptedUpstream, size: int
) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    upstream.then(answer(body))
    assert await whole(client, ask(upstream)) == (200, body)


@pytest.mark.parametrize("size", [1, 7, 65_537])
async def test_a_chunked_body_is_the_same_wherever_its_chunks_end(
    client: Upstream, upstream: ScriptedUpstream, size: int
) -> None:
    body = bytes(range(256)) * 512
    step = max(size, len(body) // 50)
    parts: list[Step] = [Chunk(body[:size]), *(Chunk(body[at : at + step]) for at in range(size, len(body), step))]
    upstream.then([Head(), *parts, Last(b"x-trailer: ignored\r\n")])
    answered = await within(client.send(ask(upstream)))
    got = await within(pieces(answered))
    assert b"".join(got) == body
    assert all(got)
    assert "x-trailer" not in answered.headers


async def test_a_chunk_may_come_in_bytes(client: Upstream, upstream: ScriptedUpstream) -> None:
    stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n"
    steps: list[Step] = []
    for number in range(len(stream)):
        steps += [Raw(stream[number : number + 1]), Pause(0.0005)]
    upstream.then(steps)
    assert await whole(client, ask(upstream)) == (200, b"hello")
    assert (await whole(client, ask(upstream)))[0] == 200
    assert upstream.connections == 1


async def test_a_body_without_a_length_ends_with_its_connection(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Head(headers=()), Raw(b"all "), Pause(0.01), Raw(b"of it"), Cut()])
    assert await whole(client, ask(upstream)) == (200, b"all of it")
    assert (await whole(client, ask(upstream)))[0] == 200
    assert upstream.connections == 2


async def test_a_body_without_a_length_is_cut_by_a_reset(client: Upstream, upstream: ScriptedUpstream) -> None:
    go = asyncio.Event()
    upstream.then([Head(headers=()), Raw(b"some"), Until(go), Reset()])
    answered = await within(client.send(ask(upstream)))
    chunks = answered.chunks()
    assert await within(anext(chunks)) == b"some"
    go.set()
    with pytest.raises(SendError) as caught:
        await within(anext(chunks))
    assert caught.value.phase is Phase.CUT


async def test_a_half_closed_connection_still_brings_its_answer(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([*answer(b"done"), HalfClose()])
    assert await whole(client, ask(upstream)) == (200, b"done")
    await eventually(lambda: not upstream.peers)
    assert (await whole(client, ask(upstream)))[0] == 200


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304)])
async def test_some_answers_have_no_body_whatever_their_headers_say(
    client: Upstream, upstream: ScriptedUpstream, method: str, status: int
) -> None:
    length = () if status == 204 else (("content-length", "10"),)
    upstream.then([Head(status, length)])
    assert await whole(client, ask(upstream, b"", method=method)) == (status, b"")
    assert (await whole(client, ask(upstream)))[0] == 200


async def test_what_comes_before_the_answer_is_skipped(client: Upstream, upstream: ScriptedUpstream) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    upstream.then([Raw(early), Pause(0.01), *answer(b"late")])
    answered = await within(client.send(ask(upstream)))
    assert (answered.status, await answered.read(LIMIT)) == (200, b"late")
    assert "link" not in answered.headers
    assert (await whole(client, ask(upstream)))[0] == 200
    assert upstream.connections == 1


async def test_switching_protocols_is_no_answer(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Head(101, (("connection", "upgrade"), ("upgrade", "websocket"))), Stall()])
    assert (await failure(client, ask(upstream))).phase is Phase.PROTOCOL
    await eventually(lambda: upstream.disconnects)


async def test_headers_are_lower_case_and_repeated_ones_are_joined(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-Many: a\r\nContent-Length: 0\r\nx-many:  b \r\nX-MANY: c\r\nx-empty:\r\n\r\n"
    upstream.then([Raw(raw)])
    answered = await within(client.send(ask(upstream)))
    assert answered.headers == {"x-many": "a, b, c", "content-length": "0", "x-empty": ""}


async def test_a_header_may_hold_any_byte(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-name: J\xc3\xbcrgen \xff\r\n\r\n")])
    answered = await within(client.send(ask(upstream)))
    assert answered.headers["x-name"].encode("latin-1") == b"J\xc3\xbcrgen \xff"


async def test_a_body_longer_than_the_limit_is_given_up(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Head(headers=(("content-length", str(MEGABYTE)),)), Flood(1000), Stall()])
    answered = await within(client.send(ask(upstream)))
    with pytest.raises(SendError) as caught:
        await within(answered.read(999))
    assert caught.value.phase is Phase.TOO_LONG
    await eventually(lambda: upstream.disconnects)


async def test_a_body_as_long_as_the_limit_is_given(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(answer(b"x" * 1000))
    assert await (await within(client.send(ask(upstream)))).read(1000) == b"x" * 1000


# Codings that were not asked for.

TEXT = b"to be, or not to be " * 5000


def bare_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-Gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
        ("identity", TEXT),
    ],
    ids=["gzip", "x-gzip", "deflate", "bare deflate", "identity"],
)
async def test_a_compressed_answer_is_understood(
    client: Upstream, upstream: ScriptedUpstream, coding: str, body: bytes
) -> None:
    upstream.then(answer(body, 200, [("content-encoding", coding)]))
    answered = await within(client.send(ask(upstream)))
    assert await answered.read(LIMIT) == TEXT
    assert ("content-encoding" in answered.headers) == (coding == "identity")
    assert ("content-length" in answered.headers) == (coding == "identity")


async def test_a_compressed_stream_is_undelayed(client: Upstream, upstream: ScriptedUpstream) -> None:
    squeezer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    first = squeezer.compress(b"first") + squeezer.flush(zlib.Z_SYNC_FLUSH)
    seen = asyncio.Event()
    headers = (("content-encoding", "gzip"), ("transfer-encoding", "chunked"))
    upstream.then([Head(headers=headers), Chunk(first), Until(seen), Chunk(squeezer.flush()), Last()])
    chunks = (await within(client.send(ask(upstream)))).chunks()
    assert await within(anext(chunks)) == b"first"
    seen.set()
    assert [piece async for piece in chunks] == []


@pytest.mark.parametrize(
    ("coding", "body", "phase"),
    [
        ("br", b"anything", Phase.PROTOCOL),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), Phase.PROTOCOL),
        ("gzip", TEXT, Phase.PROTOCOL),
        ("gzip", gzip.compress(TEXT)[:-9], Phase.CUT),
    ],
    ids=["unknown", "two of them", "not so coded", "cut"],
)
async def test_a_coding_that_cannot_be_undone_is_a_failure(
    client: Upstream, upstream: ScriptedUpstream, coding: str, body: bytes, phase: Phase
) -> None:
    upstream.then(answer(body, 200, [("content-encoding", coding)]))
    assert (await failure(client, ask(upstream))).phase is phase


async def test_a_small_body_that_unpacks_to_a_huge_one_comes_in_bounded_pieces(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    upstream.then(answer(gzip.compress(bytes(30 * MEGABYTE)), 200, [("content-encoding", "gzip")]))
    answered = await within(client.send(ask(upstream)))
    size = 0
    async for piece in answered.chunks():
        assert 0 < len(piece) <= 65_536
        size += len(piece)
    assert size == 30 * MEGABYTE


# Streams.


async def test_a_chunk_is_given_while_the_next_is_not_even_sent(client: Upstream, upstream: ScriptedUpstream) -> None:
    seen = [asyncio.Event() for _ in range(3)]
    steps: list[Step] = [Head()]
    for number, event in enumerate(seen):
        steps += [Chunk(b"%d" % number), Until(event)]
    upstream.then([*steps, Last()])
    chunks = (await within(client.send(ask(upstream)))).chunks()
    for number, event in enumerate(seen):
        assert await within(anext(chunks)) == b"%d" % number
        event.set()
    with pytest.raises(StopAsyncIteration):
        await within(anext(chunks))


async def test_headers_are_given_while_the_body_is_not_even_sent(client: Upstream, upstream: ScriptedUpstream) -> None:
    seen = asyncio.Event()
    upstream.then([Head(headers=(("content-length", "4"),)), Until(seen), Raw(b"body")])
    answered = await within(client.send(ask(upstream)))
    seen.set()
    assert await within(answered.read(LIMIT)) == b"body"


async def test_a_slow_reader_slows_the_sender(client: Upstream, make: Callable[..., Upstream]) -> None:
    size = 20 * MEGABYTE
    flood: Script = [Head(headers=(("content-length", str(size)),)), Flood(size)]
    async with ScriptedUpstream(flood, send_buffer=65_536) as upstream:
        answered = await within(client.send(ask(upstream)))
        chunks = answered.chunks()
        got = len(await within(anext(chunks)))
        await settled(lambda: upstream.sent)
        assert upstream.sent < size / 4
        async with asyncio.timeout(60):
            async for piece in chunks:
                got += len(piece)
        assert got == size
        assert upstream.connections == 1


async def test_a_connection_that_was_held_up_is_used_again(client: Upstream, upstream: ScriptedUpstream) -> None:
    for _ in range(2):
        upstream.then(answer(b"x" * 2 * MEGABYTE))
        answered = await within(client.send(ask(upstream)))
        await asyncio.sleep(0.05)
        assert len(await within(answered.read(LIMIT))) == 2 * MEGABYTE
    assert upstream.connections == 1


async def test_two_hundred_requests_at_once_are_all_answered(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.respond = lambda request: sse(
        [f"{request.body.decode()}-{part} " for part in range(3)], gap=0.001, done=False
    )
    requests = [ask(upstream, str(number).encode()) for number in range(200)]
    answers = await asyncio.gather(*(whole(client, request) for request in requests))
    assert answers == [(200, f"{number}-0 {number}-1 {number}-2 ".encode()) for number in range(200)]


# Connections.


async def test_a_connection_is_used_again_after_each_kind_of_end(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(answer(b"length"), sse(["a\n\n"]), answer(b""), [Head(204, ())], answer(b"again"))
    for _ in range(5):
        await whole(client, ask(upstream))
    assert [request.connection for request in upstream.requests] == [1] * 5


async def test_two_requests_at_once_have_two_connections(client: Upstream, upstream: ScriptedUpstream) -> None:
    go = asyncio.Event()
    upstream.default = [Until(go), *answer(b"ok")]
    tasks = [asyncio.create_task(whole(client, ask(upstream))) for _ in range(2)]
    await eventually(lambda: len(upstream.requests) == 2)
    go.set()
    assert await asyncio.gather(*tasks) == [(200, b"ok")] * 2
    assert upstream.connections == 2


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nconnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_a_connection_that_is_said_to_close_is_not_used_again(
    client: Upstream, upstream: ScriptedUpstream, head: bytes
) -> None:
    upstream.then([Raw(head + b"content-length: 2\r\n\r\nok")])
    for _ in range(2):
        await whole(client, ask(upstream))
    assert upstream.connections == 2


async def test_a_connection_closed_while_idle_costs_nothing(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([*answer(b"one"), Cut()])
    await whole(client, ask(upstream))
    await eventually(lambda: not upstream.peers)
    assert (await whole(client, ask(upstream)))[0] == 200
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
async def test_a_request_that_met_a_closing_connection_is_sent_again(
    client: Upstream, upstream: ScriptedUpstream, end: Step
) -> None:
    close = asyncio.Event()
    upstream.then([*answer(b"one"), Until(close), end])
    await whole(client, ask(upstream))
    second = asyncio.create_task(whole(client, ask(upstream, b"again")))
    await eventually(lambda: any(peer.unread for peer in upstream.peers))
    close.set()
    assert (await within(second))[0] == 200
    assert [(request.connection, request.body) for request in upstream.requests] == [(1, b"{}"), (2, b"again")]


async def test_a_request_is_sent_again_only_once(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(answer(b"one"))
    upstream.default = [Cut()]
    await whole(client, ask(upstream))
    error = await failure(client, ask(upstream))
    assert error.phase is Phase.SEND
    assert [request.connection for request in upstream.requests] == [1, 1, 2]


@pytest.mark.parametrize("seen", [b"H", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_a_request_is_not_sent_again_once_a_byte_of_the_answer_was_seen(
    client: Upstream, upstream: ScriptedUpstream, seen: bytes
) -> None:
    upstream.then(answer(b"one"), [Raw(seen), Pause(0.05), Cut()])
    await whole(client, ask(upstream))
    assert (await failure(client, ask(upstream))).phase is Phase.SEND
    assert len(upstream.requests) == 2


async def test_a_request_on_a_new_connection_is_not_sent_again(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.default = [Cut()]
    assert (await failure(client, ask(upstream))).phase is Phase.SEND
    assert len(upstream.requests) == 1


async def test_a_request_that_timed_out_is_not_sent_again(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then(answer(b"one"))
    upstream.default = [Stall()]
    await whole(client, ask(upstream))
    assert (await failure(client, ask(upstream, first_byte=0.1))).phase is Phase.FIRST_BYTE_TIMEOUT
    assert len(upstream.requests) == 2


# Failures.


async def test_a_port_on_which_nothing_listens_is_a_failed_connection(client: Upstream) -> None:
    with refusing_port() as port:
        error = await failure(client, ask(f"http://127.0.0.1:{port}/"))
    assert error.phase is Phase.CONNECT
    assert f"127.0.0.1:{port}" in error.detail


async def test_a_name_that_does_not_exist_is_a_failed_connection(client: Upstream) -> None:
    error = await failure(client, ask("http://upstream.invalid/v1?key=sk-secret"))
    assert error.phase is Phase.CONNECT
    assert "upstream.invalid" in error.detail
    assert "sk-secret" not in error.detail


async def test_a_connection_that_takes_too_long_is_given_up(client: Upstream) -> None:
    with silent_port() as port:
        error = await failure(client, ask(f"http://127.0.0.1:{port}/", connect=0.1))
    assert error.phase is Phase.CONNECT_TIMEOUT


async def test_headers_that_take_too_long_are_given_up(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Raw(b"HTTP/1.1 200 OK\r\nx-slow: 1\r\n"), Stall()])
    error = await failure(client, ask(upstream, first_byte=0.1))
    assert error.phase is Phase.FIRST_BYTE_TIMEOUT
    await eventually(lambda: upstream.disconnects)
    assert upstream.disconnects[0].request is upstream.requests[0]


async def test_a_body_may_take_longer_than_its_headers(client: Upstream, upstream: ScriptedUpstream) -> None:
    late = asyncio.Event()
    upstream.then([Head(), Until(late), Chunk(b"late"), Last()])
    answered = await within(client.send(ask(upstream, first_byte=0.3)))
    await asyncio.sleep(0.4)
    late.set()
    assert await within(answered.read(LIMIT)) == b"late"


async def test_a_reset_before_the_headers_is_a_failed_request(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Reset()])
    assert (await failure(client, ask(upstream))).phase is Phase.SEND


@pytest.mark.parametrize(
    "script",
    [
        [Head(), Chunk(b"x"), Cut()],
        [Head(), Raw(b"a\r\nhal"), Cut()],
        [Head(), Chunk(b"x"), Raw(b"1"), Cut()],
        [Head(), Chunk(b"x"), Raw(b"0\r\n"), Cut()],
        [Head(), Chunk(b"x"), Raw(b"no chunk at all\r\n"), Stall()],
        [Head(headers=(("content-length", "10"),)), Raw(b"four"), Cut()],
        [Head(headers=(("content-length", "10"),)), Cut()],
    ],
    ids=["between chunks", "in a chunk", "in a chunk's header", "in the last chunk", "garbage", "in a body", "no body"],
)
async def test_a_body_that_ends_too_early_is_cut(client: Upstream, upstream: ScriptedUpstream, script: Script) -> None:
    upstream.then(script)
    answered = await within(client.send(ask(upstream)))
    with pytest.raises(SendError) as caught:
        await within(answered.read(LIMIT))
    assert caught.value.phase is Phase.CUT
    assert (await whole(client, ask(upstream)))[0] == 200
    assert upstream.connections == 2


async def test_what_came_before_the_cut_is_given(client: Upstream, upstream: ScriptedUpstream) -> None:
    go = asyncio.Event()
    upstream.then([Head(), Chunk(b"one"), Until(go), Reset()])
    chunks = (await within(client.send(ask(upstream)))).chunks()
    assert await within(anext(chunks)) == b"one"
    go.set()
    with pytest.raises(SendError) as caught:
        await within(anext(chunks))
    assert caught.value.phase is Phase.CUT


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_so(client: Upstream, upstream: ScriptedUpstream, raw: bytes) -> None:
    upstream.then([Raw(raw), Stall()])
    assert (await failure(client, ask(upstream))).phase is Phase.PROTOCOL
    await eventually(lambda: upstream.disconnects)


@pytest.mark.parametrize("line", [b"x-%d: " + b"v" * 990 + b"\r\n", b"v" * 1000], ids=["many", "one"])
async def test_headers_without_end_are_given_up(client: Upstream, upstream: ScriptedUpstream, line: bytes) -> None:
    many = [line % number if b"%d" in line else line for number in range(400)]
    upstream.then([Raw(b"HTTP/1.1 200 OK\r\nx-first: "), *(Raw(one) for one in many), Stall()])
    assert (await failure(client, ask(upstream))).phase is Phase.PROTOCOL
    await eventually(lambda: upstream.disconnects)


async def test_an_answer_before_the_body_was_read_is_an_answer(client: Upstream) -> None:
    script = [*answer(b"too large", 413, [("connection", "close")]), ReadBody(), Cut()]
    async with ScriptedUpstream(script, early=True) as upstream:
        assert await whole(client, ask(upstream, b"x" * 10 * MEGABYTE)) == (413, b"too large")


# Letting go.


async def test_cancelling_before_the_headers_closes_the_connection(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    upstream.then([Stall()])
    task = asyncio.create_task(whole(client, ask(upstream)))
    await eventually(lambda: upstream.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: upstream.disconnects)
    assert upstream.disconnects[0].request is upstream.requests[0]
    assert (await whole(client, ask(upstream)))[0] == 200


async def test_cancelling_while_connecting_leaves_nothing(client: Upstream) -> None:
    with silent_port() as port:
        task = asyncio.create_task(whole(client, ask(f"http://127.0.0.1:{port}/")))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gc.collect()


async def test_cancelling_a_reader_and_closing_ends_the_connection(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    upstream.then([Head(), Chunk(b"one"), Stall()])
    answered = await within(client.send(ask(upstream)))
    task = asyncio.create_task(pieces(answered))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await within(answered.close())
    await eventually(lambda: upstream.disconnects)


async def test_closing_an_answer_before_its_end_closes_the_connection(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    upstream.then([Head(), Chunk(b"one"), Stall()])
    answered = await within(client.send(ask(upstream)))
    chunks = answered.chunks()
    assert await within(anext(chunks)) == b"one"
    await within(answered.close())
    await eventually(lambda: upstream.disconnects)
    assert upstream.disconnects[0].request is upstream.requests[0]
    await answered.close()
    assert (await whole(client, ask(upstream)))[0] == 200


async def test_closing_an_answer_that_floods_closes_the_connection(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    upstream.then([Head(headers=(("content-length", str(50 * MEGABYTE)),)), Flood(50 * MEGABYTE)])
    answered = await within(client.send(ask(upstream)))
    await within(answered.close())
    await eventually(lambda: upstream.disconnects)


async def test_closing_an_answer_after_its_end_keeps_the_connection(
    client: Upstream, upstream: ScriptedUpstream
) -> None:
    for _ in range(3):
        answered = await within(client.send(ask(upstream)))
        await within(answered.read(LIMIT))
        await answered.close()
        await answered.close()
    assert upstream.connections == 1
    assert upstream.disconnects == []


async def test_closing_the_client_closes_what_is_idle(client: Upstream, upstream: ScriptedUpstream) -> None:
    await asyncio.gather(*(whole(client, ask(upstream)) for _ in range(5)))
    await within(client.aclose())
    await eventually(lambda: not upstream.peers)
    gc.collect()


async def test_closing_the_client_ends_what_is_under_way(client: Upstream, upstream: ScriptedUpstream) -> None:
    upstream.then([Stall()], [Head(), Chunk(b"one"), Stall()], [Head(), Chunk(b"one"), Stall()])
    waiting = asyncio.create_task(whole(client, ask(upstream)))
    await eventually(lambda: len(upstream.requests) == 1)
    reading = asyncio.create_task(whole(client, ask(upstream)))
    await eventually(lambda: len(upstream.requests) == 2)
    held = await within(client.send(ask(upstream)))
    with silent_port() as port:
        connecting = asyncio.create_task(whole(client, ask(f"http://127.0.0.1:{port}/")))
        await asyncio.sleep(0.05)
        await within(client.aclose())
        for task in (waiting, reading, connecting):
            with pytest.raises(SendError):
                await within(task)
    with pytest.raises(SendError):
        await within(pieces(held))
    await eventually(lambda: not upstream.peers)


# What holds for every upstream, also for one without a network.


def at_network(make: Callable[..., Upstream]) -> Callable[[str], tuple[Upstream, str]]:
    return lambda url: (make(), url)


EVERYONE: Mapping[str, Callable[[str], tuple[Upstream, str]]] = {
    "lean": at_network(LeanUpstream),
    "general": at_network(GeneralUpstream),
    "client": at_network(Client),
    "embedded": lambda _url: (EmbeddedUpstream(lambda: 0.0), "embedded:echo"),
    "client, embedded": lambda _url: (Client(), "embedded:echo"),
}

CHAT = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello"}]}'


@pytest.fixture(params=EVERYONE)
async def anyone(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Upstream, Outgoing]]:
    """An upstream client, and a request that it answers with a stream of several chunks."""
    async with ScriptedUpstream(chat_stream(["Hel", "lo"], gap=0.001)) as upstream:
        client, base_url = EVERYONE[request.param](upstream.url)
        yield client, ask(f"{base_url}/chat/completions", CHAT)
        await client.aclose()


async def test_pieces_are_the_whole(anyone: tuple[Upstream, Outgoing]) -> None:
    client, request = anyone
    answered = await within(client.send(request))
    got = await within(pieces(answered))
    assert answered.status == 200
    assert answered.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert all(got)
    assert len(got) > 1
    assert b"".join(got).endswith(b"data: [DONE]\n\n")
    assert b"".join(got).count(b"data: ") == (await whole(client, request))[1].count(b"data: ")


async def test_a_limit_is_a_limit(anyone: tuple[Upstream, Outgoing]) -> None:
    client, request = anyone
    answered = await within(client.send(request))
    with pytest.raises(SendError) as caught:
        await within(answered.read(100))
    assert caught.value.phase is Phase.TOO_LONG


async def test_what_is_closed_gives_no_more(anyone: tuple[Upstream, Outgoing]) -> None:
    client, request = anyone
    answered = await within(client.send(request))
    for _ in range(2):
        await within(answered.close())
    with pytest.raises(SendError) as caught:
        await within(answered.read(LIMIT))
    assert caught.value.phase is Phase.CUT


async def test_who_is_closed_sends_no_more(anyone: tuple[Upstream, Outgoing]) -> None:
    client, request = anyone
    await whole(client, request)
    for _ in range(2):
        await within(client.aclose())
    assert (await failure(client, request)).phase is Phase.CONNECT


# TLS.


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.fixture
async def secure(certificate: tuple[Path, Path]) -> AsyncIterator[ScriptedUpstream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    async with ScriptedUpstream(tls=context) as upstream:
        yield upstream


@pytest.fixture
async def trusting(make: Callable[..., Upstream], certificate: tuple[Path, Path]) -> AsyncIterator[Upstream]:
    client = make(ssl.create_default_context(cafile=str(certificate[0])))
    yield client
    await client.aclose()


async def test_tls_carries_every_kind_of_body(trusting: Upstream, secure: ScriptedUpstream) -> None:
    body = b"x" * 2 * MEGABYTE
    secure.then(answer(b"length"), sse(["a\n\n", "b\n\n"], gap=0.01, done=False), answer(body))
    assert await whole(trusting, ask(secure)) == (200, b"length")
    assert await whole(trusting, ask(secure)) == (200, b"a\n\nb\n\n")
    assert await whole(trusting, ask(secure, body)) == (200, body)
    assert secure.requests[2].body == body
    assert secure.connections == 1


async def test_tls_carries_a_body_without_a_length(trusting: Upstream, secure: ScriptedUpstream) -> None:
    secure.then([Head(headers=()), Raw(b"all of it"), Cut()])
    assert await whole(trusting, ask(secure)) == (200, b"all of it")
    assert (await whole(trusting, ask(secure)))[0] == 200


async def test_tls_slows_the_sender_too(trusting: Upstream, secure: ScriptedUpstream) -> None:
    size = 20 * MEGABYTE
    secure.then([Head(headers=(("content-length", str(size)),)), Flood(size)])
    answered = await within(trusting.send(ask(secure)))
    await settled(lambda: secure.sent)
    assert secure.sent < size / 2
    async with asyncio.timeout(60):
        assert len(await answered.read(LIMIT)) == size


async def test_tls_that_is_cut_is_cut(trusting: Upstream, secure: ScriptedUpstream) -> None:
    secure.then([Head(), Chunk(b"x"), Reset()], [Head(), Chunk(b"x"), Cut()], [Cut()])
    assert (await failure(trusting, ask(secure))).phase is Phase.CUT
    assert (await failure(trusting, ask(secure))).phase is Phase.CUT
    assert (await failure(trusting, ask(secure))).phase is Phase.SEND


async def test_tls_is_closed_at_once(trusting: Upstream, secure: ScriptedUpstream) -> None:
    secure.then([Head(), Chunk(b"one"), Stall()])
    answered = await within(trusting.send(ask(secure)))
    await within(answered.close())
    await eventually(lambda: secure.disconnects)
    await whole(trusting, ask(secure))
    await within(trusting.aclose())
    await eventually(lambda: not secure.peers)


async def test_a_certificate_that_nobody_trusts_is_refused(client: Upstream, secure: ScriptedUpstream) -> None:
    error = await failure(client, ask(secure))
    assert error.phase is Phase.TLS
    assert secure.requests == []


async def test_a_certificate_of_another_host_is_refused(trusting: Upstream, secure: ScriptedUpstream) -> None:
    error = await failure(trusting, ask(f"https://localhost:{secure.port}/"))
    assert error.phase is Phase.TLS
    assert secure.requests == []


async def test_a_plain_port_asked_for_tls_is_refused(trusting: Upstream) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        error = await failure(trusting, ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    assert error.phase is Phase.TLS


async def test_a_handshake_that_takes_too_long_is_given_up(trusting: Upstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and says nothing
        port = listening.getsockname()[1]
        error = await failure(trusting, ask(f"https://127.0.0.1:{port}/", connect=0.2))
    assert error.phase is Phase.CONNECT_TIMEOUT
