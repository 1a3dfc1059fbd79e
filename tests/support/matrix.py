"""Every client format × every upstream format × whole or streamed, by the official SDKs, over real sockets.

An upstream replays an answer. Its own format's SDK asks it directly, another one asks through a gateway, and what the
two heard must be the same, as far as the client's format has words for it (``sayable``). The package's codecs judge
nothing here: they stand between two SDKs that were written by others.

    python -m tests.support.matrix        prints how many answers came through, of how many, for each pair
"""

import asyncio
import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec
from omniroute.ir.events import Event, fold
from omniroute.ir.parts import Refusal, Text, Thought, ToolCall
from omniroute.names import Format
from tests.support.answers import NDJSON
from tests.support.gateway import running
from tests.support.peer import CHUNKED, EVENTS, JSON, Chunk, Head, Last, Script
from tests.support.sdk import ASK, Heard, Spent, question
from tests.support.sdk.heard import arguments
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream, answer
from tests.support.wires import CLIENTS, ROOT, UPSTREAMS

HERE = Path(__file__).parents[2]
SAMPLES = HERE / "tests/wire"
TRAFFIC = HERE / "../shared/traffic"
PIECE = 700
"""Bytes of a replayed stream that are sent at once."""
MODEL = "m"
UNREADABLE = "unreadable"
"""What stands for the error where an SDK breaks on an answer, rather than raise what it documents."""

# literal table: what an SDK reads otherwise than its provider means it; what the codec reads is compared instead
UNREAD: dict[tuple[Format, str], str] = {
    (Format.GEMINI, "arguments-in-pieces"): "the SDK does not put a call's streamed arguments together",
    (Format.GEMINI, "1b354055f3"): "the SDK does not put a call's streamed arguments together",
}

# literal table: records of the traffic that are no answers to what is asked here
OTHERS: dict[tuple[Format, str], str] = {
    (Format.OLLAMA, "10b0e09118"): "an answer of /api/generate, not of /api/chat",
    (Format.OLLAMA, "381763e845"): "an answer of /api/generate, not of /api/chat",
}

OURS = {401: 502, 402: 502, 403: 502}
"""Statuses that are told otherwise: our credential's troubles are ours, not the client's."""


@dataclass(frozen=True)
class Case:
    """An answer that is replayed; ``origin`` is ``own`` or ``recorded``."""

    origin: str
    name: str
    stream: bool
    status: int
    body: bytes = field(repr=False)

    @property
    def cut(self) -> bool:
        """Whether the stream ends too early; SDKs do not say so, and the gateway must."""
        return self.origin == "own" and self.name.startswith("cut")

    def script(self, wire: Format) -> Script:
        """The steps that answer so; a stream is cut wherever it happens to be cut."""
        if not self.stream or self.status != 200:
            return answer(self.body, self.status, JSON)
        cuts = [*range(0, len(self.body), PIECE), len(self.body)]
        media = NDJSON if wire is Format.OLLAMA else EVENTS
        return [Head(200, (*media, CHUNKED)), *(Chunk(self.body[a:b]) for a, b in pairwise(cuts)), Last()]


@dataclass(frozen=True)
class Pair:
    """A client's format, an upstream's, and whether the answers are streamed."""

    client: Format
    wire: Format
    stream: bool

    def __str__(self) -> str:
        return f"{self.client}-from-{self.wire}-{'stream' if self.stream else 'whole'}"

    @property
    def translated(self) -> bool:
        """Whether the two formats differ."""
        return self.client is not self.wire


@dataclass(frozen=True)
class Miss:
    """A case that is known not to come through, and why; with ``clients`` for those only, with ``stream`` so only.

    Where the formats are the same, only a miss that says so by ``same`` is meant.
    """

    wire: Format
    name: str
    why: str
    clients: frozenset[Format] = frozenset(CLIENTS)
    stream: bool | None = None
    same: bool = False

    def of(self, pair: Pair) -> bool:
        """Whether this is about the pair."""
        return (
            pair.wire is self.wire
            and pair.client in self.clients
            and self.stream in {None, pair.stream}
            and (self.same or pair.translated)
        )


PAIRS = tuple(
    Pair(client, wire, stream)
    for client in CLIENTS
    for wire in (*UPSTREAMS, *((client,) if client not in UPSTREAMS else ()))
    for stream in (False, True)
)


def own(wire: Format, *, stream: bool) -> Iterator[Case]:
    """Our own samples; an error is asked for in both ways."""
    for folder in sorted(path for path in (SAMPLES / wire).glob("*") if path.is_dir()):
        kind, _, number = folder.name.partition("-")
        status = int(number) if kind == "error" and number.isdigit() else 200
        for path in sorted(folder.glob("stream.*") if stream and status == 200 else folder.glob("response.json")):
            yield Case("own", folder.name, stream, status, path.read_bytes())


def recorded(wire: Format, *, stream: bool) -> Iterator[Case]:
    """What providers were recorded to answer; nothing where the traffic is not here."""
    for path in sorted((TRAFFIC / wire).glob("*.json")):
        record = json.loads(path.read_bytes())
        name = record["id"].removeprefix(f"{wire}-")
        if (wire, name) in OTHERS:
            continue
        text = record["response_body"]
        body = base64.b64decode(text) if record["response_encoding"] == "base64" else text.encode()
        if record["stream"] is stream or record["status"] != 200:
            yield Case("recorded", name, stream, record["status"], body)


async def heard_by(wire: Format, url: str, pair: Pair, *, strict: bool) -> Heard:
    """Ask by an SDK; what it cannot read at all is an error of its own."""
    try:
        asked = question(wire, MODEL, stream=pair.stream)
        return await ASK[wire](url, asked, stream=pair.stream, strict=strict)
    except (AssertionError, AttributeError, KeyError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return Heard(error=UNREADABLE, message=f"{type(error).__name__}: {error}"[:300])


async def heard_directly(pair: Pair, case: Case, url: str) -> Heard:
    """Ask the upstream by its own SDK; once, as every client's format is held against the same."""
    known = (pair.wire, case)
    if known not in DIRECT:
        DIRECT[known] = await heard_by(pair.wire, url, pair, strict=False)
    return DIRECT[known]


DIRECT: dict[tuple[Format, Case], Heard] = {}
"""What was heard directly."""


async def misses(pair: Pair, cases: Iterable[Case]) -> dict[str, str | None]:
    """Replay each case for a pair; give for each what was heard otherwise, None where nothing was."""
    found: dict[str, str | None] = {}
    async with ScriptedUpstream() as upstream:
        replay = provider("replay", upstream.url + ROOT[pair.wire], formats=frozenset({pair.wire}))
        async with running(snapshot(replay, aliases={MODEL: f"replay/{MODEL}"})) as gateway:
            for case in cases:
                upstream.default = case.script(pair.wire)
                direct = await heard_directly(pair, case, upstream.url)
                if pair.translated and (direct.error == UNREADABLE or (pair.wire, case.name) in UNREAD):
                    direct = read_by_codec(pair.wire, case)
                through = await heard_by(pair.client, gateway.url, pair, strict=pair.translated)
                found[case.name] = difference(pair, case, direct, through)
    return found


def difference(pair: Pair, case: Case, direct: Heard, through: Heard) -> str | None:
    """Say what a client heard otherwise than the upstream's own SDK."""
    if direct.error or case.cut:
        return failed_otherwise(case, direct, through)
    if through.error:
        return f"{through.error} {through.status or ''}: {through.message}"
    wanted, said = compared(sayable(pair, direct)), compared(through)
    for name, meant in wanted.items():
        if meant not in (said[name], "anything"):
            return f"{name}: {meant!r} became {said[name]!r}"
    return None


def failed_otherwise(case: Case, direct: Heard, through: Heard) -> str | None:
    """Say how an error was told otherwise: its status, the provider's own words, and what came before it."""
    if not through.error:
        return f"an error became an answer: {direct.message}"
    if case.status != 200 and through.status != OURS.get(case.status, case.status):
        return f"status: {case.status} became {through.status}"
    if direct.error and direct.message not in through.message:
        return f"message: {direct.message!r} became {through.message!r}"
    if through.text in {direct.text, ""}:  # what came in one piece with the error was not sent on before it
        return None
    return f"text: {direct.text!r} became {through.text!r}"


def read_by_codec(wire: Format, case: Case) -> Heard:
    """Read an answer that its own SDK cannot read, by the package's codec: the one place where it judges."""
    codec = CODECS[wire]
    answer = fold(wire, events_of(codec, case.body)) if case.stream else codec.read_response(case.body)
    heard = Heard()
    for part in answer.parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                heard.text += text
            case Thought(text=text):
                heard.thoughts += text
            case ToolCall(name=name, arguments=text):
                heard.calls.append((name, arguments(text)))
    if answer.usage is not None:
        usage = answer.usage
        heard.spent = Spent(usage.prompt, usage.output, usage.cache_read, usage.reasoning)
    heard.finish = answer.finish and answer.finish.value
    return heard


def events_of(codec: Codec, body: bytes) -> Iterator[Event]:
    """Read a stream."""
    splitter, reader = codec.splitter(), codec.reader()
    for record in splitter.feed(body):
        yield from reader.take(record)


def compared(heard: Heard) -> dict[str, object]:
    """What must be the same: no usage is as good as none used, and thoughts are set in paragraphs in many ways."""
    spent = heard.spent if heard.spent != Spent() else None
    thoughts = "".join(heard.thoughts.split())
    return {"text": heard.text, "calls": heard.calls, "finish": heard.finish, "spent": spent, "thoughts": thoughts}


# What the formats have no words for, beside those that all have.
NO_REFUSAL = {Format.OLLAMA}
NO_CACHE = {Format.OLLAMA}
NO_REASONING_COUNT = {Format.OLLAMA}
PAUSES = {Format.ANTHROPIC_MESSAGES}
FREE_TEXT = {Format.OPENAI_CHAT, Format.OPENAI_RESPONSES}
"""Formats in which a tool may take text that is not JSON; in others it is the one argument ``input``."""


def sayable(pair: Pair, heard: Heard) -> Heard:
    """Give what a client of this format can hear of an answer."""
    client = pair.client
    if not pair.translated:
        return heard
    wanted = replace(heard)
    if client is Format.OPENAI_COMPLETIONS:
        wanted.calls, wanted.thoughts = [], ""
    if (wanted.finish == "tools" and not wanted.calls) or (wanted.finish == "refused" and client in NO_REFUSAL):
        wanted.finish = "stop"
    if wanted.finish in {"other", None} or wanted.refused or (wanted.finish == "pause" and client not in PAUSES):
        wanted.finish = "anything"
    if client not in FREE_TEXT:
        wanted.calls = [(name, {"input": given} if isinstance(given, str) else given) for name, given in wanted.calls]
    wanted.spent = countable(client, heard.spent)
    return wanted


def countable(client: Format, spent: Spent | None) -> Spent | None:
    """Give what a client of this format can hear of usage."""
    if spent is None:
        return None
    cached = 0 if client in NO_CACHE else spent.cached
    reasoning = 0 if client in NO_REASONING_COUNT else spent.reasoning
    return Spent(spent.prompt, spent.output, cached, reasoning)


@cache
def cases_of(origin: str, wire: Format, *, stream: bool) -> tuple[Case, ...]:
    """All cases of an origin."""
    return tuple((own if origin == "own" else recorded)(wire, stream=stream))


def unexpected(pair: Pair, found: Mapping[str, str | None], misses: Sequence[Miss]) -> dict[str, str]:
    """Give what a table of misses does not say of a pair: those that are not listed, and those listed that pass."""
    listed = {miss.name for miss in misses if miss.of(pair)}
    new = {name: why for name, why in found.items() if why and name not in listed}
    return new | {name: "is listed as a miss, and passes" for name in listed if name in found and not found[name]}


async def main() -> None:
    """Print a row for each pair of formats: how many answers came through whole, and how many streamed."""
    print(f"{'client':20}{'upstream':20}{'own whole':>12}{'own stream':>12}{'recorded':>12}{'streams':>12}")
    sums = [0, 0]
    for client, wire in dict.fromkeys((pair.client, pair.wire) for pair in PAIRS):
        row = ""
        for origin, stream in ((each, streamed) for each in ("own", "recorded") for streamed in (False, True)):
            found = await misses(Pair(client, wire, stream), cases_of(origin, wire, stream=stream))
            good = sum(why is None for why in found.values())
            row += f"{f'{good}/{len(found)}':>12}"
            sums = [sums[0] + good, sums[1] + len(found)]
        print(f"{client:20}{wire:20}{row}", flush=True)
    print(f"{sums[0]} of {sums[1]}")


if __name__ == "__main__":
    asyncio.run(main())
