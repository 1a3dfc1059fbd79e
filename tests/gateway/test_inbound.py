import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest

from omniroute.engine.attempt import Wish
from omniroute.engine.patience import Patience, Why
from omniroute.engine.reply import ClientLeft
from omniroute.errors import TooLarge
from omniroute.gateway.inbound import LONGEST_SESSION, AsgiClient, key_of, presented_key, tags, wish


class Wire:
    """The server's side of ASGI: messages to be received, and those that were sent."""

    def __init__(self, *messages: Mapping[str, Any]) -> None:
        self.messages = deque(messages)
        self.more = asyncio.Event()
        self.sent: list[Mapping[str, Any]] = []

    async def receive(self) -> Any:
        while not self.messages:
            self.more.clear()
            await self.more.wait()
        return self.messages.popleft()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        self.messages.append({"type": "http.disconnect"})
        self.more.set()


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def client(wire: Wire, *headers: tuple[bytes, bytes], patience: Patience | None = None) -> AsgiClient:
    return AsgiClient(headers, wire.receive, wire.send, patience or Patience(), [(b"x-request-id", b"req_1")])


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([(b"authorization", b"Bearer abc")], b"abc"),
        ([(b"authorization", b"bearer  abc ")], b"abc"),
        ([(b"x-api-key", b"abc")], b"abc"),
        ([(b"x-goog-api-key", b"abc")], b"abc"),
        ([(b"x-api-key", b"second"), (b"authorization", b"Bearer first")], b"first"),
        ([(b"authorization", b"Basic abc"), (b"x-api-key", b"xyz")], b"xyz"),
        ([(b"authorization", b"Bearer ")], None),
        ([(b"x-api-key", b"")], None),
        ([], None),
    ],
)
def test_the_client_key_is_found_where_each_sdk_puts_it(headers: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert presented_key(headers) == key


@pytest.mark.parametrize(
    ("path", "query", "headers", "key"),
    [
        ("/v1beta/models", b"key=abc", [], b"abc"),
        ("/v1beta/models/m:generateContent", b"alt=sse&key=a%2Fb+c&key=d", [], b"a/b c"),
        ("/v1beta/models", b"key=abc", [(b"x-goog-api-key", b"first")], b"first"),
        ("/v1beta/models", b"key=&monkey=abc", [], None),
        ("/v1/models", b"key=abc", [], None),
        ("/v1/chat/completions", b"key=abc", [(b"x-api-key", b"first")], b"first"),
        ("/api/tags", b"key=abc", [], None),
    ],
)
def test_a_key_in_the_query_counts_on_the_paths_of_one_format_only(
    path: str, query: bytes, headers: list[tuple[bytes, bytes]], key: bytes | None
) -> None:
    assert key_of({"path": path, "query_string": query, "headers": headers}) == key


NONE: frozenset[bytes] = frozenset()


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ([(b"x-session-id", b"a")], "a"),
        ([(b"x_session_id", b"a")], "a"),
        ([(b"x-omniroute-session", b"a")], "a"),
        ([(b"session-id", b"a")], "a"),
        ([(b"session_id", b"a")], "a"),
        ([(b"session_id", b"last"), (b"x-omniroute-session", b"third"), (b"x-session-id", b"first")], "first"),
        ([(b"x-session-id", b""), (b"session-id", b"a")], "a"),
        ([(b"x-session-id", b"x" * LONGEST_SESSION)], "x" * LONGEST_SESSION),
        ([(b"x-session-id", b"x" * (LONGEST_SESSION + 1))], None),
        ([(b"x-request-id", b"a")], None),
    ],
)
def test_a_conversation_is_named_by_the_first_header_that_does(
    headers: list[tuple[bytes, bytes]], session: str | None
) -> None:
    assert wish(headers, NONE) == Wish(session=session)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (b"a, b", ("a", "b")),
        (b"team/red:1.0_x-y , b,", ("team/red:1.0_x-y", "b")),
        (b"a,a,b", ("a", "b")),
        (b'two words,a\xe9,",ok', ("ok",)),
        (b"x" * 64 + b"," + b"y" * 65, ("x" * 64,)),
        (b",".join(b"%d" % number for number in range(12)), tuple(map(str, range(10)))),
        (b"", ()),
    ],
)
def test_well_formed_tags_are_taken_and_others_are_left_out(written: bytes, found: tuple[str, ...]) -> None:
    assert tags(written) == found


def test_a_wish_is_made_of_all_headers_that_say_one() -> None:
    headers = [
        (b"x-omniroute-tags", b"a"),
        (b"openai-beta", b"b"),
        (b"x-omniroute-progress", b" True"),
        (b"x-omniroute-tags", b"c"),
        (b"x-session-id", b"s"),
    ]
    passes = frozenset({b"openai-beta"})
    assert wish(headers, passes) == Wish((("openai-beta", "b"),), True, "s", ("a", "c"))
    assert wish(headers[1:2], passes) == Wish((("openai-beta", "b"),))
    assert wish([(b"accept", b"*/*")], passes) == Wish()


async def test_a_body_in_parts_is_put_together() -> None:
    wire = Wire(part(b"ab", more=True), part(b"", more=True), part(b"c"))
    reading = client(wire)
    assert await reading.body(3) == b"abc"
    await reading.end(b"")
    wire.leave()


async def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_read() -> None:
    wire = Wire()
    with pytest.raises(TooLarge, match=r"4 bytes \(server.max_body\)"):
        await client(wire, (b"content-length", b"5")).body(4)


@pytest.mark.parametrize("parts", [[part(b"12345")], [part(b"123", more=True), part(b"45")]])
async def test_a_body_that_turns_out_too_long_is_refused(parts: list[dict[str, Any]]) -> None:
    with pytest.raises(TooLarge):
        await client(Wire(*parts)).body(4)


@pytest.mark.parametrize("before", [[], [part(b"12", more=True)]])
async def test_a_client_that_leaves_before_its_body_is_complete_has_left(before: list[dict[str, Any]]) -> None:
    wire = Wire(*before, {"type": "http.disconnect"})
    with pytest.raises(ClientLeft):
        await client(wire).body(4)


async def test_a_client_that_leaves_while_it_waits_interrupts_its_request() -> None:
    wire, patience = Wire(part(b"{}")), Patience()
    await client(wire, patience=patience).body(10)
    wire.leave()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert patience.why is Why.GONE
    patience.settle()
    patience.close()


async def test_the_end_of_the_connection_after_the_response_interrupts_nothing() -> None:
    wire, patience = Wire(part(b"{}")), Patience()
    waiting = client(wire, patience=patience)
    await waiting.body(10)
    await waiting.whole(200, (("content-type", "application/json"),), b"{}")
    wire.leave()
    await asyncio.sleep(0.01)
    assert patience.why is None


async def test_a_whole_response_carries_its_length_and_the_common_headers() -> None:
    wire = Wire()
    answering = client(wire)
    await answering.whole(404, (("content-type", "text/plain"),), b"gone")
    start, body = wire.sent
    assert start["status"] == 404
    assert dict(start["headers"]) == {
        b"content-type": b"text/plain",
        b"content-length": b"4",
        b"x-request-id": b"req_1",
    }
    assert (body["body"], body["more_body"]) == (b"gone", False)
    assert answering.started


async def test_a_streamed_response_has_no_length_and_goes_out_part_by_part() -> None:
    wire = Wire()
    answering = client(wire)
    await answering.start(200, (("content-type", "text/event-stream"),))
    await answering.send(b"a")
    await answering.end(b"b")
    assert b"content-length" not in dict(wire.sent[0]["headers"])
    assert [(each["body"], each["more_body"]) for each in wire.sent[1:]] == [(b"a", True), (b"b", False)]


@pytest.mark.parametrize(
    ("query", "key"), [(b"key=%C3%A9", "é".encode()), (b"x=%C3%A9&key=abc", b"abc"), (b"x=\xc3\xa9&key=abc", b"abc")]
)
def test_a_query_that_is_not_ascii_is_read_all_the_same(query: bytes, key: bytes) -> None:
    assert key_of({"path": "/v1beta/models/m:generateContent", "query_string": query, "headers": []}) == key
