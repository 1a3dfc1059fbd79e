"""What the Gemini format holds to be the same, made the same; for the law Return.

Of protocol buffers' JSON mapping: a name in camelCase and in snake_case, ``null`` and an absent member, a repeated
field with one value and that value, ``false`` and an absent boolean. Of this API: a turn without a role is the user's
(the model's, in an answer), turns of the model that follow each other are one, as clients keep them of a stream, a
string is one text part, a call without arguments has an empty object of them, an empty
object of settings says nothing, and how tools are grouped into entries says nothing.
"""

import re
from typing import Any

FREE = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})
"""Members whose values are somebody else's JSON."""

CONFIG = ("generationConfig", "toolConfig", "systemInstruction")


def request(value: Any) -> Any:
    """Give a request in its canonical form."""
    body = _named(value)
    body["contents"] = _joined([_content(each, "user") for each in _many(body.get("contents"))])
    if "systemInstruction" in body:
        said = body["systemInstruction"]
        body["systemInstruction"] = _content({"parts": said} if isinstance(said, str | list) else said, None)
    if "tools" in body:
        body["tools"] = _tools(_many(body["tools"]))
    config = body.get("generationConfig", {})
    if "stopSequences" in config:
        config["stopSequences"] = _many(config["stopSequences"])
    for outer, inner in (("generationConfig", "thinkingConfig"), ("toolConfig", "functionCallingConfig")):
        if body.get(outer, {}).get(inner) == {}:
            del body[outer][inner]
    return {name: member for name, member in body.items() if not (name in CONFIG and member in ({}, {"parts": []}))}


def response(value: Any) -> Any:
    """Give an answer in its canonical form."""
    body = _named(value)
    candidates = _many(body.pop("candidates", None))
    if candidates:
        body["candidates"] = [{**each, "content": _content(each.get("content", {}), "model")} for each in candidates]
    return body


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


def _named(value: Any) -> Any:
    """Give JSON with names in camelCase and without nulls, but for what is somebody else's."""
    if isinstance(value, list):
        return [_named(each) for each in value]
    if not isinstance(value, dict):
        return value
    members = {_camel(name): member for name, member in value.items() if member is not None}
    return {name: member if name in FREE else _named(member) for name, member in members.items()}


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _content(value: Any, role: str | None) -> dict[str, Any]:
    content = {"parts": value} if isinstance(value, str) else dict(value)
    if role is not None:
        content.setdefault("role", role)
    content["parts"] = [_part(each) for each in _many(content.get("parts"))]
    return content


def _joined(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for content in contents:
        if not (turns and turns[-1].keys() == content.keys() == {"role", "parts"}):
            turns.append(content)
        elif turns[-1]["role"] == content["role"] == "model":
            turns[-1]["parts"] = _seamless(turns[-1]["parts"], content["parts"])
        else:
            turns.append(content)
    return turns


def _seamless(before: list[Any], after: list[Any]) -> list[Any]:
    if not before or not after:
        return before + after
    last, first = before[-1], after[0]
    if first == {"text": ""}:
        return before + after[1:]
    plain = {"text", "thought"}
    cut = {"text"} <= last.keys() <= plain and {"text"} <= first.keys() <= plain | {"thoughtSignature"}
    if not cut or ("thought" in last) != ("thought" in first):
        return before + after
    return [*before[:-1], {**first, "text": last["text"] + first["text"]}, *after[1:]]


def _part(value: Any) -> dict[str, Any]:
    part = {"text": value} if isinstance(value, str) else dict(value)
    if part.get("thought") is False:
        del part["thought"]
    if "functionCall" in part:
        part["functionCall"] = {"args": {}, **part["functionCall"]}
    return part


def _tools(entries: list[Any]) -> list[Any]:
    functions = [each for entry in entries for each in _many(entry.get("functionDeclarations"))]
    hosted = [{name: each} for entry in entries for name, each in entry.items() if name != "functionDeclarations"]
    return [functions, *hosted]
