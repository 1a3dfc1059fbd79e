"""A request's settings, both ways: everything of it but what is said and the tools.

Source: OpenAI API reference, "Create a model response"
(https://platform.openai.com/docs/api-reference/responses/create). The reference has no ``top_k``, ``seed`` or
penalties; servers of this format that take them get what their clients sent, and those of other clients are losses.

Always true: readers take what they understand out of the members they are given; whatever stays there is kept as it is.
"""

from typing import Any

from omniroute.formats.openai_responses.wire import Saying, keep, members, text, with_extra
from omniroute.ir.loss import approximated
from omniroute.ir.parts import Extras
from omniroute.ir.request import GenerateRequest, OutputSpec, Pin, Sampling, Thinking
from omniroute.ir.thinking import effort_of

_STATED = ("temperature", "top_p")
_UNSTATED = ("top_k", "presence_penalty", "frequency_penalty", "seed")
_SEALED = "reasoning.encrypted_content"
_UNNAMED = "output"
_STATE = "it refers to what is kept on the provider's server"

# literal table: a member, and why only a provider of this format can do what it asks
_PINS = {
    "previous_response_id": _STATE,
    "conversation": _STATE,
    "prompt": "its template is kept on the provider's server",
    "context_management": "the provider compacts the conversation",
}
# literal table: the same for members that ask for it only where they are true
_PINS_IF_TRUE = {
    "store": "the answer is to be kept on the provider's server",
    "background": "the answer is to be fetched from the provider's server later",
}


def state_pins(left: dict[str, Any]) -> list[Pin]:
    """Give the pins of a request's members, which stay where they are."""
    pins = [Pin(name, why) for name, why in _PINS.items() if left.get(name)]
    return pins + [Pin(name, why) for name, why in _PINS_IF_TRUE.items() if left.get(name) is True]


def read_sampling(left: dict[str, Any]) -> Sampling:
    """Take out how tokens are drawn."""
    found: dict[str, Any] = {}
    for name in (*_STATED, *_UNSTATED):
        value = left.get(name)
        number = isinstance(value, int) or (isinstance(value, float) and name != "seed")
        if number and not isinstance(value, bool):
            found[name] = left.pop(name)
    return Sampling(**found)


def read_output(left: dict[str, Any]) -> OutputSpec | None:
    """Take out the form that the answer is to have; what else ``text`` says stays there."""
    stated = left.get("text")
    form = members(members(stated).get("format"))
    kind, rest = form.get("type"), {name: value for name, value in members(stated).items() if name != "format"}
    if kind == "text":
        left["=text"] = {"format": form}
        spec = None
    elif kind == "json_object":
        spec = OutputSpec(extras=keep(form, ("type",)))
    elif kind == "json_schema" and form.get("schema") is not None:
        spec = _read_schema(form)
    else:
        return None
    del left["text"]
    if rest:
        left["text"] = rest
    return spec


def _read_schema(form: Any) -> OutputSpec:
    """Read a JSON Schema that the answer is to hold."""
    name, description, strict = text(form.get("name")), text(form.get("description")), form.get("strict")
    known = {"type", "schema", "name" if name else "", "description" if description else ""}
    if isinstance(strict, bool):
        known.add("strict")
    return OutputSpec(
        schema=form["schema"],
        name=name,
        description=description,
        strict=strict if isinstance(strict, bool) else None,
        extras=keep(form, known),
    )


def read_thinking(left: dict[str, Any]) -> Thinking | None:
    """Take out how much to think: ``reasoning``."""
    stated = left.get("reasoning")
    if not isinstance(stated, dict):
        return None
    del left["reasoning"]
    effort, summary = text(stated.get("effort")), text(stated.get("summary"))
    extras: Extras | None = keep(stated, ("effort" if effort else "", "summary"))
    if stated.get("summary") is not None:
        extras = with_extra(extras, "=summary", stated["summary"])
    return Thinking(effort=effort, visible=True if summary else None, extras=extras)


def read_end_user(left: dict[str, Any]) -> str | None:
    """Take out who asks: ``safety_identifier``, or else ``user``, which it replaces."""
    name = "safety_identifier" if text(left.get("safety_identifier")) else "user"
    value = text(left.get(name))
    if value is not None:
        del left[name]
        if name == "user":
            left["=user"] = value
    return value


def restate(left: dict[str, Any]) -> None:
    """Mark members that other formats do not need: what is not to be stored, and the wish for sealed reasoning."""
    for name, value in (("store", False), ("include", [_SEALED]), ("include", [])):
        if left.get(name) == value:
            left[f"={name}"] = left.pop(name)


def write_settings(request: GenerateRequest, say: Saying) -> dict[str, Any]:
    """Write a request's settings."""
    body = _write_sampling(request.sampling, say)
    if request.max_output is not None:
        body["max_output_tokens"] = request.max_output
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools
    if request.output is not None:
        body["text"] = {"format": _write_output(request.output, say)}
    if request.thinking is not None:
        body["reasoning"] = _write_thinking(request.thinking, say)
    if request.end_user is not None and "=user" not in (request.extras or {}):
        body["safety_identifier"] = request.end_user
    if request.stop:
        say.drop("stop")
    if request.stream:
        body["stream"] = True
    extras = say.extras(request.extras, "", ("text", "=text"))
    return body | extras | _write_text(body, request.extras if say.own else None)


def _write_text(body: dict[str, Any], extras: Extras | None) -> dict[str, Any]:
    """Write what ``text`` said beside the form of the answer."""
    kept = extras or {}
    if "text" not in kept and "=text" not in kept:
        return {}
    if "text" in kept and not isinstance(kept["text"], dict):
        return {"text": kept["text"]}
    return {"text": {**body.get("text", {}), **kept.get("=text", {}), **kept.get("text", {})}}


def _write_sampling(sampling: Sampling, say: Saying) -> dict[str, Any]:
    """Write how tokens are drawn."""
    body: dict[str, Any] = {}
    for name in (*_STATED, *_UNSTATED):
        value = getattr(sampling, name)
        if value is None:
            continue
        if name in _STATED or say.own:
            body[name] = value
        else:
            say.drop(f"sampling.{name}")
    return body


def _write_output(spec: OutputSpec, say: Saying) -> dict[str, Any]:
    """Write the form that the answer is to have; a schema must have a name."""
    extras = say.extras(spec.extras, "output")
    if spec.schema is None:
        for member in ("name", "description", "strict"):
            if getattr(spec, member) is not None:
                say.drop(f"output.{member}", "it belongs to a schema, and there is none")
        return {"type": "json_object", **extras}
    name = spec.name or (None if say.own else _UNNAMED)
    form = {"type": "json_schema", "name": name, "schema": spec.schema, "description": spec.description}
    form["strict"] = spec.strict
    return {name: value for name, value in form.items() if value is not None} | extras


def _write_thinking(thinking: Thinking, say: Saying) -> dict[str, Any]:
    """Write how much to think."""
    effort = thinking.effort
    if effort is None and thinking.enabled is False:
        effort = "none"
    elif effort is None and thinking.budget is not None:
        effort = effort_of(thinking.budget)
        say.losses.append(approximated("thinking.budget", f"the Responses format has efforts only: {effort}"))
    elif effort is None and thinking.enabled:
        effort = "medium"
        say.losses.append(approximated("thinking.enabled", "the Responses format has efforts only: medium"))
    elif thinking.budget is not None:
        say.drop("thinking.budget", "the effort is said instead")
    body: dict[str, Any] = {} if effort is None else {"effort": effort}
    if thinking.visible:
        body["summary"] = "auto"
    return body | say.extras(thinking.extras, "thinking")


def stateless(body: dict[str, Any], *, thinks: bool) -> None:
    """Ask for what a client of another format expects: nothing stored, and reasoning that can be sent back.

    Reasoning is asked for sealed only where thinking is in play, since models that do not think refuse the wish.
    """
    body["store"] = False
    if thinks:
        body["include"] = [_SEALED]
