"""What Chat Completions holds to be the same, as canonical JSON.

Null and an absent member, a string and one part of text, ``stream`` that is false and one that is not said; usage in
a stream is asked for by the gateway itself. Some servers leave out of an answer what OpenAI's reference requires (its
id, its object, its time, its model, a choice's index): an answer that we write has them.
"""

from typing import Any

Json = dict[str, Any]
REQUIRED = ("id", "object", "created", "model")


def request(value: Json) -> Json:
    """Give the canonical form of a request."""
    body = without(value)
    if not body.get("stream"):
        body.pop("stream", None)
    options = body.pop("stream_options", {})
    if isinstance(options, dict):
        options = {name: each for name, each in options.items() if name != "include_usage"}
    if options:
        body["stream_options"] = options
    body["messages"] = [message(each) for each in body["messages"]]
    return body


def response(value: Json) -> Json:
    """Give the canonical form of a whole answer."""
    body = without(value)
    for name in REQUIRED:
        body.setdefault(name, "left out")
    body["choices"] = [choice(each) for each in body["choices"]]
    return body


def message(value: Json) -> Json:
    """Give the canonical form of a message."""
    said = without(value)
    if isinstance(said.get("content"), str):
        said["content"] = [{"type": "text", "text": said["content"]}]
    return said


def choice(value: Json) -> Json:
    """Give the canonical form of a choice."""
    said = {"index": 0, **without(value)}
    if "message" in said:
        said["message"] = message(said["message"])
    return said


def without(value: Any) -> Any:
    """Leave out what is null."""
    if isinstance(value, list):
        return [without(each) for each in value]
    if isinstance(value, dict):
        return {name: without(each) for name, each in value.items() if each is not None}
    return value
