"""Which JSON the Messages format itself holds to be the same.

- ``null`` and an absent member;
- a string and one text block, where content blocks may stand (Anthropic API reference, "Messages": "shorthand");
- ``stream``, ``is_error`` and ``disable_parallel_tool_use`` that are false, and their absence: the documented defaults;
- an empty signature of a thought and none; no content of a tool's result, and content without blocks;
- no tools or stop sequences, and an empty array of them;
- an empty text block and none: it says nothing, and the API refuses it.

Inside arguments and schemas nothing is touched.
"""

from typing import Any

DEFAULTS = {
    "stream": False,
    "is_error": False,
    "disable_parallel_tool_use": False,
    "signature": "",
    "tools": [],
    "stop_sequences": [],
}
WHOLE = frozenset({"input", "input_schema", "schema"})
BLOCKS = frozenset({"content", "system"})


def request(value: Any) -> Any:
    """Give a request's canonical JSON value."""
    return _canonical(value)


def response(value: Any) -> Any:
    """Give an answer's canonical JSON value."""
    return _canonical(value)


def _canonical(value: Any) -> Any:
    match value:
        case dict():
            return {name: new for name, each in value.items() if (new := _member(name, each)) is not None}
        case list():
            return [_canonical(each) for each in value if not _is_empty(each)]
        case _:
            return value


def _member(name: str, value: Any) -> Any:
    if value is None or (name in DEFAULTS and value == DEFAULTS[name]):
        return None
    if name in BLOCKS and isinstance(value, str):
        value = [{"type": "text", "text": value}]
    return value if name in WHOLE else _canonical(value)


def _is_empty(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "text" and value.get("text") == ""
