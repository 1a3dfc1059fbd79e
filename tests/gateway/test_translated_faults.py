"""What an upstream of another format does wrong reaches the client as an error in its own dialect, never as an end.

Each fault is played in every upstream format to clients of every other format: before anything was said the next target
answers; after it the client gets its own format's error. All faults for one client format are played at once.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from omniroute.config.snapshot import Combo, Provider, Snapshot
from omniroute.names import Format, Outcome
from tests.support.answers import STREAMED, Saying, script
from tests.support.client import Received, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.peer import CHUNKED, EVENTS, JSON, Recorded
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import Chunk, Cut, Head, Last, Pause, Script, ScriptedUpstream, error_answer
from tests.support.upstream import answer as whole
from tests.support.wires import CLIENTS, ROOT, UPSTREAMS, path_of

SAID = Saying("Hallo Welt, wie geht es dir?")
QUESTION = "hi"
NDJSON = (("content-type", "application/x-ndjson"), CHUNKED)
# literal tables
BODIES: dict[Format, dict[str, Any]] = {
    Format.OPENAI_CHAT: {"messages": [{"role": "user", "content": QUESTION}]},
    Format.OPENAI_RESPONSES: {"input": QUESTION},
    Format.OPENAI_COMPLETIONS: {"prompt": QUESTION},
    Format.ANTHROPIC_MESSAGES: {"max_tokens": 99, "messages": [{"role": "user", "content": QUESTION}]},
    Format.GEMINI: {"contents": [{"parts": [{"text": QUESTION}]}]},
    Format.OLLAMA: {"messages": [{"role": "user", "content": QUESTION}]},
}
CLEAN_ENDS: dict[Format, bytes] = {
    Format.OPENAI_CHAT: b"[DONE]",
    Format.OPENAI_RESPONSES: b"response.completed",
    Format.OPENAI_COMPLETIONS: b"[DONE]",
    Format.ANTHROPIC_MESSAGES: b"message_stop",
    Format.GEMINI: b'"finishReason":"STOP"',
    Format.OLLAMA: b'"done":true',
}
"""What a client takes for the proper end of a stream."""
ERRORS: dict[Format, str] = {
    Format.OPENAI_CHAT: '{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}',
    Format.OPENAI_RESPONSES: '{"type":"error","code":"server_error","message":"overloaded","sequence_number":9}',
    Format.ANTHROPIC_MESSAGES: '{"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}',
    Format.GEMINI: '{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}',
    Format.OLLAMA: '{"error":"overloaded"}',
}
"""How an upstream says in the midst of a stream that it cannot go on."""


def pieces(wire: Format) -> list[bytes]:
    """A stream's records."""
    return [each.encode() for each in STREAMED[wire](SAID)]


def begun(wire: Format) -> list[bytes]:
    """The records up to the one with the first words."""
    records = pieces(wire)
    at = next(number for number, record in enumerate(records) if b"Hallo" in record)
    return records[: at + 1]


def record(wire: Format, data: str) -> bytes:
    """A record that says this."""
    named = "event: error\n" if wire is Format.ANTHROPIC_MESSAGES else ""
    return f"{data}\n".encode() if wire is Format.OLLAMA else f"{named}data: {data}\n\n".encode()


def played(wire: Format, *records: bytes, last: bytes = b"", end: Last | Cut) -> Script:
    """Send records; the ``last`` one when the client has had time to see those before it."""
    head = NDJSON if wire is Format.OLLAMA else (*EVENTS, CHUNKED)
    return [Head(200, head), *map(Chunk, records), *([Pause(0.1), Chunk(last)] if last else ()), end]


def broken(wire: Format) -> Iterator[tuple[str, Script]]:
    """Streams that break after the first words."""
    yield "the connection is lost", played(wire, *begun(wire), end=Cut())
    yield "it ends too early", played(wire, *begun(wire), end=Last())
    yield "it says an error", played(wire, *begun(wire), last=record(wire, ERRORS[wire]), end=Last())
    yield "it says what cannot be read", played(wire, *begun(wire), last=record(wire, "{never closed"), end=Last())


def unseen(wire: Format) -> Iterator[tuple[str, Script]]:
    """Answers that fail before they have said anything."""
    yield "it is busy", error_answer("busy", 429)
    yield "it opens with an error", played(wire, record(wire, ERRORS[wire]), end=Last())
    yield "it holds nothing", played(wire, end=Last())
    yield "it is no stream", played(wire, b"<html>hello</html>\n\n", end=Last())


@dataclass(frozen=True)
class Case:
    """What one upstream does wrong; ``first`` plays it."""

    upstream: Format
    name: str
    first: Script


@dataclass(frozen=True)
class Seen:
    """What came of it: the answer, how it ended, and who gave it."""

    answer: Received
    outcome: Outcome
    provider: str


async def asked(client: Format, cases: Sequence[Case], *, stream: bool) -> dict[tuple[Format, str], Seen]:
    """Ask for every case at once: each a combo of its own, of a broken upstream and a good one."""

    def respond(request: Recorded) -> Script:
        _, number, who, *_ = request.path.split("/")
        case = cases[int(number)]
        return case.first if who == "bad" else script(case.upstream, SAID, stream=stream)

    async def one(gateway: RunningGateway, number: int) -> Received:
        body = {"model": f"c{number}", **BODIES[client]} | ({} if client is Format.GEMINI else {"stream": stream})
        return await fetch(gateway.url + path_of(client, f"c{number}", stream=stream), body)

    async with ScriptedUpstream(respond=respond) as upstream, running(config_of(cases, upstream.url)) as gateway:
        answers = await asyncio.gather(*(one(gateway, number) for number in range(len(cases))))
        rows = {row.request_id: row for row in await gateway.ended(len(cases))}
    found: dict[tuple[Format, str], Seen] = {}
    for number, (case, answer) in enumerate(zip(cases, answers, strict=True)):
        row = rows[answer.headers["x-request-id"]]
        found[case.upstream, case.name] = Seen(answer, row.outcome, row.provider.removesuffix(str(number)))
    assert len(rows) == len(found) == len(cases)
    return found


def config_of(cases: Sequence[Case], url: str) -> Snapshot:
    """A combo for each case, of providers of its own, so that nothing is learnt from one case for another."""
    providers: list[Provider] = []
    combos: list[Combo] = []
    for number, case in enumerate(cases):
        bad, good = (
            provider(f"{who}{number}", f"{url}/{number}/{who}{ROOT[case.upstream]}", formats=(case.upstream,))
            for who in ("bad", "good")
        )
        providers += (bad, good)
        combos.append(combo(f"c{number}", target(bad, "m"), target(good, "m")))
    return snapshot(*providers, combos=combos)


def upstreams_of(client: Format) -> list[Format]:
    """The formats that this client is translated to."""
    return [each for each in UPSTREAMS if each is not client]


def said_error(client: Format, answer: Received) -> bool:
    """Whether a stream ends with an error as its format says it."""
    last = answer.body.strip().replace(b"\r\n", b"\n").split(b"\n\n")[-1].split(b"\n")[-1].removeprefix(b"data: ")
    value = json.loads(last)
    if client is Format.OPENAI_RESPONSES:
        return value["type"] in {"error", "response.failed"}
    return bool(value["error"])


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_stream_that_breaks_ends_with_an_error_of_the_clients_format(client: Format) -> None:
    cases = [Case(wire, name, script_) for wire in upstreams_of(client) for name, script_ in broken(wire)]
    for which, seen in (await asked(client, cases, stream=True)).items():
        assert (seen.answer.status, seen.outcome, seen.provider) == (200, Outcome.CUT, "bad"), which
        assert b"Hallo" in seen.answer.body, which
        assert CLEAN_ENDS[client] not in seen.answer.body, which
        assert said_error(client, seen.answer), which


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_failure_that_nobody_saw_moves_on_to_the_next_target(client: Format) -> None:
    cases = [Case(wire, name, script_) for wire in upstreams_of(client) for name, script_ in unseen(wire)]
    for which, seen in (await asked(client, cases, stream=True)).items():
        assert (seen.answer.status, seen.outcome, seen.provider) == (200, Outcome.OK, "good"), which
        assert CLEAN_ENDS[client] in seen.answer.body, which


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_whole_answer_that_is_none_moves_on_to_the_next_target(client: Format) -> None:
    bodies = (b"", b"null", b'{"hello":1}', b"<html>", b'{"error":{"message":"no"}}')
    cases = [Case(wire, str(body), whole(body, headers=JSON)) for wire in upstreams_of(client) for body in bodies]
    for which, seen in (await asked(client, cases, stream=False)).items():
        assert (seen.answer.status, seen.outcome, seen.provider) == (200, Outcome.OK, "good"), which
        assert b"Hallo Welt" in seen.answer.body, which
