"""Reads a chat request into the terms of ``ir.request``.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat) and "Modelfile", valid
parameters, for ``options``.

Always true: a member that is not modelled is in ``extras`` under its own name, one of ``options`` as ``options.NAME``.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.jsontext import loads
from omniroute.formats.ollama.conversation import read_messages
from omniroute.ir.request import GenerateRequest, OutputSpec, Pin, Sampling, Thinking, Tool
from omniroute.ir.thinking import EFFORTS
from omniroute.names import Format

_KNOWN = frozenset({"model", "messages", "stream", "tools", "format", "think", "options"})
_DRAWING = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty")
_OPTIONS = frozenset({*_DRAWING, "seed", "stop", "num_predict"})
_EMPTY = Pin("messages: none", "it loads or unloads a model")


def read_request(asked: Asked) -> GenerateRequest:
    """Read a request.

    Raises:
        Malformed: it cannot be understood.
    """
    body = loads(asked.body)
    if not isinstance(body, dict):
        raise Malformed("the request body is not a JSON object")
    messages, pins = read_messages(_list(body, "messages"))
    options = _options(body)
    limit = _integer(options, "num_predict")
    extras = {name: value for name, value in body.items() if name not in _KNOWN and value is not None}
    extras |= {f"options.{name}": value for name, value in options.items() if name not in _OPTIONS}
    if limit is not None and limit <= 0:
        extras["=options.num_predict"] = limit
    return GenerateRequest(
        format=Format.OLLAMA,
        model=asked.model,
        messages=messages,
        tools=tuple(_tool(tool, f"tools[{place}]") for place, tool in enumerate(_list(body, "tools"))),
        sampling=Sampling(**{name: _number(options, name) for name in _DRAWING}, seed=_integer(options, "seed")),
        output=_output(body.get("format")),
        thinking=_thinking(body.get("think")),
        stop=_stop(options.get("stop")),
        max_output=limit if limit is not None and limit > 0 else None,
        stream=asked.stream,
        pins=pins if messages else (_EMPTY,),
        extras=extras or None,
    )


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    """Read an array; nothing and null are an empty one."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f'"{name}" must be an array', name)
    return value


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``options``, less what is null."""
    value = body.get("options")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed('"options" must be an object', "options")
    return {name: option for name, option in value.items() if option is not None}


def _number(options: Mapping[str, Any], name: str) -> float | int | None:
    """Read an option that is a number."""
    value = options.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise Malformed(f'"options.{name}" must be a number', f"options.{name}")


def _integer(options: Mapping[str, Any], name: str) -> int | None:
    """Read an option that is a whole number."""
    value = _number(options, name)
    if isinstance(value, float):
        if not value.is_integer():
            raise Malformed(f'"options.{name}" must be a whole number', f"options.{name}")
        return int(value)
    return value


def _stop(value: object) -> tuple[str, ...]:
    """Read stop sequences: an array of strings, or one."""
    several = [value] if isinstance(value, str) else value
    if several is None:
        return ()
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise Malformed('"options.stop" must be an array of strings', "options.stop")
    return tuple(several)


def _output(value: object) -> OutputSpec | None:
    """Read ``format``: ``json``, a schema, or nothing, which an empty string is as well."""
    if value is None or value == "":
        return None
    if value == "json":
        return OutputSpec()
    if not isinstance(value, dict):
        raise Malformed('"format" must be "json" or a JSON schema', "format")
    return OutputSpec(schema=value)


def _thinking(value: object) -> Thinking | None:
    """Read ``think``: yes, no, or how much."""
    if value is None:
        return None
    if isinstance(value, bool):
        return Thinking(enabled=value)
    if not isinstance(value, str) or value not in EFFORTS:
        raise Malformed('"think" must be true, false, "low", "medium" or "high"', "think")
    return Thinking(effort=value)


def _tool(value: object, path: str) -> Tool:
    """Read a tool, which is a function; a member that is not modelled is ``function.NAME``."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Malformed(f'"{path}" must be an object with a "function" that has a "name"', path)
    described = function.get("description")
    extras = {name: each for name, each in value.items() if name not in {"type", "function"} and each is not None}
    for name, each in function.items():
        modelled = name in {"name", "parameters"} or (name == "description" and isinstance(described, str))
        if not modelled and each is not None:
            extras[f"function.{name}"] = each
    return Tool(
        name=function["name"],
        description=described if isinstance(described, str) else None,
        schema=function.get("parameters"),
        extras=extras or None,
    )
