"""Writes the settings of a request: how to think, how to draw, the form of the answer, when to stop.

Source: Anthropic API reference, "Create a Message" (https://platform.claude.com/docs/en/api/messages/create), and the
guides "Extended thinking" (a budget is at least 1,024 tokens and less than ``max_tokens``; with thinking,
``temperature`` and ``top_k`` cannot be set and ``top_p`` only from 0.95 on; a budget and a forced tool exclude each
other), "Adaptive thinking", "Effort" and "Structured outputs" (objects must be closed).

Always true: settings of a request of this very format are written as they were; of any other, what is not written as
it was is among the losses.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.anthropic_messages.blocks_write import FOREIGN
from omniroute.formats.anthropic_messages.values import restate
from omniroute.formats.codec import ThinkingMode
from omniroute.ir.loss import Loss, approximated, dropped, foreign
from omniroute.ir.request import GenerateRequest, OutputSpec, Sampling, Thinking, ToolMode
from omniroute.ir.thinking import budget_of, effort_of

LEAST_BUDGET = 1_024
LEAST_TOP_P = 0.95
"""The least ``top_p`` that goes with thinking."""
HOTTEST = 1
"""The highest temperature, and the only one that goes with thinking."""
KNOWN_EFFORTS = ("low", "medium", "high", "xhigh", "max")

_UNKNOWN = "this format has no such setting"
_WITH_THINKING = "it cannot be set when the model thinks"


def write_output(body: dict[str, Any], output: OutputSpec | None, losses: list[Loss], *, own: bool) -> None:
    """Write the form of the answer into ``output_config``."""
    if output is None:
        return
    if output.schema is None:
        losses.append(dropped("output", "this format has no JSON without a schema"))
        return
    schema = output.schema if own else closed(output.schema)
    written: dict[str, Any] = {"type": "json_schema", "schema": schema}
    if own:
        restate(written, output.extras)
    else:
        losses += _unsaid_of(output, schema)
    body.setdefault("output_config", {})["format"] = written


def _unsaid_of(output: OutputSpec, schema: Any) -> list[Loss]:
    """Name what of a form is not said."""
    losses = foreign(output.extras, "output", FOREIGN)
    if schema != output.schema:
        losses.append(approximated("output.schema", "the API takes closed objects only: additionalProperties is false"))
    for name, value in (("name", output.name), ("description", output.description)):
        if value is not None:
            losses.append(dropped(f"output.{name}", _UNKNOWN))
    if output.strict is not None:
        losses.append(approximated("output.strict", "the API always holds the answer to the schema"))
    return losses


def closed(schema: Any) -> Any:
    """Give a JSON Schema in which every object that lists its properties takes no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        name: closed(value) if name not in {"enum", "const", "default"} else value for name, value in schema.items()
    }
    if "object" in _types(schema) or "properties" in schema:
        inner["additionalProperties"] = False
    return inner


def _types(schema: dict[str, Any]) -> list[Any]:
    """Give the types that a schema names."""
    named = schema.get("type")
    return named if isinstance(named, list) else [named]


def write_thinking(body: dict[str, Any], request: GenerateRequest, losses: list[Loss], *, own: bool) -> None:
    """Write how to think: ``thinking`` and, in ``output_config``, the effort."""
    thinking = request.thinking
    if thinking is None:
        return
    if own:
        _restate_thinking(body, thinking)
        return
    losses += foreign(thinking.extras, "thinking", FOREIGN)
    if thinking.enabled is False or thinking.effort == "none" or thinking.budget == 0:
        written: dict[str, Any] | None = {"type": "disabled"}
    else:
        _write_effort(body, thinking.effort, losses)
        written = _kind(request, thinking, losses)
    if written is not None:
        body["thinking"] = written
    _write_visible(written, thinking.visible, losses)


def fit_thinking(sent: dict[str, Any], mode: ThinkingMode | None) -> dict[str, Any]:
    """Say how much to think in the way that the model takes it: older ones in tokens, newer ones by an effort alone.

    Source: "Adaptive thinking" (https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking).
    """
    thinking, output = sent.get("thinking") or {}, sent.get("output_config") or {}
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if mode is ThinkingMode.TOKENS and (kind == "adaptive" or "effort" in output):
        rest = {name: value for name, value in output.items() if name != "effort"}
        said = _in_tokens(sent, output.get("effort", "medium")) if kind in {None, "adaptive"} else thinking
        return _replaced(sent, thinking=said, output_config=rest or None)
    if mode is ThinkingMode.ADAPTIVE and kind == "enabled":
        effort = effort_of(thinking.get("budget_tokens", 0), KNOWN_EFFORTS)
        rest = {name: value for name, value in thinking.items() if name not in {"type", "budget_tokens"}}
        return _replaced(sent, thinking={"type": "adaptive", **rest}, output_config={"effort": effort, **output})
    return sent


def _in_tokens(sent: Mapping[str, Any], effort: str) -> dict[str, Any] | None:
    """Say an effort as a budget; None where there is no room for one, or a tool is forced, which excludes it."""
    choice = sent.get("tool_choice") or {}
    budget, limit = max(budget_of(effort), LEAST_BUDGET), sent.get("max_tokens")
    if limit is not None and budget >= limit:
        budget = max(limit // 2, LEAST_BUDGET)
    if choice.get("type") in {"any", "tool"} or (limit is not None and budget >= limit):
        return None
    return {"type": "enabled", "budget_tokens": budget}


def _replaced(sent: dict[str, Any], **members: dict[str, Any] | None) -> dict[str, Any]:
    """Give a body with other members; those that are None are left out."""
    return {name: value for name, value in {**sent, **members}.items() if value is not None}


def _restate_thinking(body: dict[str, Any], thinking: Thinking) -> None:
    """Write it in its own words."""
    if thinking.effort is not None:
        body.setdefault("output_config", {})["effort"] = thinking.effort
    written: dict[str, Any] = {}
    if thinking.budget is not None:
        written["budget_tokens"] = thinking.budget
    if thinking.visible is not None:
        written["display"] = "summarized" if thinking.visible else "omitted"
    restate(written, thinking.extras)
    if written:
        body["thinking"] = written


def _write_effort(body: dict[str, Any], effort: str | None, losses: list[Loss]) -> None:
    """Write an effort; one that the API does not know, as the least that is worth as much."""
    if effort is None:
        return
    written = effort if effort in KNOWN_EFFORTS else effort_of(budget_of(effort), KNOWN_EFFORTS)
    if written != effort:
        losses.append(approximated("thinking.effort", f"this format has no {effort}: {written} is said"))
    body.setdefault("output_config", {})["effort"] = written


def _kind(request: GenerateRequest, thinking: Thinking, losses: list[Loss]) -> dict[str, Any] | None:
    """Write ``thinking`` that is on; None where nothing says that it is, or where it cannot be."""
    if thinking.budget is None or thinking.budget < 0:
        return {"type": "adaptive"} if thinking.enabled or thinking.effort or thinking.budget else None
    choice = request.tool_choice
    if choice is not None and choice.mode in {ToolMode.REQUIRED, ToolMode.NAMED}:
        losses.append(dropped("thinking", "the model cannot think when it is made to call a tool"))
        return None
    budget = max(thinking.budget, LEAST_BUDGET)
    if request.max_output is not None and budget >= request.max_output:
        budget = max(request.max_output // 2, LEAST_BUDGET)
    if budget >= (request.max_output or budget + 1):
        losses.append(dropped("thinking", f"max_output leaves no room for {LEAST_BUDGET} tokens of thinking"))
        return None
    if budget != thinking.budget:
        why = f"a budget is at least {LEAST_BUDGET} and less than max_output: {budget} is said"
        losses.append(approximated("thinking.budget", why))
    return {"type": "enabled", "budget_tokens": budget}


def _write_visible(written: dict[str, Any] | None, visible: bool | None, losses: list[Loss]) -> None:  # noqa: FBT001 - the IR's own three values
    """Write whether thoughts are shown."""
    if visible is None:
        return
    if written is None or written["type"] == "disabled":
        losses.append(dropped("thinking.visible", "it is said of thinking that is on"))
    else:
        written["display"] = "summarized" if visible else "omitted"


def write_sampling(body: dict[str, Any], sampling: Sampling, losses: list[Loss], *, own: bool) -> None:
    """Write how the next token is drawn; ``body`` already says whether the model thinks."""
    said: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    if not own:
        unknown = ("presence_penalty", "frequency_penalty", "seed")
        losses += [dropped(f"sampling.{name}", _UNKNOWN) for name in unknown if getattr(sampling, name) is not None]
        thinks = body.get("thinking", {}).get("type") in {"enabled", "adaptive"}
        said = _limited(said, losses, thinks=thinks)
    body.update({name: value for name, value in said.items() if value is not None})


def _limited(said: dict[str, Any], losses: list[Loss], *, thinks: bool) -> dict[str, Any]:
    """Bring the settings of another format within the limits of this one."""
    temperature, top_p, top_k = said["temperature"], said["top_p"], said["top_k"]
    if temperature is not None and temperature > HOTTEST:
        losses.append(approximated("sampling.temperature", f"{HOTTEST} is the highest in this format"))
        temperature = HOTTEST
    if thinks and temperature not in {None, HOTTEST}:
        losses.append(dropped("sampling.temperature", _WITH_THINKING))
        temperature = None
    if thinks and top_k is not None:
        losses.append(dropped("sampling.top_k", _WITH_THINKING))
        top_k = None
    if top_p is not None and temperature is not None:
        losses.append(dropped("sampling.top_p", "the API takes temperature or top_p, not both"))
        top_p = None
    if thinks and top_p is not None and top_p < LEAST_TOP_P:
        losses.append(approximated("sampling.top_p", f"{LEAST_TOP_P} is the least when the model thinks"))
        top_p = LEAST_TOP_P
    return {"temperature": temperature, "top_p": top_p, "top_k": top_k}


def write_stop(body: dict[str, Any], stop: tuple[str, ...], losses: list[Loss], *, own: bool) -> None:
    """Write when to stop."""
    kept = [each for each in stop if own or each.strip()]
    if len(kept) < len(stop):
        losses.append(approximated("stop", "the API refuses a stop sequence that is white space only"))
    if kept:
        body["stop_sequences"] = kept
