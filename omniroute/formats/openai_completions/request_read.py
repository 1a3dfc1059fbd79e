"""Reads a completions request into the terms of ``ir.request``: its one prompt is what a user says.

Source: OpenAI API reference, "Create completion" (https://platform.openai.com/docs/api-reference/completions/create).

Always true: what only a provider of this format can do (several prompts, prompts of token ids, a text that follows the
gap, the prompt said again, several answers) is a pin, and stands in ``extras`` as it was sent. A missing ``max_tokens``
stays missing, as everything that a client did not say does: this format documents 16 tokens for it, which its own
providers keep to; a chat model that it is translated for ends where the answer ends.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked
from omniroute.formats.jsontext import loads
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Message, Pin, Role, Sampling
from omniroute.names import Format

_DRAWING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_KNOWN = frozenset({"model", "prompt", "stream", "stop", "max_tokens", "user", "seed", *_DRAWING})
_SAYING_NOTHING: tuple[tuple[str, object], ...] = (("n", 1), ("best_of", 1), ("echo", False), ("suffix", ""))
"""Members whose default says what their absence says."""

# literal table: members that only a provider of this format can do
_PINNED = {
    "suffix": "the answer is to fill a gap in a text",
    "echo": "the answer is to begin with the prompt",
    "n": "several answers are asked for",
    "best_of": "the best of several answers is asked for",
}


def read_request(asked: Asked) -> GenerateRequest:
    """Read a request.

    Raises:
        Malformed: it cannot be understood.
    """
    body = loads(asked.body)
    if not isinstance(body, dict):
        raise Malformed("the request body is not a JSON object")
    prompt = _prompt(body.get("prompt"))
    extras = {name: value for name, value in body.items() if name not in _KNOWN and value is not None}
    if isinstance(prompt, Pin) and body.get("prompt") is not None:
        extras["prompt"] = body["prompt"]
    for name, default in _SAYING_NOTHING:
        if extras.get(name) == default:
            del extras[name]
    extras.pop("stream_options", None)
    return GenerateRequest(
        format=Format.OPENAI_COMPLETIONS,
        model=asked.model,
        messages=() if isinstance(prompt, Pin) else (Message(Role.USER, (Text(prompt),)),),
        sampling=Sampling(**{name: _number(body, name) for name in _DRAWING}, seed=_integer(body, "seed")),
        stop=_stop(body.get("stop")),
        max_output=_integer(body, "max_tokens"),
        stream=asked.stream,
        usage_asked=asked.usage_asked,
        end_user=_user(body.get("user")),
        pins=tuple(_pins(prompt, extras)),
        extras=extras or None,
    )


def _prompt(value: object) -> str | Pin:
    """Read the prompt: a string, or an array of one; else why it cannot be said elsewhere."""
    if value is None or value == []:
        return Pin("prompt: none", "a text is to be begun, not gone on with")
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise Malformed('"prompt" must be a string or an array', "prompt")
    if not all(isinstance(each, str) for each in value):
        return Pin("prompt: token ids", "only the model's own provider knows what they stand for")
    if len(value) != 1:
        return Pin("prompt: several", "each of them is to get an answer of its own")
    return str(value[0])


def _pins(prompt: str | Pin, extras: Mapping[str, Any]) -> Iterator[Pin]:
    """Give what binds the request to its own format."""
    if isinstance(prompt, Pin):
        yield prompt
    for name, why in _PINNED.items():
        if name in extras:
            yield Pin(name, why)


def _number(body: Mapping[str, Any], name: str) -> float | int | None:
    """Read a number."""
    value = body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise Malformed(f'"{name}" must be a number', name)


def _integer(body: Mapping[str, Any], name: str) -> int | None:
    """Read a whole number."""
    value = _number(body, name)
    if isinstance(value, float):
        raise Malformed(f'"{name}" must be a whole number', name)
    return value


def _stop(value: object) -> tuple[str, ...]:
    """Read stop sequences: one, or an array of them."""
    several = [value] if isinstance(value, str) else value
    if several is None:
        return ()
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise Malformed('"stop" must be a string or an array of strings', "stop")
    return tuple(several)


def _user(value: object) -> str | None:
    """Read who the client asks for."""
    if value is None or isinstance(value, str):
        return value
    raise Malformed('"user" must be a string', "user")
