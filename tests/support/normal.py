"""A normal form of what is said, so that two ways of saying it in different formats can be compared.

Two values are held to be the same where, and only where, one of these is all that differs:

- instructions before the conversation, whether they stand in ``system`` or open the messages: formats differ in where
  they put them; and ``developer`` for ``system``, because most formats have one of the two;
- messages of one role behind each other, for one message: several formats know only turns that alternate;
- in a user's turn, where the results of tools stand, and in which order: they are found by id;
- in a model's turn, how thoughts, words and calls stand to each other: two formats have a member for each of them;
- in what a tool answered, where pictures stand to its words: one format has a list for each;
- words or thoughts in several parts, for one part with white space between them (``difference``): they have one string;
- a text of nothing but white space without a signature, for no part: several formats refuse it;
- ids of calls, as long as each result belongs to the same call: two formats have none, others restrict them;
- the name of a tool at its result: the call says it; the namespace of a call: who knows none has asked for none, and
  whoever does is told by ``formats.adapt``;
- arguments as text, for the same JSON value: three formats send an object. No arguments mean ``{}``. As for results,
  one that is JSON;
- a signature of Gemini's on an empty thought or text, for the same on the part behind it: others have no place for one
  on words and calls, and a thought is where they put it; which of a turn's words bear it: those that are joined do;
- a marked signature (``ir.signatures``), for the one that it holds;
- plain text as a document, for the same bytes in base64; the two names of one media type; the media type of a URL
  where one side does not say it: whoever fetches it is told;
- a tool without a schema, for one that takes an object without members; an empty description for none; ``strict`` not
  said for ``false``: one format has the other default, and is told so;
- what every format does unless told otherwise, for its being said: tools as the model likes, several at once;
- how thinking is switched off, that an effort or a budget switches it on, and that what is thought may be seen;
- what one side does not name and another format demands: the longest output, the name of a document or of a form.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from msgspec.structs import replace

from omniroute.ir.parts import (
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Signature,
    Source,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.request import GenerateRequest, Role, Thinking, Tool, ToolChoice, ToolMode
from omniroute.ir.response import GenerateResponse
from omniroute.ir.signatures import unpack
from omniroute.names import Format

MEDIA_TYPES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}
HIDING = frozenset({Format.OPENAI_RESPONSES, Format.GEMINI})
"""Formats whose providers show no thoughts unless asked to."""
USUAL_DETAIL = "auto"
"""How closely a picture is looked at where nothing is said, by OpenAI's reference: one format's types demand a word."""
NO_CALL = "-1"
REDACTED = "redacted:"
"""What the Responses format puts before a packed signature that is all there is of a thought: it has no other place."""
NO_MEMBERS: dict[str, Any] = {"type": "object", "properties": {}}


class Item(NamedTuple):
    """A part of a conversation: where it stands, who says it, what it is."""

    path: str
    role: Role
    part: Part


def request_items(
    request: GenerateRequest, said_by_user: Iterable[int] = (), lost: Callable[[str], bool] | None = None
) -> list[Item]:
    """Give a conversation as its parts; messages named in ``said_by_user`` count as the user's.

    ``lost`` tells the paths of parts of which nothing is left. They come last, and part no turns: where all of a
    message is lost, those around it are one turn.
    """
    items = _renamed(_unarranged(request, said_by_user))
    gone = [item for item in items if lost is not None and lost(item.path)]
    kept = [item for item in items if lost is None or not lost(item.path)]
    return [*_arranged(kept), *(each for item in gone for group in _carried([item]) for each in group)]


def _unarranged(request: GenerateRequest, said_by_user: Iterable[int] = ()) -> list[Item]:
    items = [Item(f"system[{place}]", Role.SYSTEM, part) for place, part in enumerate(request.system)]
    users = set(said_by_user)
    for number, message in enumerate(request.messages):
        role = Role.USER if number in users else message.role
        role = Role.SYSTEM if role is Role.DEVELOPER else role
        items += [Item(f"messages[{number}].parts[{place}]", role, part) for place, part in enumerate(message.parts)]
    return items


def leading_items(request: GenerateRequest) -> list[Item]:
    """Give the instructions before the conversation, in the order of ``ir.request.leading_system``."""
    items = _unarranged(request)
    conversation = (place for place, item in enumerate(items) if item.role is not Role.SYSTEM)
    return items[: next(conversation, len(items))]


def response_items(response: GenerateResponse) -> list[Item]:
    """Give an answer as its parts."""
    items = [Item(f"parts[{place}]", Role.ASSISTANT, part) for place, part in enumerate(response.parts)]
    return _arranged(_renamed(items))


def result_items(result: ToolResult, path: str) -> list[Item]:
    """Give what a tool answered as its parts."""
    items = [Item(f"{path}.parts[{place}]", Role.USER, part) for place, part in enumerate(result.parts)]
    items.sort(key=lambda item: not isinstance(item.part, Text))
    return [item for item in items if not is_blank(item.part)]


def _arranged(items: Iterable[Item]) -> list[Item]:
    """Put turn by turn into the order in which they are compared."""
    arranged: list[Item] = []
    for role, run in groupby(items, key=lambda item: item.role):
        groups = sorted(_carried(run), key=lambda group: _rank(role, group[-1].part))
        arranged += [item for group in groups for item in group]
    return arranged


def _rank(role: Role, part: Part) -> tuple[int, int]:
    """Say where in a turn a part is compared."""
    match part:
        case ToolResult() if role is Role.USER:
            return (0, int(part.id))
        case Thought() if part.text:
            return (1, 0)
        case Thought():
            return (3, 0)
        case ToolCall():
            return (4, 0)
        case _:
            return (2, 0)


def is_blank(part: Part) -> bool:
    """Whether a part says nothing at all."""
    return isinstance(part, Text | Thought) and not part.text.strip() and part.signature is None


def _carried(turn: Iterable[Item]) -> Iterator[list[Item]]:
    """Give each part apart; a signature of Gemini's as an empty thought, which a call keeps in front of it.

    A part that other formats do not know may vanish, and so does not stand between the two.
    """
    held: list[Item] = []
    for item in turn:
        part = item.part
        if isinstance(part, Text | ToolCall | Image | Thought) and _is_carried(part):
            held.append(Item(f"{item.path}.signature", item.role, Thought(signature=opened(part.signature))))
            part = replace(part, signature=None)
        if isinstance(part, Opaque):
            yield [item]
        elif not is_blank(part):
            here = Item(item.path, item.role, part)
            yield from ([*held, here],) if isinstance(part, ToolCall) else ([here], *([each] for each in held))
            held = []
    yield from ([each] for each in held)


def opened(signature: Signature | None) -> Signature | None:
    """Give the signature that a marked one holds."""
    found = signature and unpack(signature.data, signature.format)
    return replace(found, data=found.data.removeprefix(REDACTED)) if found else None


def _is_carried(part: Text | ToolCall | Image | Thought) -> bool:
    """Whether a part bears a signature that does not belong to the words of a thought."""
    found = opened(part.signature)
    return found is not None and found.format is Format.GEMINI and not (isinstance(part, Thought) and part.text)


def _renamed(items: Sequence[Item]) -> list[Item]:
    """Name each call by its place among the calls, and each result after its call."""
    calls = (item.part.id for item in items if isinstance(item.part, ToolCall))
    numbers = {name: str(place) for place, name in enumerate(dict.fromkeys(calls))}
    return [
        Item(item.path, item.role, replace(item.part, id=numbers.get(item.part.id, NO_CALL)))
        if isinstance(item.part, ToolCall | ToolResult)
        else item
        for item in items
    ]


def source(value: Source) -> object:
    """Give bytes in normal form."""
    match value:
        case Plain(text=text):
            encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
            return Inline("text/plain", encoded)
        case Inline(media_type=kind, data=data):
            return Inline(MEDIA_TYPES.get(kind.lower(), kind.lower()), data)
        case Url(href=href):
            return Url(href)
        case _:
            return value


def arguments(call: ToolCall) -> object:
    """Give a call's arguments in normal form."""
    return call.arguments if call.custom else as_json(call.arguments or "{}")


def as_json(text: str) -> object:
    """Give a text as the JSON value that it is, with the type of each number told; else as it is."""
    try:
        return exact(json.loads(text))
    except ValueError:
        return text


def exact(value: object) -> object:
    """Make JSON values comparable: Python holds ``True == 1 == 1.0``."""
    match value:
        case dict():
            return {name: exact(each) for name, each in value.items()}
        case list() | tuple():
            return [exact(each) for each in value]
        case bool():
            return ("bool", value)
        case _:
            return value


def schema(tool: Tool) -> object:
    """Give the form of a tool's arguments."""
    found = exact(tool.schema)
    return exact(NO_MEMBERS) if found is None or found == {"type": "object"} else found


def choice(value: ToolChoice | None) -> tuple[str, str | None]:
    """Give the wish about tools."""
    return (ToolMode.AUTO, None) if value is None else (value.mode, value.name)


def thinking(value: Thinking | None) -> dict[str, Any]:
    """Give the wish about thinking, member by member."""
    if value is None:
        return {}
    off = value.enabled is False or value.effort == "none" or value.budget == 0
    if off:
        return {"enabled": False}
    members = {"effort": value.effort, "budget": value.budget, "visible": None if value.visible else value.visible}
    on = value.enabled or value.effort is not None or value.budget is not None
    return {"enabled": True if on else None, **members}


def scalars(request: GenerateRequest) -> dict[str, object]:
    """Give all of a request but its conversation and tools: by path."""
    sampling = {f"sampling.{name}": getattr(request.sampling, name) for name in request.sampling.__struct_fields__}
    wished = {f"thinking.{name}": value for name, value in thinking(request.thinking).items()}
    output = request.output
    described = ("name", "description", "strict")
    return {
        **sampling,
        **wished,
        **({} if output is None else {f"output.{name}": getattr(output, name) or None for name in described}),
        "output.schema": None if output is None else exact(output.schema),
        "output": output is not None or None,
        "tool_choice": choice(request.tool_choice),
        "parallel_tools": request.parallel_tools is False,
        "stop": request.stop,
        "stream": request.stream,
        "end_user": request.end_user,
    }


def tool_members(tool: Tool | Opaque) -> dict[str, object]:
    """Give a tool, member by member."""
    if isinstance(tool, Opaque):
        return {"format": tool.format, "json": exact(tool.json)}
    return {
        "name": tool.name,
        "description": tool.description or None,
        "schema": schema(tool),
        "strict": tool.strict or None,
        "custom": tool.custom,
        "grammar": exact(tool.grammar),
        "namespace": tool.namespace,
        "cache": tool.cache,
    }
