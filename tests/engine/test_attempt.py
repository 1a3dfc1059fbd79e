"""One attempt: what of it reaches the client and when, who waits for whom, and what is told of a failure."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from omniroute.config.snapshot import Auth, Provider, Timeouts
from omniroute.engine.attempt import KIND_OF_PHASE, LONGEST_PREAMBLE
from omniroute.names import FailureKind, Outcome
from omniroute.upstream.port import Outgoing, Phase
from tests.support.client import ask, chat, fetch, request_bytes
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import (
    Chunk,
    Head,
    Last,
    Pause,
    Raw,
    Script,
    ScriptedUpstream,
    Stall,
    Until,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    sse,
    usage_of,
)
from tests.support.waiting import eventually, settled, within

DONE = b"data: [DONE]\n\n"
SECRET = "quite-a-plain-word"


def records(*parts: str, usage: Mapping[str, int] | None = None) -> list[bytes]:
    """The records of a stream, each as it is sent, less the terminator."""
    return [f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(parts, usage)]


@asynccontextmanager
async def before(
    upstream: ScriptedUpstream, timeouts: Timeouts = Timeouts(), **more: object
) -> AsyncIterator[RunningGateway]:
    """A gateway whose provider ``p`` is this upstream."""
    made: Provider = provider("p", f"{upstream.url}/v1", timeouts=timeouts, **more)  # type: ignore[arg-type]
    environ = {"P_MAIN": SECRET, "P_SPARE": f"{SECRET}-too"}
    async with running(snapshot(made, combos=[combo("c", target(made, "m"))]), environ) as gateway:
        yield gateway


def where(gateway: RunningGateway) -> str:
    return f"{gateway.url}/v1/chat/completions"


# What reaches the client, and when.


async def test_each_record_is_passed_on_while_the_upstream_still_thinks_about_the_next() -> None:
    role, *parts, finish = records("a", "b", "c")
    gates = [asyncio.Event() for _ in range(4)]
    steps = [step for gate, part in zip(gates, [*parts, finish], strict=True) for step in (Chunk(part), Until(gate))]
    script: Script = [Head(), Chunk(role), *steps, Chunk(DONE), Last()]
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        connection = await ask(where(gateway), chat("p/m", stream=True))
        await within(connection.headers())
        pieces = connection.pieces()
        expected = [role + parts[0], parts[1], parts[2], finish, DONE]
        for part, gate in zip(expected, [*gates, asyncio.Event()], strict=True):
            got = b""
            while len(got) < len(part):
                got += await within(anext(pieces))
            assert got == part
            gate.set()
        assert (await within(connection.rest())).complete
        await connection.close()


async def test_nothing_is_sent_before_the_first_record_that_means_something() -> None:
    role, word, finish = records("a")
    gate = asyncio.Event()
    opening = [b": waiting\n\n", role, b"event: ping\ndata: {}\n\n"]
    script: Script = [Head(), *map(Chunk, opening), Until(gate), Chunk(word + finish + DONE), Last()]
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        connection = await ask(where(gateway), chat("p/m", stream=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await connection.reader.readexactly(1)
        gate.set()
        await within(connection.headers())
        answer = await within(connection.rest())
        assert answer.body == b"".join(opening) + word + finish + DONE
        await connection.close()


async def test_an_upstream_that_opens_with_too_much_that_means_nothing_is_given_up() -> None:
    comment = b":" + b"x" * 65_533 + b"\n\n"
    flood: Script = [Head(), *[Chunk(comment)] * (LONGEST_PREAMBLE // len(comment) + 2), Stall()]
    async with ScriptedUpstream(default=flood) as upstream, before(upstream) as gateway:
        answer = await fetch(where(gateway), chat("p/m", stream=True))
        assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_malformed")
        assert "say nothing" in answer.json()["error"]["message"]
        await eventually(lambda: upstream.disconnects)


async def test_the_usage_that_only_we_asked_for_is_not_shown() -> None:
    async with ScriptedUpstream(default=chat_stream(["a"], usage_of(3, 4))) as upstream, before(upstream) as gateway:
        answer = await fetch(where(gateway), chat("p/m", stream=True))
        asked = await fetch(where(gateway), chat("p/m", stream=True, stream_options={"include_usage": True}))
        hidden, shown = await gateway.ended(2)
    assert all(request.json()["stream_options"] == {"include_usage": True} for request in upstream.requests)
    assert [each for each in answer.events[:-1] if not each["choices"]] == []
    assert [each["usage"] for each in asked.events[:-1] if not each["choices"]] == [usage_of(3, 4)]
    assert answer.body.endswith(DONE)
    assert asked.body.endswith(DONE)
    assert (hidden.input_tokens, hidden.output_tokens) == (shown.input_tokens, shown.output_tokens) == (3, 4)


async def test_an_upstream_that_does_not_know_how_to_tell_usage_is_not_asked_for_it_and_its_row_is_estimated() -> None:
    async with (
        ScriptedUpstream(default=chat_stream(["a"])) as upstream,
        before(upstream, stream_usage=False) as gateway,
    ):
        await fetch(where(gateway), chat("p/m", stream=True))
        [row] = await gateway.ended()
    assert "stream_options" not in upstream.requests[0].json()
    assert (row.outcome, row.estimated, row.cost_nano) == (Outcome.OK, True, None)
    assert row.output_tokens is not None
    assert row.output_tokens > 0


async def test_whole_records_only_are_passed_on_however_the_upstream_cuts_them() -> None:
    body = b"".join([*records("a", "b"), DONE])
    script: Script = [
        Head(),
        *(step for at in range(0, len(body), 37) for step in (Chunk(body[at : at + 37]),)),
        Last(),
    ]
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        connection = await ask(where(gateway), chat("p/m", stream=True))
        await connection.headers()
        pieces = [piece async for piece in connection.pieces()]
        await connection.close()
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n\n") for piece in pieces)


# The connection to the upstream.


@pytest.mark.parametrize(
    "script",
    [
        chat_answer("x"),
        chat_stream(["x"]),
        error_answer("slow down", 429),
        [*chat_stream(["x"])[:-1], Pause(0.05), Chunk(b": behind the end\n\n"), Last()],
    ],
    ids=["whole", "stream", "error", "a stream that says more behind its end"],
)
async def test_a_connection_whose_answer_was_read_to_its_end_is_used_again(script: Script) -> None:
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        for count in range(3):
            await fetch(where(gateway), chat("p/m", stream=len(script) > 1))
            await gateway.ended(count + 1)
        assert upstream.connections == 1


async def test_an_upstream_that_keeps_its_body_open_behind_the_end_keeps_no_client_waiting() -> None:
    script: Script = [*chat_stream(["x"])[:-1], Stall()]
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        began = asyncio.get_running_loop().time()
        answer = await fetch(where(gateway), chat("p/m", stream=True))
        took = asyncio.get_running_loop().time() - began
        [row] = await gateway.ended()
        assert answer.complete
        assert answer.body.endswith(DONE)
        assert (row.outcome, row.micros <= took * 1e6) == (Outcome.OK, True)
        await eventually(lambda: upstream.disconnects)


# Who waits for whom.


async def slow_reader(gateway: RunningGateway, body: object) -> socket.socket:
    """A client that has asked, has little room, and reads nothing yet."""
    parts = urlsplit(gateway.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (parts.hostname, parts.port))
    await loop.sock_sendall(connection, request_bytes(where(gateway), body))
    return connection


async def read_all(connection: socket.socket, ending: bytes) -> bytes:
    got = bytearray()
    while not got.endswith(ending):
        piece = await within(asyncio.get_running_loop().sock_recv(connection, 262_144))
        if not piece:
            break
        got += piece
    return bytes(got)


async def test_a_slow_client_makes_the_upstream_wait_and_is_not_taken_for_a_silent_upstream() -> None:
    role, word, finish = records("x" * 65_536)
    many = 500
    script: Script = [Head(), Chunk(role), *[Chunk(word)] * many, Chunk(finish), Chunk(DONE), Last()]
    quick = Timeouts(first_byte=10, first_token=10, between_events=0.2)
    async with ScriptedUpstream(default=script, send_buffer=65_536) as upstream, before(upstream, quick) as gateway:
        with await slow_reader(gateway, chat("p/m", stream=True)) as connection:
            await eventually(lambda: upstream.sent > len(word))
            await settled(lambda: upstream.sent)
            await asyncio.sleep(3 * quick.between_events)
            # What fits into sockets and a bounded queue, of 32 MiB.
            assert upstream.sent < 12 * 1024 * 1024
            assert gateway.exchanged == []
            got = await read_all(connection, b"0\r\n\r\n")
        assert got.count(b"x" * 65_536) == many
        assert DONE in got[-100:]
        [row] = await gateway.ended()
        assert (row.outcome, [each.failure for each in row.attempts]) == (Outcome.OK, [None])


async def test_a_client_that_never_reads_does_not_hold_its_upstream_longer_than_a_request_may_take() -> None:
    role, word, _ = records("x" * 65_536)
    script: Script = [Head(), Chunk(role), *[Chunk(word)] * 500, Stall()]
    short = Timeouts(between_events=60, total=0.5)
    async with ScriptedUpstream(default=script, send_buffer=65_536) as upstream, before(upstream, short) as gateway:
        with await slow_reader(gateway, chat("p/m", stream=True)):
            await eventually(lambda: upstream.disconnects)
        [row] = await gateway.ended()
    assert (row.outcome, row.status) == (Outcome.CUT, 200)
    assert "waiting for the client to read" in row.attempts[0].detail


class Mute:
    """An upstream that never answers, whatever time it is given."""

    def __init__(self) -> None:
        self.asked: list[Outgoing] = []

    async def send(self, request: Outgoing) -> None:
        self.asked.append(request)
        await asyncio.Event().wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_no_request_takes_longer_than_all_of_its_time(stream: bool) -> None:
    made = provider("p", timeouts=Timeouts(total=0.2))
    async with running(snapshot(made)) as gateway:
        mute = Mute()
        gateway.rt.upstream = mute  # type: ignore[assignment]  # it needs no more of the port
        answer = await fetch(where(gateway), chat("p/m", stream=stream))
        assert (answer.status, answer.json()["error"]["code"]) == (504, "upstream_timeout")
        assert mute.asked[0].connect <= 0.2


async def test_a_target_that_hangs_leaves_the_next_one_its_time() -> None:
    async with ScriptedUpstream(default=[Stall()]) as first, ScriptedUpstream() as second:
        slow = provider("slow", f"{first.url}/v1", timeouts=Timeouts(answer=0.2, first_byte=0.2))
        good = provider("good", f"{second.url}/v1")
        both = combo("both", target(slow, "m"), target(good, "m"))
        async with running(snapshot(slow, good, combos=[both])) as gateway:
            answer = await fetch(where(gateway), chat("both"))
            [row] = await gateway.ended()
    assert (answer.status, answer.headers["x-omniroute-attempts"]) == (200, "2")
    assert [(each.target, each.failure) for each in row.attempts] == [
        ("slow/m", FailureKind.TIMEOUT),
        ("good/m", None),
    ]


# What is told of a failure.


def test_every_way_in_which_sending_fails_is_a_kind_of_failure() -> None:
    assert set(KIND_OF_PHASE) == set(Phase)


@pytest.mark.parametrize(
    "script",
    [
        error_answer(f"Incorrect API key provided: {SECRET}.", 401),
        error_answer(f"{SECRET} has no more quota", 429),
        sse([{"error": {"message": f"{SECRET} is not allowed here", "code": "invalid_api_key"}}]),
    ],
    ids=["refused", "busy", "in the stream"],
)
async def test_a_credential_that_its_provider_quotes_is_not_told(script: Script) -> None:
    async with ScriptedUpstream(default=script) as upstream, before(upstream, auth=Auth("bearer")) as gateway:
        answer = await fetch(where(gateway), chat("p/m", stream=True))
        [row] = await gateway.ended()
    assert upstream.requests[0].header("authorization") == f"Bearer {SECRET}"
    assert answer.status >= 400
    assert SECRET not in answer.body.decode() + repr(row)
    assert "***" in answer.json()["error"]["message"]
    assert "***" in row.attempts[0].detail


async def test_an_error_body_without_words_is_told_by_its_status() -> None:
    script: Script = [Raw(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")]
    async with ScriptedUpstream(default=script) as upstream, before(upstream) as gateway:
        answer = await fetch(where(gateway), chat("p/m"))
    assert answer.json()["error"]["omniroute"]["attempts"][0]["detail"] == "HTTP 500"


async def test_a_whole_answer_where_a_stream_was_asked_for_is_no_answer() -> None:
    async with ScriptedUpstream(default=chat_answer("x")) as upstream, before(upstream) as gateway:
        answer = await fetch(where(gateway), chat("p/m", stream=True))
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_malformed")
