"""The fault table × the shapes that a name can have × every client format: who is asked, who answers, how it ends.

Each fault is what the first candidates do, in a single target, a combo of three, a combo of combos, and three
credentials of one provider; the candidate after them is well. All cases of one client format run at once on one
gateway, each with providers of its own, so that no breaker and no cooldown leaks from one to another.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from omniroute.config.snapshot import Auth, Combo, Provider, Snapshot, Step, Timeouts
from omniroute.names import FailureKind, Format, Outcome
from omniroute.observe.events import Exchanged
from tests.support.answers import STREAMED, Saying, script
from tests.support.client import Received, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.peer import CHUNKED, EVENTS, JSON, Headers, Recorded
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Last,
    Pause,
    Raw,
    Script,
    ScriptedUpstream,
    Stall,
    answer,
    json_answer,
    refusing_port,
)
from tests.support.upstream import (
    Step as Doing,
)
from tests.support.wires import CLIENTS, ROOT, path_of

# literal tables
SPOKEN: dict[Format, Format] = {
    **dict.fromkeys(CLIENTS, Format.OPENAI_CHAT),
    Format.OPENAI_RESPONSES: Format.ANTHROPIC_MESSAGES,
    Format.ANTHROPIC_MESSAGES: Format.GEMINI,
}
"""What the upstream speaks to clients of each format."""
BODIES: dict[Format, dict[str, Any]] = {
    Format.OPENAI_CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    Format.OPENAI_RESPONSES: {"input": "hi"},
    Format.OPENAI_COMPLETIONS: {"prompt": "hi"},
    Format.ANTHROPIC_MESSAGES: {"max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    Format.GEMINI: {"contents": [{"parts": [{"text": "hi"}]}]},
    Format.OLLAMA: {"messages": [{"role": "user", "content": "hi"}]},
}
CLEAN: dict[Format, bytes] = {
    Format.OPENAI_CHAT: rb"\n\ndata: \[DONE\]\n\n",
    Format.OPENAI_RESPONSES: rb'\n\nevent: response\.completed\ndata: {"type": ?"response\.completed",[^\n]*}\n\n',
    Format.OPENAI_COMPLETIONS: rb"\n\ndata: \[DONE\]\n\n",
    Format.ANTHROPIC_MESSAGES: rb'\n\nevent: message_stop\ndata: {"type": ?"message_stop"}\n\n',
    Format.GEMINI: rb'\r\n\r\ndata: {[^\r]*"finishReason": ?"STOP"[^\r]*}\r\n\r\n',
    Format.OLLAMA: rb'\n{[^\n]*"done": ?true[^\n]*}\n',
}
"""The last bytes of a stream that came to its end."""
BROKEN: dict[Format, bytes] = {
    Format.OPENAI_CHAT: rb'\n\ndata: ({"error":[^\n]*})\n\n',
    Format.OPENAI_RESPONSES: rb'\n\nevent: response\.failed\ndata: ({"type":"response\.failed",[^\n]*})\n\n',
    Format.OPENAI_COMPLETIONS: rb'\n\ndata: ({"error":[^\n]*})\n\n',
    Format.ANTHROPIC_MESSAGES: rb'\n\nevent: error\ndata: ({"type":"error",[^\n]*})\n\n',
    Format.GEMINI: rb'\r\n\r\n({"error":[^\n]*})\n',
    Format.OLLAMA: rb'\n({"error":[^\n]*})\n',
}
"""The last bytes of a stream that did not; the error is in the group."""

CODES: dict[tuple[Format, int], str] = {
    (Format.OPENAI_CHAT, 400): "bad_value",
    (Format.ANTHROPIC_MESSAGES, 400): "invalid_request_error",
    (Format.ANTHROPIC_MESSAGES, 413): "request_too_large",
    (Format.ANTHROPIC_MESSAGES, 429): "rate_limit_error",
    (Format.ANTHROPIC_MESSAGES, 529): "overloaded_error",
    (Format.GEMINI, 400): "INVALID_ARGUMENT",
    (Format.GEMINI, 429): "RESOURCE_EXHAUSTED",
}
"""The word of a status in each format, where a test here depends on it."""


def refusal(wire: Format, status: int, code: str | None = None, headers: Headers = ()) -> Script:
    """An error as this format says it."""
    word = code or CODES.get((wire, status), "server_error")
    bodies: dict[Format, Any] = {
        Format.OPENAI_CHAT: {"error": {"message": "no", "type": "error", "param": None, "code": word}},
        Format.ANTHROPIC_MESSAGES: {"type": "error", "error": {"type": word, "message": "no"}},
        Format.GEMINI: {"error": {"code": status if status > 200 else 503, "message": "no", "status": word}},
    }
    return json_answer(bodies[wire], status, headers)


def too_long(wire: Format) -> Script:
    """The request does not fit the model: a code of its own, or HTTP's status for it."""
    if wire is Format.OPENAI_CHAT:
        return refusal(wire, 400, "context_length_exceeded")
    return refusal(wire, 413)


def records(wire: Format, text: str) -> list[bytes]:
    return [each.encode() for each in STREAMED[wire](Saying(text))]


def begun(wire: Format, *, said: bool) -> list[bytes]:
    """A stream's records before the first with words, and that one where it was ``said``."""
    found = records(wire, "Hallo Welt")
    first = next(number for number, each in enumerate(found) if b"Hallo" in each)
    return found[: first + said]


def streaming(*pieces: bytes, end: Doing) -> Script:
    """Stream these, and give the client the time to see them."""
    return [Head(200, (*EVENTS, CHUNKED)), *map(Chunk, pieces), Pause(0.1), end]


def holding(data: bytes, *more: Doing) -> Script:
    """A whole answer of which this much comes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*JSON, ("content-length", "99")))
    return [Raw(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + data), *more]


def stalled(wire: Format, stream: bool) -> Script:
    return streaming(*begun(wire, said=False), end=Stall()) if stream else holding(b"{", Stall())


def cut_before(wire: Format, stream: bool) -> Script:
    return streaming(*begun(wire, said=False), end=Cut()) if stream else holding(b"{", Cut())


def cut_after(wire: Format, stream: bool) -> Script:
    return streaming(*begun(wire, said=True), end=Cut()) if stream else holding(b'{"id": "1",', Cut())


def malformed(_: Format, stream: bool) -> Script:
    return streaming(b"data: {never closed\n\n", end=Last()) if stream else answer(b"nope", headers=JSON)


REFUSES = "refuses the connection"
AFTER = "is cut after the first token"
QUICK = Timeouts(first_token=1.5, answer=1.5)
"""For those that stall, and for nobody who is to answer."""

KEY, TARGET, NOBODY = "another key", "another target", "nobody"
"""Who can mend a fault: anybody with another key, another target only, nobody."""


@dataclass(frozen=True)
class Fault:
    """What an upstream does, what kind that is, who may be asked next, and what a client sees that has nobody else."""

    name: str
    play: Callable[[Format, bool], Script]
    kind: FailureKind
    mended: str
    alone: tuple[int, str]
    retry_after: str | None = None


def status(number: int, headers: Headers = ()) -> Callable[[Format, bool], Script]:
    """Refuse with this status."""
    return lambda wire, _: refusal(wire, number, headers=headers)


# literal table: the faults
FAULTS = [
    Fault(REFUSES, status(500), FailureKind.DOWN, TARGET, (502, "upstream_unavailable")),
    Fault("401", status(401), FailureKind.AUTH, KEY, (502, "upstream_auth")),
    Fault("403", status(403), FailureKind.AUTH, KEY, (502, "upstream_auth")),
    Fault("404", status(404), FailureKind.NOT_FOUND, TARGET, (404, "upstream_model_not_found")),
    Fault("408", status(408), FailureKind.TIMEOUT, TARGET, (504, "upstream_timeout")),
    Fault("429", status(429, (("retry-after", "7"),)), FailureKind.BUSY, KEY, (429, "upstream_rate_limited"), "7"),
    Fault("500", status(500), FailureKind.DOWN, TARGET, (502, "upstream_unavailable")),
    Fault("503", status(503), FailureKind.DOWN, TARGET, (502, "upstream_unavailable")),
    Fault("529", status(529), FailureKind.BUSY, KEY, (429, "upstream_rate_limited")),
    Fault("400", status(400), FailureKind.INVALID, NOBODY, (400, "upstream_invalid_request")),
    Fault("too long", lambda wire, _: too_long(wire), FailureKind.CONTEXT, TARGET, (400, "context_length_exceeded")),
    Fault("200 and an error", status(200), FailureKind.DOWN, TARGET, (502, "upstream_unavailable")),
    Fault("stalls before the first token", stalled, FailureKind.TIMEOUT, TARGET, (504, "upstream_timeout")),
    Fault("is cut before the first token", cut_before, FailureKind.DOWN, TARGET, (502, "upstream_unavailable")),
    Fault("is malformed", malformed, FailureKind.MALFORMED, TARGET, (502, "upstream_malformed")),
]
SEEN = Fault(AFTER, cut_after, FailureKind.CUT, NOBODY, (200, "upstream_cut"))
"""Of streams only: a whole answer that is cut was seen by nobody."""


@dataclass(frozen=True)
class Shape:
    """What is asked for: who of it has the fault, and who is asked in turn, by who can mend it (``place key``)."""

    name: str
    places: str
    keys: tuple[str, ...]
    broken: frozenset[str]
    asked: Mapping[str, tuple[str, ...]]

    def steps(self, case: str, of: Mapping[str, Provider]) -> Iterator[Combo]:
        """The combos of a case, the one that is asked for last."""
        made = {place: target(of[place], "m") for place in self.places}
        if self.name == NESTED:
            inner = [combo(f"{case}-{pair}", *(made[place] for place in pair)) for pair in ("ab", "cd")]
            yield from inner
            yield combo(case, steps=[Step(each) for each in inner])
        else:
            yield combo(case, *made.values())


SINGLE, THREE, NESTED, KEYS = "a target", "a combo of three", "a combo of combos", "three keys"
IN_TURN = {**dict.fromkeys((KEY, TARGET), ("a one", "b one", "c one")), NOBODY: ("a one",)}
# literal table: the shapes
SHAPES = [
    Shape(SINGLE, "a", ("one",), frozenset({"a one"}), dict.fromkeys((KEY, TARGET, NOBODY), ("a one",))),
    Shape(THREE, "abc", ("one",), frozenset({"a one", "b one"}), IN_TURN),
    Shape(NESTED, "abcd", ("one",), frozenset({"a one", "b one"}), IN_TURN),
    Shape(
        KEYS,
        "a",
        ("one", "two", "three"),
        frozenset({"a one", "a two"}),
        {KEY: ("a one", "a two", "a three"), TARGET: ("a one",), NOBODY: ("a one",)},
    ),
]


@dataclass(frozen=True)
class Told:
    """What became of a request, as the client, the usage row and the upstream each tell it.

    ``tried`` and ``heard`` are who was asked, by the row and by the upstream itself; ``end`` is how the last bytes
    read: ``"clean"``, or the code of the error in the client's own dialect.
    """

    status: int
    end: str
    outcome: Outcome
    server: str
    tried: tuple[tuple[str, FailureKind | None], ...]
    heard: tuple[str, ...]
    retry_after: str | None = None


@dataclass(frozen=True)
class Case:
    """One fault in one shape, asked for under a name of its own."""

    id: str
    fault: Fault
    shape: Shape

    def expected(self) -> Told:
        """What is to become of it."""
        asked, fault = self.shape.asked[self.fault.mended], self.fault
        well = asked[-1] not in self.shape.broken
        tried = tuple((each, fault.kind if each in self.shape.broken else None) for each in asked)
        heard = tuple(each for each in asked if fault.name != REFUSES or each not in self.shape.broken)
        if well:
            return Told(200, "clean", Outcome.OK, asked[-1], tried, heard)
        code, word = fault.alone
        seen = code == 200
        outcome = Outcome.CUT if seen else Outcome.FAILED
        return Told(code, word, outcome, asked[-1] if seen else "", tried, heard, fault.retry_after)


@dataclass
class World:
    """The upstream of all cases: who of them has a fault is told by the path and the credential."""

    wire: Format
    stream: bool
    cases: Mapping[str, Case]
    heard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def respond(self, asked: Recorded) -> Script:
        """Play the fault, or answer with the name of who was asked."""
        _, name, place, *_ = asked.path.split("/")
        case, key = self.cases[name], (asked.header("authorization") or "").removeprefix("Bearer ")
        who = f"{place} {key}"
        self.heard[name].append(who)
        if who in case.shape.broken:
            return case.fault.play(self.wire, self.stream)
        return script(self.wire, Saying(f"{who} {who}"), stream=self.stream)

    def providers(self, case: Case, url: str, refusing: str) -> dict[str, Provider]:
        """The providers of a case, by place."""
        return {place: self._provider(case, place, url, refusing) for place in case.shape.places}

    def _provider(self, case: Case, place: str, url: str, refusing: str) -> Provider:
        broken = any(each.startswith(place) for each in case.shape.broken)
        base = refusing if broken and case.fault.name == REFUSES else url
        return provider(
            f"{case.id}{place}",
            f"{base}/{case.id}/{place}{ROOT[self.wire]}",
            formats=(self.wire,),
            credentials=case.shape.keys,
            auth=Auth("bearer"),
            timeouts=QUICK if broken and case.fault.play is stalled else Timeouts(),
        )


def config_of(world: World, url: str, refusing: str) -> tuple[Snapshot, dict[str, str]]:
    """One configuration with the providers and combos of every case, and the secrets of all."""
    providers: list[Provider] = []
    combos: list[Combo] = []
    for case in world.cases.values():
        own = world.providers(case, url, refusing)
        providers += own.values()
        combos += case.shape.steps(case.id, own)
    secrets = {each.secret.locator: each.name for of in providers for each in of.credentials if each.secret}
    return snapshot(*providers, combos=combos), secrets


def said_error(wire: Format, error: Any) -> str:
    """Our code, where this format's errors have it."""
    if wire is Format.GEMINI:
        return str(error["error"]["details"][0]["code"])
    if wire is Format.OLLAMA:
        assert isinstance(error["error"], str)
        return str(error["omniroute"]["code"])
    assert wire is not Format.ANTHROPIC_MESSAGES or error["type"] == "error"
    return str(error["error"]["omniroute"]["code"])


def end_of(wire: Format, stream: bool, got: Received) -> str:
    """Read the last bytes of an answer."""
    if got.status != 200:
        return said_error(wire, got.json())
    if not stream:
        return "clean" if "error" not in got.json() or got.json()["error"] is None else "?"
    broken = re.search(BROKEN[wire] + rb"\Z", got.body)
    clean = re.search(CLEAN[wire], got.body)
    if broken and not clean:
        assert b"Hallo" in got.body
        return said_error(wire, json.loads(broken[1]))
    return "clean" if clean and clean.end() == len(got.body) else f"? {got.body[-200:]!r}"


def who(case: Case, target_id: str, credential: str) -> str:
    return f"{target_id.partition('/')[0].removeprefix(case.id)} {credential}" if target_id else ""


def told(world: World, case: Case, end: str, got: Received, row: Exchanged) -> Told:
    """What became of a case."""
    served = who(case, row.target, row.credential)
    if row.outcome is Outcome.OK:
        assert served.encode() in got.body
        assert who(case, got.headers["x-omniroute-target"], row.credential) == served
    tried = tuple((who(case, each.target, each.credential), each.failure) for each in row.attempts)
    heard = tuple(world.heard[case.id])
    return Told(got.status, end, row.outcome, served, tried, heard, got.headers.get("retry-after"))


async def ask(gateway: RunningGateway, client: Format, case: Case, *, stream: bool) -> Received:
    body = {"model": case.id, **BODIES[client]} | ({} if client is Format.GEMINI else {"stream": stream})
    return await fetch(gateway.url + path_of(client, case.id, stream=stream), body)


def cases(faults: Iterable[Fault]) -> dict[str, Case]:
    pairs = ((fault, shape) for fault in faults for shape in SHAPES)
    return {f"c{number}": Case(f"c{number}", *pair) for number, pair in enumerate(pairs)}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_in_every_shape_the_right_ones_are_asked_and_the_answer_ends_as_it_should(
    client: Format, stream: bool
) -> None:
    world = World(SPOKEN[client], stream, cases([*FAULTS, SEEN] if stream else FAULTS))
    with refusing_port() as port:
        async with ScriptedUpstream(respond=world.respond) as upstream:
            config, secrets = config_of(world, upstream.url, f"http://127.0.0.1:{port}")
            async with running(config, secrets) as gateway:
                answers = await asyncio.gather(
                    *(ask(gateway, client, each, stream=stream) for each in world.cases.values())
                )
                rows = {row.request_id: row for row in await gateway.ended(len(answers))}
    assert len(rows) == len(answers)
    seen: dict[tuple[str, str], Told] = {}
    for case, got in zip(world.cases.values(), answers, strict=True):
        assert got.complete
        row = rows[got.headers["x-request-id"]]
        seen[case.fault.name, case.shape.name] = told(world, case, end_of(client, stream, got), got, row)
    assert seen == {(case.fault.name, case.shape.name): case.expected() for case in world.cases.values()}
