"""The fault table: what an upstream does wrong × stream or whole → who answers, and how the answer ends."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

import pytest

from omniroute.config.snapshot import Server, Timeouts
from omniroute.names import FailureKind, Outcome
from tests.support.client import Received, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Last,
    Pause,
    Raw,
    Reset,
    Script,
    ScriptedUpstream,
    Stall,
    Step,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    json_answer,
    refusing_port,
    sse,
)

QUICK = Timeouts(connect=2.0, first_byte=0.4, first_token=0.6, between_events=0.4, answer=0.4, total=20.0)
FIRST, SECOND, BROKEN = "first", "second", "broken"
ROLE, HALLO, WELT, FINISH = (json.dumps(each) for each in chat_events(["Hallo", " Welt"]))
DONE = b"data: [DONE]\n\n"


def event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def stream(*parts: bytes | Step, end: Step) -> Script:
    return [Head(), *(Chunk(each) if isinstance(each, bytes) else each for each in parts), end]


@dataclass(frozen=True)
class Fault:
    """What the first upstream does, and what comes of it.

    ``serves`` is FIRST or SECOND, or BROKEN where the client had seen a part and then gets an error; ``alone`` is the
    status and code that a client sees where there is no second target.
    """

    name: str
    script: Script
    serves: str
    kind: FailureKind | None
    alone: tuple[int, str]


WRONG = {"error": {"message": "overloaded", "type": "server_error", "code": None}}
IN_EVENT = json.dumps({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}})
BEGUN = (event(ROLE), event(HALLO), Pause(0.1))

COMMON = [
    Fault("resets the connection", [Reset()], SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("closes without a word", [Cut()], SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("speaks no HTTP", [Raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Cut()], SECOND, FailureKind.MALFORMED, (502, "upstream_malformed")),
    Fault(
        "is busy",
        error_answer("slow down", 429, (("retry-after", "7"),), code="rate_limit_exceeded"),
        SECOND,
        FailureKind.BUSY,
        (429, "rate_limit_exceeded"),
    ),
    Fault("fails with 500", json_answer(WRONG, 500), SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("fails with HTML", [*json_answer("<html>", 503)], SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("refuses our key", error_answer("bad key", 401), SECOND, FailureKind.AUTH, (502, "upstream_auth")),
    Fault("has no such model", error_answer("no such model", 404, code="model_not_found"), SECOND, FailureKind.NOT_FOUND, (404, "model_not_found")),
    Fault("is too small", error_answer("too long", 400, code="context_length_exceeded"), SECOND, FailureKind.CONTEXT, (400, "context_length_exceeded")),
    Fault("finds the request invalid", error_answer("no", 400, code="bad_value"), BROKEN, FailureKind.INVALID, (400, "bad_value")),
    Fault("never answers", [Stall()], SECOND, FailureKind.TIMEOUT, (504, "upstream_timeout")),
    Fault("redirects", json_answer({}, 302), SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("opens a 200 with an error body", json_answer(WRONG), SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
]  # fmt: skip
WHOLE = [
    *COMMON,
    Fault("answers", chat_answer("from first"), FIRST, None, (200, "")),
    Fault("stalls in the body", [Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"), Stall()], SECOND, FailureKind.TIMEOUT, (504, "upstream_timeout")),
    Fault("is cut in the body", [Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"), Cut()], SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("answers with no JSON", [Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nnope")], SECOND, FailureKind.MALFORMED, (502, "upstream_malformed")),
    Fault("answers with no choices", json_answer({"choices": []}), SECOND, FailureKind.MALFORMED, (502, "upstream_malformed")),
]  # fmt: skip
STREAM = [
    *COMMON,
    Fault("answers", chat_stream(["from", " first"]), FIRST, None, (200, "")),
    Fault("stalls after the headers", stream(end=Stall()), SECOND, FailureKind.TIMEOUT, (504, "upstream_timeout")),
    Fault("stalls after the role", stream(event(ROLE), end=Stall()), SECOND, FailureKind.TIMEOUT, (504, "upstream_timeout")),
    Fault("only ever says that it is alive", [Head(), *[Chunk(b": processing\n\n")] * 3, Stall()], SECOND, FailureKind.TIMEOUT, (504, "upstream_timeout")),
    Fault("is cut before a token", stream(event(ROLE), end=Cut()), SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("is cut in the first token", stream(event(ROLE), event(HALLO)[:-9], end=Cut()), SECOND, FailureKind.DOWN, (502, "upstream_unavailable")),
    Fault("opens with nonsense", stream(event("{nonsense"), end=Last()), SECOND, FailureKind.MALFORMED, (502, "upstream_malformed")),
    Fault("opens with an error event", stream(event(IN_EVENT), end=Last()), SECOND, FailureKind.BUSY, (429, "rate_limit_exceeded")),
    Fault("says nothing but DONE", stream(DONE, end=Last()), SECOND, FailureKind.MALFORMED, (502, "upstream_malformed")),
    Fault("ends before a token", stream(event(ROLE), end=Last()), SECOND, FailureKind.CUT, (502, "upstream_cut")),
    Fault("stalls after a token", stream(*BEGUN, end=Stall()), BROKEN, FailureKind.TIMEOUT, (200, "upstream_timeout")),
    Fault("is cut between events", stream(*BEGUN, end=Cut()), BROKEN, FailureKind.CUT, (200, "upstream_cut")),
    Fault("is cut in an event", stream(*BEGUN, event(WELT)[:-9], end=Cut()), BROKEN, FailureKind.CUT, (200, "upstream_cut")),
    Fault("is reset after a token", stream(*BEGUN, end=Reset()), BROKEN, FailureKind.CUT, (200, "upstream_cut")),
    Fault("sends nonsense after a token", stream(*BEGUN, event("{nonsense"), event(WELT), end=Last()), BROKEN, FailureKind.MALFORMED, (200, "upstream_malformed")),
    Fault("reports an error after a token", stream(*BEGUN, event(IN_EVENT), DONE, end=Last()), BROKEN, FailureKind.BUSY, (200, "rate_limit_exceeded")),
    Fault("ends without finish or terminator", stream(*BEGUN, end=Last()), BROKEN, FailureKind.CUT, (200, "upstream_cut")),
    Fault("forgets the terminator", stream(*BEGUN, event(FINISH), end=Last()), FIRST, None, (200, "")),
    Fault("is cut after the finish", stream(*BEGUN, event(FINISH), end=Cut()), FIRST, None, (200, "")),
    Fault("is cut after the terminator", stream(*BEGUN, event(FINISH), DONE, end=Cut()), FIRST, None, (200, "")),
]  # fmt: skip


def named(fault: Fault) -> str:
    return fault.name


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., object]]:
    async with AsyncExitStack() as stack:

        async def made(script: Script) -> tuple[RunningGateway, ScriptedUpstream, ScriptedUpstream]:
            first = await stack.enter_async_context(ScriptedUpstream(default=script))
            second = await stack.enter_async_context(
                ScriptedUpstream(
                    respond=lambda asked: (chat_stream if asked.json()["stream"] else _whole)(["from", " second"])
                )
            )
            one = provider("first", f"{first.url}/v1", timeouts=QUICK)
            two = provider("second", f"{second.url}/v1", timeouts=QUICK)
            both = combo("both", target(one, "m"), target(two, "m"))
            config = snapshot(one, two, combos=[both], server=Server(grace=1.0))
            return await stack.enter_async_context(running(config)), first, second

        yield made


def _whole(parts: list[str]) -> Script:
    return chat_answer("".join(parts))


def code_of(answer: Received) -> str:
    shown = answer.events[-1] if answer.headers["content-type"].startswith("text/event-stream") else answer.json()
    return str(shown["error"]["code"])


@pytest.mark.parametrize("fault", WHOLE, ids=named)
async def test_when_the_first_of_two_targets_fails_a_whole_answer_comes_from_where_it_should(
    make, fault: Fault
) -> None:
    gateway, _, second = await make(fault.script)
    answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("both"))
    [row] = await gateway.ended()
    assert answer.complete
    if fault.serves == BROKEN:
        assert (answer.status, code_of(answer)) == fault.alone
        assert second.requests == []
        return
    assert answer.status == 200
    assert answer.json()["choices"][0]["message"]["content"] == f"from {fault.serves}"
    assert answer.headers["x-omniroute-target"] == f"{fault.serves}/m"
    assert (row.outcome, row.provider, len(row.attempts)) == (Outcome.OK, fault.serves, 1 + (fault.serves == SECOND))
    assert row.attempts[0].failure is fault.kind


@pytest.mark.parametrize("fault", STREAM, ids=named)
async def test_when_the_first_of_two_targets_fails_a_stream_comes_from_where_it_should(make, fault: Fault) -> None:
    gateway, _, second = await make(fault.script)
    answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("both", stream=True))
    [row] = await gateway.ended()
    assert answer.complete
    assert row.attempts[0].failure is fault.kind
    if fault.serves == BROKEN:
        assert (answer.status, code_of(answer)) == fault.alone
        assert second.requests == []
        assert DONE not in answer.body
        if answer.status == 200:
            assert answer.text == "Hallo"
            assert row.outcome is Outcome.CUT
        return
    assert (row.outcome, row.provider) == (Outcome.OK, fault.serves)
    assert answer.headers["x-omniroute-target"] == f"{fault.serves}/m"
    assert answer.body.endswith(DONE)
    assert answer.text in {f"from {fault.serves}", "Hallo"}


@pytest.mark.parametrize("fault", [*((each, False) for each in WHOLE), *((each, True) for each in STREAM)], ids=lambda pair: f"{pair[0].name}-{'stream' if pair[1] else 'whole'}")  # fmt: skip
async def test_with_one_target_only_the_client_is_told_what_happened(make, fault: tuple[Fault, bool]) -> None:
    case, streamed = fault
    gateway, *_ = await make(case.script)
    answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("first/m", stream=streamed))
    [row] = await gateway.ended()
    assert answer.complete
    assert answer.status == case.alone[0]
    if case.kind is None:
        assert row.outcome is Outcome.OK
        return
    error = answer.events[-1]["error"] if answer.status == 200 else answer.json()["error"]
    assert error["code"] == case.alone[1]
    assert error["omniroute"]["request_id"] == answer.headers["x-request-id"] == row.request_id
    assert [each["target"] for each in error["omniroute"]["attempts"]] == ["first/m"]
    assert row.outcome is (Outcome.CUT if answer.status == 200 else Outcome.FAILED)


async def test_a_target_that_refuses_connections_is_passed_over(make) -> None:
    gateway, _, second = await make(chat_answer("unused"))
    with ExitStack() as stack:
        port = stack.enter_context(refusing_port())
        dead, alive = provider("dead", f"http://127.0.0.1:{port}/v1"), provider("alive", f"{second.url}/v1")
        gateway.swap(snapshot(dead, alive, combos=[combo("both", target(dead, "m"), target(alive, "m"))]))
        for streamed in (False, True):
            answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("both", stream=streamed))
            assert answer.headers["x-omniroute-target"] == "alive/m"
        alone = await fetch(f"{gateway.url}/v1/chat/completions", chat("dead/m"))
        assert (alone.status, code_of(alone)) == (502, "upstream_unavailable")


async def test_the_wait_that_a_busy_upstream_asks_for_is_passed_on(make) -> None:
    gateway, *_ = await make(error_answer("slow down", 429, (("retry-after", "7"),)))
    answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("first/m"))
    assert answer.headers["retry-after"] == "7"


async def test_an_error_whose_body_is_cut_is_judged_by_its_status_all_the_same(make) -> None:
    head = b"HTTP/1.1 429 Busy\r\nretry-after: 7\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
    gateway, *_ = await make([Raw(head), Cut()])
    answer = await fetch(f"{gateway.url}/v1/chat/completions", chat("first/m"))
    assert (answer.status, code_of(answer), answer.headers["retry-after"]) == (429, "upstream_rate_limited", "7")


async def test_an_upstream_that_is_left_behind_is_let_go_of_at_once(make) -> None:
    gateway, first, _ = await make([Head(), Chunk(event(ROLE)), Stall()])
    await fetch(f"{gateway.url}/v1/chat/completions", chat("both", stream=True))
    await gateway.ended()
    assert len(first.disconnects) == 1


async def test_every_fault_leaves_exactly_one_row(make) -> None:
    gateway, *_ = await make(sse(chat_events(["x"])))
    for _ in range(3):
        await fetch(f"{gateway.url}/v1/chat/completions", chat("both", stream=True))
    assert len({row.request_id for row in await gateway.ended(3)}) == len(gateway.exchanged) == 3
