"""Reads the settings of a request: sampling, structured output, thinking, the choice of tools, and what binds it.

Source: Gemini API reference, "GenerationConfig" and "ToolConfig" (https://ai.google.dev/api/generate-content).
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.gemini.schema import to_json_schema
from omniroute.formats.gemini.wire import many, rest, want_integer, want_number, want_object, want_text
from omniroute.ir.request import OutputSpec, Pin, Sampling, Thinking, ToolChoice, ToolMode
from omniroute.ir.thinking import EFFORTS

# literal tables: from the name in ``ir.request.Sampling`` to the one in ``generationConfig``
SAMPLING: dict[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
}
JSON = "application/json"
DYNAMIC = -1
"""The budget by which the model itself decides how much to think."""

_MODES = {"AUTO": ToolMode.AUTO, "NONE": ToolMode.NONE, "ANY": ToolMode.REQUIRED, "VALIDATED": ToolMode.AUTO}


def read_sampling(config: Mapping[str, Any]) -> tuple[Sampling, frozenset[str]]:
    """Read how tokens are drawn; give it with the names of the members that were read."""
    values: dict[str, Any] = {}
    for ours, theirs in SAMPLING.items():
        read = want_integer if ours == "seed" else want_number
        values[ours] = read(config.get(theirs), f"generationConfig.{theirs}")
    return Sampling(**values), frozenset(SAMPLING.values())


def read_output(config: Mapping[str, Any]) -> tuple[OutputSpec | None, frozenset[str]]:
    """Read whether the answer is to be JSON, and of which form; other media types stay as they are."""
    kind = want_text(config.get("responseMimeType"), "generationConfig.responseMimeType")
    schema, described = config.get("responseJsonSchema"), config.get("responseSchema")
    if kind not in {None, JSON} or (kind is None and schema is None and described is None):
        return None, frozenset()
    extras: dict[str, Any] = {} if kind else {"=responseMimeType": None}
    if described is not None:
        extras["=responseSchema"] = described
        schema = to_json_schema(described) if schema is None else schema
    names = frozenset({"responseMimeType", "responseJsonSchema", "responseSchema"})
    return OutputSpec(schema, extras=extras or None), names


def read_thinking(value: object) -> Thinking | None:
    """Read how much to think: no tokens is not at all, and one below none is as much as the model likes."""
    config = want_object(value, "generationConfig.thinkingConfig")
    if not config:
        return None
    budget = want_integer(config.get("thinkingBudget"), "generationConfig.thinkingConfig.thinkingBudget")
    level = want_text(config.get("thinkingLevel"), "generationConfig.thinkingConfig.thinkingLevel")
    extras = rest(config, ("thinkingBudget", "thinkingLevel", "includeThoughts"))
    if budget is not None and budget < 0:
        extras["=thinkingBudget"] = budget
    effort = level.lower() if level is not None and level.lower() in EFFORTS else None
    if level is not None and (effort is None or level != level.upper()):
        extras["thinkingLevel" if effort is None else "=thinkingLevel"] = level
    visible = config.get("includeThoughts")
    return Thinking(
        enabled=None if not _outright(budget) else budget != 0,
        effort=effort,
        budget=budget if budget is not None and budget >= 0 else None,
        visible=visible if isinstance(visible, bool) else None,
        extras=extras or None,
    )


def _outright(budget: int | None) -> bool:
    """Say whether a budget is a plain yes or no."""
    return budget is not None and budget <= 0


def read_choice(value: object) -> tuple[ToolChoice | None, dict[str, Any]]:
    """Read the choice of tools; give it with what else ``toolConfig`` holds, as extras of the request."""
    config = want_object(value, "toolConfig")
    calling = want_object(config.get("functionCallingConfig"), "toolConfig.functionCallingConfig")
    more = {f"toolConfig.{name}": member for name, member in rest(config, ("functionCallingConfig",)).items()}
    said = want_text(calling.get("mode"), "toolConfig.functionCallingConfig.mode") or ""
    mode = _MODES.get(said.upper())
    if mode is None:
        return None, {**more, "toolConfig.functionCallingConfig": calling} if calling else more
    extras = rest(calling, ("mode",))
    if said.upper() == "VALIDATED":
        extras["mode"] = said
    elif said != said.upper():
        extras["=mode"] = said
    allowed = many(calling.get("allowedFunctionNames"))
    if mode is ToolMode.REQUIRED and len(allowed) == 1 and isinstance(allowed[0], str):
        del extras["allowedFunctionNames"]
        return ToolChoice(ToolMode.NAMED, allowed[0], extras=extras or None), more
    return ToolChoice(mode, extras=extras or None), more


def setting_pins(body: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[Pin, ...]:
    """Give the pins of settings that only this format's providers can keep."""
    pins = []
    if body.get("cachedContent"):
        pins.append(Pin("cachedContent", "the cached content is kept by the provider"))
    choices = want_integer(config.get("candidateCount"), "generationConfig.candidateCount")
    if choices is not None and choices > 1:
        pins.append(Pin("generationConfig.candidateCount", "other formats give one answer to a request"))
    kinds = [str(each).upper() for each in many(config.get("responseModalities"))]
    if any(each not in {"TEXT", "MODALITY_UNSPECIFIED"} for each in kinds):
        pins.append(Pin("generationConfig.responseModalities", "other formats are asked for text alone"))
    return tuple(pins)
