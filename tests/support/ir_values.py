"""Requests, answers and streams in nobody's dialect, made by Hypothesis: what any client or provider might say.

Conversations are well-formed: a result answers a call that was made, calls have ids of their own, names of tools are
such as every format takes (what others become is the matter of ``formats.adapt``). All else is as odd as the IR allows.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from omniroute.ir.events import (
    Delta,
    Event,
    Finished,
    PartStart,
    PartStop,
    Raw,
    Sign,
    Spent,
    unfold,
)
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.request import (
    GenerateRequest,
    Message,
    OutputSpec,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
)
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.thinking import EFFORTS
from omniroute.ir.usage import Usage
from omniroute.names import Format

WIRES = (
    Format.OPENAI_CHAT,
    Format.OPENAI_RESPONSES,
    Format.ANTHROPIC_MESSAGES,
    Format.GEMINI,
    Format.OLLAMA,
)
"""Formats whose providers give what only they can read: signatures, opaque parts."""

words = st.text(st.sampled_from("abc é漢😀\n\t\"\\{}<>&'\u2028"), max_size=12)
said = words.filter(str.strip)
names = st.sampled_from(["get_weather", "search", "f", "Tool-2", "a_b-c"])
tokens = st.integers(0, 10**6)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words, json_values, max_size=3)


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Give nothing half of the time."""
    return st.none() | strategy


extras = st.none() | st.dictionaries(
    st.sampled_from(["x_new", "logit_bias", "metadata", "=said"]), json_values, max_size=2
)
caches = maybe(st.builds(CacheHint, ttl=st.sampled_from([None, "5m", "1h"])))
schemas = st.sampled_from(
    [
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        {
            "type": "object",
            "properties": {"n": {"type": ["integer", "null"], "minimum": 1}},
            "additionalProperties": False,
        },
        {"type": "object", "properties": {}},
        {
            "type": "object",
            "properties": {"at": {"$ref": "#/$defs/point"}},
            "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}}}},
        },
    ]
)
pictures = st.builds(
    Inline, media_type=st.sampled_from(["image/png", "image/jpeg"]), data=st.sampled_from(["aGVsbG8=", "AAECAw=="])
) | st.builds(Url, href=st.sampled_from(["https://example.com/a.png", "https://example.com/b?c=d"]))
sounds = st.builds(
    Inline, media_type=st.sampled_from(["audio/wav", "audio/mpeg"]), data=st.sampled_from(["UklGRg==", "//uQ"])
)
papers = (
    st.builds(Inline, media_type=st.just("application/pdf"), data=st.sampled_from(["JVBERi0=", "aGVsbG8="]))
    | st.builds(Url, href=st.just("https://example.com/a.pdf"))
    | st.builds(Plain, text=said)
)


SIGNING = frozenset({Format.OPENAI_RESPONSES, Format.ANTHROPIC_MESSAGES, Format.GEMINI})
"""Those of them whose providers sign."""


def signatures(wire: Format) -> SearchStrategy[Signature]:
    """Make signatures of a format's providers."""
    return st.builds(Signature, format=st.just(wire), data=st.text(st.sampled_from("aZ0+/="), min_size=1, max_size=12))


def opaques(wire: Format) -> SearchStrategy[Opaque]:
    """Make parts that only one format knows."""
    return st.builds(Opaque, format=st.just(wire), json=st.builds(lambda more: {**more, "type": "unheard_of"}, objects))


def texts(wire: Format, *, cached: bool) -> SearchStrategy[Part]:
    """Make words; signed ones where a format signs them."""
    signed = maybe(signatures(wire)) if wire is Format.GEMINI else st.none()
    return st.builds(Text, text=words, signature=signed, cache=caches if cached else st.none(), extras=extras)


def shown(wire: Format) -> SearchStrategy[Part]:
    """Make what a user may show a model."""
    images = st.builds(
        Image, source=pictures, detail=st.sampled_from([None, "low", "auto"]), cache=caches, extras=extras
    )
    return (
        texts(wire, cached=True)
        | images
        | st.builds(Audio, source=sounds, cache=caches, extras=extras)
        | st.builds(Document, source=papers, name=maybe(said), cache=caches, extras=extras)
        | opaques(wire)
    )


def thoughts(wire: Format) -> SearchStrategy[Part]:
    """Make thoughts: some signed, some known by their signature only."""
    if wire not in SIGNING:
        return st.builds(Thought, text=said, extras=extras)
    open_ones = st.builds(Thought, text=said, signature=maybe(signatures(wire)), extras=extras)
    hidden = wire is Format.ANTHROPIC_MESSAGES
    return open_ones | st.builds(Thought, signature=signatures(wire), redacted=st.just(hidden))


@st.composite
def calls(draw: DrawFn, wire: Format, ids: list[str], *, cached: bool = True) -> ToolCall:
    """Make a call with an id that is not among ``ids`` yet, and put it there."""
    ids.append(f"call_{len(ids)}")
    arguments = draw(
        st.sampled_from(["", "{}", '{"city":"Paris"}', '{"b": 1, "a": [1.5, null]}', '{"n":10000000000000000001}'])
    )
    signed = draw(maybe(signatures(wire))) if wire is Format.GEMINI else None
    return ToolCall(
        ids[-1], draw(names), arguments, signature=signed, cache=draw(caches) if cached else None, extras=draw(extras)
    )


@st.composite
def results(draw: DrawFn, wire: Format, ids: str) -> ToolResult:
    """Make the result of the call ``ids``."""
    inner = st.builds(Text, text=words | st.just('{"temperature": 21}'))
    images = st.builds(Image, source=pictures)
    parts = draw(st.lists(inner, min_size=1, max_size=2) | st.lists(inner | images, max_size=3))
    return ToolResult(ids, tuple(parts), is_error=draw(st.booleans()), cache=draw(caches), extras=draw(extras))


@st.composite
def turns(draw: DrawFn, wire: Format, ids: list[str]) -> list[Message]:
    """Make a question, and perhaps the answer, its calls and their results."""
    user = st.lists(shown(wire), min_size=1, max_size=3)
    made = [Message(Role.USER, (*draw(user), Text(draw(said))), draw(extras))]
    if draw(st.booleans()):
        answer = st.lists(thoughts(wire) | texts(wire, cached=True) | calls(wire, ids) | opaques(wire), max_size=3)
        parts = (*draw(answer), Text(draw(said)), *draw(st.lists(calls(wire, ids), max_size=2)))
        made.append(Message(Role.ASSISTANT, parts, draw(extras)))
        answered = [part.id for part in parts if isinstance(part, ToolCall)]
        made += [Message(Role.USER, (draw(results(wire, each)),)) for each in answered]
    elif draw(st.booleans()):
        made.append(Message(Role.ASSISTANT, (Refusal(draw(said)),)))
    if draw(st.sampled_from([False, False, True])):
        role = draw(st.sampled_from([Role.SYSTEM, Role.DEVELOPER]))
        made.append(Message(role, (Text(draw(said)),)))
    return made


def tools(wire: Format) -> SearchStrategy[tuple[Tool | Opaque, ...]]:
    """Make tools of the client's, and some that only the format's provider runs."""
    own = st.builds(
        Tool,
        name=names,
        description=maybe(said),
        schema=maybe(schemas),
        strict=st.sampled_from([None, None, True, False]),
        cache=caches,
        extras=extras,
    )
    each = st.lists(own, max_size=3, unique_by=lambda tool: tool.name)
    return st.builds(lambda mine, theirs: (*mine, *theirs), each, st.lists(opaques(wire), max_size=1))


def choices(offered: Sequence[Tool | Opaque]) -> SearchStrategy[ToolChoice | None]:
    """Make a wish about the tools on offer."""
    known = [tool.name for tool in offered if isinstance(tool, Tool)]
    if not known:
        return st.none()
    modes = st.builds(ToolChoice, mode=st.sampled_from([ToolMode.AUTO, ToolMode.NONE, ToolMode.REQUIRED]))
    return st.none() | modes | st.builds(ToolChoice, mode=st.just(ToolMode.NAMED), name=st.sampled_from(known))


thinkings = st.none() | st.one_of(
    st.just(Thinking(enabled=False)),
    st.builds(
        Thinking, enabled=st.sampled_from([None, True]), effort=st.sampled_from(sorted(EFFORTS)), visible=st.none()
    ),
    st.builds(Thinking, enabled=st.just(True), budget=st.integers(1024, 40_000), visible=maybe(st.booleans())),
    st.builds(Thinking, effort=st.just("high"), visible=st.booleans(), extras=extras),
)

samplings = st.builds(
    Sampling,
    temperature=maybe(st.sampled_from([0, 0.2, 1, 1.9])),
    top_p=maybe(st.sampled_from([0.1, 0.95, 1])),
    top_k=maybe(st.sampled_from([1, 40])),
    presence_penalty=maybe(st.sampled_from([-1.5, 0.5])),
    frequency_penalty=maybe(st.sampled_from([-0.5, 1.5])),
    seed=maybe(st.integers(0, 2**31 - 1)),
)

outputs = (
    st.none()
    | st.builds(OutputSpec, extras=extras)
    | st.builds(
        OutputSpec,
        schema=schemas,
        name=maybe(st.just("answer")),
        description=maybe(said),
        strict=maybe(st.booleans()),
        extras=extras,
    )
)


@st.composite
def requests(draw: DrawFn, wire: Format) -> GenerateRequest:
    """Make a request as a client of ``wire`` might send it, without anything that pins it there."""
    ids: list[str] = []
    conversation: list[Message] = []
    for _ in range(draw(st.integers(1, 3))):
        conversation += draw(turns(wire, ids))
    offered = draw(tools(wire))
    return GenerateRequest(
        format=wire,
        model="a-model",
        messages=tuple(conversation),
        system=tuple(draw(st.lists(st.builds(Text, text=said, cache=caches, extras=extras), max_size=2))),
        tools=offered,
        tool_choice=draw(choices(offered)),
        parallel_tools=draw(maybe(st.booleans())) if any(isinstance(tool, Tool) for tool in offered) else None,
        sampling=draw(samplings),
        output=draw(outputs),
        thinking=draw(thinkings),
        stop=tuple(draw(st.lists(said, max_size=6, unique=True))),
        max_output=draw(maybe(st.integers(1, 100_000))),
        stream=draw(st.booleans()),
        end_user=draw(maybe(st.just("user-1"))),
        extras=draw(extras),
    )


usages = st.builds(
    lambda sent, out, read, written, hour, share, heard: Usage(
        sent,
        out,
        read,
        written,
        out * share // 4,
        hour,
        sent * heard // 4,
        (out - out * share // 4) * heard // 4,
        read * heard // 4,
    ),
    *(tokens, tokens, tokens, tokens, tokens | st.just(0)),
    st.integers(0, 4),
    st.integers(0, 4),
)


@st.composite
def answer_parts(draw: DrawFn, wire: Format) -> tuple[Part, ...]:
    """Make what a model says."""
    ids: list[str] = []
    each = thoughts(wire) | texts(wire, cached=False) | calls(wire, ids, cached=False) | opaques(wire)
    parts = draw(st.lists(each, max_size=4) | st.builds(lambda text: [Refusal(text)], said))
    return tuple(parts)


@st.composite
def responses(draw: DrawFn, wire: Format) -> GenerateResponse:
    """Make a whole answer as a provider of ``wire`` might give it."""
    parts = draw(answer_parts(wire))
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    finish = Finish.TOOLS if called else Finish.REFUSED if refused else draw(st.sampled_from(Finish))
    return GenerateResponse(
        format=wire,
        parts=parts,
        finish=Finish.STOP if finish is Finish.TOOLS and not called else finish,
        id=draw(maybe(st.just("answer-1"))),
        model=draw(maybe(st.just("a-model-2"))),
        created=draw(maybe(st.just(1_700_000_000))),
        usage=draw(maybe(usages)),
        extras=draw(extras),
    )


@st.composite
def streams(draw: DrawFn, wire: Format) -> tuple[Event, ...]:
    """Make a stream as ``ir.grammar`` allows: several parts may be open at once, texts come in pieces."""
    response = draw(responses(wire))
    begin, *rest, end = unfold(response)
    finished = [event for event in rest if isinstance(event, Finished)] or [Finished(Finish.STOP)]
    events: list[Event] = [begin, *_interleaved(draw, [event for event in rest if not isinstance(event, Finished)])]
    for _ in range(draw(st.integers(0, 2))):
        events.insert(draw(st.integers(1, len(events))), Raw(wire, draw(objects)))
    counted = [event for event in events if isinstance(event, Spent)]
    for event in counted:
        events.insert(
            draw(st.integers(1, len(events))), Spent(msgspec.structs.replace(event.usage, output=0, reasoning=0))
        )
        events.remove(event)
    return (*events, *finished, *counted, end)


def _queue(draw: DrawFn, events: Sequence[Event]) -> list[Event]:
    """Say one part: its text in two pieces, its signature at its beginning or behind its text."""
    start, *middle, stop = events
    assert isinstance(start, PartStart)
    queue: list[Event] = []
    for event in middle:
        assert isinstance(event, Delta)
        place = draw(st.integers(0, len(event.text)))
        queue += [Delta(event.at, event.text[:place]), Delta(event.at, event.text[place:])]
    match start.part:
        case Text(signature=Signature() as signature) | Thought(signature=Signature() as signature) if draw(
            st.booleans()
        ):
            part = msgspec.structs.replace(start.part, signature=None)
            return [PartStart(start.at, part), *queue, Sign(start.at, signature), stop]
        case _:
            return [start, *queue, stop]


def _interleaved(draw: DrawFn, events: Sequence[Event]) -> list[Event]:
    """Let parts run beside each other; each begins when the one before has begun."""
    starts = [place for place, event in enumerate(events) if isinstance(event, PartStart)]
    stops = [place for place, event in enumerate(events) if isinstance(event, PartStop)]
    queues = [_queue(draw, events[start : stop + 1]) for start, stop in zip(starts, stops, strict=True)]
    merged: list[Event] = []
    begun = 0
    while any(queues):
        at = draw(st.sampled_from([at for at, queue in enumerate(queues[: begun + 1]) if queue]))
        begun = max(begun, at + 1)
        merged.append(queues[at].pop(0))
    return [*merged, *events[stops[-1] + 1 if stops else 0 :]]


grammatical: SearchStrategy[tuple[Event, ...]] = st.sampled_from(WIRES).flatmap(streams)
whole: SearchStrategy[GenerateResponse] = st.sampled_from(WIRES).flatmap(responses)
