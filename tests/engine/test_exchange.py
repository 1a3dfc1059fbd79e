"""A request from end to end: however it ends, its client is told in its own dialect, and one row is left."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from urllib.parse import urlsplit

import msgspec
import pytest

from omniroute.config.snapshot import Auth, Model, Price, Server, Snapshot
from omniroute.engine.exchange import Inbound, exchange, faulted
from omniroute.engine.holder import Holder
from omniroute.engine.patience import Patience, Why
from omniroute.engine.reply import ClientLeft
from omniroute.engine.runtime import Runtime
from omniroute.engine.terms import Headers
from omniroute.errors import TooLarge
from omniroute.formats.codec import Asked, Codec, Place
from omniroute.formats.openai_chat import CODEC
from omniroute.names import FailureKind, Outcome
from omniroute.observe.events import Event, Exchanged, Faulted
from omniroute.upstream.port import Answer, Outgoing
from tests.support.client import Connection, Received, again, ask, chat, fetch, request_bytes
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, key, provider, snapshot, target
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Pause,
    Raw,
    Recorded,
    Script,
    ScriptedUpstream,
    Stall,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    usage_of,
)
from tests.support.waiting import eventually, within

PRICED = Model("m", price=Price(input=2_000_000_000, output=10_000_000_000))
ALICE = key("alice", "sk-alice")
OLD = key("old", "sk-old", expires=1)
KEYED = {"authorization": "Bearer sk-alice"}
ROLE, WORD, *_ = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["Hallo", " Welt"]))
HALF: Script = [Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"), Stall()]


def where(gateway: RunningGateway) -> str:
    return f"{gateway.url}/v1/chat/completions"


def house(upstream: ScriptedUpstream) -> Snapshot:
    """A configuration of all that a request can run into: ``p`` answers, ``poor`` lacks its key."""
    good = provider("p", f"{upstream.url}/v1", models=[PRICED])
    poor = provider("poor", auth=Auth("bearer"))
    server = Server(require_api_key=True, max_body=10_000)
    return snapshot(good, poor, keys=[ALICE, OLD], server=server, combos=[combo("c", target(good, "m"))])


# The client leaves.


@pytest.mark.parametrize(
    ("script", "stream"),
    [([Stall()], False), ([Stall()], True), (HALF, False), ([Head(), Chunk(ROLE), Stall()], True)],
    ids=["before a whole answer", "before a stream", "in a whole answer", "before a stream says anything"],
)
async def test_when_a_client_leaves_that_was_sent_nothing_the_upstream_is_closed_at_once(
    script: Script, stream: bool
) -> None:
    async with (
        ScriptedUpstream(default=script) as upstream,
        running(snapshot(provider("p", f"{upstream.url}/v1"))) as gateway,
    ):
        connection = await ask(where(gateway), chat("p/m", stream=stream))
        await eventually(lambda: upstream.requests)
        await asyncio.sleep(0.05)
        await connection.close()
        await eventually(lambda: upstream.disconnects)
        [row] = await gateway.ended()
        assert gateway.rt.active == set()
    assert (row.outcome, row.status, row.target, row.code) == (Outcome.CANCELLED, 499, "", "")
    assert (row.asked, row.stream, row.output_tokens, row.estimated) == ("p/m", stream, 0, True)
    [attempt] = row.attempts
    assert (attempt.target, attempt.failure, attempt.status) == ("p/m", None, None)


async def test_when_a_client_leaves_in_the_midst_of_a_stream_the_row_says_what_it_was_sent() -> None:
    script: Script = [Head(), Chunk(ROLE), Chunk(WORD), Stall()]
    async with (
        ScriptedUpstream(default=script) as upstream,
        running(snapshot(provider("p", f"{upstream.url}/v1"))) as gateway,
    ):
        connection = await ask(where(gateway), chat("p/m", stream=True))
        await connection.headers()
        await within(anext(connection.pieces()))
        await connection.close()
        await eventually(lambda: upstream.disconnects)
        [row] = await gateway.ended()
    assert (row.outcome, row.status, row.target, row.provider) == (Outcome.CANCELLED, 200, "p/m", "p")
    assert row.first_token_micros is not None
    assert [(each.failure, each.status) for each in row.attempts] == [(None, 200)]


@pytest.mark.parametrize("cut", [False, True])
async def test_usage_that_a_stream_had_told_is_the_least_that_its_row_says_though_it_has_no_end(
    cut: bool,
) -> None:
    events = [{**each, "usage": usage_of(7, number)} for number, each in enumerate(chat_events(["a", "b"]))]
    begun = [Chunk(f"data: {json.dumps(each)}\n\n".encode()) for each in events[:3]]
    upstream = ScriptedUpstream(default=[Head(), *begun, Cut() if cut else Stall()])
    async with upstream, running(snapshot(provider("p", f"{upstream.url}/v1", models=[PRICED]))) as gateway:
        connection = await ask(where(gateway), chat("p/m", stream=True))
        await connection.headers()
        async for _ in connection.pieces():
            if connection.received.text == "ab" and not cut:
                break
        await connection.close()
        [row] = await gateway.ended()
    assert row.outcome is (Outcome.CUT if cut else Outcome.CANCELLED)
    assert (row.input_tokens, row.estimated) == (7, True)
    assert row.output_tokens is not None
    assert row.output_tokens >= 2
    assert row.cost_nano == 7 * 2_000 + row.output_tokens * 10_000


async def test_when_a_client_leaves_no_other_target_is_asked() -> None:
    async with ScriptedUpstream(default=[Stall()]) as first, ScriptedUpstream() as second:
        one, two = provider("one", f"{first.url}/v1"), provider("two", f"{second.url}/v1")
        both = combo("both", target(one, "m"), target(two, "m"))
        async with running(snapshot(one, two, combos=[both])) as gateway:
            connection = await ask(where(gateway), chat("both"))
            await eventually(lambda: first.requests)
            await connection.close()
            [row] = await gateway.ended()
            assert (row.outcome, len(row.attempts), second.requests) == (Outcome.CANCELLED, 1, [])


async def test_a_client_that_leaves_while_it_sends_its_body_asks_nobody_and_leaves_a_row() -> None:
    async with ScriptedUpstream() as upstream, running(snapshot(provider("p", f"{upstream.url}/v1"))) as gateway:
        connection = await ask(where(gateway), b'{"model": "p/m", ', {"content-length": "500"})
        await eventually(lambda: gateway.rt.active)
        await connection.close()
        [row] = await gateway.ended()
        assert upstream.requests == []
    assert (row.outcome, row.status, row.asked, row.attempts) == (Outcome.CANCELLED, 499, "", ())


# One row for every kind of end.

ENDS: dict[str, tuple[bytes | dict[str, object], dict[str, str], tuple[Outcome, int, str]]] = {
    "an answer": (chat("p/m"), KEYED, (Outcome.OK, 200, "")),
    "no key": (chat("p/m"), {}, (Outcome.REFUSED, 401, "invalid_api_key")),
    "a wrong key": (chat("p/m"), {"x-api-key": "sk-bob"}, (Outcome.REFUSED, 401, "invalid_api_key")),
    "an expired key": (chat("p/m"), {"x-goog-api-key": "sk-old"}, (Outcome.REFUSED, 401, "invalid_api_key")),
    "a body that is not JSON": (b"{", KEYED, (Outcome.REFUSED, 400, "invalid_request")),
    "a body without a model": (b"{}", KEYED, (Outcome.REFUSED, 400, "invalid_request")),
    "an empty body": (b"", KEYED, (Outcome.REFUSED, 400, "invalid_request")),
    "an unknown model": (chat("nobody/m"), KEYED, (Outcome.REFUSED, 404, "model_not_found")),
    "a target without its key": (chat("poor/m"), KEYED, (Outcome.REFUSED, 422, "no_fitting_target")),
    "a body that is too long": (b"x" * 10_001, KEYED, (Outcome.REFUSED, 413, "request_too_large")),
    "a body that turns out too long": (
        b"2711\r\n" + b"x" * 10_001 + b"\r\n0\r\n\r\n",
        {**KEYED, "transfer-encoding": "chunked"},
        (Outcome.REFUSED, 413, "request_too_large"),
    ),
}


@pytest.fixture
async def served() -> AsyncIterator[tuple[RunningGateway, ScriptedUpstream]]:
    async with ScriptedUpstream() as upstream, running(house(upstream)) as gateway:
        yield gateway, upstream


async def test_every_kind_of_end_leaves_one_row_that_says_what_the_client_was_told(served) -> None:
    gateway, _ = served
    for number, (name, (body, headers, expected)) in enumerate(ENDS.items(), 1):
        answer = await sent(gateway, body, headers)
        row = (await gateway.ended(number))[-1]
        assert (row.outcome, row.status, row.code) == expected, name
        assert answer.status == row.status, name
        assert row.request_id == answer.headers["x-request-id"], name
        if row.outcome is not Outcome.OK:
            error = answer.json()["error"]
            assert (error["code"], error["omniroute"]["request_id"]) == (row.code, row.request_id), name
    await asyncio.sleep(0.05)
    assert Counter(row.request_id for row in gateway.exchanged).most_common(1)[0][1] == 1
    assert len(gateway.exchanged) == len(ENDS)


async def sent(gateway: RunningGateway, body: object, headers: dict[str, str]) -> Received:
    """Send as it is told; a body in chunks brings its own framing."""
    data = request_bytes(where(gateway), body, headers)
    if "transfer-encoding" in headers:
        data = b"\r\n".join(line for line in data.split(b"\r\n") if not line.startswith(b"content-length"))
    parts = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    connection = Connection(reader, writer)
    writer.write(data)
    await within(connection.headers())
    answer = await within(connection.rest())
    await connection.close()
    return answer


async def test_a_row_names_the_key_and_what_was_asked_for_and_the_configuration(served) -> None:
    gateway, upstream = served
    await fetch(where(gateway), chat("c"), KEYED)
    gateway.swap(msgspec.structs.replace(house(upstream), id="fedcba9876543210"))
    await fetch(where(gateway), chat("c"), KEYED)
    before, after = await gateway.ended(2)
    assert (before.key, before.asked, before.target, before.credential) == ("alice", "c", "p/m", "main")
    assert (before.generation, before.config) == (1, "0123456789ab")
    assert (after.generation, after.config) == (2, "fedcba987654")


async def test_a_request_keeps_the_configuration_that_it_began_with() -> None:
    script: Script = [Head(), Chunk(ROLE), Chunk(WORD), Pause(0.2), *map(Chunk, [WORD]), *chat_stream([])[1:]]
    first, other = ScriptedUpstream(default=script), ScriptedUpstream()
    async with first, other, running(snapshot(provider("p", f"{first.url}/v1"))) as gateway:
        connection = await ask(where(gateway), chat("p/m", stream=True))
        head = await within(connection.headers())
        gateway.swap(snapshot(provider("p", f"{other.url}/v1"), identity="fedcba9876543210"))
        answer = await within(connection.rest())
        await connection.close()
        after = await fetch(where(gateway), chat("p/m"))
        [row, _] = await gateway.ended(2)
    assert answer.complete
    assert (head.headers["x-omniroute-config"], row.generation) == ("1-0123456789ab", 1)
    assert after.headers["x-omniroute-config"] == "2-fedcba987654"
    assert len(other.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_row_has_tokens_and_cost(served, stream: bool) -> None:
    gateway, upstream = served
    usage = {**usage_of(1000, 100), "completion_tokens_details": {"reasoning_tokens": 40}}
    upstream.default = chat_stream(["x"], usage) if stream else chat_answer("x", usage)
    await fetch(where(gateway), chat("p/m", stream=stream), KEYED)
    [row] = await gateway.ended()
    assert (row.input_tokens, row.output_tokens, row.reasoning_tokens) == (1000, 100, 40)
    assert (row.cache_read_tokens, row.cache_write_tokens) == (0, 0)
    assert row.cost_nano == 1000 * 2_000 + 100 * 10_000
    assert (row.first_token_micros or 0) <= row.micros


async def test_a_row_lists_every_attempt_in_order_with_what_came_of_it() -> None:
    # Cut first: on a connection that was used before, it would look like one that had been closed meanwhile.
    scripts = [[Cut()], error_answer("slow down", 429), error_answer("bad key", 401), chat_answer("at last")]
    async with ScriptedUpstream().then(*scripts) as upstream:
        providers = [provider(name, f"{upstream.url}/v1") for name in ("a", "b", "c", "d")]
        every = combo("every", *(target(each, "m") for each in providers))
        async with running(snapshot(*providers, combos=[every])) as gateway:
            answer = await fetch(where(gateway), chat("every"))
            [row] = await gateway.ended()
    assert answer.headers["x-omniroute-attempts"] == "4"
    assert [(each.target, each.failure, each.status) for each in row.attempts] == [
        ("a/m", FailureKind.DOWN, None),
        ("b/m", FailureKind.BUSY, 429),
        ("c/m", FailureKind.AUTH, 401),
        ("d/m", None, 200),
    ]
    assert sum(each.micros for each in row.attempts) <= row.micros


async def test_of_many_requests_at_once_each_is_answered_and_has_a_row_though_a_target_dies() -> None:
    asked_of_b = count(1)

    def lives(asked: Recorded) -> Script:
        usage = usage_of(1, 1)
        return chat_stream(["Hello."], usage) if asked.json()["stream"] else chat_answer("Hello.", usage)

    def dies(asked: Recorded) -> Script:
        return lives(asked) if next(asked_of_b) <= 30 else [Cut()]

    a, b, c = (ScriptedUpstream(respond=respond) for respond in (lives, dies, lives))
    async with a, b, c:
        ones = [provider(name, f"{each.url}/v1") for name, each in (("a", a), ("b", b), ("c", c))]
        targets = [target(each, "m") for each in ones]
        turned = [combo(f"from-{at}", *targets[at:], *targets[:at]) for at in range(3)]
        async with running(snapshot(*ones, combos=turned)) as gateway:
            answers = await asyncio.gather(
                *(fetch(where(gateway), chat(f"from-{number % 3}", stream=number % 2 == 0)) for number in range(300))
            )
            rows = await gateway.ended(300)
            assert gateway.rt.active == set()
    assert [each.status for each in answers] == [200] * 300
    assert {each.headers["x-request-id"] for each in answers} == {row.request_id for row in rows}
    assert len(rows) == 300
    assert {row.outcome for row in rows} == {Outcome.OK}
    turned_over = [row for row in rows if len(row.attempts) == 2]
    assert len(turned_over) == 100 - 30
    assert all((row.attempts[0].target, row.provider) == ("b/m", "c") for row in turned_over)


# Bugs.

CONTENT = "what the client said"


class Broken:
    """An upstream with a bug: in sending, or in an answer after some records."""

    def __init__(self, after: bytes | None = None) -> None:
        self.status = 200
        self.headers = {"content-type": "text/event-stream"}
        self._after = after
        self.closed = 0

    async def send(self, request: Outgoing) -> Answer:
        if self._after is None:
            raise KeyError(CONTENT)
        return self

    async def read(self, limit: int) -> bytes:
        raise KeyError(CONTENT)

    async def chunks(self) -> AsyncIterator[bytes]:
        assert self._after is not None
        yield self._after
        raise KeyError(CONTENT)

    async def close(self) -> None:
        self.closed += 1


async def test_a_bug_before_the_answer_is_told_as_ours_and_the_connection_goes_on(served) -> None:
    gateway, _ = served
    good, gateway.rt.upstream = gateway.rt.upstream, Broken()
    connection = await ask(where(gateway), chat("p/m"), KEYED)
    await connection.headers()
    answer = await connection.rest()
    gateway.rt.upstream = good
    assert (answer.status, answer.json()["error"]["code"], answer.complete) == (500, "internal_error", True)
    assert answer.json()["error"]["omniroute"]["request_id"] == answer.headers["x-request-id"]
    following = await again(connection, where(gateway), chat("p/m"), KEYED)
    assert (await following.headers()).status == 200
    assert (await following.rest()).complete
    await connection.close()
    row, _ = await gateway.ended(2)
    assert (row.outcome, row.status, row.code) == (Outcome.FAILED, 500, "internal_error")
    [fault] = [each for each in gateway.events if isinstance(each, Faulted)]
    assert (fault.request_id, fault.what) == (row.request_id, "KeyError")
    assert fault.where.startswith("test_exchange.py:")
    assert CONTENT not in repr(gateway.events) + answer.body.decode()


async def test_a_bug_in_the_midst_of_a_stream_ends_it_with_an_error_and_no_terminator(served) -> None:
    gateway, _ = served
    good, gateway.rt.upstream = gateway.rt.upstream, (broken := Broken(ROLE + WORD))
    answer = await fetch(where(gateway), chat("p/m", stream=True), KEYED)
    gateway.rt.upstream = good
    assert (answer.status, answer.complete, answer.text) == (200, True, "Hallo")
    assert answer.events[-1]["error"]["code"] == "internal_error"
    assert b"[DONE]" not in answer.body
    [row] = await gateway.ended()
    assert (row.outcome, row.status, row.code, row.target) == (Outcome.CUT, 200, "internal_error", "p/m")
    assert [each.what for each in gateway.events if isinstance(each, Faulted)] == ["KeyError"]
    assert broken.closed == 1


def test_a_fault_that_was_never_raised_has_no_place() -> None:
    assert faulted("req_1", ValueError(CONTENT)).where == "?"


# Against a client made here, which can do what no real one can be made to do.


class Scripted:
    """A client: its body, and what it makes of each call. ``stuck`` names calls that never return."""

    def __init__(self, body: object, *, stuck: str = "", bug: str = "") -> None:
        self._body = body
        self._stuck = stuck
        self._bug = bug
        self.started = False
        self.ended = False
        self.status = 0
        self.sent = b""
        self.waiting = asyncio.Event()

    async def body(self, limit: int) -> bytes:
        if isinstance(self._body, Exception):
            raise self._body
        return json.dumps(self._body).encode()

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.ended = self.started = True
        self.status = status
        await self._call("whole")
        self.sent += body

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        self.status = status

    async def send(self, data: bytes) -> None:
        await self._call("send")
        self.sent += data

    async def end(self, data: bytes) -> None:
        await self._call("end")
        self.sent += data
        self.ended = True

    async def _call(self, name: str) -> None:
        if self._bug == name:
            raise ZeroDivisionError
        if self._stuck == name:
            self.waiting.set()
            await asyncio.Event().wait()


class Serving:
    """One exchange in a task of its own, and what can interrupt it."""

    def __init__(
        self, gateway: RunningGateway, client: Scripted, codec: Codec = CODEC, *, draining: bool = False
    ) -> None:
        self.events: list[Event] = []
        self._patience: Patience | None = None
        self._rt = Runtime(Holder(), gateway.rt.upstream, self.events.append)
        self._rt.draining = draining
        self._live = gateway.rt.holder.current
        self._inbound = Inbound("req_1", codec, b"sk-alice")
        self.task = asyncio.create_task(self._run(client))

    async def _run(self, client: Scripted) -> None:
        self._patience = Patience()
        await exchange(self._rt, self._live, self._inbound, client, self._patience)

    def interrupt(self, why: Why) -> None:
        assert self._patience is not None
        self._patience.interrupt(why)

    async def row(self) -> Exchanged:
        await within(asyncio.wait([self.task]))
        assert self._rt.active == set()
        [row] = [each for each in self.events if isinstance(each, Exchanged)]
        return row

    @property
    def faults(self) -> list[str]:
        return [each.what for each in self.events if isinstance(each, Faulted)]


async def test_a_bug_in_a_codec_is_told_as_ours(served) -> None:
    def broken(body: bytes, _place: Place) -> Asked:
        raise ZeroDivisionError(body)

    client = Scripted(chat("p/m"))
    serving = Serving(served[0], client, msgspec.structs.replace(CODEC, ask=broken))
    row = await serving.row()
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (500, "internal_error")
    assert (row.outcome, row.status, serving.faults) == (Outcome.FAILED, 500, ["ZeroDivisionError"])


async def test_a_gateway_that_is_stopping_refuses_and_does_not_read(served) -> None:
    client = Scripted(AssertionError("the body was read"))
    row = await Serving(served[0], client, draining=True).row()
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (503, "shutting_down")
    assert (row.outcome, row.status, row.code) == (Outcome.REFUSED, 503, "shutting_down")


async def test_a_stop_before_an_answer_is_told_as_such(served) -> None:
    gateway, upstream = served
    upstream.default = [Stall()]
    client = Scripted(chat("p/m"))
    serving = Serving(gateway, client)
    await eventually(lambda: upstream.requests)
    serving.interrupt(Why.STOPPING)
    row = await serving.row()
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (503, "shutting_down")
    assert (row.outcome, row.status, [each.failure for each in row.attempts]) == (Outcome.REFUSED, 503, [None])
    assert row.estimated, "it was asked, and may bill that"
    assert row.input_tokens
    await eventually(lambda: upstream.disconnects)


async def test_a_stop_behind_the_end_of_an_answer_adds_nothing_to_it(served) -> None:
    gateway, upstream = served
    upstream.default = [*chat_stream(["x"])[:-1], Stall()]
    client = Scripted(chat("p/m", stream=True))
    serving = Serving(gateway, client)
    await eventually(lambda: client.ended)
    serving.interrupt(Why.STOPPING)
    row = await serving.row()
    assert (row.outcome, row.status, row.code) == (Outcome.OK, 200, "")
    assert client.sent.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("why", "expected"),
    [(Why.STOPPING, (Outcome.CUT, 200, "shutting_down")), (Why.GONE, (Outcome.CANCELLED, 499, ""))],
)
async def test_a_whole_answer_that_is_interrupted_has_no_place_for_an_error(
    served, why: Why, expected: tuple[Outcome, int, str]
) -> None:
    client = Scripted(chat("p/m"), stuck="whole")
    serving = Serving(served[0], client)
    await within(client.waiting.wait())
    serving.interrupt(why)
    row = await serving.row()
    assert (row.outcome, row.status, row.code) == expected
    assert client.sent == b""


async def test_a_client_that_leaves_before_it_took_the_end_did_not_have_its_answer(served) -> None:
    gateway, upstream = served
    upstream.default = chat_stream(["x"], usage_of(3, 4))
    client = Scripted(chat("p/m", stream=True), stuck="end")
    serving = Serving(gateway, client)
    await within(client.waiting.wait())
    serving.interrupt(Why.GONE)
    row = await serving.row()
    assert (row.outcome, row.status, row.target) == (Outcome.CANCELLED, 200, "p/m")
    assert (row.input_tokens, row.output_tokens) == (3, 4)


async def test_a_bug_in_sending_a_whole_answer_is_reported_though_nothing_more_can_be_said(served) -> None:
    client = Scripted(chat("p/m"), bug="whole")
    serving = Serving(served[0], client)
    row = await serving.row()
    assert (row.outcome, row.code, serving.faults) == (Outcome.CUT, "internal_error", ["ZeroDivisionError"])
    assert serving.task.exception() is None


async def test_a_cancellation_that_is_not_ours_ends_the_task_and_leaves_a_row(served) -> None:
    gateway, upstream = served
    upstream.default = [Stall()]
    serving = Serving(gateway, Scripted(chat("p/m")))
    await eventually(lambda: upstream.requests)
    serving.task.cancel()
    row = await serving.row()
    assert serving.task.cancelled()
    assert (row.outcome, row.status) == (Outcome.CANCELLED, 499)
    await eventually(lambda: upstream.disconnects)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ClientLeft(), (Outcome.CANCELLED, 499, "")), (TooLarge("no"), (Outcome.REFUSED, 413, "request_too_large"))],
)
async def test_what_a_client_does_to_its_body_is_in_the_row(
    served, error: Exception, expected: tuple[Outcome, int, str]
) -> None:
    row = await Serving(served[0], Scripted(error)).row()
    assert (row.outcome, row.status, row.code) == expected
