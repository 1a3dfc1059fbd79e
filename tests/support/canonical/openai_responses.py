"""What the Responses format holds to be the same, made the same; for the law Return.

``null`` and an absent member; ``stream: false`` and its absence; in a message, a tool's output or ``input`` itself, a
string and one text part (of what a user says, or in an assistant's message of what it said).
"""

from typing import Any

FREE = frozenset({"parameters", "schema", "metadata", "arguments"})
"""Members whose values are somebody else's JSON."""


def request(value: Any) -> Any:
    """Give a request in its canonical form."""
    body = _bare(value)
    if not body.get("stream"):
        body.pop("stream", None)
    if isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    if "input" in body:
        body["input"] = [_item(each) for each in body["input"]]
    return body


def response(value: Any) -> Any:
    """Give an answer in its canonical form."""
    return _bare(value)


def _bare(value: Any) -> Any:
    """Give JSON without nulls, but for what is somebody else's."""
    if isinstance(value, list):
        return [_bare(each) for each in value if each is not None]
    if not isinstance(value, dict):
        return value
    present = {name: member for name, member in value.items() if member is not None}
    return {name: member if name in FREE else _bare(member) for name, member in present.items()}


def _item(item: Any) -> Any:
    """Give an item with its content as parts."""
    kind = "output_text" if item.get("role") == "assistant" else "input_text"
    said = {name: [{"type": kind, "text": item[name]}] for name in ("content", "output") if _is_text(item.get(name))}
    return {**item, **said}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
