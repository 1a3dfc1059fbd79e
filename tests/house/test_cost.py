"""What a request costs, counted in calls and not in seconds: the same figure on every machine, however busy it is.

A call is a function that Python code calls, written in Python or in C, between the ASGI server and the upstream
client: admission, plan, translation, limits, relay, settling, and handing the row to the ledger. After a change that
costs more on purpose, or one that costs less, write the figures that this prints into ``COSTS``:

    .venv/bin/pytest -q -s tests/house/test_cost.py

What a call costs is not the same everywhere, so this finds work that was added, and not how slow it is: for that there
is ``make bench``.
"""

import asyncio
import gc
import json
import statistics
import sys
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from types import FrameType
from typing import Any

import pytest

from omniroute.engine.holder import Holder
from omniroute.engine.runtime import Runtime
from omniroute.gateway.app import Gateway
from omniroute.observe.events import Event, Exchanged
from omniroute.observe.feed import Feed, requests_only
from omniroute.observe.metrics import Metrics, Probes
from omniroute.observe.redact import redact
from omniroute.observe.telemetry import Telemetry
from omniroute.storage.db import MEMORY
from omniroute.storage.ledger import Ledger
from omniroute.upstream.port import Answer, Outgoing
from tests.support.gateway import live
from tests.support.upstream import chat_events, usage_of
from tests.support.written import snapshot

# literal table: what is done, and the calls that it takes
COSTS = {
    "a small request, passed on": 361,
    "a small request, translated": 545,
    "a small request of a caller with a policy and a budget": 455,
    "an event of a stream, passed on": 32,
    "an event of a stream, translated": 46,
}
TOLERANCE = 0.05
PYTHON = (3, 11)
"""Where the figures are from: each version of Python makes other calls of the same code."""
WARM, COUNTED = 20, 21
"""Requests before the first that is counted, which fill what is remembered; and those whose median counts."""
SHORT, LONG = 10, 110
"""Events of two streams; the difference of the two is what so many events more cost."""
CONFIGURATION = f"""
[providers.house]
base_url = "http://house.example/v1"
formats = ["openai-chat"]
auth = "none"
[providers.house.models.m]
price = {{ input = "0.50", output = "2.00" }}
[aliases]
smart = "house/m"
[keys.free]
sha256 = "{sha256(b"free").hexdigest()}"
[keys.bound]
sha256 = "{sha256(b"bound").hexdigest()}"
policy = "bound"
[policies.bound]
budgets = ["month"]
rate = {{ requests_per_minute = 1_000_000, tokens_per_minute = 1_000_000_000, concurrent = 1000 }}
[budgets.month]
limit = "100000 USD"
"""
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


class Said:
    """An upstream's answer that is there at once; a stream comes event by event."""

    def __init__(self, parts: list[bytes], kind: str) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {"content-type": kind}
        self._parts = parts

    async def read(self, limit: int) -> bytes:
        return self._parts[0]

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    async def close(self) -> None:
        pass


class Instant:
    """An upstream client that has the answer already."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def send(self, request: Outgoing) -> Answer:
        return self.answer

    async def aclose(self) -> None:
        pass


class Calls:
    """Counts calls while it is in force."""

    def __init__(self) -> None:
        self.count = 0

    def _note(self, frame: FrameType, event: str, argument: object) -> None:
        if event in {"call", "c_call"}:
            self.count += 1

    def __enter__(self) -> "Calls":
        gc.disable()  # what it would call depends on what else there is
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        gc.enable()


def whole() -> Said:
    message = {"role": "assistant", "content": "The quick brown fox. " * 8}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Said([json.dumps({**body, "usage": usage_of(60, 20)}).encode()], "application/json")


def stream(events: int) -> Said:
    said = [f"word {number} " for number in range(events)]
    parts = [f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(said, usage_of(60, 20))]
    return Said([*parts, b"data: [DONE]\n\n"], "text/event-stream")


def gateway(answer: Said, ended: list[Event]) -> Gateway:
    """Everything that is there at one request, but for the two connections; ``ended`` gets what was reported."""
    holder = Holder()
    holder.swap(live(snapshot(CONFIGURATION), {}))
    metrics = Metrics(Probes(lambda: 0, lambda: (0, 0, 0), lambda: True, lambda: 0))
    ledger = Ledger(MEMORY, trouble=print, redact=redact)  # it is never started: its rows wait in a queue
    feed = Feed((metrics.note, requests_only(ledger.admit, ledger.record), Telemetry().note, ended.append))
    rt = Runtime(holder, Instant(answer), feed.report, ledger.admit)

    async def no_pages(scope: object, receive: object, send: object) -> None:
        raise AssertionError(scope)

    return Gateway(rt, no_pages)


async def ask(app: Gateway, path: str, key: str, body: bytes) -> int:
    """Send one request by ASGI, and read its answer; gives the status."""
    over = asyncio.Event()
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    status = 0

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif not message["more_body"]:
            over.set()

    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + key.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return status


def calls(answer: Said, path: str, *, key: str = "free", streams: bool = False) -> float:
    """Count the calls of one request: the median of several."""
    said = {"model": "smart", "messages": [{"role": "user", "content": "Say hello."}], "stream": streams}
    body = json.dumps(said | ({"max_tokens": 100} if path == MESSAGES else {})).encode()
    ended: list[Event] = []

    async def counted() -> list[int]:
        app, found = gateway(answer, ended), []
        for _ in range(WARM + COUNTED):
            with Calls() as one:
                status = await ask(app, path, key, body)
            assert status == 200
            found.append(one.count)
            await asyncio.sleep(0)  # who listened for the client's leaving ends
        return found[WARM:]

    with asyncio.Runner(debug=False) as runner:
        median = statistics.median(runner.run(counted()))
    rows = [each for each in ended if isinstance(each, Exchanged)]
    assert len(rows) == WARM + COUNTED
    assert {(row.outcome, row.output_tokens, row.key, bool(row.budgets)) for row in rows} == {
        ("ok", 20, key, key == "bound")
    }
    return median


def calls_an_event(path: str) -> float:
    """Count the calls of one event in the midst of a stream."""
    short, long = (calls(stream(events), path, streams=True) for events in (SHORT, LONG))
    return (long - short) / (LONG - SHORT)


MEASURES = {
    "a small request, passed on": lambda: calls(whole(), CHAT),
    "a small request, translated": lambda: calls(whole(), MESSAGES),
    "a small request of a caller with a policy and a budget": lambda: calls(whole(), CHAT, key="bound"),
    "an event of a stream, passed on": lambda: calls_an_event(CHAT),
    "an event of a stream, translated": lambda: calls_an_event(MESSAGES),
}


@pytest.mark.skipif(
    sys.version_info[:2] != PYTHON or sys.implementation.name != "cpython",
    reason="the figures are those of CPython 3.11; each version makes other calls of the same code",
)
@pytest.mark.parametrize("name", COSTS)
def test_a_request_makes_no_more_calls_than_are_written_here(name: str) -> None:
    found, written = MEASURES[name](), COSTS[name]
    print(f'\n    "{name}": {found:g},')
    assert found <= written * (1 + TOLERANCE), (
        f"{name}: {found:g} calls where {written:g} are allowed (and {TOLERANCE:.0%} more). Look for what was added on "
        f'the way of a request; where that is right, write "{name}": {found:g} into COSTS of this file, and say so in '
        "the commit"
    )


def test_calls_of_python_and_of_c_are_counted() -> None:
    with Calls() as none:
        pass
    with Calls() as some:
        len("")
        as_said()
    assert some.count - none.count == 3


def as_said() -> int:
    return len("")
