"""Writes the settings of a request: sampling, structured output, thinking, the choice of tools.

Source: Gemini API reference, "GenerationConfig" and "ToolConfig" (https://ai.google.dev/api/generate-content), and
"Thinking" (https://ai.google.dev/gemini-api/docs/thinking) for what each model takes: a budget of tokens is what all of
them do.
"""

from typing import Any

from omniroute.formats.gemini.settings_read import DYNAMIC, JSON, SAMPLING
from omniroute.ir.loss import RESTATED, Loss, approximated, dropped, foreign
from omniroute.ir.request import GenerateRequest, OutputSpec, Thinking, ToolChoice, ToolMode
from omniroute.ir.thinking import budget_of

MOST_STOPS = 5
"""Stop sequences that a request may have."""
MOST_THINKING = 24_576
"""The greatest budget that every thinking model takes."""

_WHY = "only its own format knows it"
_MODES = {
    ToolMode.AUTO: "AUTO",
    ToolMode.NONE: "NONE",
    ToolMode.REQUIRED: "ANY",
    ToolMode.NAMED: "ANY",
}


def write_config(request: GenerateRequest, *, own: bool) -> tuple[dict[str, Any], list[Loss]]:
    """Write ``generationConfig``, and say what of it is another than what was asked."""
    losses: list[Loss] = []
    drawn = {theirs: getattr(request.sampling, ours) for ours, theirs in SAMPLING.items()}
    config: dict[str, Any] = {name: value for name, value in drawn.items() if value is not None}
    if request.max_output is not None:
        config["maxOutputTokens"] = request.max_output
    if request.stop:
        config["stopSequences"] = list(request.stop if own else request.stop[:MOST_STOPS])
        if len(request.stop) > MOST_STOPS:
            losses.append(approximated("stop", f"Gemini takes no more than {MOST_STOPS} stop sequences"))
    if request.output is not None:
        config.update(_output(request.output, losses, own=own))
    if request.thinking is not None:
        own_words = own and not request.thinking.ruled
        thinking = _own_thinking(request.thinking) if own_words else _thinking(request.thinking, losses)
        if thinking:
            config["thinkingConfig"] = thinking
    return config, losses


def write_choice(choice: ToolChoice | None, *, own: bool) -> tuple[dict[str, Any], list[Loss]]:
    """Write ``toolConfig``."""
    if choice is None:
        return {}, []
    extras = (choice.extras or {}) if own else {}
    calling: dict[str, Any] = {"mode": extras.get(f"{RESTATED}mode", _MODES[choice.mode])}
    if choice.mode is ToolMode.NAMED:
        calling["allowedFunctionNames"] = [choice.name]
    calling.update({name: value for name, value in extras.items() if not name.startswith(RESTATED)})
    return {"functionCallingConfig": calling}, [] if own else foreign(choice.extras, "tool_choice", _WHY)


def _output(output: OutputSpec, losses: list[Loss], *, own: bool) -> dict[str, Any]:
    """Write that the answer is to be JSON."""
    said: dict[str, Any] = {"responseMimeType": JSON}
    extras = (output.extras or {}) if own else {}
    if f"{RESTATED}responseMimeType" in extras:
        del said["responseMimeType"]
    if f"{RESTATED}responseSchema" in extras:
        said["responseSchema"] = extras[f"{RESTATED}responseSchema"]
    elif output.schema is not None:
        said["responseJsonSchema"] = output.schema
    if not own:
        losses.extend(foreign(output.extras, "output", _WHY))
        why = "Gemini's schemas of answers have no such setting"
        named = [name for name in ("name", "description", "strict") if getattr(output, name) is not None]
        losses.extend(dropped(f"output.{name}", why) for name in named)
    return said


def _own_thinking(thinking: Thinking) -> dict[str, Any]:
    """Write how much to think as it was asked in this format."""
    extras = thinking.extras or {}
    said: dict[str, Any] = {
        "includeThoughts": thinking.visible,
        "thinkingBudget": extras.get(f"{RESTATED}thinkingBudget", thinking.budget),
        "thinkingLevel": extras.get(f"{RESTATED}thinkingLevel", thinking.effort and thinking.effort.upper()),
    }
    said.update({name: value for name, value in extras.items() if not name.startswith(RESTATED)})
    return {name: value for name, value in said.items() if value is not None}


def _thinking(thinking: Thinking, losses: list[Loss]) -> dict[str, Any]:
    """Write how much to think as another format asked it."""
    losses.extend(foreign(thinking.extras, "thinking", _WHY))
    said: dict[str, Any] = {}
    budget = _budget(thinking, losses)
    if budget is not None:
        said["thinkingBudget"] = budget
    if thinking.visible is not None:
        said["includeThoughts"] = thinking.visible
    return said


def _budget(thinking: Thinking, losses: list[Loss]) -> int | None:
    """Give the tokens to think with; an outright no wins over a number, and a number over an effort."""
    if thinking.enabled is False:
        return 0
    if thinking.budget is not None:
        if thinking.budget > MOST_THINKING:
            losses.append(approximated("thinking.budget", f"not every model takes more than {MOST_THINKING} tokens"))
        return min(thinking.budget, MOST_THINKING)
    if thinking.effort is not None:
        losses.append(approximated("thinking.effort", "it is said as a number of tokens"))
        return min(budget_of(thinking.effort), MOST_THINKING)
    return DYNAMIC if thinking.enabled else None
