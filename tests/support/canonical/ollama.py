"""What the chat format of Ollama holds to be the same, as canonical JSON.

Its server is written in Go and reads zero values and absent members alike; ``stream`` is true and a tool a function
where they do not say so (https://docs.ollama.com/api/chat). Inside schemas and arguments nothing is touched.
"""

from typing import Any

Json = dict[str, Any]


def request(value: Json) -> Json:
    """Give the canonical form of a request."""
    body = without(value, "format", "options", "tools")
    body["stream"] = body.get("stream", True)
    body["messages"] = [message(each) for each in body.get("messages", ())]
    if "options" in body:
        body["options"] = without(body["options"], "stop")
        if isinstance(body["options"].get("stop"), str):
            body["options"]["stop"] = [body["options"]["stop"]]
    if "tools" in body:
        body["tools"] = [tool(each) for each in body["tools"]]
    return without(body, "options")


def response(value: Json) -> Json:
    """Give the canonical form of a whole answer; that of ``/api/generate`` is the same answer in another place."""
    body = without(value)
    if "response" in body:
        said = {name: body.pop(name, "") for name in ("response", "thinking")}
        body["message"] = {"role": "assistant", "content": said["response"], "thinking": said["thinking"]}
    body["message"] = message(body.get("message", {}))
    return without(body, "prompt_eval_count", "eval_count")


def message(value: Json) -> Json:
    """Give the canonical form of a message."""
    said = {"content": "", **without(value, "thinking", "images", "tool_calls")}
    if "tool_calls" in said:
        said["tool_calls"] = [call(each) for each in said["tool_calls"]]
    return said


def call(value: Json) -> Json:
    """Give the canonical form of a call."""
    said = without(value, "id")
    return {**said, "function": {"arguments": {}, **without(said["function"])}}


def tool(value: Json) -> Json:
    """Give the canonical form of a tool."""
    said = {"type": "function", **without(value)}
    return {**said, "function": without(said["function"])}


def without(value: Json, *empty: str) -> Json:
    """Leave out members that are null, and of those named ``empty`` what is."""
    return {name: each for name, each in value.items() if each is not None and not (name in empty and not each)}
