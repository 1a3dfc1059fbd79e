"""What an upstream of another format does wrong reaches the client as an error in its own dialect, never as an end.

Each fault is played in every upstream format to clients of every other format: before anything was said the next target
answers; after it the client gets its own format's error.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from omniroute.names import Format, Outcome
from tests.support.answers import STREAMED, Saying, script
from tests.support.client import Received, fetch
from tests.support.gateway import running
from tests.support.peer import CHUNKED, EVENTS, JSON
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import Chunk, Cut, Head, Last, Pause, Script, ScriptedUpstream, error_answer
from tests.support.upstream import answer as whole
from tests.support.wires import CLIENTS, ROOT, UPSTREAMS, path_of

SAID = Saying("Hallo Welt, wie geht es dir?")
QUESTION = "hi"
NDJSON = (("content-type", "application/x-ndjson"), CHUNKED)
PAIRS = [(client, upstream) for client in CLIENTS for upstream in UPSTREAMS if client is not upstream]
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


async def asked(client: Format, upstream: Format, script_: Script, *, stream: bool) -> tuple[Received, Outcome, str]:
    """Ask a combo of the broken upstream and a good one; give the answer, how it ended, and who gave it."""
    body = {"model": "c", **BODIES[client]} | ({} if client is Format.GEMINI else {"stream": stream})
    async with ScriptedUpstream().then(script_) as first, ScriptedUpstream() as second:
        second.then(script(upstream, SAID, stream=stream))
        bad = provider("bad", first.url + ROOT[upstream], formats=(upstream,))
        good = provider("good", second.url + ROOT[upstream], formats=(upstream,))
        config = snapshot(bad, good, combos=[combo("c", target(bad, "m"), target(good, "m"))])
        async with running(config) as gateway:
            answer = await fetch(gateway.url + path_of(client, "c", stream=stream), body)
            [row] = await gateway.ended()
    return answer, row.outcome, row.provider


def said_error(client: Format, answer: Received) -> bool:
    """Whether a stream ends with an error as its format says it."""
    last = answer.body.strip().replace(b"\r\n", b"\n").split(b"\n\n")[-1].split(b"\n")[-1].removeprefix(b"data: ")
    value = json.loads(last)
    if client is Format.OPENAI_RESPONSES:
        return value["type"] in {"error", "response.failed"}
    return bool(value["error"])


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_a_stream_that_breaks_ends_with_an_error_of_the_clients_format(client: Format, upstream: Format) -> None:
    for name, script_ in broken(upstream):
        answer, outcome, provider_ = await asked(client, upstream, script_, stream=True)
        assert (answer.status, outcome, provider_) == (200, Outcome.CUT, "bad"), name
        assert b"Hallo" in answer.body, name
        assert CLEAN_ENDS[client] not in answer.body, name
        assert said_error(client, answer), name


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_a_failure_that_nobody_saw_moves_on_to_the_next_target(client: Format, upstream: Format) -> None:
    for name, script_ in unseen(upstream):
        answer, outcome, provider_ = await asked(client, upstream, script_, stream=True)
        assert (answer.status, outcome, provider_) == (200, Outcome.OK, "good"), name
        assert CLEAN_ENDS[client] in answer.body, name


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_a_whole_answer_that_is_none_moves_on_to_the_next_target(client: Format, upstream: Format) -> None:
    for body in (b"", b"null", b'{"hello":1}', b"<html>", b'{"error":{"message":"no"}}'):
        script_ = whole(body, headers=JSON)
        answer, outcome, provider_ = await asked(client, upstream, script_, stream=False)
        assert (answer.status, outcome, provider_) == (200, Outcome.OK, "good"), body
        assert b"Hallo Welt" in answer.body
