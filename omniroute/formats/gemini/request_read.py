"""Reads a request of this format.

Source: Gemini API reference, "Generating content" (https://ai.google.dev/api/generate-content).

Always true: a member that is not modelled stands in ``extras``: of a message, a part or a tool under its own name, of
``generationConfig`` and ``toolConfig`` with that before it (``generationConfig.responseModalities``).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.parts_read import Scope, read_part
from omniroute.formats.gemini.schema import to_json_schema
from omniroute.formats.gemini.settings_read import (
    read_choice,
    read_output,
    read_sampling,
    read_thinking,
    setting_pins,
)
from omniroute.formats.gemini.wire import (
    loads,
    many,
    named,
    refuse,
    rest,
    want_integer,
    want_object,
    want_text,
)
from omniroute.formats.hosted import hosted_pins
from omniroute.ir.parts import Audio, Document, FileRef, Image, Opaque, Part, Text, Thought
from omniroute.ir.request import GenerateRequest, Message, Pin, Role, Tool
from omniroute.names import Format

_SEARCHES = frozenset({"googleSearch", "googleSearchRetrieval", "enterpriseWebSearch"})
_ROLES = {"user": Role.USER, "model": Role.ASSISTANT}
_TOP = frozenset({"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
_KEPT = "the file is kept by the provider"


def read_request(asked: Asked) -> GenerateRequest:
    """Read a request.

    Raises:
        Malformed: it cannot be understood.
    """
    value = loads(asked.body)
    if not isinstance(value, dict):
        raise Malformed("the request body must be a JSON object")
    body = named(value)
    scope = Scope(Calls())
    config = want_object(body.get("generationConfig"), "generationConfig")
    choice, choice_extras = read_choice(body.get("toolConfig"))
    output, output_names = read_output(config)
    thinking = read_thinking(config.get("thinkingConfig"))
    sampling, sampling_names = read_sampling(config)
    system, system_extras = _system(body.get("systemInstruction"), scope)
    messages = _contents(body.get("contents"), scope)
    tools = tuple(tool for each in many(body.get("tools")) for tool in _tools(each))
    read = {*output_names, *sampling_names, "thinkingConfig", "stopSequences", "maxOutputTokens"}
    more = {f"generationConfig.{name}": member for name, member in rest(config, read).items()}
    extras = {**rest(body, _TOP), **more, **choice_extras, **system_extras}
    if "model" in body:
        extras["=model"] = body["model"]
    return GenerateRequest(
        format=Format.GEMINI,
        model=asked.model,
        messages=messages,
        system=system,
        tools=tools,
        tool_choice=choice,
        sampling=sampling,
        output=output,
        thinking=thinking,
        stop=_stop(config.get("stopSequences")),
        max_output=want_integer(config.get("maxOutputTokens"), "generationConfig.maxOutputTokens"),
        stream=asked.stream,
        usage_asked=asked.usage_asked,
        pins=(*hosted_pins(tools, _hosted_name, _searches, None), *setting_pins(body, config), *_file_pins(messages)),
        extras=_restated_default(extras) or None,
    )


def _restated_default(extras: dict[str, Any]) -> dict[str, Any]:
    """Mark what only says the default: one answer, of text alone."""
    defaults = {"generationConfig.responseModalities": ["TEXT"], "generationConfig.candidateCount": [1]}
    for name, default in defaults.items():
        if name in extras and many(extras[name]) == default:
            extras[f"={name}"] = extras.pop(name)
    return extras


def _contents(value: object, scope: Scope) -> tuple[Message, ...]:
    """Read the conversation."""
    messages = tuple(_message(each, f"contents[{place}]", scope) for place, each in enumerate(many(value)))
    turns = _joined(messages)
    if not scope.foreign:
        return turns
    return tuple(msgspec.structs.replace(turn, parts=_whole_thoughts(turn.parts)) for turn in turns)


def _message(value: object, name: str, scope: Scope) -> Message:
    """Read a turn; who speaks is the user unless it says otherwise."""
    content = {"parts": value} if isinstance(value, str) else want_object(value, name)
    role = content.get("role", "user")
    extras = rest(content, ("role", "parts"))
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        extras["=role"] = role
    return Message(known or Role.USER, _parts(content.get("parts"), name, scope), extras or None)


def _parts(value: object, name: str, scope: Scope) -> tuple[Part, ...]:
    """Read the parts of a turn."""
    parts = many(value)
    for place, each in enumerate(parts):
        if not isinstance(each, dict | str):
            raise refuse(f"{name}.parts[{place}]", "an object", each)
    return tuple(read_part(each, scope) for each in parts)


def _system(value: object, scope: Scope) -> tuple[tuple[Part, ...], dict[str, Any]]:
    """Read instructions: a content, of which only the parts matter, or parts, or a string."""
    if isinstance(value, str | list):
        return _parts(value, "systemInstruction", scope), {}
    content = want_object(value, "systemInstruction")
    more = rest(content, ("parts",))
    return _parts(content.get("parts"), "systemInstruction", scope), {"=systemInstruction": more} if more else {}


def _joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join turns of the model that follow each other: clients keep each piece of a stream as a turn."""
    turns: list[Message] = []
    for message in messages:
        before = turns[-1] if turns else message
        if not turns or not before.role is message.role is Role.ASSISTANT or before.extras or message.extras:
            turns.append(message)
        else:
            turns[-1] = Message(Role.ASSISTANT, _seamless(before.parts, message.parts))
    return tuple(turns)


def _seamless(before: tuple[Part, ...], after: tuple[Part, ...]) -> tuple[Part, ...]:
    """Join the parts of two turns; words that were cut in pieces there are whole again."""
    if not before or not after:
        return before + after
    last, first = before[-1], after[0]
    if first == Text():
        return before + after[1:]
    kind = Thought if isinstance(last, Thought) else Text
    if not isinstance(last, kind) or not isinstance(first, kind) or last != kind(last.text) or first.extras:
        return before + after
    if isinstance(first, Thought) and first.redacted:
        return before + after
    return (*before[:-1], kind(last.text + first.text, first.signature), *after[1:])


def _whole_thoughts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Join unsigned thoughts with what follows them of the same thought, up to its signature.

    Only conversations in which another format's signature stands need it: that signature is of the whole thought.
    """
    whole: list[Part] = []
    for part in parts:
        before = whole[-1] if whole else None
        if isinstance(part, Thought) and not part.redacted and isinstance(before, Thought) and before.signature is None:
            whole[-1] = msgspec.structs.replace(before, text=before.text + part.text, signature=part.signature)
        else:
            whole.append(part)
    return tuple(whole)


def _tools(value: object) -> list[Tool | Opaque]:
    """Read one entry of ``tools``: functions, and tools that the provider runs, each by the member that names it."""
    entry = want_object(value, "tools")
    found: list[Tool | Opaque] = []
    for name, member in entry.items():
        if name == "functionDeclarations":
            found.extend(_function(each) for each in many(member))
        else:
            found.append(Opaque(Format.GEMINI, {name: member}))
    return found


def _function(value: object) -> Tool:
    """Read a function."""
    said = want_object(value, "tools.functionDeclarations")
    name = want_text(said.get("name"), "tools.functionDeclarations.name")
    if not name:
        raise Malformed('"tools.functionDeclarations.name" is missing: name the function', "tools")
    schema = said.get("parametersJsonSchema")
    extras = rest(said, ("name", "description", "parameters", "parametersJsonSchema"))
    if "parameters" in said:
        extras["=parameters"] = said["parameters"]
        schema = to_json_schema(said["parameters"]) if schema is None else schema
    description = want_text(said.get("description"), "tools.functionDeclarations.description")
    return Tool(name, description, schema, extras=extras or None)


def _stop(value: object) -> tuple[str, ...]:
    """Read the stop sequences."""
    name = "generationConfig.stopSequences"
    return tuple(want_text(each, name) or "" for each in many(value))


def _hosted_name(tool: Opaque) -> str:
    """Give what this format calls a tool that the provider runs."""
    return next(iter(tool.json), "")


def _searches(tool: Opaque) -> bool:
    """Say whether a tool searches the web."""
    return _hosted_name(tool) in _SEARCHES


def _file_pins(messages: Sequence[Message]) -> tuple[Pin, ...]:
    """Give the pins of files that the provider keeps."""
    parts = (part for message in messages for part in message.parts)
    sources = (part.source for part in parts if isinstance(part, Image | Audio | Document))
    kept = dict.fromkeys(source.id for source in sources if isinstance(source, FileRef))
    return tuple(Pin(f"fileData: {each}", _KEPT) for each in kept)
