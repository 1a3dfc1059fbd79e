"""What becomes of each feature between two formats, learnt from our own samples (tests/wire).

A feature is found in a sample that has been read, as the paths where it stands; what becomes of it is what the losses
say of these paths. So the page can say nothing that the codecs do not say to a client as well.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from functools import cache
from typing import Any

from omniroute.formats import CODECS
from omniroute.formats.adapt import adapt
from omniroute.formats.codec import Codec
from omniroute.ir.loss import Loss, LossKind, Weight
from omniroute.ir.parts import (
    Audio,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.request import GenerateRequest, Role, Tool
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import Format
from tests.support.corpus import own
from tests.support.difference import Losses
from tests.support.normal import leading_items
from tests.support.passages import answered, read_request

Paths = Iterator[str]


class Fate(IntEnum):
    """What becomes of a feature, from good to bad."""

    KEPT = 0
    APPROXIMATED = 1
    DROPPED = 2
    REFUSED = 3
    BOUND = 4


def conversation(request: GenerateRequest) -> Iterator[tuple[str, Role, Part]]:
    """Give the parts of the messages, and those within results."""
    for number, message in enumerate(request.messages):
        for place, part in enumerate(message.parts):
            yield from within(f"messages[{number}].parts[{place}]", message.role, part)


def within(path: str, role: Role, part: Part) -> Iterator[tuple[str, Role, Part]]:
    """Give a part, and those that it holds."""
    yield path, role, part
    if isinstance(part, ToolResult):
        for place, inner in enumerate(part.parts):
            yield f"{path}.parts[{place}]", role, inner


def parts(kind: type | tuple[type, ...], test: Callable[[Any], object] = bool) -> Callable[[GenerateRequest], Paths]:
    """Find parts of a kind that pass a test."""
    return lambda request: (path for path, _, part in conversation(request) if isinstance(part, kind) and test(part))


def members(name: str, *kinds: type) -> Callable[[GenerateRequest], Paths]:
    """Find a member of parts that is set."""

    def find(request: GenerateRequest) -> Paths:
        every = [(path, part) for path, _, part in conversation(request)]
        every += [(item.path, item.part) for item in leading_items(request)]
        for path, part in every:
            if (not kinds or isinstance(part, kinds)) and getattr(part, name, None):
                yield f"{path}.{name}"

    return find


def setting(path: str) -> Callable[[GenerateRequest], Paths]:
    """Find a setting that is not left out."""

    def find(request: GenerateRequest) -> Paths:
        value: Any = request
        for step in path.split("."):
            value = getattr(value, step, None)
        if value is not None and value != ():
            yield path

    return find


def tools(test: Callable[[Tool], object], member: str = "") -> Callable[[GenerateRequest], Paths]:
    """Find the client's own tools that pass a test."""
    return lambda request: (
        f"tools[{place}]{member}" for place, tool in enumerate(request.tools) if isinstance(tool, Tool) and test(tool)
    )


def later_instructions(request: GenerateRequest) -> Paths:
    """Find instructions within the conversation."""
    leading = {item.path for item in leading_items(request)}
    for path, role, _ in conversation(request):
        if role in {Role.SYSTEM, Role.DEVELOPER} and path not in leading:
            yield path.partition(".")[0] + ".role"


def hosted(request: GenerateRequest) -> Paths:
    """Find tools that the provider runs."""
    return (f"tools[{place}]" for place, tool in enumerate(request.tools) if isinstance(tool, Opaque))


def stands(part: Any, *sources: type) -> bool:
    return isinstance(part.source, sources)


# literal table: what a client may ask → where it stands in a request
ASKED: dict[str, Callable[[GenerateRequest], Paths]] = {
    "words": parts(Text, lambda part: part.text),
    "instructions": lambda request: (item.path for item in leading_items(request)),
    "instructions within the conversation": later_instructions,
    "pictures, inline": parts(Image, lambda part: stands(part, Inline)),
    "pictures, by URL": parts(Image, lambda part: stands(part, Url)),
    "how closely to look": members("detail", Image),
    "sound": parts(Audio),
    "documents, inline": parts(Document, lambda part: stands(part, Inline)),
    "documents, by URL": parts(Document, lambda part: stands(part, Url)),
    "documents, plain text": parts(Document, lambda part: stands(part, Plain)),
    "names of documents": members("name", Document),
    "uploaded files, by id": parts((Image, Document), lambda part: stands(part, FileRef)),
    "tools": tools(lambda tool: not tool.custom and not tool.namespace),
    "tools held to their schema (`strict`)": tools(lambda tool: tool.strict, ".strict"),
    "tools that take free text": tools(lambda tool: tool.custom, ".custom"),
    "tools in namespaces": tools(lambda tool: tool.namespace, ".namespace"),
    "tools that the provider runs": hosted,
    "choice of a tool": setting("tool_choice"),
    "one call at a time, or several": setting("parallel_tools"),
    "calls": parts(ToolCall),
    "results of tools": parts(ToolResult),
    "results that are errors": members("is_error", ToolResult),
    "pictures in results": lambda request: (
        path for path, _, part in conversation(request) if isinstance(part, Image) and path.count("parts[") > 1
    ),
    "thoughts sent back": parts(Thought, lambda part: part.text),
    "signatures of thoughts": members("signature", Thought),
    "signatures of words and calls": members("signature", Text, ToolCall),
    "cache hints": members("cache"),
    "temperature": setting("sampling.temperature"),
    "top_p": setting("sampling.top_p"),
    "top_k": setting("sampling.top_k"),
    "presence penalty": setting("sampling.presence_penalty"),
    "frequency penalty": setting("sampling.frequency_penalty"),
    "seed": setting("sampling.seed"),
    "stop sequences": setting("stop"),
    "longest output": setting("max_output"),
    "JSON of a schema": setting("output.schema"),
    "JSON without a schema": lambda request: (
        path for path in setting("output")(request) if request.output and request.output.schema is None
    ),
    "thinking on or off": setting("thinking.enabled"),
    "thinking, as an effort": setting("thinking.effort"),
    "thinking, as tokens": setting("thinking.budget"),
    "thoughts shown or hidden": setting("thinking.visible"),
    "who the end user is": setting("end_user"),
    "parts that only this format knows": parts(Opaque),
    "settings that only this format knows": lambda request: (
        f"extras.{name}" for name in request.extras or {} if not name.startswith("=")
    ),
}


def answer_parts(
    kind: type, test: Callable[[Any], object] = bool, member: str = ""
) -> Callable[[GenerateResponse], Paths]:
    """Find parts of an answer that pass a test."""
    return lambda response: (
        f"parts[{place}]{member}" for place, part in enumerate(response.parts) if isinstance(part, kind) and test(part)
    )


def ended(finish: Finish) -> Callable[[GenerateResponse], Paths]:
    """Find answers that ended so."""
    return lambda response: iter(["finish"] if response.finish is finish else [])


def noted(response: GenerateResponse) -> Paths:
    """Find what only the format says of its parts."""
    for place, part in enumerate(response.parts):
        extras = {} if isinstance(part, Opaque) else part.extras or {}
        yield from (f"parts[{place}].extras.{name}" for name in extras if not name.startswith("="))


# literal table: what a provider may answer → where it stands in an answer
SAID: dict[str, Callable[[GenerateResponse], Paths]] = {
    "words": answer_parts(Text, lambda part: part.text),
    "thoughts": answer_parts(Thought, lambda part: part.text),
    "signatures of thoughts": answer_parts(Thought, lambda part: part.signature and not part.redacted, ".signature"),
    "redacted thoughts": answer_parts(Thought, lambda part: part.redacted, ".signature"),
    "signatures of words": answer_parts(Text, lambda part: part.signature, ".signature"),
    "signatures of calls": answer_parts(ToolCall, lambda part: part.signature, ".signature"),
    "calls": answer_parts(ToolCall),
    "refusals": answer_parts(Refusal),
    "citations and other notes on words": noted,
    "pictures": answer_parts(Image),
    "what the provider's own tools did, and other parts that only this format knows": answer_parts(Opaque),
    "end: said": ended(Finish.STOP),
    "end: too long": ended(Finish.LENGTH),
    "end: calls": ended(Finish.TOOLS),
    "end: refused": ended(Finish.REFUSED),
    "end: pause": ended(Finish.PAUSE),
    "end: another": ended(Finish.OTHER),
}


def fate(path: str, losses: Losses) -> Fate:
    """Say what became of what stands at a path."""
    found = losses.at(path)
    if any(loss.weight is Weight.CONTENT for loss in found):
        return Fate.REFUSED
    if any(loss.kind is LossKind.DROPPED for loss in found):
        return Fate.DROPPED
    return Fate.APPROXIMATED if found else Fate.KEPT


@cache
def requests(wire: Format) -> tuple[GenerateRequest, ...]:
    """Give the requests of our samples of a format."""
    found = (sample for sample in own() if sample.format is wire and sample.request is not None)
    return tuple(read_request(sample.codec, sample.request or b"", sample.place) for sample in found)


@cache
def responses(wire: Format) -> tuple[GenerateResponse, ...]:
    """Give the whole answers of our samples of a format."""
    found = [sample for sample in own() if sample.format is wire and sample.response is not None]
    fine = [sample for sample in found if sample.codec.answer(sample.response or b"").complaint is None]
    return tuple(sample.codec.read_response(sample.response or b"") for sample in fine)


def losses_of(request: GenerateRequest, codec: Codec) -> tuple[Loss, ...]:
    """Give what is lost when a request is said in a format."""
    adapted = None if codec.tools is None else adapt(request, codec.tools)
    assert codec.render_request is not None
    rendered = codec.render_request(adapted.request if adapted else request)
    return ((*adapted.losses, *rendered.losses)) if adapted else rendered.losses


def bound(request: GenerateRequest, path: str) -> bool | None:
    """Say whether a pin holds what stands at a path; None where another of the request's features is pinned."""
    if not request.pins:
        return False
    features = [pin.feature for pin in request.pins]
    name = path.rpartition(".")[2]
    named = path.startswith("extras.") and any(feature.partition(":")[0] == name for feature in features)
    run = path.startswith("tools[") and any(feature.startswith("tools") for feature in features)
    return True if named or run or path.startswith("messages[") else None


def asked(client: Format, upstream: Format) -> dict[str, frozenset[Fate]]:
    """Say what becomes of each feature of a client's requests at an upstream of another format."""
    codec = CODECS[upstream]
    found: dict[str, set[Fate]] = {}
    for request in requests(client):
        losses = Losses(losses_of(request, codec))
        for name, find in ASKED.items():
            found.setdefault(name, set()).update(_fates(request, find(request), name, losses))
    return {name: frozenset(fates) for name, fates in found.items()}


def _fates(request: GenerateRequest, paths: Iterable[str], name: str, losses: Losses) -> Iterator[Fate]:
    for path in paths:
        pinned = bound(request, path) if name in PINNED else None if request.pins else False
        if pinned is not None:
            yield Fate.BOUND if pinned else fate(path, losses)


PINNED = frozenset(
    {
        "uploaded files, by id",
        "tools that the provider runs",
        "parts that only this format knows",
        "settings that only this format knows",
    }
)
"""Features that only a provider of the same format may be able to serve."""


def said(upstream: Format, client: Format) -> dict[str, frozenset[Fate]]:
    """Say what becomes of each feature of a provider's answers at a client of another format."""
    found: dict[str, set[Fate]] = {}
    for response in responses(upstream):
        _, written = answered(response, CODECS[client], requests(client)[0])
        losses = Losses(written.losses)
        for name, find in SAID.items():
            fates = (fate(path, losses) for path in find(response))
            found.setdefault(name, set()).update(Fate.DROPPED if each is Fate.REFUSED else each for each in fates)
    return {name: frozenset(fates) for name, fates in found.items()}
