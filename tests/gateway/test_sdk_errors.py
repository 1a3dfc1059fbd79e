"""Each error that the gateway renders raises, in each official SDK, the class that the SDK documents for it; and is
asked for again, or not, as that SDK documents it.

OpenAI: https://github.com/openai/openai-python#handling-errors and #retries. Anthropic:
https://github.com/anthropics/anthropic-sdk-python#handling-errors and #retries. Google:
https://googleapis.github.io/python-genai/#error-handling. Ollama: https://github.com/ollama/ollama-python#errors.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from omniroute.config.snapshot import Key, Server, Timeouts
from omniroute.names import Format, Scope
from omniroute.upstream.port import Answer, Outgoing
from tests.support.answers import Saying, script
from tests.support.gateway import RunningGateway, running
from tests.support.sdk import ASK, Heard, question
from tests.support.snapshots import key, provider, snapshot
from tests.support.upstream import (
    Chunk,
    Cut,
    Pause,
    Reset,
    Script,
    ScriptedUpstream,
    Stall,
    chat_events,
    error_answer,
    sse,
)
from tests.support.wires import CLIENTS

QUICK = Timeouts(connect=5.0, first_byte=1.0, first_token=1.0, between_events=1.0, answer=1.0, total=20.0)
"""Long enough for the SDKs to load what they need meanwhile, in the same thread."""
OPENAI = (Format.OPENAI_CHAT, Format.OPENAI_RESPONSES, Format.OPENAI_COMPLETIONS)
SDK = {**dict.fromkeys(OPENAI, "openai"), **{each: str(each) for each in CLIENTS if each not in OPENAI}}
"""Which SDK speaks a format."""

# literal table: status → SDK → the class that it raises
RAISES: dict[int, dict[str, str]] = {
    400: {"openai": "BadRequestError", "anthropic-messages": "BadRequestError"},
    401: {"openai": "AuthenticationError", "anthropic-messages": "AuthenticationError"},
    403: {"openai": "PermissionDeniedError", "anthropic-messages": "PermissionDeniedError"},
    404: {"openai": "NotFoundError", "anthropic-messages": "NotFoundError"},
    413: {"openai": "APIStatusError", "anthropic-messages": "ContentTooLargeError"},
    422: {"openai": "UnprocessableEntityError", "anthropic-messages": "UnprocessableEntityError"},
    429: {"openai": "RateLimitError", "anthropic-messages": "RateLimitError"},
    500: {"openai": "InternalServerError", "anthropic-messages": "InternalServerError"},
    502: {"openai": "InternalServerError", "anthropic-messages": "InternalServerError"},
    503: {"openai": "InternalServerError", "anthropic-messages": "ServiceUnavailableError"},
    504: {"openai": "InternalServerError", "anthropic-messages": "GatewayTimeoutError"},
}

# literal table: status → format → its own word for the kind of error, where the SDK shows one
# https://docs.anthropic.com/en/api/errors, https://ai.google.dev/gemini-api/docs/troubleshooting,
# https://cloud.google.com/apis/design/errors#handling_errors
KINDS: dict[int, dict[Format, str]] = {
    400: {Format.ANTHROPIC_MESSAGES: "invalid_request_error", Format.GEMINI: "INVALID_ARGUMENT"},
    401: {Format.ANTHROPIC_MESSAGES: "authentication_error", Format.GEMINI: "UNAUTHENTICATED"},
    403: {Format.ANTHROPIC_MESSAGES: "permission_error", Format.GEMINI: "PERMISSION_DENIED"},
    404: {Format.ANTHROPIC_MESSAGES: "not_found_error", Format.GEMINI: "NOT_FOUND"},
    413: {Format.ANTHROPIC_MESSAGES: "request_too_large", Format.GEMINI: "INVALID_ARGUMENT"},
    422: {Format.ANTHROPIC_MESSAGES: "invalid_request_error", Format.GEMINI: "INVALID_ARGUMENT"},
    429: {Format.ANTHROPIC_MESSAGES: "rate_limit_error", Format.GEMINI: "RESOURCE_EXHAUSTED"},
    500: {Format.ANTHROPIC_MESSAGES: "api_error", Format.GEMINI: "INTERNAL"},
    502: {Format.ANTHROPIC_MESSAGES: "api_error", Format.GEMINI: "UNAVAILABLE"},
    503: {Format.ANTHROPIC_MESSAGES: "api_error", Format.GEMINI: "UNAVAILABLE"},
    504: {Format.ANTHROPIC_MESSAGES: "timeout_error", Format.GEMINI: "DEADLINE_EXCEEDED"},
}

AGAIN = {429, 500, 502, 503, 504}
"""Statuses after which the SDKs that retry at all do so."""
NEVER_AGAIN = {Format.OLLAMA}
PATIENT_BY_ITSELF = {Format.GEMINI}
"""Its SDK waits as it was told by its own user, and reads no header."""


def raised(wire: Format, status: int) -> str:
    """The class that a format's SDK raises for a status."""
    if wire is Format.OLLAMA:
        return "ResponseError"
    if wire is Format.GEMINI:
        return "ClientError" if status < 500 else "ServerError"
    return RAISES[status][SDK[wire]]


class Broken:
    """An upstream port with a bug in it."""

    async def send(self, outgoing: Outgoing) -> Answer:
        raise ZeroDivisionError(outgoing.url)


@dataclass(frozen=True)
class Trouble:
    """How to bring an error about; ``model`` is asked for, ``upstream`` answers, ``spoil`` is done to the gateway."""

    status: int
    upstream: Script = ()
    model: str = "m"
    keys: tuple[Key, ...] = ()
    server: Server = Server()
    timeouts: Timeouts = Timeouts()
    spoil: Callable[[RunningGateway], None] = lambda _: None


def break_upstream(gateway: RunningGateway) -> None:
    gateway.rt.upstream = Broken()


def drain(gateway: RunningGateway) -> None:
    gateway.rt.draining = True


GUARDED = Server(require_api_key=True)
TROUBLES = [
    Trouble(400, error_answer("that is no temperature", 400)),
    Trouble(401, keys=(key("alice", "sk-alice"),), server=GUARDED),
    Trouble(403, keys=(key("watcher", "sk-client", scopes=[Scope.STATUS]),), server=GUARDED),
    Trouble(404, model="nobody/m"),
    Trouble(413, server=Server(max_body=10)),
    Trouble(422, error_answer("that cannot be processed", 422)),
    Trouble(429, error_answer("slow down", 429, type="requests", code="rate_limit_exceeded")),
    Trouble(500, spoil=break_upstream),
    Trouble(502, [Reset()]),
    Trouble(503, spoil=drain),
    Trouble(504, [Stall()], timeouts=QUICK),
]


@asynccontextmanager
async def troubled(trouble: Trouble) -> AsyncIterator[tuple[RunningGateway, ScriptedUpstream]]:
    """A gateway with this trouble."""
    async with ScriptedUpstream(default=trouble.upstream) as upstream:
        house = provider("house", f"{upstream.url}/v1", timeouts=trouble.timeouts)
        config = snapshot(house, aliases={"m": "house/m"}, keys=trouble.keys, server=trouble.server)
        async with running(config) as gateway:
            trouble.spoil(gateway)
            yield gateway, upstream


async def asked(wire: Format, url: str, *, stream: bool = False, model: str = "m", retries: int = 0) -> Heard:
    return await ASK[wire](url, question(wire, model, stream=stream), stream=stream, strict=True, retries=retries)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: str(each.status))
async def test_an_error_raises_the_class_that_each_sdk_documents(trouble: Trouble) -> None:
    ways = [(wire, stream) for wire in CLIENTS for stream in (False, True)]
    async with troubled(trouble) as (gateway, _):
        asking = (asked(wire, gateway.url, stream=stream, model=trouble.model) for wire, stream in ways)
        heard = dict(zip(ways, await asyncio.gather(*asking), strict=True))
        rows = await gateway.ended(len(ways))
    assert {way: (each.error, each.status) for way, each in heard.items()} == {
        (wire, stream): (raised(wire, trouble.status), trouble.status) for wire, stream in ways
    }
    assert {row.status for row in rows} == {trouble.status}
    assert {way for way, each in heard.items() if not each.message} == set()
    known = KINDS[trouble.status]
    assert {wire: each.kind for (wire, _), each in heard.items() if wire in known} == known
    assert {SDK[wire] for (wire, _), each in heard.items() if not each.kind} == {"ollama"}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: str(each.status))
async def test_an_error_is_asked_again_for_as_each_sdk_documents(trouble: Trouble) -> None:
    wanted = {wire: 2 if trouble.status in AGAIN and wire not in NEVER_AGAIN else 1 for wire in CLIENTS}
    async with troubled(trouble) as (gateway, _):
        await asyncio.gather(*(asked(wire, gateway.url, model=trouble.model, retries=1) for wire in CLIENTS))
        rows = await gateway.ended(sum(wanted.values()))
    assert Counter(row.format for row in rows) == wanted


async def test_the_sdks_wait_as_long_as_a_busy_upstream_asked_and_then_have_their_answer() -> None:
    wires = [wire for wire in CLIENTS if wire not in PATIENT_BY_ITSELF | NEVER_AGAIN]
    last = script(Format.OPENAI_CHAT, Saying("At last."), stream=False)
    async with troubled(Trouble(429, last)) as (gateway, house):
        house.then(*[error_answer("slow down", 429, (("retry-after", "1"),))] * len(wires))
        heard = await asyncio.gather(*(asked(wire, gateway.url, retries=1) for wire in wires))
    assert {(each.text, each.error) for each in heard} == {("At last.", None)}
    times = [request.at for request in house.requests]
    assert len(times) == 2 * len(wires)
    # Without the header, each of these SDKs waits for half a second at most.
    assert times[len(wires)] - times[len(wires) - 1] >= 0.9


HALF = chat_events(["Half of ", "it"])[:-1]
REPORTED = {"error": {"message": "overloaded", "type": "server_error", "code": None}}
BREAKS: dict[str, Script] = {
    "cut": [*sse(HALF, done=False)[:-1], Pause(0.1), Cut()],
    "stalled": [*sse(HALF, done=False)[:-1], Stall()],
    "reported": [*sse(HALF, done=False)[:-1], Pause(0.1), *sse([REPORTED], done=False)[1:]],
    "nonsense": [*sse(HALF, done=False)[:-1], Pause(0.1), Chunk(b"data: {nonsense\n\n"), Stall()],
}

# literal table: format → what its SDK makes of an error in the midst of a stream, and the status that it finds there
MIDST: dict[Format, tuple[str, int | None]] = {
    Format.OPENAI_CHAT: ("APIError", None),
    Format.OPENAI_COMPLETIONS: ("APIError", None),
    Format.OPENAI_RESPONSES: ("APIError", None),
    Format.ANTHROPIC_MESSAGES: ("APIStatusError", 200),
    Format.GEMINI: ("ServerError", 502),
    Format.OLLAMA: ("ResponseError", -1),
}


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_stream_that_breaks_raises_after_what_was_heard(broken: str) -> None:
    async with troubled(Trouble(200, BREAKS[broken], timeouts=QUICK if broken == "stalled" else Timeouts())) as (
        gateway,
        _,
    ):
        answers = await asyncio.gather(*(asked(wire, gateway.url, stream=True) for wire in CLIENTS))
        rows = await gateway.ended(len(CLIENTS))
    heard = dict(zip(CLIENTS, answers, strict=True))
    wanted = {wire: ("Half of it", *each) for wire, each in MIDST.items()}
    if broken == "stalled":
        wanted[Format.GEMINI] = ("Half of it", "ServerError", 504)
    assert {wire: (each.text, each.error, each.status) for wire, each in heard.items()} == wanted
    assert {wire for wire, each in heard.items() if not each.message or each.finish} == set()
    assert {row.status for row in rows} == {200}
